package conformance

import (
	"context"

	"wildcard/providers"
)

func manyNames(s *subject) {
	cs := s.challenges(s.many(), s.domain)
	handles := s.presentAtOnce(cs)
	for _, c := range cs {
		s.holds(c.FQDN, c.Value)
	}
	s.cleanUpAtOnce(cs, handles)
	for _, c := range cs {
		s.holds(c.FQDN)
	}
}

func manyValues(s *subject) {
	domain := s.domain()
	neighbour := s.neighbour(domain)
	cs := s.challenges(s.many(), func() string { return domain })
	handles := s.presentAtOnce(cs)
	s.holds(cs[0].FQDN, append(values(cs), neighbour)...)
	s.cleanUpAtOnce(cs, handles)
	s.holds(cs[0].FQDN, neighbour)
}

// presentAndCleanUp makes half of the records while the others at the same name go.
func presentAndCleanUp(s *subject) {
	domain := s.domain()
	same := func() string { return domain }
	going, coming := s.challenges(s.many()/2, same), s.challenges(s.many()/2, same)
	handles := s.presentAtOnce(going)
	s.atOnce("Present and CleanUp at once", 2*len(going), func(ctx context.Context, i int) error {
		if i%2 == 0 {
			_, err := s.doPresent(ctx, coming[i/2])
			return err
		}
		return s.doCleanUp(ctx, going[i/2], handles[i/2])
	})
	s.holds(going[0].FQDN, values(coming)...)
}

func (s *subject) presentAtOnce(cs []providers.Challenge) []providers.Handle {
	s.Helper()
	handles := make([]providers.Handle, len(cs))
	s.atOnce("Present at once", len(cs), func(ctx context.Context, i int) (err error) {
		handles[i], err = s.doPresent(ctx, cs[i])
		return err
	})
	return handles
}

func (s *subject) cleanUpAtOnce(cs []providers.Challenge, handles []providers.Handle) {
	s.Helper()
	s.atOnce("CleanUp at once", len(cs),
		func(ctx context.Context, i int) error { return s.doCleanUp(ctx, cs[i], handles[i]) })
}

func values(cs []providers.Challenge) []string {
	var vs []string
	for _, c := range cs {
		vs = append(vs, c.Value)
	}
	return vs
}
