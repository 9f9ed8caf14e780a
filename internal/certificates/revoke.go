package certificates

import (
	"context"
	"errors"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
)

// Reason is a CRLReason of RFC 5280 §5.3.1 that subscribers may give.
type Reason uint

// The reasons.
const (
	Unspecified          Reason = 0
	KeyCompromise        Reason = 1
	AffiliationChanged   Reason = 3
	Superseded           Reason = 4
	CessationOfOperation Reason = 5
)

// RevokeRequest is a certificate that the CA is to declare invalid.
type RevokeRequest struct {
	Lineage  string
	Reason   Reason
	Delete   bool // its files, too
	CABundle Choice[string]
	Confirm  func(*lineage.Lineage) error // asked before; its error is that of Revoke
}

// Revoked is what came of it.
type Revoked struct {
	Lineage    *lineage.Lineage // as it was
	WasRevoked bool             // already
	ByKey      bool             // the CA was told by the key itself, so that it trusts that key no more
	Deleted    bool
}

// Revoke has the CA declare a lineage's certificate invalid, and remembers it (package state): one of ours is due for renewal from
// then on. If it cannot be remembered, another call does so, since the CA says then that it is revoked already.
func (m *Manager) Revoke(ctx context.Context, r RevokeRequest) (Revoked, error) {
	l, err := m.Store.Lineage(r.Lineage)
	if err != nil {
		return Revoked{}, err
	}
	if l.Damage != nil {
		return Revoked{}, l.Damage
	}
	if r.Delete && !l.Owned() {
		return Revoked{}, fault.Errorf(lineage.CodeNotOwned, fault.Usage,
			"%s is certbot's: certbot delete --cert-name %s deletes it; without --delete it can be revoked here", l.Name, l.Name)
	}
	if err := r.Confirm(l); err != nil {
		return Revoked{}, err
	}
	done := Revoked{Lineage: l}
	err = m.locked(l.Name, func() (err error) {
		done.ByKey, err = m.revokeLive(ctx, l, r)
		if done.WasRevoked = fault.CodeOf(err) == issuance.CodeRevoked; err != nil && !done.WasRevoked {
			return err
		}
		if err := m.State.AddRevoked(l.Leaf, m.now(), done.ByKey); err != nil {
			return fault.Errorf(fault.CodeOf(err), fault.ClassOf(err), "%s is revoked, but that could not be written down (wildcard revoke %s again does): %w", l.Name, l.Name, err)
		}
		switch {
		case r.Delete:
			done.Deleted = true
			return m.remove(ctx, l)
		case l.Owned():
			if err := forbidKey(ctx, l, done.ByKey); err != nil {
				m.options.Log.Warn("forbidding a key", "lineage", l.Name, "error", err)
			}
		}
		return nil
	})
	return done, err
}

// revokeLive revokes the live certificate in the name of its account, or of its own key if that leaked or the account is
// deleted: byKey.
func (m *Manager) revokeLive(ctx context.Context, l *lineage.Lineage, r RevokeRequest) (byKey bool, err error) {
	s, _ := l.Conf.Settings()
	ca, err := m.Services.CA(ctx, l.Conf.Params().Server, text(r.CABundle, s.CABundle))
	if err != nil {
		return false, err
	}
	var as issuance.Account
	account, err := m.Store.Account(ca.Server(), l.Conf.Params().Account)
	if err == nil && r.Reason != KeyCompromise {
		as = issuance.Account{URI: account.URI, Key: account.Key}
	} else {
		set, err := l.Set()
		if err != nil {
			return false, err
		}
		if as.Key, err = issuance.ParseKey(set.Key); err != nil {
			return false, err
		}
	}
	return as.URI == "", ca.Revoke(ctx, as, l.Leaf, uint(r.Reason))
}

// forbidKey has the next renewal make a new key although keys are kept, if the CA trusts the key of the live one no more.
func forbidKey(ctx context.Context, l *lineage.Lineage, byKey bool) error {
	if !byKey {
		return nil
	}
	_, err := l.Update(ctx, func(c *lineage.Conf) error {
		s, _ := c.Settings()
		s.NewKey = true
		return c.SetSettings(s)
	})
	return err
}

// Delete deletes a lineage of ours and what is remembered of an order for it. confirm is asked before.
func (m *Manager) Delete(ctx context.Context, name string, confirm func() error) error {
	l, err := m.Store.Lineage(name)
	if err != nil {
		return err
	}
	if !l.Owned() {
		return fault.Errorf(lineage.CodeNotOwned, fault.Usage, "%s is certbot's: certbot delete --cert-name %s deletes it",
			name, name)
	}
	if err := confirm(); err != nil {
		return err
	}
	return m.locked(name, func() error { return m.remove(ctx, l) })
}

func (m *Manager) remove(ctx context.Context, l *lineage.Lineage) error {
	if err := l.Delete(ctx); err != nil {
		return err
	}
	return errors.Join(m.forgetOrder(l.Name), m.State.RemoveHookRuns(l.Name))
}
