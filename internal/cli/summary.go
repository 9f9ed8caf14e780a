package cli

import (
	"slices"
	"strings"
	"time"

	"wildcard/internal/certificates"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

// renewAnswer is the answer of "renew --json".
type renewAnswer struct {
	Renewed []renewLine `json:"renewed"`
	Kept    int         `json:"kept"`
	Failed  []renewLine `json:"failed"`
	Skipped []skipLine  `json:"skipped,omitempty"`  // which another run is at work on
	Next    *time.Time  `json:"next_run,omitempty"` // of this process
}

type skipLine struct {
	Lineage string `json:"lineage"`
	Process int    `json:"process,omitempty"`
}

type renewLine struct {
	Lineage  string            `json:"lineage"`
	Outcome  string            `json:"outcome"`
	Names    []string          `json:"names,omitempty"`
	NotAfter *time.Time        `json:"not_after,omitempty"`
	RenewAt  *time.Time        `json:"renew_at,omitempty"`
	Warnings []string          `json:"warnings,omitempty"`
	Error    *messages.Failure `json:"error,omitempty"`
	CleanUp  *messages.Failure `json:"cleanup_pending,omitempty"`
	Deploy   *messages.Failure `json:"deploy_failed,omitempty"`
}

// summary prints what came of "renew", and returns the worst.
func summary(m *machine, request certificates.RenewRequest, result certificates.RenewResult) error {
	answer := renewAnswer{Renewed: []renewLine{}, Failed: []renewLine{}, Kept: result.Kept}
	code := 0
	for _, got := range result.Lineages {
		line := renewLineOf(m, got)
		for _, err := range []error{got.Err, got.CleanUp, got.Deploy} {
			if err != nil {
				code = fault.Worse(code, fault.ExitCode(err))
			}
		}
		switch {
		case got.Outcome == certificates.Skipped:
			answer.Skipped = append(answer.Skipped, skipLine{got.Name, got.Process})
			code = fault.Worse(code, fault.Temporary.ExitCode())
		case got.Err != nil:
			answer.Failed = append(answer.Failed, line)
		case got.Outcome == certificates.Kept:
			answer.Kept++
			if line.Deploy != nil {
				answer.Failed = append(answer.Failed, line)
			}
		default:
			answer.Renewed = append(answer.Renewed, line)
		}
	}
	if result.Post != nil {
		code = fault.Worse(code, fault.ExitCode(result.Post))
		m.display.Notice("%v", result.Post)
	}
	if request.Next > 0 {
		at := m.now().Add(request.Next).UTC().Truncate(time.Second)
		answer.Next = &at
	}
	if m.json {
		m.answer(answer)
	} else {
		printRenewed(m, answer, request.Deploy == certificates.DeployOnly)
	}
	if code != 0 {
		return &outcomeError{code}
	}
	return nil
}

func renewLineOf(m *machine, got certificates.Result) renewLine {
	line := renewLine{Lineage: got.Name, Outcome: string(got.Outcome), Warnings: m.texts(got.Warnings),
		Error: m.errorOf(got.Err), CleanUp: m.errorOf(got.CleanUp), Deploy: m.errorOf(got.Deploy)}
	if leaf := got.Leaf; leaf != nil {
		until := leaf.NotAfter.UTC()
		line.Names, line.NotAfter = leaf.DNSNames, &until
	}
	if !got.Due.At.IsZero() {
		at := got.Due.At.UTC()
		line.RenewAt = &at
	}
	return line
}

func printRenewed(m *machine, answer renewAnswer, deployOnly bool) {
	for _, line := range answer.Renewed {
		switch line.Outcome {
		case "tested":
			m.say("%s: tried, and would renew, valid until %s", line.Lineage, messages.Instant(*line.NotAfter))
		case "deployed":
			m.say("%s: deployed, valid until %s", line.Lineage, messages.Instant(*line.NotAfter))
		default:
			m.say("%s: renewed, valid until %s", line.Lineage, messages.Instant(*line.NotAfter))
		}
		for _, err := range []*messages.Failure{line.CleanUp, line.Deploy} {
			if err != nil {
				m.complainOf(line.Lineage, err)
			}
		}
	}
	for _, line := range answer.Failed {
		for _, err := range []*messages.Failure{line.Error, line.CleanUp, line.Deploy} {
			if err != nil {
				err.Message = strings.TrimPrefix(err.Message, line.Lineage+": ")
				m.complainOf(line.Lineage, err)
			}
		}
	}
	printTotals(m, answer, deployOnly)
	printSkipped(m, answer.Skipped) // with --quiet too: the exit status tells of it
}

// printSkipped says what is left to other runs, a line for each of them.
func printSkipped(m *machine, skipped []skipLine) {
	for len(skipped) > 0 {
		process := skipped[0].Process
		all := len(skipped)
		skipped = slices.DeleteFunc(slices.Clone(skipped), func(l skipLine) bool { return l.Process == process })
		switch n := all - len(skipped); {
		case process == 0:
			m.say("%d skipped: another run is at work on them.", n)
		case n == 1:
			m.say("%d skipped: process %d is at work on it.", n, process)
		default:
			m.say("%d skipped: process %d is at work on them.", n, process)
		}
	}
}

// printTotals counts, and says when this process runs again.
func printTotals(m *machine, answer renewAnswer, deployOnly bool) {
	if m.quiet && len(answer.Failed) == 0 {
		return
	}
	switch counts, told := totals(m, answer, deployOnly); {
	case answer.Next != nil && told:
		m.say("%s Next run: %s.", counts, messages.Instant(*answer.Next))
	case answer.Next != nil:
		m.say("Next run: %s.", messages.Instant(*answer.Next))
	case told:
		m.say("%s", counts)
	}
}

// totals are the counts of a run; told is false if there is nothing to say.
func totals(m *machine, answer renewAnswer, deployOnly bool) (counts messages.Message, told bool) {
	seen := len(answer.Renewed) + len(answer.Failed)
	switch {
	case seen == 0 && len(answer.Skipped) > 0 && deployOnly:
		return counts, false
	case deployOnly && seen == 0:
		return messages.New("No deploy hook is waiting."), true
	case deployOnly:
		return messages.New("%d deployed, %d failed.", len(answer.Renewed), len(answer.Failed)), true
	case seen > 0 || len(answer.Skipped) > 0:
		return messages.New("%d renewed, %d not due, %d failed.", len(answer.Renewed), answer.Kept, len(answer.Failed)), true
	case answer.Kept == 0:
		return messages.New("There is no certificate to renew: wildcard issue gets one, wildcard adopt takes one over from certbot."), true
	}
	// systemd's journal has a line for each run already.
	return messages.New("Nothing is due: %s good for now.", messages.Count(answer.Kept, "certificate")),
		answer.Next != nil || !m.underSystemd()
}
