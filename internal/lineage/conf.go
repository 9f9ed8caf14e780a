package lineage

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"wildcard/internal/fault"
)

// Conf is the text of a renewal/NAME.conf in ConfigObj's syntax (UTF-8; key = value, [section], [[subsection]], lists with
// commas, triple quotes over several lines). Edits change the lines they must and no other byte.
type Conf struct {
	text  string
	items []item
	nl    string // line ending of the first line, as ConfigObj chooses it
	ind   string // first indentation found, as ConfigObj chooses it
}

// item is a key with its value, or the header of a section.
type item struct {
	section  string // path of the section it stands in: names joined by NUL; "" at the top
	name     string
	header   bool
	depth    int
	values   []string
	list     bool
	comment  string // inline, from its "#"
	lead     string // what stands before the divider: indentation and the key as written
	from, to int    // lines
}

// space is what \s and str.strip mean to Python for text, as the inside of a character class.
const space = `\t-\r\x1c-\x20\x85\xa0\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}`

// The expressions of ConfigObj 5 (class ConfigObj: _sectionmarker, _keyword, _valueexp, _listvalueexp, _triple_quote). Its
// look-behind for "empty value" only tells "no value" from "", which mean the same afterwards.
var (
	marker  = pattern(`^(S*)((?:\[S*)+)((?:"S*[^s].*?S*")|(?:'S*[^s].*?S*')|(?:[^'"s].*?))((?:S*\])+)S*(#.*)?$`)
	keyword = pattern(`^(S*)((?:".*?")|(?:'.*?')|(?:[^'"=].*?))S*=S*(.*)$`)
	value   = pattern(`^(?:(?:((?:(?:(?:".*?")|(?:'.*?')|(?:[^'",#][^,#]*?))S*,S*)*)((?:".*?")|(?:'.*?')|(?:[^'",#s][^,]*?))?)|(,))S*(#.*)?$`)
	listed  = pattern(`((?:".*?")|(?:'.*?')|(?:[^'",#]?.*?))S*,S*`)
	triples = map[string][2]*regexp.Regexp{
		`"""`: {pattern(`^"""(.*?)"""S*(#.*)?$`), pattern(`^(.*?)"""S*(#.*)?$`)},
		`'''`: {pattern(`^'''(.*?)'''S*(#.*)?$`), pattern(`^(.*?)'''S*(#.*)?$`)},
	}
)

func pattern(s string) *regexp.Regexp {
	s = strings.ReplaceAll(s, "S*", "["+space+"]*")
	return regexp.MustCompile(strings.ReplaceAll(s, "s]", space+"]"))
}

func isSpace(r rune) bool {
	return r >= '\t' && r <= '\r' || r >= 0x1c && r <= 0x20 || r == 0x85 || r == 0xa0 || r == 0x1680 ||
		r >= 0x2000 && r <= 0x200a ||
		r == 0x2028 || r == 0x2029 || r == 0x202f || r == 0x205f || r == 0x3000
}

// ParseConf parses the text of a .conf. What ConfigObj refuses, ParseConf refuses: an error is CodeConf and names the line.
func ParseConf(text []byte) (*Conf, error) {
	c := &Conf{text: string(text), nl: "\n"}
	if !utf8.Valid(text) {
		return nil, fault.Errorf(CodeConf, fault.Misconfigured, "lineage: parse: not UTF-8")
	}
	if err := c.parse(); err != nil {
		return nil, fault.Errorf(CodeConf, fault.Misconfigured, "lineage: parse: %w", err)
	}
	return c, nil
}

func (c *Conf) lines() []string { return strings.SplitAfter(c.text, "\n") }

const byteOrderMark = "\ufeff"

func (c *Conf) parse() error {
	lines := c.lines()
	if end := lines[0][len(strings.TrimRight(lines[0], "\r\n")):]; strings.HasSuffix(end, "\r\n") {
		c.nl = "\r\n"
	}
	lines[0] = strings.TrimPrefix(lines[0], byteOrderMark)
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], "\r\n")
	}
	seen := map[string]bool{}
	var here []string // names of the section that lines belong to
	for at := 0; at < len(lines); at++ {
		line := lines[at]
		if trimmed := strings.TrimFunc(line, isSpace); trimmed == "" || trimmed[0] == '#' {
			continue
		}
		next, err := c.section(here, line, at)
		switch {
		case err != nil:
			return fmt.Errorf("line %d: %w", at+1, err)
		case next != nil:
			here = next
		default:
			if at, err = c.scalar(here, lines, at); err != nil {
				return fmt.Errorf("line %d: %w", at+1, err)
			}
		}
		last := c.items[len(c.items)-1]
		key := last.section + "\x00\x00" + last.name
		if seen[key] {
			return fmt.Errorf("line %d: %s stands twice", last.from+1, fault.Excerpt(last.name))
		}
		seen[key] = true
	}
	return nil
}

// section reads a section's header; it returns nil when the line is none.
func (c *Conf) section(here []string, line string, at int) ([]string, error) {
	if strings.TrimLeftFunc(line, isSpace)[0] != '[' {
		return nil, nil
	}
	m := marker.FindStringSubmatch(line)
	if m == nil {
		return nil, nil
	}
	c.indented(m[1])
	depth := strings.Count(m[2], "[")
	switch {
	case depth != strings.Count(m[4], "]"):
		return nil, fmt.Errorf("brackets of a section do not pair")
	case depth > len(here)+1:
		return nil, fmt.Errorf("section is nested too deep")
	}
	parent := here[:depth-1]
	name := unquote(m[3])
	c.items = append(c.items, item{section: strings.Join(parent, "\x00"), name: name, header: true, depth: depth,
		from: at, to: at + 1})
	return append(slices.Clone(parent), name), nil
}

// scalar reads a key with its value, which may reach over several lines; it returns the last of them.
func (c *Conf) scalar(here []string, lines []string, at int) (int, error) {
	m := plainKey(lines[at])
	if m == nil {
		m = keyword.FindStringSubmatch(lines[at])
	}
	if m == nil {
		return at, fmt.Errorf("neither a section nor a key with a value")
	}
	c.indented(m[1])
	it := item{section: strings.Join(here, "\x00"), name: unquote(m[2]), depth: len(here), lead: m[1] + m[2], from: at}
	var err error
	if len(m[3]) >= 3 && triples[m[3][:3]][0] != nil {
		var text string
		text, it.comment, at, err = tripled(m[3], lines, at)
		it.values = []string{text}
	} else {
		it.values, it.list, it.comment, err = parseValue(m[3])
	}
	if err != nil {
		return at, err
	}
	it.to = at + 1
	c.items = append(c.items, it)
	return at, nil
}

// plainKey is keyword for the common line, whose key begins with a letter and has no quotes.
func plainKey(line string) []string {
	key, rest, ok := strings.Cut(line, "=")
	key = strings.TrimRightFunc(key, isSpace)
	if !ok || key == "" || (key[0]|0x20) < 'a' || (key[0]|0x20) > 'z' || strings.ContainsAny(key, `"'`) {
		return nil
	}
	return []string{line, "", key, strings.TrimLeftFunc(rest, isSpace)}
}

func (c *Conf) indented(s string) {
	if c.ind == "" {
		c.ind = s
	}
}

// unquote takes off a pair of quotes (ConfigObj._unquote).
func unquote(s string) string {
	if s != "" && s[0] == s[len(s)-1] && (s[0] == '"' || s[0] == '\'') {
		return s[1:max(1, len(s)-1)]
	}
	return s
}

// parseValue reads a value of one line (ConfigObj._handle_value).
func parseValue(s string) (values []string, list bool, comment string, err error) {
	if !strings.ContainsAny(s, `"',#`) {
		return []string{strings.TrimRightFunc(s, isSpace)}, false, "", nil
	}
	m := value.FindStringSubmatchIndex(s)
	if m == nil {
		return nil, false, "", fmt.Errorf("badly quoted value or list")
	}
	group := func(i int) string {
		if m[2*i] < 0 {
			return ""
		}
		return s[m[2*i]:m[2*i+1]]
	}
	comment = group(4)
	if m[6] >= 0 { // a comma alone is the empty list
		return nil, true, comment, nil
	}
	for _, v := range listed.FindAllStringSubmatch(group(1), -1) {
		if v[1] == "" {
			return nil, false, "", fmt.Errorf("empty value in a list")
		}
		values = append(values, unquote(v[1]))
	}
	if last := group(2); last != "" || len(values) == 0 {
		return append(values, unquote(last)), len(values) > 0, comment, nil
	}
	return values, true, comment, nil
}

// tripled reads a value in triple quotes (ConfigObj._multiline).
func tripled(s string, lines []string, at int) (text, comment string, end int, err error) {
	quote := s[:3]
	if m := triples[quote][0].FindStringSubmatch(s); m != nil {
		return m[1], m[2], at, nil
	}
	text = s[3:]
	if strings.Contains(text, quote) {
		return "", "", at, fmt.Errorf("text after triple quotes")
	}
	for at++; at < len(lines); at++ {
		if !strings.Contains(lines[at], quote) {
			text += "\n" + lines[at]
			continue
		}
		m := triples[quote][1].FindStringSubmatch(lines[at])
		if m == nil {
			return "", "", at, fmt.Errorf("text after triple quotes")
		}
		return text + "\n" + m[1], m[2], at, nil
	}
	return "", "", at - 1, fmt.Errorf("triple quotes are not closed")
}
