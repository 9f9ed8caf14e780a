package messages

import (
	"strings"
	"unicode/utf8"
)

// Width is how many cells of a terminal a text takes: two for each letter of East Asian scripts (UAX #11, W and F), one for
// any other. Terminals show what is ambiguous there, such as "…", in one cell.
func Width(text string) int {
	cells := 0
	for _, r := range text {
		cells += cellsOf(r)
	}
	return cells
}

func cellsOf(r rune) int {
	switch {
	case r < 0x1100:
		return 1
	case r <= 0x115f, // Hangul
		r >= 0x2e80 && r <= 0x303e,                             // radicals, CJK punctuation
		r >= 0x3041 && r <= 0x33ff,                             // kana, compatibility
		r >= 0x3400 && r <= 0x4dbf, r >= 0x4e00 && r <= 0x9fff, // ideographs
		r >= 0xac00 && r <= 0xd7a3,
		r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, // compatibility forms
		r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6, // full-width forms
		r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// Pad fills a text up with blanks to a number of cells.
func Pad(text string, cells int) string {
	return text + strings.Repeat(" ", max(0, cells-Width(text)))
}

// Wrap breaks a text into lines of at most so many cells: at blanks, and between Japanese letters, but not before a sign that
// ends something (JIS X 4051). A word that is longer than a line stays whole.
func Wrap(text string, cells int) []string {
	var lines []string
	line, width := "", 0
	for _, piece := range pieces(text) {
		w := Width(strings.TrimRight(piece, " "))
		if line != "" && width+w > cells {
			lines = append(lines, strings.TrimRight(line, " "))
			line, width = "", 0
		}
		line += piece
		width += Width(piece)
	}
	return append(lines, strings.TrimRight(line, " "))
}

// pieces are the parts of a text that a line is not broken within, with the blanks behind them.
func pieces(text string) []string {
	var found []string
	start, last := 0, rune(0)
	for i, r := range text {
		wide := cellsOf(r) == 2
		ends := strings.ContainsRune("、。」』)）]!?！？ー・…:;,.", r)
		opens := strings.ContainsRune("「『(（[", last)
		if last != 0 && r != ' ' && !ends && !opens && (last == ' ' || wide || cellsOf(last) == 2) {
			found = append(found, text[start:i])
			start = i
		}
		last = r
	}
	return append(found, text[start:])
}

// Unwrap joins the lines of a paragraph: with a blank, but not between two Japanese letters.
func Unwrap(text string) string {
	var joined string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		last, _ := utf8.DecodeLastRuneInString(joined)
		first, _ := utf8.DecodeRuneInString(line)
		if joined != "" && (cellsOf(last) == 1 || cellsOf(first) == 1) {
			joined += " "
		}
		joined += line
	}
	return joined
}
