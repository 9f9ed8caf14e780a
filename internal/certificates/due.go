package certificates

import (
	"context"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
)

const (
	// longestSkew is how far our clock may be from the CA's before we decide nothing by it.
	longestSkew = time.Hour
	// askAgain is how long after renewal information that could not be had it is asked for again.
	askAgain = 6 * time.Hour
)

// Due says whether a lineage is due for renewal, and when it will be.
type Due struct {
	Now bool
	At  time.Time // when it is due; zero is at once
	Why messages.Message
}

// due says whether a lineage is due. It asks the CA if what it said last has run out (RFC 9773 §4.3), and keeps the
// answer with the lineage; a CA that does not answer changes nothing. One that was revoked from here is due, whatever the CA says.
func (m *Manager) due(ctx context.Context, l *lineage.Lineage) (Due, error) {
	s, _ := l.Conf.Settings()
	now := m.now()
	if l.Leaf == nil {
		return Due{Now: true, Why: messages.New("its files are damaged")}, nil
	}
	if now.Before(l.Leaf.NotBefore.Add(-longestSkew)) {
		return Due{}, fault.Errorf(CodeClock, fault.Misconfigured,
			"%s: its certificate is valid from %s, and it is %s by this machine's clock: set the clock", l.Name, messages.Instant(l.Leaf.NotBefore), messages.Instant(now))
	}
	_, revoked, err := m.State.Revoked(l.Leaf)
	switch {
	case revoked:
		return Due{Now: true, Why: messages.New("it is revoked")}, nil
	case err != nil: // doctor and list --check tell of it; what its dates say is done all the same
		m.options.Log.Warn("whether it is revoked is not known", "lineage", l.Name, "error", err)
	}
	if outnumbered(l) {
		return Due{Now: true, Why: whyOutnumbered()}, nil
	}
	if s.RolledBack == "" && !now.Before(s.RetryAfter) && issuance.CertificateID(l.Leaf) != "" {
		next := m.askCA(ctx, l, s)
		if next.RenewAt != s.RenewAt || next.RetryAfter != s.RetryAfter {
			if _, err := l.Update(ctx, func(c *lineage.Conf) error {
				current, _ := c.Settings()
				current.RenewAt, current.RetryAfter = next.RenewAt, next.RetryAfter
				return c.SetSettings(current)
			}); err != nil {
				m.options.Log.Warn("keeping renewal information", "lineage", l.Name, "error", err)
			}
			s = next
		}
	}
	at, why := dueByDates(l, s)
	if again, err := m.renewedLately(l); err != nil {
		return Due{}, err
	} else if again.After(at) {
		at, why = again, messages.New("it was renewed less than a day before")
	}
	return Due{Now: !now.Before(at), At: at, Why: why}, nil
}

// renewedLately is when a lineage may be renewed again without --force, whatever the CA suggests: a CA that says "now" for
// ever gets one renewal a day. What "issue" obtained first does not count, since a CA that revokes it means it. Zero means
// any time.
func (m *Manager) renewedLately(l *lineage.Lineage) (time.Time, error) {
	h, err := m.State.Last(l.Name, m.now())
	if err != nil || h.LastRenewal.Time.IsZero() {
		return time.Time{}, err
	}
	return h.LastRenewal.Time.Add(min(24*time.Hour, l.Leaf.NotAfter.Sub(l.Leaf.NotBefore)/2)), nil
}

// askCA asks for renewal information, and returns the settings with the answer in them.
func (m *Manager) askCA(ctx context.Context, l *lineage.Lineage, s lineage.Settings) lineage.Settings {
	ca, err := m.Services.CA(ctx, l.Conf.Params().Server, s.CABundle)
	if err != nil {
		m.options.Log.Info("renewal information", "lineage", l.Name, "error", err)
		return s // the CA cannot be reached; the next run asks
	}
	if ca.Directory().RenewalInfo == "" {
		s.RetryAfter = m.now().Add(24 * time.Hour)
		return s
	}
	window, err := ca.RenewalInfo(ctx, l.Leaf)
	if err != nil {
		m.options.Log.Info("renewal information", "lineage", l.Name, "error", err)
		s.RetryAfter = m.now().Add(askAgain)
		return s
	}
	if window.Explanation != "" {
		m.note("%s: the CA explains its renewal dates at %s", l.Name, window.Explanation)
	}
	if s.RenewAt.Before(window.Start) || s.RenewAt.After(window.End) {
		s.RenewAt = window.Pick()
	}
	s.RetryAfter = m.now().Add(window.RetryAfter)
	return s
}

// checkClock refuses to decide by a clock that the CA's contradicts.
func checkClock(ca *issuance.CA) error {
	if skew := ca.Skew(); skew.Abs() > longestSkew {
		return fault.Errorf(CodeClock, fault.Misconfigured,
			"this machine's clock is %v off, says the CA: set the clock, or renew with --force", skew.Abs().Round(time.Minute))
	}
	return nil
}
