package messages

import (
	"slices"
)

// Explanation is what can be said of an error's code without having seen the error.
type Explanation struct {
	Code  string `json:"code"`
	Exits []int  `json:"exit_status"` // exit statuses of programs that end with it; the first is the usual one
	Cause string `json:"cause"`       // the likely cause, in one or two sentences
	Next  string `json:"next"`        // what to try next: a command, or a sentence with one
}

// explanation is an [Explanation] in both languages.
type explanation struct {
	exits       []int
	cause, next bilingual
}

// bilingual is one text in each language; a command line is the same in both.
type bilingual struct{ english, japanese string }

func (b bilingual) in(l Language) string {
	if l == Japanese {
		return b.japanese
	}
	return b.english
}

// command is a text that is the same in both languages.
func command(line string) bilingual { return bilingual{line, line} }

func explanations() []map[string]explanation {
	return []map[string]explanation{explanationsOfSettings, explanationsOfDNS, explanationsOfCA, explanationsOfLineages, explanationsOfRuns}
}

// Explain returns what can be said of a code; false for one that the programs do not have.
func (l Language) Explain(code string) (Explanation, bool) {
	for _, part := range explanations() {
		if e, ok := part[code]; ok {
			return Explanation{Code: code, Exits: slices.Clone(e.exits), Cause: e.cause.in(l), Next: e.next.in(l)}, true
		}
	}
	return Explanation{}, false
}

// Codes returns all codes, sorted.
func Codes() []string {
	var codes []string
	for _, part := range explanations() {
		for code := range part {
			codes = append(codes, code)
		}
	}
	slices.Sort(codes)
	return codes
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
