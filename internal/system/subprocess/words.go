package subprocess

import "strings"

// Words takes the command line of a hook apart as a shell does, without expanding anything.
func Words(line string) []string {
	var words []string
	var word strings.Builder
	quoted, started := rune(0), false
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case quoted == '\'' && r != '\'', quoted == '"' && r != '"' && r != '\\':
			word.WriteRune(r)
		case quoted != 0 && r == quoted:
			quoted = 0
		case r == '\\' && i+1 < len(runes):
			i++
			switch next := runes[i]; {
			case next == '\n': // the line goes on
				continue
			case quoted == '"' && !strings.ContainsRune("$`\"\\", next): // between double quotes it escapes these alone
				word.WriteRune(r)
			}
			word.WriteRune(runes[i])
			started = true
		case r == '\'' || r == '"':
			quoted, started = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if started {
				words = append(words, word.String())
			}
			word.Reset()
			started = false
		default:
			word.WriteRune(r)
			started = true
		}
	}
	if started {
		words = append(words, word.String())
	}
	return words
}
