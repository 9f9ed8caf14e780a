package foreign

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// shellFile is what a file of shell assigns, as far as that is plain.
type shellFile struct {
	values map[string]string
	lists  map[string][]string // arrays
	order  []string            // of the names, each once
	unread []int               // numbers of lines that are something else
}

// plainName begins an assignment.
var plainName = regexp.MustCompile(`^[A-Za-z_]\w*(\+?=)`)

// readShell reads a file of shell over what is known already. literal takes "$" as it is, as files of variables do.
func (r *reader) readShell(path string, known map[string]string, literal bool) (shellFile, error) {
	text, err := readFile(path)
	if err != nil {
		return shellFile{}, err
	}
	file := parseShell(string(text), known, literal)
	for _, line := range file.unread {
		r.found.Unread = append(r.found.Unread, fmt.Sprintf("%s:%d", path, line))
	}
	return file, nil
}

func parseShell(text string, known map[string]string, literal bool) shellFile {
	f := shellFile{values: map[string]string{}, lists: map[string][]string{}}
	for name, value := range known {
		f.values[name] = value
	}
	lines := strings.Split(strings.TrimPrefix(strings.ReplaceAll(text, "\r\n", "\n"), "\ufeff"), "\n")
	for i := 0; i < len(lines); i++ {
		at := i + 1
		line := strings.TrimSpace(lines[i])
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		for strings.Contains(line, "=(") && !strings.Contains(line, ")") && i+1 < len(lines) {
			i++ // an array over several lines
			line += " " + strings.TrimSpace(lines[i])
		}
		if !f.line(line, literal) {
			f.unread = append(f.unread, at)
		}
	}
	return f
}

// line takes one line; false if it is none of plain assignments.
func (f *shellFile) line(line string, literal bool) bool {
	rest, exported := strings.CutPrefix(line, "export ")
	var set [][2]string // once all of the line is known to be plain
	done := func() bool {
		for _, pair := range set {
			f.set(pair[0], pair[1])
		}
		return true
	}
	for {
		rest = strings.TrimLeft(rest, " \t;")
		if rest == "" || strings.HasPrefix(rest, "#") {
			return done()
		}
		m := plainName.FindStringSubmatch(rest)
		if m == nil {
			return exported && justNames.MatchString(rest) && done()
		}
		name := strings.TrimRight(m[0], "+=")
		rest = rest[len(m[0]):]
		var words []string
		list, ok := strings.CutPrefix(rest, "(")
		if ok {
			for list = strings.TrimLeft(list, " \t"); list != "" && list[0] != ')'; list = strings.TrimLeft(list, " \t") {
				word, after, good := f.word(list, literal)
				if !good || after == list {
					return false
				}
				words, list = append(words, word), after
			}
			rest = strings.TrimPrefix(list, ")")
			f.lists[name] = words
		} else {
			word, after, good := f.word(rest, literal)
			if !good {
				return false
			}
			words, rest = []string{word}, after
		}
		set = append(set, [2]string{name, strings.Join(words, " ")})
	}
}

// justNames are what "export" is given of variables that are set already.
var justNames = regexp.MustCompile(`^\w+(\s+\w+)*$`)

func (f *shellFile) set(name, value string) {
	if !slices.Contains(f.order, name) {
		f.order = append(f.order, name)
	}
	f.values[name] = value
}

// word is the word at the start of a text, and what follows it; false if the shell would have to work it out.
func (f *shellFile) word(text string, literal bool) (word, rest string, ok bool) {
	var b strings.Builder
	for text != "" {
		switch c := text[0]; c {
		case ' ', '\t', ';', ')':
			return b.String(), text, true
		case '\'':
			inside, after, closed := strings.Cut(text[1:], "'")
			if !closed {
				return "", "", false
			}
			b.WriteString(inside)
			text = after
		case '"':
			end := 1
			for end < len(text) && text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			if end >= len(text) {
				return "", "", false
			}
			inside, good := f.expand(text[1:end], literal)
			if !good {
				return "", "", false
			}
			b.WriteString(inside)
			text = text[end+1:]
		default:
			end := strings.IndexAny(text, " \t;)'\"")
			if end < 0 {
				end = len(text)
			}
			bare, good := f.expand(text[:end], literal)
			if !good || strings.ContainsAny(text[:end], "(<>&|") && !literal {
				return "", "", false
			}
			b.WriteString(bare)
			text = text[end:]
		}
	}
	return b.String(), "", true
}

// expand puts known variables into what stands in double quotes or in none.
func (f *shellFile) expand(text string, literal bool) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			if !strings.ContainsRune("$`\"\\' ", rune(text[i])) {
				b.WriteByte('\\')
			}
			b.WriteByte(text[i])
		case text[i] == '$' && !literal:
			m := reference.FindStringSubmatch(text[i:])
			if m == nil {
				return "", false
			}
			value, ok := f.values[m[1]+m[2]]
			if !ok {
				return "", false
			}
			b.WriteString(value)
			i += len(m[0]) - 1
		case text[i] == '`' && !literal:
			return "", false
		default:
			b.WriteByte(text[i])
		}
	}
	return b.String(), true
}

// reference is a variable where it is used.
var reference = regexp.MustCompile(`^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})`)
