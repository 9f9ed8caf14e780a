package safepath

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Shown returns a path as it can stand in a line of text and in a command that people copy into a shell: as it is, or quoted.
func Shown(path string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune("/._-+,:=@%", r)
	}
	switch {
	case !utf8.ValidString(path) || strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) }):
		escaped := strconv.QuoteToASCII(path)
		escaped = strings.ReplaceAll(escaped[1:len(escaped)-1], `\"`, `"`)
		return "$'" + strings.ReplaceAll(escaped, "'", `\'`) + "'"
	case path == "" || strings.ContainsFunc(path, func(r rune) bool { return !plain(r) }):
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
