package memory

import (
	"context"
	"time"

	"wildcard/internal/fault"
)

// CodeRemembers is the code of errors that say that a CA remembers for longer than there is time.
const CodeRemembers = "acme.remembers"

// Pause is what a look at a record still has to wait for.
type Pause struct {
	Record Record
	Left   time.Duration // 0 is nothing
	Until  time.Time
	// Others says that it waits for a record of another run at this name to be published, at most so long; else it waits for
	// the CA's resolvers to forget what they saw there last.
	Others bool
}

// Pause is what is to be waited for as things are. While records are not published yet it is the least.
func (r *Reservation) Pause() Pause {
	if r == nil {
		return Pause{}
	}
	return r.pause(r.memory.read(), r.memory.now())
}

// Left is for how long a further value at a name would have to wait now.
func (m *Memory) Left(ca CA, record Record) time.Duration {
	if m == nil || ca.Keep <= 0 {
		return 0
	}
	now, mine := m.now(), entry{Record: record}
	var left time.Duration
	for _, e := range m.read() {
		left = max(left, e.until(&mine, ca, now).Sub(now))
	}
	return left
}

func (r *Reservation) pause(all []entry, now time.Time) Pause {
	var p Pause
	for i := range all {
		mine := &all[i]
		if mine.ID != r.id || !mine.Looked.IsZero() {
			continue
		}
		for j := range all {
			other := &all[j]
			if left := other.until(mine, r.ca, now).Sub(now); left > p.Left {
				p = Pause{Record: mine.Record, Left: left, Until: now.Add(left)}
			}
		}
		for j := range all {
			if left := r.others(mine, &all[j], now); left > p.Left {
				p = Pause{Record: mine.Record, Left: left, Until: now.Add(left), Others: true}
			}
		}
	}
	return p
}

// others is how long at most another run's record is to be waited for, whose value is better seen together with mine.
func (r *Reservation) others(mine, other *entry, now time.Time) time.Duration {
	if other.ID == r.id || other.FQDN != mine.FQDN || !sameCA(other.CA, r.ca.Operator) || mine.Published.IsZero() ||
		!other.Published.IsZero() || !other.Looked.IsZero() || other.abandoned(now) {
		return 0
	}
	return mine.Published.Add(r.ca.Keep).Sub(now)
}

// Wait waits until the CA may look at the records, which are published. It tells of what it waits for at the start and about each
// second; tell may be nil. If that would take longer than limit it returns at once: CodeRemembers, Temporary. Other errors are
// ctx's.
func (r *Reservation) Wait(ctx context.Context, limit time.Duration, tell func(Pause)) error {
	if r == nil {
		return nil
	}
	began := r.memory.now()
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p := r.Pause()
		if p.Left <= 0 {
			return nil
		}
		now := r.memory.now()
		if err := p.Within(limit - now.Sub(began)); err != nil {
			return err
		}
		if p.Others && now.After(began.Add(limit)) {
			return nil // so it is seen alone
		}
		if tell != nil {
			tell(p)
		}
		step := time.Second
		if p.Others {
			step = 100 * time.Millisecond
		}
		if err := r.memory.sleep(ctx, min(p.Left, step)); err != nil {
			return err
		}
	}
}

// Within returns an error if a pause is longer than what is left of a run, with the instant from when on it may be tried again.
func (p Pause) Within(left time.Duration) error {
	if p.Others || p.Left <= left {
		return nil
	}
	return fault.Errorf(CodeRemembers, fault.Temporary,
		"memory: TXT %s: the CA's resolvers may remember until %s what stood there before, and the run has less time than that",
		p.Record.FQDN, p.Until.UTC().Format("2006-01-02 15:04:05 MST"))
}
