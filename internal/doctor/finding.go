package doctor

import (
	"cmp"
	"slices"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

// Severity says how much a finding matters.
type Severity string

// The severities, from the least.
const (
	OK      Severity = "ok"      // no finding: what was looked at, and is as it should be
	Note    Severity = "note"    // worth knowing; nothing fails because of it
	Warning Severity = "warning" // works now, and may not for ever
	Error   Severity = "error"   // a certificate cannot be issued, renewed or used as things are
)

func (s Severity) rank() int { return slices.Index([]Severity{OK, Note, Warning, Error}, s) }

// Kind is what all findings of one code have in common.
type Kind struct {
	Code     string // stable: scripts compare it
	Severity Severity
	Class    fault.Class   // whose exit status an error has; one that comes from another error has that one's
	What     messages.Text // format: what is so
	Why      messages.Text // why it matters
	Fix      messages.Text // format: the command that mends it, or what else to do
}

// Exit is the exit status that a finding of the kind makes for, if no other error is behind it.
func (k Kind) Exit() int {
	switch k.Severity {
	case Error:
		return k.Class.ExitCode()
	case Warning:
		return fault.Failed.ExitCode()
	case OK, Note:
	}
	return 0
}

// Finding is one thing that is not as it should be, or, with [OK], that is.
type Finding struct {
	Code     string
	Severity Severity
	Subject  string // what it is about: a lineage, a name, a zone, a file
	What     messages.Message
	Why      messages.Message
	Fix      messages.Message
	Cause    string // code of the error behind it, if there is one
	Exit     int    // exit status that it makes for
}

// Report is what came of an examination.
type Report struct {
	Findings []Finding // errors first, then warnings and notes
	Good     []Finding // of severity [OK]
	Repaired []string  // lineages
}

// Exit is the exit status: that of the worst finding. Errors have the status of their class, and of several the one that
// needs a person most; with warnings alone it is 1, with notes alone 0.
func (r Report) Exit() int {
	worst := 0
	for _, f := range r.Findings {
		if f.Severity == r.Findings[0].Severity {
			worst = fault.Worse(worst, f.Exit)
		}
	}
	return worst
}

// sorted puts what matters most first; the same things always come in the same order.
func sorted(findings []Finding) []Finding {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity.rank(), a.Severity.rank()), cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Subject, b.Subject),
			cmp.Compare(a.What.String(), b.What.String()))
	})
	return findings
}
