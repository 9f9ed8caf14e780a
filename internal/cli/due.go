package cli

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

// verdict says whether a lineage is due, and when it will be.
type verdict struct {
	due bool
	at  time.Time // when it is due
	why messages.Message
}

// renewal is when a lineage is due by what is known on this machine.
func renewal(l *lineage.Lineage, s lineage.Settings) (time.Time, messages.Message) {
	switch {
	case l.Leaf == nil:
		return time.Time{}, messages.New("its files are damaged")
	case !s.RenewAt.IsZero() && s.RenewAt.Before(issuance.LastCall(l.Leaf)):
		return s.RenewAt, messages.New("the CA suggests it")
	case !s.RenewAt.IsZero():
		return issuance.LastCall(l.Leaf), messages.New("it is about to expire")
	}
	return issuance.RenewalTime(l.Leaf), messages.New("a third of its life is left")
}

// judge says whether a lineage is due. It asks the CA if what it said last has run out (RFC 9773 §4.3), and keeps the
// answer with the lineage; a CA that does not answer changes nothing.
func (e *engine) judge(ctx context.Context, l *lineage.Lineage) (verdict, error) {
	s, _ := l.Conf.Settings()
	now := e.now()
	if l.Leaf == nil {
		return verdict{due: true, why: messages.New("its files are damaged")}, nil
	}
	if now.Before(l.Leaf.NotBefore.Add(-longestSkew)) {
		return verdict{}, fault.Errorf(codeClock, fault.Misconfigured,
			"%s: its certificate is valid from %s, and it is %s by this machine's clock: set the clock", l.Name, day(l.Leaf.NotBefore), day(now))
	}
	if !now.Before(s.RetryAfter) && issuance.CertificateID(l.Leaf) != "" {
		next := e.askCA(ctx, l, s)
		if next.RenewAt != s.RenewAt || next.RetryAfter != s.RetryAfter {
			if _, err := l.Update(ctx, func(c *lineage.Conf) error {
				current, _ := c.Settings()
				current.RenewAt, current.RetryAfter = next.RenewAt, next.RetryAfter
				return c.SetSettings(current)
			}); err != nil {
				e.log.Warn("keeping renewal information", "lineage", l.Name, "error", err)
			}
			s = next
		}
	}
	at, why := renewal(l, s)
	if again, err := e.renewedLately(l); err != nil {
		return verdict{}, err
	} else if again.After(at) {
		at, why = again, messages.New("it was renewed less than a day before")
	}
	return verdict{due: !now.Before(at), at: at, why: why}, nil
}

// renewedLately is when a lineage may be renewed again without --force, whatever the CA suggests: a CA that says "now" for
// ever gets one renewal a day. What "issue" obtained first does not count, since a CA that revokes it means it. Zero means
// any time.
func (e *engine) renewedLately(l *lineage.Lineage) (time.Time, error) {
	h, err := e.state.Last(l.Name, e.now())
	if err != nil || h.LastRenewal.Time.IsZero() {
		return time.Time{}, err
	}
	return h.LastRenewal.Time.Add(min(24*time.Hour, l.Leaf.NotAfter.Sub(l.Leaf.NotBefore)/2)), nil
}

// askCA asks for renewal information, and returns the settings with the answer in them.
func (e *engine) askCA(ctx context.Context, l *lineage.Lineage, s lineage.Settings) lineage.Settings {
	ca, err := e.ca(ctx, l.Conf.Params().Server, s.CABundle)
	if err != nil {
		e.log.Info("renewal information", "lineage", l.Name, "error", err)
		return s // the CA cannot be reached; the next run asks
	}
	if ca.Directory().RenewalInfo == "" {
		s.RetryAfter = e.now().Add(24 * time.Hour)
		return s
	}
	window, err := ca.RenewalInfo(ctx, l.Leaf)
	if err != nil {
		e.log.Info("renewal information", "lineage", l.Name, "error", err)
		s.RetryAfter = e.now().Add(askAgain)
		return s
	}
	if window.Explanation != "" {
		e.display.Notice("%s: the CA explains its renewal dates at %s", l.Name, window.Explanation)
	}
	if s.RenewAt.Before(window.Start) || s.RenewAt.After(window.End) {
		s.RenewAt = window.Pick()
	}
	s.RetryAfter = e.now().Add(window.RetryAfter)
	return s
}

// checkClock refuses to decide by a clock that the CA's contradicts.
func checkClock(ca *issuance.CA) error {
	if skew := ca.Skew(); skew.Abs() > longestSkew {
		return fault.Errorf(codeClock, fault.Misconfigured,
			"this machine's clock is %v off, says the CA: set the clock, or renew with --force", skew.Abs().Round(time.Minute))
	}
	return nil
}

// until says how long something is from now, as people count.
func until(now, at time.Time) messages.Message {
	switch d := at.Sub(now); {
	case d <= 0:
		return messages.New("now")
	case d < 48*time.Hour:
		return messages.New("in %d hours", int(d.Hours()))
	default:
		return messages.New("in %d days", int(d.Hours()/24))
	}
}
