package memory

import (
	"slices"
	"time"

	"wildcard/internal/dns01/journal"
)

const (
	// margin is beyond the TTL: resolvers count whole seconds.
	margin = 2 * time.Second
	// unfinished is how long a CA may go on with a validation that no run waits for any more; a minute is the most.
	unfinished = 20 * time.Second
	longest    = time.Minute
	// young is the age up to which it is not looked whether the owner lives: that takes longer than to keep the entry. It is also
	// how long one of which nothing can be proven, such as a container's first process, is taken to be at it.
	young = 5 * time.Minute
	// wrongClock is how far an entry may lie in the future; one beyond was made under a clock that was wrong.
	wrongClock = time.Minute
)

// entry is a record on its way: reserved, published, looked at, and looked at no more.
type entry struct {
	Record
	ID        string          `json:"id"`
	Owner     journal.Process `json:"owner"`
	CA        string          `json:"ca,omitempty"`
	Since     time.Time       `json:"since"`
	Published time.Time       `json:"published,omitzero"` // all name servers have it
	Looked    time.Time       `json:"looked,omitzero"`    // the CA was told to look
	Ended     time.Time       `json:"ended,omitzero"`     // it looks no more
	Keep      float64         `json:"keep"`               // seconds for which it remembers what it saw
	Seen      []string        `json:"seen,omitempty"`     // values that all name servers had by then
}

func (e *entry) keep() time.Duration { return time.Duration(e.Keep * float64(time.Second)) }

// end ends a look, of which nothing may be known but that it was.
func (e *entry) end(now time.Time, keep float64) {
	if e.Looked.IsZero() {
		e.Looked, e.Keep = now, keep
	}
	if e.Ended.IsZero() || e.Ended.After(now) {
		e.Ended = now
	}
}

// over reports whether no run needs an entry any more.
func (e *entry) over(now time.Time) bool {
	switch {
	case e.Since.After(now.Add(wrongClock)), e.Ended.After(now.Add(wrongClock)):
		return true
	case !e.Ended.IsZero():
		return now.After(e.Ended.Add(e.keep() + margin))
	case now.Before(e.Since.Add(young)), !e.Looked.IsZero() && now.Before(e.Looked.Add(longest+e.keep()+margin)):
		return false
	}
	return e.Owner.Dead(now.Sub(e.Since))
}

// stands reports whether all name servers have a record for certain: once the CA looks no more, or its owner is dead, it is
// deleted.
func (e *entry) stands(now time.Time) bool {
	return e.Value != "" && !e.Published.IsZero() && e.Ended.IsZero() && !e.Owner.Dead(now.Sub(e.Since))
}

// at is the last instant of a look until now.
func (e *entry) at(now time.Time) time.Time {
	switch {
	case !e.Ended.IsZero():
		return e.Ended
	case e.Owner.Dead(now.Sub(e.Since)) && now.After(e.Looked.Add(longest)):
		return e.Looked.Add(longest)
	case !e.Owner.Alive() && now.After(e.Looked.Add(young)): // of a container's first process nothing can be proven
		return e.Looked.Add(young)
	}
	return now
}

// abandoned reports whether no process may be about to publish a record: its owner is dead, or not known to live and has had the time.
func (e *entry) abandoned(now time.Time) bool {
	age := now.Sub(e.Since)
	return e.Owner.Dead(age) || age > young && !e.Owner.Alive()
}

// sameCA reports whether what one CA has looked at counts for another.
func sameCA(a, b string) bool { return a == "" || b == "" || a == b }

// until is when a look is forgotten, so far as it counts for a record: zero if it does not.
func (e *entry) until(mine *entry, ca CA, now time.Time) time.Time {
	keep := min(e.keep(), ca.Keep)
	switch {
	case e.Looked.IsZero() || !sameCA(e.CA, ca.Operator):
		return time.Time{}
	case e.FQDN == mine.FQDN && slices.Contains(e.Seen, mine.Value):
		return time.Time{}
	case e.FQDN == mine.FQDN:
	case e.Name == mine.Name:
		keep = ca.Keep
	default:
		return time.Time{}
	}
	if keep <= 0 {
		return time.Time{}
	}
	last := e.at(now)
	if !mine.Published.IsZero() && mine.Published.Before(last) {
		last = mine.Published
	}
	return last.Add(keep + margin)
}
