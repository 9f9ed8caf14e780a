package dns01

import (
	"slices"
	"sync"

	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/memory"
	"wildcard/providers"
)

// Owner is whose records are made.
type Owner struct {
	journal.Process // when it is dead its records are swept

	Order string // ACME order URL, if we are the ACME client
	Round string // random: the CA is let look at the records of one round together
	// Remaining is how many challenges of the round certbot says are still to come.
	Remaining int
	// Resumed says that an earlier run may have had the same record, even if the journal does not know it.
	Resumed bool
	// Again says that the same client may ask for the same challenge once more, as certbot does, or a person who repeats its call:
	// its earlier entry is taken over although it lives, and records of the challenge at other places are deleted.
	Again bool
	// Last says that the round needs no more records, so that what no call of it took over is swept first.
	Last bool
}

// Record is the TXT record of one challenge, from its journal entry to its deletion.
type Record struct {
	Place     Place
	Challenge providers.Challenge
	Owner     Owner

	mu        sync.Mutex
	entry     journal.Entry // without an ID if the journal does not know it
	left      bool          // something may be there
	taken     bool          // the entry was that of an earlier run
	doubled   bool          // which died while it created the record, so that its creation may be carried out beside ours
	shared    bool          // a living run has the same record, as runs have that a CA gave one order
	brokenOff bool          // a creation was broken off: the service may carry it out after a deletion
}

// Handle is what the service calls the record; empty if that is not known.
func (r *Record) Handle() providers.Handle {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.entry.Handle
}

// Left reports whether something may be there that [Solver.CleanUp] deletes.
func (r *Record) Left() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.left
}

// BrokenOff reports whether a creation was broken off that the service may still carry out. The journal keeps the record then, whatever
// is deleted, so that a later run looks again.
func (r *Record) BrokenOff() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.brokenOff
}

// AnothersThan reports whether the record is that of another process, which lives.
func (r *Record) AnothersThan(p journal.Process) bool { return r.Owner.Process != p && r.Owner.Alive() }

func (r *Record) journalled() journal.Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.entry
}

// change changes what is known of the record.
func (r *Record) change(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// remembered is a challenge's record as package memory knows it.
func remembered(s *Solver, c providers.Challenge) memory.Record {
	return memory.Record{Name: ChallengeName(s, c.Domain), FQDN: c.FQDN, Value: c.Value}
}

// At is a record of which no journal knows, and that may be there: an answer to a challenge, to be deleted by name, type and value.
func (s *Solver) At(route providers.Route, c providers.Challenge) *Record {
	c.Zone = route.Zone
	return &Record{Place: Place{route, c.FQDN}, Challenge: c, left: true}
}

// Match returns the journal's records of one challenge, at whatever place. Errors are those of the journal.
func (s *Solver) Match(domain, value string) ([]*Record, error) {
	entries, err := s.Journal.Match(domain, value)
	return recordsOf(s, entries), err
}

// Standing returns the journal's records of domains that stay. Errors are those of the journal.
func Standing(s *Solver, domains []string) ([]*Record, error) {
	entries, _, err := s.Journal.Entries()
	return recordsOf(s, slices.DeleteFunc(entries, func(e journal.Entry) bool {
		return !e.Stands() || !slices.Contains(domains, e.Domain)
	})), err
}

// Keep says in the journal that a record is there and stays: no run sweeps it, until its deletion begins. Errors are those of the
// journal.
func Keep(s *Solver, record *Record) error {
	record.change(func() { record.entry.Stays = true })
	return s.Journal.Update(record.journalled())
}

// InRound returns the journal's records of an owner's round. Errors are those of the journal.
func (s *Solver) InRound(owner Owner) ([]*Record, error) {
	entries, err := s.Journal.InRound(owner.Process, owner.Round)
	return recordsOf(s, entries), err
}

// recordsOf makes records of entries. One whose account is not configured any more has none.
func recordsOf(s *Solver, entries []journal.Entry) []*Record {
	records := make([]*Record, 0, len(entries))
	for _, e := range entries {
		route := providers.Route{Zone: e.Zone}
		for _, account := range s.Router.Accounts {
			if account.Fingerprint == e.Fingerprint {
				route.Account = account
				break
			}
		}
		records = append(records, &Record{
			Place: Place{route, e.FQDN}, Challenge: e.Challenge(), entry: e, left: true,
			Owner: Owner{Process: e.Owner, Order: e.Order, Round: e.Round, Remaining: e.Remaining},
		})
	}
	return records
}
