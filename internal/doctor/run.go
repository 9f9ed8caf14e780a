package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

func checkKinds() []Kind {
	return []Kind{
		{
			Code: FoundLate, Severity: Warning,
			What: "looking at %s took longer than %s and was given up",
			Why:  "What it would have found is not known.",
			Fix:  fault.Verbatim("wildcard doctor -v"),
		},
		{
			Code: FoundCrashed, Severity: Error, Class: fault.Internal,
			What: "looking at %s met a defect of ours: %s",
			Why:  "What it would have found is not known.",
			Fix:  "please report it",
		},
		{
			Code: FoundUser, Severity: Error, Class: fault.Misconfigured,
			What: "this user may not look at everything, since it is root's",
			Why:  "What only root can read is not looked at here; nothing is known of it.",
			Fix:  fault.Verbatim("sudo wildcard doctor"),
		},
	}
}

// usualGrace is how long a check whose time is up may still take to say so itself.
const usualGrace = 2 * time.Second

// visit is one examination under way. Checks add findings as they come by them, so that one that gets stuck later hides
// nothing.
type visit struct {
	*Doctor
	interrupted func() bool // no person waits any more, and what fails from then on fails for that reason

	mu     sync.Mutex
	closed bool
	report Report
	seen   map[string]bool
	places []place
}

// check is one thing to look at, for itself.
type check struct {
	what string // for [FoundLate] and [FoundCrashed]
	run  func(ctx context.Context)
}

// do runs checks side by side, each within the limit, and waits for none that does not end within grace after that. One that fails or panics leaves
// the others alone.
func (v *visit) do(ctx context.Context, limit, grace time.Duration, checks []check) {
	var group sync.WaitGroup
	slots := make(chan struct{}, 16)
	for _, c := range checks {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer v.caught(c.what)
				c.run(ctx)
			}()
			select {
			case <-done:
				return
			case <-ctx.Done():
			}
			late := time.NewTimer(grace)
			defer late.Stop()
			select {
			case <-done:
			case <-late.C:
				if errors.Is(ctx.Err(), context.DeadlineExceeded) {
					v.find(FoundLate, c.what, []any{c.what, limit})
				}
			}
		})
	}
	group.Wait()
}

// late reports whether the time of a check is up, and says so.
func (v *visit) late(ctx context.Context, what string) bool {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return false
	}
	v.find(FoundLate, what, []any{what, v.limit()})
	return true
}

func (d *Doctor) limit() time.Duration { return cmp.Or(d.Limit, defaultLimit) }

// caught makes a finding of a panic.
func (v *visit) caught(what string) {
	if r := recover(); r != nil {
		v.find(FoundCrashed, what, []any{what, fmt.Sprint(r)})
	}
}

// find adds a finding of a kind.
func (v *visit) find(code, subject string, what []any, fix ...any) {
	k := kinds()[code]
	v.add(Finding{Code: code, Severity: k.Severity, Subject: subject, What: messages.Message{Format: k.What, Args: what},
		Why: messages.Message{Format: k.Why}, Fix: messages.Message{Format: k.Fix, Args: fix}, Exit: k.Exit()})
}

// fail adds a finding that an error is behind of; its kind has one verb, for the error's text. An error's finding has the
// error's exit status.
func (v *visit) fail(code, subject string, err error, fix ...any) {
	if v.denied(err) {
		return
	}
	k := kinds()[code]
	f := Finding{Code: code, Severity: k.Severity, Subject: subject,
		What: messages.Message{Format: k.What, Args: []any{messages.OneLine(err.Error())}},
		Why:  messages.Message{Format: k.Why},
		Fix:  messages.Message{Format: k.Fix, Args: fix}, Cause: fault.CodeOf(err), Exit: k.Exit()}
	if k.Severity == Error {
		f.Exit = fault.ClassOf(err).ExitCode()
	}
	v.add(f)
}

// denied reports whether an error is no more than that we are an ordinary user, and sees to it that this is told.
func (v *visit) denied(err error) bool {
	if os.Geteuid() == 0 || !errors.Is(err, fs.ErrPermission) {
		return false
	}
	v.notRoot()
	return true
}

// notRoot tells once that an ordinary user looks at what is root's. None of it is a fault, and what can be seen is looked at.
func (v *visit) notRoot() {
	if v.first("user") {
		v.find(FoundUser, "user", nil)
	}
}

// good notes what is as it should be.
func (v *visit) good(subject string, format messages.Text, args ...any) {
	v.add(Finding{Severity: OK, Subject: subject, What: messages.Message{Format: format, Args: args}})
}

func (v *visit) add(f Finding) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.closed: // a check that was given up has come to its end after all
	case v.interrupted() && f.Code != FoundProbeLeft: // that is so whether or not a person waits
	case f.Severity == OK:
		v.report.Good = append(v.report.Good, f)
	default:
		v.report.Findings = append(v.report.Findings, f)
	}
}

// first reports whether a thing, such as a zone that many names share, has not been looked at yet.
func (v *visit) first(what ...string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	key := fmt.Sprintf("%q", what)
	if v.seen[key] {
		return false
	}
	v.seen[key] = true
	return true
}

func (v *visit) close() Report {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	v.report.Findings, v.report.Good = sorted(v.report.Findings), sorted(v.report.Good)
	return v.report
}
