package acmeserver

import (
	"context"
	"crypto/x509"
	"log/slog"
	"sync"
	"time"

	"wildcard/internal/certificates"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
)

// freshEvery is how long a [certificates.Manager] is used: it keeps what it has found out of the CA and the DNS services.
const freshEvery = 10 * time.Minute

// Managed is the [Upstream] that obtains certificates with the CA, the account and the DNS services of a request, as
// "wildcard issue --csr" does.
type Managed struct {
	Open    func() (*certificates.Manager, error)
	Request certificates.Request // without names and CSR
	Log     *slog.Logger
	Now     func() time.Time

	mu       sync.Mutex
	current  *shift
	profiles map[string]string
}

// shift is a manager, for as long as it is used.
type shift struct {
	manager *certificates.Manager
	since   time.Time
	users   int
	over    bool
}

// with does something with a manager. After a failure the next one gets another manager, which asks everything anew.
func (m *Managed) with(do func(*certificates.Manager) error) error {
	s, err := m.begin()
	if err != nil {
		return err
	}
	err = do(s.manager)
	m.end(s, err != nil)
	return err
}

func (m *Managed) begin() (*shift, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.current; s != nil && (s.over || m.Now().Sub(s.since) > freshEvery) {
		m.current, s.over = nil, true
		if s.users == 0 {
			s.manager.Close()
		}
	}
	if m.current == nil {
		manager, err := m.Open()
		if err != nil {
			return nil, err
		}
		m.current = &shift{manager: manager, since: m.Now()}
	}
	m.current.users++
	return m.current, nil
}

func (m *Managed) end(s *shift, failed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.users--
	s.over = s.over || failed
	if s.over && s.users == 0 {
		s.manager.Close()
		if m.current == s {
			m.current = nil
		}
	}
}

// Close ends what is open. Nothing is under way any more.
func (m *Managed) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current != nil && m.current.users == 0 {
		m.current.manager.Close()
		m.current = nil
	}
}

// request is the one for what is wanted.
func (m *Managed) request(w Wanted) certificates.Request {
	r := m.Request
	r.Names, r.CSR, r.Replaces, r.NoHooks = w.Names, w.CSR, w.Replaces, true
	if w.Profile != "" {
		r.Profile = certificates.Choice[string]{Value: w.Profile, Firm: true}
	}
	return r
}

// Profiles implements [Upstream].
func (m *Managed) Profiles() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.profiles
}

// Look reads the CA's directory, for its profiles.
func (m *Managed) Look(ctx context.Context) error {
	return m.with(func(manager *certificates.Manager) error {
		ca, err := manager.Services.CA(ctx, m.Request.Server.Value, m.Request.CABundle.Value)
		if err != nil {
			return err
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.profiles = ca.Directory().Profiles
		return nil
	})
}

// KeepLooking reads it again from time to time, until ctx ends.
func (m *Managed) KeepLooking(ctx context.Context, sleep func(context.Context, time.Duration) error) {
	for sleep(ctx, lookEvery) == nil {
		if err := m.Look(ctx); err != nil && ctx.Err() == nil {
			m.Log.Warn("the CA's directory", "error", err)
		}
	}
}

// Prove implements [Upstream].
func (m *Managed) Prove(ctx context.Context, w Wanted) error {
	return m.with(func(manager *certificates.Manager) error { return certificates.Prove(ctx, manager, m.request(w)) })
}

// Issue implements [Upstream].
func (m *Managed) Issue(ctx context.Context, w Wanted) (got Issued, err error) {
	err = m.with(func(manager *certificates.Manager) error {
		result, err := manager.Obtain(ctx, m.request(w))
		got = Issued{Chain: result.Chain, Alternates: result.Alternates}
		return err
	})
	return got, err
}

// Delivered implements [Upstream].
func (m *Managed) Delivered(w Wanted) {
	if err := m.with(func(manager *certificates.Manager) error { manager.Delivered(w.CSR); return nil }); err != nil {
		m.Log.Warn("forgetting an order", "error", err)
	}
}

// RenewalInfo implements [Upstream].
func (m *Managed) RenewalInfo(ctx context.Context, leaf *x509.Certificate) (window issuance.Window, err error) {
	err = m.with(func(manager *certificates.Manager) error {
		ca, err := manager.Services.CA(ctx, m.Request.Server.Value, m.Request.CABundle.Value)
		if err == nil {
			window, err = ca.RenewalInfo(ctx, leaf)
		}
		if fault.CodeOf(err) == issuance.CodeRenewalInfo {
			return nil // which says nothing of the CA itself
		}
		return err
	})
	if err == nil && window.End.IsZero() {
		err = fault.Errorf(issuance.CodeRenewalInfo, fault.Temporary, "acme: renewal information: the CA gives none")
	}
	return window, err
}

// Revoke implements [Upstream].
func (m *Managed) Revoke(ctx context.Context, leaf *x509.Certificate, reason uint) error {
	return m.with(func(manager *certificates.Manager) error {
		at := certificates.CA{Server: m.Request.Server.Value, Bundle: m.Request.CABundle.Value}
		return manager.Accounts.Revoke(ctx, at, m.Request.Account.Value, leaf, certificates.Reason(reason))
	})
}
