package messages

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"wildcard/internal/system/environ"
)

// ShowsUTF8 reports whether what reads our output takes UTF-8: the locale's character set is that, by LC_ALL, LC_CTYPE or LANG, the
// first that is set to something (POSIX.1-2017, section 8.2; "UTF-8" alone is what macOS passes on by SSH). A language with letters
// of its own is spoken only where that is so, or where the user asked for it by its name, which counts for more than the locale.
func (l Language) ShowsUTF8(environment []string) bool {
	if l.own().Script != nil {
		return true
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := environ.Get(environment, name); locale != "" {
			locale, _, _ = strings.Cut(locale, "@")
			name, codeset, _ := strings.Cut(locale, ".")
			return isUTF8(codeset) || isUTF8(name)
		}
	}
	return false
}

// Writer is to, for the locale: where that is not in UTF-8, all that is written gets there in ASCII.
func (l Language) Writer(to io.Writer, environment []string) io.Writer {
	if l.ShowsUTF8(environment) {
		return to
	}
	return ascii{to}
}

// ascii writes text in ASCII; each Write is a text of its own.
type ascii struct{ to io.Writer }

func (a ascii) Write(text []byte) (int, error) {
	if _, err := io.WriteString(a.to, ASCII(string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}

// spelling is how a sign of ours is written in ASCII; "" for any other letter.
func spelling(sign rune) string {
	switch sign {
	case '…':
		return "..."
	case '§':
		return "section "
	case 'µ':
		return "u"
	case '→':
		return "->"
	case '–', '—', '·':
		return "-"
	case '×', '✗':
		return "x"
	case '✓':
		return "+"
	case '“', '”':
		return `"`
	case '‘', '’':
		return "'"
	}
	return ""
}

// ASCII spells a text in ASCII. What has no spelling there is written as its code, \u3042 or \U0001f512, and a byte that is no
// letter as \xff, so that nothing is lost of a name.
func ASCII(text string) string {
	if isASCII(text) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case r < utf8.RuneSelf:
			b.WriteByte(byte(r))
		case spelling(r) != "":
			b.WriteString(spelling(r))
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// ASCIIDocument is a JSON document in ASCII that says the same: letters beyond it stand in strings alone, where they have codes
// (RFC 8259, section 7).
func ASCIIDocument(document []byte) []byte {
	if isASCII(string(document)) {
		return document
	}
	var b bytes.Buffer
	for _, r := range string(document) {
		switch {
		case r < utf8.RuneSelf:
			b.WriteByte(byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
}
