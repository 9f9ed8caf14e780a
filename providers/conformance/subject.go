package conformance

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"wildcard/providers"
)

// callLimit bounds every call that a check makes, so that a provider that hangs is named rather than the test binary killed.
const callLimit = 2 * time.Minute

// subject is one instance of the provider in the course of one check.
type subject struct {
	Reporter
	Config
	provider providers.Provider
	owed     *owed
}

// owed are the records that a check has made and not yet deleted.
type owed struct {
	mu      sync.Mutex
	handles map[providers.Challenge]providers.Handle
	made    int // challenges
}

func (o *owed) copy() map[providers.Challenge]providers.Handle {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.handles)
}

// start opens the provider for one check and sees to it that the check leaves nothing.
func start(r Reporter, c Config) *subject {
	c.Zone = providers.CanonicalName(c.Zone)
	s := (&subject{Reporter: r, Config: c, owed: &owed{handles: map[providers.Challenge]providers.Handle{}}}).another()
	r.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), callLimit)
		defer cancel()
		for challenge, handle := range s.owed.copy() {
			if err := s.provider.CleanUp(ctx, challenge, handle); err != nil {
				r.Logf("after the check, clean up of %s at %s: %v", challenge.Value, challenge.FQDN, err)
			}
		}
	})
	return s
}

// another opens one more instance, which stands for another process.
func (s *subject) another() *subject {
	s.Helper()
	p := s.Open(s.Reporter)
	if closer, ok := p.(providers.Closer); ok {
		s.Cleanup(func() {
			if err := closer.Close(); err != nil {
				s.Errorf("Close: %v", err)
			}
		})
	}
	other := *s
	other.provider = p
	return &other
}

// domain returns a name in the zone that has not been used before, or the only one there is.
func (s *subject) domain() string {
	zone := strings.TrimSuffix(s.Zone, ".")
	if s.Rolling {
		return zone
	}
	return NewDomain(zone)
}

// NewDomain returns a name in a zone that has not been used before.
func NewDomain(zone string) string { return strings.ToLower("t-"+rand.Text()[:12]) + "." + zone }

// challenge returns a new challenge for domain, its value computed as an ACME client does (RFC 8555 §8.4). Every second one says
// in which zone it is, as those do whose place was looked for before.
func (s *subject) challenge(domain string) providers.Challenge {
	fqdn := providers.ChallengeName(domain)
	if s.Rolling {
		fqdn = s.Zone
	}
	token := rand.Text()
	keyAuth := token + "." + rand.Text()
	c := providers.Challenge{Domain: domain, FQDN: fqdn, Value: digest(keyAuth), Token: token, KeyAuth: keyAuth}
	s.owed.mu.Lock()
	defer s.owed.mu.Unlock()
	if s.owed.made++; s.owed.made%2 == 0 && !s.Rolling && providers.InZone(fqdn, s.Zone) {
		c.Zone = s.Zone
	}
	return c
}

func (s *subject) challenges(n int, domain func() string) []providers.Challenge {
	var cs []providers.Challenge
	for range n {
		cs = append(cs, s.challenge(domain()))
	}
	return cs
}

func digest(keyAuth string) string {
	sum := sha256.Sum256([]byte(keyAuth))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// neighbour puts a record at fqdn that is not the provider's to touch, and returns its value.
func (s *subject) neighbour(domain string) string {
	s.Helper()
	c := s.challenge(domain)
	if s.Foreign == nil {
		s.another().present(c)
	} else {
		s.Cleanup(s.Foreign(s.Reporter, c.FQDN, c.Value))
	}
	return c.Value
}

// present must succeed.
func (s *subject) present(c providers.Challenge) providers.Handle {
	s.Helper()
	h, err := s.tryPresent(s.Context(), c)
	if err != nil {
		s.Fatalf("Present %q at %s: %v", c.Value, c.FQDN, err)
	}
	return h
}

// cleanUp must succeed.
func (s *subject) cleanUp(c providers.Challenge, h providers.Handle) {
	s.Helper()
	if err := s.tryCleanUp(s.Context(), c, h); err != nil {
		s.Fatalf("CleanUp %q at %s, handle %q: %v", c.Value, c.FQDN, h, err)
	}
}

// tryPresent may fail, but has to come to an end.
func (s *subject) tryPresent(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	s.Helper()
	var h providers.Handle
	err := s.bounded(ctx, "Present", func(ctx context.Context) (err error) {
		h, err = s.doPresent(ctx, c)
		return err
	})
	return h, err
}

// tryCleanUp may fail, but has to come to an end.
func (s *subject) tryCleanUp(ctx context.Context, c providers.Challenge, h providers.Handle) error {
	s.Helper()
	return s.bounded(ctx, "CleanUp", func(ctx context.Context) error { return s.doCleanUp(ctx, c, h) })
}

func (s *subject) doPresent(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	h, err := s.provider.Present(ctx, c)
	s.owed.mu.Lock()
	defer s.owed.mu.Unlock()
	s.owed.handles[c] = h
	return h, err
}

func (s *subject) doCleanUp(ctx context.Context, c providers.Challenge, h providers.Handle) error {
	err := s.provider.CleanUp(ctx, c, h)
	if err == nil {
		s.owed.mu.Lock()
		defer s.owed.mu.Unlock()
		delete(s.owed.handles, c)
	}
	return err
}

// atOnce does work for 0 to n-1 side by side; all must succeed.
func (s *subject) atOnce(what string, n int, work func(ctx context.Context, i int) error) {
	s.Helper()
	err := s.bounded(s.Context(), what, func(ctx context.Context) error {
		errs := make([]error, n)
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() { errs[i] = work(ctx, i) })
		}
		all.Wait()
		return errors.Join(errs...)
	})
	if err != nil {
		s.Fatalf("%s: %v", what, err)
	}
}

// bounded returns what work returns, and ends the check if work does not heed its context.
func (s *subject) bounded(parent context.Context, what string, work func(context.Context) error) error {
	s.Helper()
	ctx, cancel := context.WithTimeout(parent, callLimit)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- work(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace := s.Grace
	if grace == 0 {
		grace = 30 * time.Second
	}
	select {
	case err := <-done:
		return err
	case <-time.After(grace):
		s.Fatalf("%s goes on %v after its context ended (%v)", what, grace, ctx.Err())
		return nil
	}
}

// holds ends the check unless the values at fqdn are those wanted, in any order. Of a rolling service, which keeps older
// values of its own accord, it asks that each wanted one is there once.
func (s *subject) holds(fqdn string, want ...string) {
	s.Helper()
	slices.Sort(want)
	fits := func(have []string) bool {
		have = slices.Sorted(slices.Values(have))
		if s.Rolling {
			have = slices.DeleteFunc(have, func(v string) bool { return !slices.Contains(want, v) })
		}
		return slices.Equal(have, want)
	}
	var have []string
	if s.Await != nil {
		have = s.Await(s.Reporter, fqdn, fits)
	} else {
		have = s.Records(s.Reporter, fqdn)
	}
	if !fits(have) {
		s.Fatalf("%s holds %q, want %q", fqdn, have, want)
	}
}

// many is how many calls are made side by side.
func (s *subject) many() int {
	if s.Live {
		return 4 // what an issuance makes in one zone
	}
	return 20
}
