package issuance

import (
	"context"
	"sync"
	"time"

	"wildcard/internal/fault"
)

// clockCheck is how often the wall clock is looked at: the monotonic one stands still while a machine sleeps.
const clockCheck = 5 * time.Second

// beforeExpiry is how long before its authorizations expire a run gives its order up: what is begun later cannot be finished.
const beforeExpiry = time.Minute

// limit ends a run when its time is over, by whichever clock.
type limit struct {
	now    func() time.Time
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	timer *time.Timer
	at    time.Time // by the wall clock
	cause error
}

// newLimit ends ctx by cancel after d. stop has to be called.
func newLimit(ctx context.Context, now func() time.Time, cancel context.CancelCauseFunc,
	d time.Duration) (l *limit, stop func()) {
	l = &limit{
		now: now, cancel: cancel, at: now().Round(0).Add(d), // without the monotonic part
		cause: fault.Errorf(CodeDeadline, fault.Temporary, "acme: the run took longer than %v", d),
	}
	l.timer = time.AfterFunc(d, l.end)
	done := make(chan struct{})
	go func() {
		ticks := time.NewTicker(clockCheck)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
				l.check()
			case <-ctx.Done():
				return
			case <-done:
				return
			}
		}
	}()
	return l, func() { l.timer.Stop(); close(done) }
}

func (l *limit) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel(l.cause)
}

// check ends the run if its time is over by the wall clock.
func (l *limit) check() {
	if l.left() <= 0 {
		l.end()
	}
}

// left is what the run may still take.
func (l *limit) left() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at.Sub(l.now().Round(0))
}

// until ends the run earlier, for a reason of its own.
func (l *limit) until(at time.Time, cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !at.Before(l.at) {
		return
	}
	l.at, l.cause = at.Round(0), cause
	l.timer.Reset(max(0, at.Sub(l.now().Round(0))))
}

// expire makes the run end before its authorizations do (RFC 8555 §7.1.3, §7.1.4). An instant that is past already is
// nothing to go by: either a clock is wrong, or the CA fills in what it does not know (Google says 1970).
func (r *run) expire(instants ...time.Time) {
	now := r.CA.clock()
	for _, at := range instants {
		left := at.Sub(now) - beforeExpiry
		if left <= 0 || left >= r.time.left() {
			continue
		}
		r.time.until(r.CA.now().Add(left), fault.Errorf(CodeDeadline, fault.Temporary,
			"acme: the CA's authorizations end at %s: the run ends a minute before", at.UTC().Format(time.RFC3339)))
		r.solver.WaitLimit = min(r.solver.LongestWait(), left)
	}
}

// left is what the run may still take.
func (r *run) left() time.Duration { return r.time.left() }

// sleep waits, and finds out whether the time of the run is over by the CA's clock, which tests set.
func (r *run) sleep(ctx context.Context, d time.Duration) error {
	if err := r.CA.sleep(ctx, min(d, max(0, r.time.left()))); err != nil {
		return err
	}
	r.time.check()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
