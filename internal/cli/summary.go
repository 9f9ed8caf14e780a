package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

// renewAnswer is the answer of "renew --json".
type renewAnswer struct {
	Renewed []renewLine `json:"renewed"`
	Kept    int         `json:"kept"`
	Failed  []renewLine `json:"failed"`
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

// summary runs the post hooks, prints what came of it, and returns the worst.
func (r *renewRun) summary(ctx context.Context) error {
	slices.SortFunc(r.results, func(a, b renewed) int { return strings.Compare(a.name, b.name) })
	answer := renewAnswer{Renewed: []renewLine{}, Failed: []renewLine{}, Kept: r.kept}
	var good, bad, commands []string
	code := 0
	for _, result := range r.results {
		line := renewLine{Lineage: result.name, Outcome: result.outcome, Warnings: r.texts(result.got.Warnings),
			Error: r.errorOf(result.err), CleanUp: r.errorOf(result.got.CleanUp), Deploy: r.errorOf(result.got.Deploy)}
		if leaf := result.got.Leaf; leaf != nil {
			until := leaf.NotAfter.UTC()
			line.Names, line.NotAfter = leaf.DNSNames, &until
		}
		if !result.at.IsZero() {
			at := result.at.UTC()
			line.RenewAt = &at
		}
		for _, err := range []error{result.err, result.got.CleanUp, result.got.Deploy} {
			if err != nil {
				code = fault.Worse(code, fault.ExitCode(err))
			}
		}
		switch {
		case result.err != nil:
			answer.Failed = append(answer.Failed, line)
			bad = append(bad, result.name)
		case result.outcome == "kept":
			answer.Kept++
			if line.Deploy != nil {
				answer.Failed = append(answer.Failed, line)
			}
		default:
			answer.Renewed = append(answer.Renewed, line)
			good = append(good, line.Names...)
			if result.got.Lineage != nil {
				commands = append(commands, result.got.Lineage.Conf.Params().PostHook)
			}
		}
	}
	if r.preRan() {
		if err := r.hooks.Post(ctx, compact(commands), good, bad); err != nil {
			code = fault.Worse(code, fault.ExitCode(err))
			r.display.Notice("%v", err)
		}
	}
	r.display.Close()
	if r.json {
		r.answer(answer)
	} else {
		r.print(answer)
	}
	if code != 0 {
		return &outcomeError{code}
	}
	return nil
}

func (r *renewRun) print(answer renewAnswer) {
	for _, line := range answer.Renewed {
		switch line.Outcome {
		case "tested":
			r.say("%s: tried, and would renew, valid until %s", line.Lineage, day(*line.NotAfter))
		case "deployed":
			r.say("%s: deployed, valid until %s", line.Lineage, day(*line.NotAfter))
		default:
			r.say("%s: renewed, valid until %s", line.Lineage, day(*line.NotAfter))
		}
		for _, err := range []*messages.Failure{line.CleanUp, line.Deploy} {
			if err != nil {
				r.complainOf(line.Lineage, err)
			}
		}
	}
	for _, line := range answer.Failed {
		for _, err := range []*messages.Failure{line.Error, line.CleanUp, line.Deploy} {
			if err != nil {
				err.Message = strings.TrimPrefix(err.Message, line.Lineage+": ")
				r.complainOf(line.Lineage, err)
			}
		}
	}
	switch n := len(answer.Renewed) + len(answer.Failed); {
	case r.quiet && len(answer.Failed) == 0:
	case r.deployOnly && n == 0:
		r.say("No deploy hook is waiting.")
	case r.deployOnly:
		r.say("%d deployed, %d failed.", len(answer.Renewed), len(answer.Failed))
	case n == 0 && answer.Kept > 0 && r.underSystemd(): // whose journal has a line for each run already
	case n == 0 && answer.Kept == 0:
		r.say("There is no certificate to renew: wildcard issue gets one, wildcard adopt takes one over from certbot.")
	case n == 0:
		r.say("Nothing is due: %s good for now.", messages.Count(answer.Kept, "certificate"))
	default:
		r.say("%d renewed, %d not due, %d failed.", len(answer.Renewed), answer.Kept, len(answer.Failed))
	}
}
