package conformance

import (
	"context"
	"slices"
	"time"

	"wildcard/providers"
)

func endedContext(s *subject) {
	cancelled, cancel := context.WithCancel(s.Context())
	cancel()
	expired, cancel := context.WithDeadline(s.Context(), time.Unix(0, 0))
	defer cancel()
	for _, ctx := range []context.Context{cancelled, expired} {
		c := s.challenge(s.domain())
		h, err := s.tryPresent(ctx, c)
		if err == nil {
			s.Fatalf("Present succeeded although its context had ended (%v)", ctx.Err())
		}
		s.cleanUp(c, h)
		s.deleted(c)

		// A clean up that has nothing to do may succeed. One that has something to do and leaves it may not.
		h = s.present(c)
		err = s.tryCleanUp(ctx, c, h)
		if err == nil {
			s.deleted(c)
		}
		s.cleanUp(c, h)
		s.deleted(c)
	}
}

// deleted ends the check if c's value is still held by a service that can delete.
func (s *subject) deleted(c providers.Challenge) {
	s.Helper()
	if !s.Rolling {
		s.holds(c.FQDN)
	}
}

// cancelledOnTheWay cancels Present at different moments. A creation that was under way may still be carried out after
// Present has returned; CleanUp without a handle must be able to find it then.
func cancelledOnTheWay(s *subject) {
	var cs []providers.Challenge
	for delay := 50 * time.Microsecond; delay < 200*time.Millisecond; delay *= 4 {
		c := s.challenge(s.domain())
		cs = append(cs, c)
		ctx, cancel := context.WithTimeout(s.Context(), delay)
		h, err := s.tryPresent(ctx, c)
		cancel()
		if err == nil {
			s.holds(c.FQDN, c.Value)
		}
		s.cleanUp(c, h)
	}
	for _, c := range cs {
		s.endsEmpty(c)
	}
}

// endsEmpty cleans up after creations that the service carried out late.
func (s *subject) endsEmpty(c providers.Challenge) {
	s.Helper()
	for tries := 0; tries < 50 && len(s.Records(s.Reporter, c.FQDN)) > 0; tries++ {
		s.cleanUp(c, "")
		time.Sleep(20 * time.Millisecond)
	}
	s.holds(c.FQDN)
}

func silentService(s *subject) {
	kept, late := s.challenge(s.domain()), s.challenge(s.domain())
	h := s.present(kept)
	s.whileSilent("Present", func(ctx context.Context) error {
		_, err := s.tryPresent(ctx, late)
		return err
	})
	if s.Rolling { // whose CleanUp needs no service
		s.present(late)
		s.holds(late.FQDN, kept.Value, late.Value)
		return
	}
	s.whileSilent("CleanUp", func(ctx context.Context) error { return s.tryCleanUp(ctx, kept, h) })

	s.cleanUp(late, "")
	s.endsEmpty(late)
	s.cleanUp(kept, h)
	s.endsEmpty(kept)
}

func (s *subject) whileSilent(what string, call func(context.Context) error) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 200*time.Millisecond)
	defer cancel()
	resume := s.Stall(s.Reporter)
	defer resume()
	if err := call(ctx); err == nil {
		s.Errorf("%s reported success although the service did not answer", what)
	}
}

// lostReply leaves it to the provider whether it finds the record itself or reports the failure and is called again.
func lostReply(s *subject) {
	c := s.challenge(s.domain())
	s.LoseReply(s.Reporter)
	h, err := s.tryPresent(s.Context(), c)
	if err != nil {
		h = s.present(c)
	}
	s.holds(c.FQDN, c.Value)
	s.cleanUp(c, h)
	s.holds(c.FQDN)

	c = s.challenge(s.domain())
	s.LoseReply(s.Reporter)
	h, _ = s.tryPresent(s.Context(), c)
	s.another().cleanUp(c, h)
	s.holds(c.FQDN)
}

// lostReplyBeside loses the reply about a value while another one at the name is waited for.
func lostReplyBeside(s *subject) {
	domain := s.domain()
	kept, c := s.challenge(domain), s.challenge(domain)
	s.present(kept)
	s.LoseReply(s.Reporter)
	if _, err := s.tryPresent(s.Context(), c); err != nil {
		s.holds(kept.FQDN, append(s.only(c), kept.Value)...)
		s.another().present(c)
	}
	s.holds(kept.FQDN, kept.Value, c.Value)
}

// only is c's value if the service has it.
func (s *subject) only(c providers.Challenge) []string {
	if slices.Contains(s.Records(s.Reporter, c.FQDN), c.Value) {
		return []string{c.Value}
	}
	return nil
}
