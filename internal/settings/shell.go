package settings

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"
)

// assignment is what one line of an env file says: nothing, or a variable's value.
type assignment struct {
	name, value string // name "" for an empty line or a comment
}

// errLine is why a line is refused. It never quotes the value.
type errLine struct{ name, why string }

func (e errLine) Error() string {
	if e.name == "" {
		return e.why
	}
	return shortName(e.name) + ": " + e.why
}

// shortName is a variable's name as an error shows it: what is no name may be as long as its file.
func shortName(name string) string {
	const most = 80
	if len(name) > most {
		return name[:most] + "…"
	}
	return name
}

const blanks = " \t"

// parseShellLine reads a line the way a shell does that sources it, as far as the line is within a subset of the language in
// which no expansion of any kind takes place and which every shell reads alike:
//
//	[export] NAME=[word] [# comment]     word: plain characters, or all of it in one pair of ' or "
func parseShellLine(line string) (assignment, error) {
	rest := strings.TrimLeft(line, blanks)
	if rest == "" || rest[0] == '#' {
		return assignment{}, nil
	}
	exported := false
	if after, ok := strings.CutPrefix(rest, "export"); ok && after != "" && strings.ContainsRune(blanks, rune(after[0])) {
		rest, exported = strings.TrimLeft(after, blanks), true
	}
	name, value, ok := strings.Cut(rest, "=")
	if !ok || !isName(name) {
		return assignment{}, errLine{nameMeant(rest), "this is not NAME=value, without spaces around the ="}
	}
	value, rest, err := parseWord(value, exported)
	if err != nil {
		return assignment{}, errLine{name, err.Error()}
	}
	if comment := strings.TrimLeft(rest, blanks); comment != "" && (comment[0] != '#' || len(comment) == len(rest)) {
		return assignment{}, errLine{name, "something follows the value; put all of the value into one pair of single quotes"}
	}
	return assignment{name, value}, nil
}

// parseWord reads the value at the start of s and returns what follows it.
func parseWord(s string, exported bool) (value, rest string, err error) {
	if s == "" {
		return "", "", nil
	}
	switch quote := s[0]; quote {
	case '\'', '"':
		value, rest, ok := strings.Cut(s[1:], string(quote))
		switch {
		case !ok:
			return "", "", errors.New("the quote is not closed on the same line")
		case quote == '"' && strings.ContainsAny(value, "$`\\"):
			return "", "", errors.New(`$, backtick and \ mean something to a shell within double quotes; use single quotes`)
		}
		return value, rest, nil
	}
	end := strings.IndexAny(s, blanks)
	if end < 0 {
		end = len(s)
	}
	value, rest = s[:end], s[end:]
	special := "$`\\'\";&|<>()~"
	if exported {
		special += "*?[]{}" // to some shells the arguments of export are words like any others
	}
	if i := strings.IndexAny(value, special); i >= 0 {
		return "", "", errors.New(string(value[i]) +
			" means something to a shell outside quotes; put the value into single quotes")
	}
	if strings.HasPrefix(value, "=") || strings.Contains(value, ":=") { // zsh expands =name to the path of a program, as others do ~
		return "", "", errors.New("= at the start means something to a shell outside quotes; put the value into single quotes")
	}
	return value, rest, nil
}

// isName reports whether s is a name by POSIX.1 XBD §3.216.
func isName(s string) bool {
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return !(r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9')
	}) < 0
}

var assignmentMeant = regexp.MustCompile(`^([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)[ \t]*(?:[=:]|\+=)`)

// nameMeant returns the variable that a line means which is not NAME=value, as in "NAME = value" or "NAME: value"; "" if what
// begins the line does not look like the name of a setting, for then it may be part of a value.
func nameMeant(line string) string {
	if found := assignmentMeant.FindStringSubmatch(line); found != nil {
		return found[1]
	}
	return ""
}

// readable refuses what no text file has.
func readable(line string) error {
	if !utf8.ValidString(line) {
		return errLine{why: "it is not UTF-8"}
	}
	if strings.ContainsFunc(line, isControl) {
		return errLine{why: "it has a control character"}
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
