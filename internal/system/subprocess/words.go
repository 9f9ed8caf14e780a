package subprocess

import "strings"

// Words takes the command line of a hook apart as a shell does, without expanding anything.
func Words(line string) []string {
	words, _ := split(line, "")
	return words[0]
}

// Commands takes a command line apart at what joins commands, as a shell does, and each into its words. Redirections and comments
// are left out; where there is no command there are none.
func Commands(line string) [][]string {
	var all [][]string
	for _, command := range Parts(line) {
		all = append(all, command.Words)
	}
	return all
}

// Part is a command of a command line.
type Part struct {
	Words []string
	Text  string // as it is written, with its redirections
	Piped bool   // it stands behind "|" or "||": it gets what another says, or runs when that has failed
}

// Parts is Commands with more about each.
func Parts(line string) (all []Part) {
	behind := false
	commands, texts := split(line, ";&|()\n")
	for i, words := range commands {
		if len(words) > 0 && words[0] == pipe {
			behind, words = true, words[1:]
		}
		if words = withoutRedirections(words); len(words) > 0 {
			all = append(all, Part{words, strings.TrimSpace(texts[i]), behind})
			behind = false
		}
	}
	return all
}

// pipe is the first word, which no person writes, of what stands behind a "|".
const pipe = "\x00|"

// split makes words of a line, and begins anew at each character of joints, with the text of each; without any, "#", "<" and ">" are as
// other characters.
func split(line, joints string) (all [][]string, texts []string) {
	all = [][]string{nil}
	runes, from, comment, quoted, started := []rune(line), 0, -1, rune(0), false
	var word strings.Builder
	end := func() {
		if started {
			all[len(all)-1] = append(all[len(all)-1], word.String())
		}
		word.Reset()
		started = false
	}
	part := func(to int) {
		end()
		if comment >= 0 {
			to, comment = comment, -1
		}
		texts = append(texts, string(runes[from:to]))
	}
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case quoted == '\'' && r != '\'', quoted == '"' && r != '"' && r != '\\':
			word.WriteRune(r)
		case quoted != 0 && r == quoted:
			quoted = 0
		case r == '\\' && i+1 < len(runes):
			i++
			if runes[i] == '\n' { // the line goes on
				continue
			}
			if quoted == '"' && !strings.ContainsRune("$`\"\\", runes[i]) { // between double quotes it escapes these alone
				word.WriteRune(r)
			}
			word.WriteRune(runes[i])
			started = true
		case r == '\'' || r == '"':
			quoted, started = r, true
		case r == '#' && !started && joints != "":
			comment, i = i, endOfLine(runes, i)
		case strings.ContainsRune(joints, r) && (i == 0 || !strings.ContainsRune("<>", runes[i-1])):
			part(i)
			all, from = append(all, nil), i+1
			if r == '|' {
				all[len(all)-1] = []string{pipe}
			}
		case r == ' ' || r == '\t' || r == '\n':
			end()
		case strings.ContainsRune("<>", r) && joints != "":
			if strings.Trim(word.String(), "0123456789<>") != "" {
				end()
			}
			fallthrough
		default:
			word.WriteRune(r)
			started = true
		}
	}
	part(len(runes))
	return all, texts
}

// endOfLine is the place of the last rune before a line break, or of the last one.
func endOfLine(runes []rune, at int) int {
	for at+1 < len(runes) && runes[at+1] != '\n' {
		at++
	}
	return at
}

// withoutRedirections leaves out ">file", "2>&1", "> file" and the like.
func withoutRedirections(words []string) []string {
	var kept []string
	for i := 0; i < len(words); i++ {
		rest := strings.TrimLeft(words[i], "0123456789")
		switch {
		case !strings.HasPrefix(rest, "<") && !strings.HasPrefix(rest, ">"):
			kept = append(kept, words[i])
		case strings.Trim(rest, "<>&|") == "":
			i++ // the file is the next word
		}
	}
	return kept
}

// Quote writes a word as a POSIX shell, and [Words], read it.
func Quote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
