package memory

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"wildcard/internal/dns01/journal"
	"wildcard/internal/fault"
	"wildcard/internal/system/filelock"
	"wildcard/internal/system/wait"
)

// DefaultKeep is how long a CA's resolvers are taken to remember where nothing else is known: what Let's Encrypt does.
const DefaultKeep = time.Minute

// MostKeep is the longest that a CA may be said to remember.
const MostKeep = time.Hour

// Memory is what is known. Any number of goroutines and, with a folder, processes may use it at once.
type Memory struct {
	Now   func() time.Time                                 // nil is time.Now
	Sleep func(ctx context.Context, d time.Duration) error // nil is a timer

	dir   string
	locks *filelock.Locks
	log   *slog.Logger

	mu   sync.Mutex
	here []byte // the file, without a folder
}

// CA is whose resolvers are spoken of.
type CA struct {
	Operator string        // such as "letsencrypt.org"; "" is not known and counts as any
	Keep     time.Duration // how long they keep an answer at most; 0 is that they keep none
}

// Record is a TXT record that the CA is to look at.
type Record struct {
	Name  string // of the challenge: "_acme-challenge.example.com."
	FQDN  string // where the record stands, CNAMEs followed
	Value string // "" as long as it is not known
}

// Open returns what is kept in a private folder, which is made when it is needed; with "" it is kept in this process. A nil log
// is silent.
func Open(dir string, log *slog.Logger) *Memory {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Memory{dir: dir, locks: filelock.New(dir, "memory"), log: log}
}

func (m *Memory) now() time.Time {
	if m.Now == nil {
		return time.Now()
	}
	return m.Now()
}

func (m *Memory) sleep(ctx context.Context, d time.Duration) error {
	if m.Sleep != nil {
		return m.Sleep(ctx, d)
	}
	return wait.For(ctx, d)
}

// ParseKeep reads how long the resolvers of a CA keep an answer, in seconds.
func ParseKeep(text string) (time.Duration, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || time.Duration(n)*time.Second > MostKeep {
		return 0, fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "%s: want seconds, from 0 to %d",
			fault.Excerpt(text), int(MostKeep.Seconds()))
	}
	return time.Duration(n) * time.Second, nil
}

// Reservation is one run's records. A nil Reservation is one of a CA that remembers nothing: its methods do nothing.
type Reservation struct {
	memory *Memory
	id     string
	owner  journal.Process
	ca     CA
}

// Reserve returns the reservation with an id, which several processes may share, such as the hooks that one certbot calls for
// an order. The owner is who lets the CA look: when it is dead, none does.
func (m *Memory) Reserve(id string, owner journal.Process, ca CA) *Reservation {
	if m == nil || ca.Keep <= 0 {
		return nil
	}
	ca.Keep = min(ca.Keep, MostKeep)
	return &Reservation{memory: m, id: id, owner: owner, ca: ca}
}

// Put makes records the reservation's in place of those that no CA has looked at. What is known of a record stays.
func (r *Reservation) Put(ctx context.Context, records []Record) {
	if r == nil {
		return
	}
	r.memory.change(ctx, func(all []entry, now time.Time) []entry {
		kept := all[:0]
		var own []entry
		for _, e := range all {
			if e.ID != r.id || !e.Looked.IsZero() {
				kept = append(kept, e)
			} else {
				own = append(own, e)
			}
		}
		for _, record := range records {
			kept = append(kept, r.entry(own, record, now))
		}
		return kept
	})
}

// Add makes a record one of the reservation's, beside the others.
func (r *Reservation) Add(ctx context.Context, record Record) {
	if r == nil {
		return
	}
	r.memory.change(ctx, func(all []entry, now time.Time) []entry {
		for _, e := range all {
			if e.ID == r.id && e.Record == record && e.Looked.IsZero() {
				return all
			}
		}
		return append(all, r.entry(nil, record, now))
	})
}

// entry is the one that is there for a record, or a new one.
func (r *Reservation) entry(own []entry, record Record, now time.Time) entry {
	for _, e := range own {
		if e.Record == record {
			return e
		}
	}
	return entry{Record: record, ID: r.id, Owner: r.owner, CA: r.ca.Operator, Since: now}
}

// Published says that all name servers have the records, and with which TTL; a TTL that is not known is negative.
func (r *Reservation) Published(ctx context.Context, ttl func(fqdn string) time.Duration) {
	if r == nil {
		return
	}
	r.each(ctx, func(e *entry, now time.Time, _ []entry) { r.published(e, ttl, now) })
}

func (r *Reservation) published(e *entry, ttl func(fqdn string) time.Duration, now time.Time) {
	if e.Published.IsZero() {
		e.Published = now
	}
	e.Keep = r.ca.Keep.Seconds()
	if t := ttl(e.FQDN); t >= 0 {
		e.Keep = min(t, r.ca.Keep).Seconds()
	}
}

// Show is [Reservation.Published] and, if nothing has to be waited for, [Reservation.Look] in one step. It returns what else has
// to be.
func (r *Reservation) Show(ctx context.Context, ttl func(fqdn string) time.Duration) (p Pause) {
	if r == nil {
		return Pause{}
	}
	r.memory.change(ctx, func(all []entry, now time.Time) []entry {
		r.unlooked(all, func(e *entry) { r.published(e, ttl, now) })
		if p = r.pause(all, now); p.Left <= 0 {
			r.unlooked(all, func(e *entry) { r.look(e, now, all) })
		}
		return all
	})
	return p
}

// Look says that the CA looks at the records from now on. What is not said to be published then may not be seen.
func (r *Reservation) Look(ctx context.Context) {
	if r == nil {
		return
	}
	r.each(ctx, r.look)
}

func (r *Reservation) look(e *entry, now time.Time, all []entry) {
	e.Looked, e.Seen = now, nil
	if e.Published.IsZero() {
		e.Keep = r.ca.Keep.Seconds()
	}
	for _, other := range all {
		if other.FQDN == e.FQDN && other.stands(now) {
			e.Seen = append(e.Seen, other.Value)
		}
	}
}

// Outcome is what came of a look.
type Outcome int

// The outcomes. What was not found may be remembered as not being there, for longer than the TTL of the record.
const (
	Unfinished Outcome = iota // no run waits for it any more; it may go on for some seconds
	Missed                    // of some record at least
	Found                     // all records
)

// Looked says that the CA looks no more.
func (r *Reservation) Looked(ctx context.Context, outcome Outcome) {
	if r == nil {
		return
	}
	r.memory.change(ctx, func(all []entry, now time.Time) []entry {
		for i := range all {
			e := &all[i]
			if e.ID != r.id || e.Looked.IsZero() || !e.Ended.IsZero() {
				continue
			}
			e.Ended = now
			if outcome != Found {
				e.Keep = r.ca.Keep.Seconds()
			}
			if outcome == Unfinished {
				e.Ended = now.Add(unfinished)
			}
		}
		return all
	})
}

// Release gives up the records that no CA has looked at.
func (r *Reservation) Release(ctx context.Context) { r.Put(ctx, nil) }

// each changes the records that no CA has looked at.
func (r *Reservation) each(ctx context.Context, change func(e *entry, now time.Time, all []entry)) {
	r.memory.change(ctx, func(all []entry, now time.Time) []entry {
		r.unlooked(all, func(e *entry) { change(e, now, all) })
		return all
	})
}

// unlooked calls change with each of its records that no CA has looked at.
func (r *Reservation) unlooked(all []entry, change func(e *entry)) {
	for i := range all {
		if all[i].ID == r.id && all[i].Looked.IsZero() {
			change(&all[i])
		}
	}
}

// LookedAt says that a CA looks at a record no more, for a caller that has no reservation, such as a clean-up hook. Of a
// record of which nothing is known, or that was not told to be looked at, it counts as a look that has ended now; with sure
// false it does so only if nothing is known.
func (m *Memory) LookedAt(ctx context.Context, owner journal.Process, ca CA, record Record, sure bool) {
	if m == nil || ca.Keep <= 0 {
		return
	}
	keep := min(ca.Keep, MostKeep).Seconds()
	m.change(ctx, func(all []entry, now time.Time) []entry {
		known := false
		kept := all[:0]
		for _, e := range all {
			if e.FQDN == record.FQDN && e.Value == record.Value {
				known = true
				if e.Looked.IsZero() && !sure {
					continue
				}
				e.end(now, keep)
			}
			kept = append(kept, e)
		}
		if known {
			return kept
		}
		return append(kept, entry{Record: record, Owner: owner, CA: ca.Operator, Since: now, Looked: now, Ended: now,
			Keep: keep})
	})
}

// Knows reports whether a record was there so short a time ago that something is kept of it: a CA looked at it and does so no more,
// or a process had it that is dead. What the living are about to have, such as the one that asks, does not count.
func (m *Memory) Knows(record Record) bool {
	if m == nil {
		return false
	}
	now := m.now()
	return slices.ContainsFunc(m.read(), func(e entry) bool {
		return e.FQDN == record.FQDN && e.Value == record.Value && (!e.Ended.IsZero() || e.Owner.Dead(now.Sub(e.Since)))
	})
}

// LookAt is when a CA was last told to look at a record, as far as that is kept; zero if it is not.
func (m *Memory) LookAt(record Record) (at time.Time) {
	if m == nil {
		return at
	}
	for _, e := range m.read() {
		if e.FQDN == record.FQDN && e.Value == record.Value && e.Looked.After(at) {
			at = e.Looked
		}
	}
	return at
}
