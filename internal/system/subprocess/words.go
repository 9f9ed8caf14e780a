package subprocess

import "strings"

// Words takes the command line of a hook apart as a shell does, without expanding anything.
func Words(line string) []string { return split(line, "")[0] }

// Commands takes a command line apart at what joins commands, as a shell does, and each into its words. Redirections and comments
// are left out; where there is no command there are none.
func Commands(line string) [][]string {
	all, _ := Piped(line)
	return all
}

// Piped is Commands, and which of them stand behind "|" or "||": those that get what another says, or that run when it has failed.
func Piped(line string) (all [][]string, piped []bool) {
	behind := false
	for _, words := range split(line, ";&|()\n") {
		if len(words) > 0 && words[0] == pipe {
			behind, words = true, words[1:]
		}
		if words = withoutRedirections(words); len(words) > 0 {
			all, piped = append(all, words), append(piped, behind)
			behind = false
		}
	}
	return all, piped
}

// pipe is the first word, which no person writes, of what stands behind a "|".
const pipe = "\x00|"

// split makes words of a line, and begins anew at each character of joints; without any, "#", "<" and ">" are as other characters.
func split(line, joints string) [][]string {
	all := [][]string{nil}
	var word strings.Builder
	quoted, started := rune(0), false
	end := func() {
		if started {
			all[len(all)-1] = append(all[len(all)-1], word.String())
		}
		word.Reset()
		started = false
	}
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
		case r == '#' && !started && joints != "":
			for i+1 < len(runes) && runes[i+1] != '\n' {
				i++
			}
		case strings.ContainsRune(joints, r) && (i == 0 || !strings.ContainsRune("<>", runes[i-1])):
			end()
			all = append(all, nil)
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
	end()
	return all
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
