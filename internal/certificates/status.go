package certificates

import (
	"time"

	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/state"
)

// Status says in one word how it is with a lineage.
type Status string

// All that a lineage can be. Of several that hold, the first one here is its status.
const (
	StatusUnreadable Status = "unreadable" // its .conf cannot be read
	StatusDamaged    Status = "damaged"    // its live files are no set
	StatusExpired    Status = "expired"
	StatusRevoked    Status = "revoked" // from this machine: see package state
	StatusDue        Status = "due"     // only of ours
	StatusGood       Status = "good"
)

// Condition is how it is with a lineage by what is known on this machine.
type Condition struct {
	Status  Status
	RenewAt time.Time        // when it is due, also if it is certbot's, who may not know; zero without a certificate that can be read
	Why     messages.Message // is it due then
	Revoked time.Time        // when it was; zero if it was not
	ByKey   bool             // it was, by its key, which the CA trusts no more
}

// ConditionOf looks at a lineage and at what is remembered of its certificate; a nil ledger remembers nothing. With the error of a
// ledger that cannot be read comes what can be said without it.
func ConditionOf(l *lineage.Lineage, ledger *state.State, now time.Time) (Condition, error) {
	if l.Leaf == nil {
		return Condition{Status: StatusDamaged, Why: messages.New("its files are damaged")}, nil
	}
	s, ours := l.Conf.Settings()
	revocation, revoked, err := ledger.Revoked(l.Leaf)
	c := Condition{Status: StatusGood, Revoked: revocation.Time, ByKey: revocation.ByKey}
	c.RenewAt, c.Why = dueByDates(l, s)
	if revoked && c.RenewAt.After(c.Revoked) {
		c.RenewAt, c.Why = c.Revoked, messages.New("it is revoked")
	}
	if outnumbered(l) && c.RenewAt.After(now) {
		c.RenewAt, c.Why = now, whyOutnumbered()
	}
	switch {
	case l.Damage != nil:
		c.Status = StatusDamaged
	case !now.Before(l.Leaf.NotAfter):
		c.Status = StatusExpired
	case revoked:
		c.Status = StatusRevoked
	case ours && !now.Before(c.RenewAt):
		c.Status = StatusDue
	}
	return c, err
}

// outnumbered reports whether a lineage of ours has a set under a higher number that is not to be live. certbot would make it live once
// it is certbot's again, so the next certificate, with a number above both, is not waited for.
// One that was being put back when a run ended is such a set too, and the next run puts it back.
func outnumbered(l *lineage.Lineage) bool {
	s, ours := l.Conf.Settings()
	return ours && len(l.Older) > 0 && s.RolledBack == ""
}

func whyOutnumbered() messages.Message {
	return messages.New("an older certificate is in its archive under a higher number")
}

// dueByDates is when a lineage is due by its dates and what the CA suggested.
func dueByDates(l *lineage.Lineage, s lineage.Settings) (time.Time, messages.Message) {
	if s.RolledBack != "" { // a further certificate would not be served either
		return heldUntil(l.Leaf), messages.New("a newer certificate is there, which was not served")
	}
	at := issuance.DueAt(l.Leaf, s.RenewAt)
	if interval, ok := l.Conf.Get("", "renew_before_expiry"); ok {
		said, ok := lineage.Before(l.Leaf.NotAfter, interval)
		if ok && said.Before(at) && said.After(l.Leaf.NotBefore) { // a longer one would renew it again and again
			return said, messages.New("renew_before_expiry is %s", messages.OneLine(interval))
		}
	}
	switch {
	case s.RenewAt.IsZero():
		return at, messages.New("a third of its life is left")
	case at.Equal(s.RenewAt):
		return at, messages.New("the CA suggests it")
	}
	return at, messages.New("it is about to expire")
}
