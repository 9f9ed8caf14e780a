package messages

import (
	"slices"
	"strings"
)

// Code is what can be said of a code, of an error or of one of doctor's findings, without having seen what has it.
type Code struct {
	Name  string
	Exits []int // exit statuses of programs that end with it; the first is the usual one
	Cause Text  // the likely cause, in one or two sentences
	Next  Text  // what to try next: a command, or a sentence with one
}

// Explanation is what is said of a code in a language.
type Explanation struct {
	Code  string `json:"code"`
	Exits []int  `json:"exit_status"`
	Cause string `json:"cause"`
	Next  string `json:"next"`
}

// In is the code's explanation in a language.
func (c Code) In(l Language) Explanation {
	return Explanation{Code: c.Name, Exits: slices.Clone(c.Exits), Cause: l.Translate(c.Cause), Next: l.Translate(c.Next)}
}

// Codes returns the codes of errors, sorted. Those of findings are package doctor's.
func Codes() []Code {
	codes := slices.Concat(codesOfSettings, codesOfDNS, codesOfCA, codesOfLineages, codesOfRuns)
	slices.SortFunc(codes, func(a, b Code) int { return strings.Compare(a.Name, b.Name) })
	return codes
}

// Explain returns what can be said of an error's code; false for one that the programs do not have.
func (l Language) Explain(code string) (Explanation, bool) {
	codes := Codes()
	i := slices.IndexFunc(codes, func(c Code) bool { return c.Name == code })
	if i < 0 {
		return Explanation{}, false
	}
	return codes[i].In(l), true
}

// Class names what an exit status means, in a word or two.
func Class(exit int) Message {
	switch exit {
	case 0:
		return New("done")
	case 2:
		return New("wrong usage")
	case 70:
		return New("internal")
	case 75:
		return New("try again later")
	case 77:
		return New("refused")
	case 78:
		return New("configuration")
	case 130, 143:
		return New("interrupted")
	}
	return New("failed")
}
