package display

import (
	"fmt"
	"strings"

	"wildcard/internal/messages"
	"wildcard/providers/manual"
)

// Task prints what a person has to do by hand (provider "manual"), if all else is quiet, too.
func (p *Progress) Task(t manual.Task) { p.Print(taskText(p.language, t)) }

// taskText is a task in words, with an empty line before and after.
func taskText(l messages.Language, t manual.Task) string {
	before := l.Sprintf("Set these TXT records, beside others of the same names and not in their place:")
	after := l.Sprintf("There is nothing to press: the run goes on when all name servers have them, and waits for up to 50 minutes.")
	if t.Remove {
		before, after = l.Sprintf("These TXT records are not needed any more and may be removed:"), ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n\n", before)
	for _, r := range t.Records {
		fmt.Fprintf(&b, "    %s TXT \"%s\"\n", r.FQDN, r.Value)
	}
	if after != "" {
		fmt.Fprintf(&b, "\n%s\n", after)
	}
	return b.String()
}
