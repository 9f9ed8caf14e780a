package conformance

import (
	"slices"
	"strings"

	"wildcard/providers"
)

func zonesAreCanonical(s *subject) {
	lister, ok := s.provider.(providers.Zones)
	if !ok {
		return
	}
	for _, fresh := range []bool{false, true} {
		zones, err := lister.Zones(s.Context(), fresh)
		if err != nil {
			s.Fatalf("Zones, fresh %t: %v", fresh, err)
		}
		if !slices.Contains(zones, s.Zone) {
			s.Errorf("Zones, fresh %t: %q lacks %s", fresh, zones, s.Zone)
		}
		for i, zone := range zones {
			if zone != providers.CanonicalName(zone) ||
				strings.ContainsFunc(zone, func(r rune) bool { return r <= ' ' || r > '~' }) {
				s.Errorf("Zones, fresh %t: %q is not ASCII in lower case with a trailing dot", fresh, zone)
			}
			if slices.Contains(zones[:i], zone) {
				s.Errorf("Zones, fresh %t: %q is there twice", fresh, zone)
			}
		}
	}
}

// domains are the places in a zone where a challenge's name may lie: right below the zone, one label deeper, and far down. The
// first is not new, so a zone in use is left alone there.
func (s *subject) domains() []string {
	domains := []string{strings.TrimSuffix(s.Zone, "."), s.domain(), "a.b.c." + s.domain()}
	switch {
	case s.Rolling:
		return domains[:1]
	case s.Live:
		return domains[1:]
	}
	return domains
}

func presentAdds(s *subject) {
	for _, domain := range s.domains() {
		c := s.challenge(domain)
		before := s.Records(s.Reporter, c.FQDN)
		if s.Rolling {
			before = nil
		}
		s.present(c)
		s.holds(c.FQDN, slices.Concat(before, []string{c.Value})...)
	}
}

func cleanUpRemoves(s *subject) {
	for _, domain := range s.domains() {
		c := s.challenge(domain)
		before := s.Records(s.Reporter, c.FQDN)
		s.cleanUp(c, s.present(c))
		s.holds(c.FQDN, before...)
	}
}

// twoValuesShare is what a certificate for example.com and *.example.com needs.
func twoValuesShare(s *subject) {
	domain := s.domain()
	apex, wildcard := s.challenge(domain), s.challenge(domain)
	s.present(apex)
	s.present(wildcard)
	s.holds(apex.FQDN, apex.Value, wildcard.Value)
}

// secondRefused is the other way out for a service that cannot hold two values.
func secondRefused(s *subject) {
	domain := s.domain()
	apex, wildcard := s.challenge(domain), s.challenge(domain)
	h := s.present(apex)
	if _, err := s.tryPresent(s.Context(), wildcard); err == nil {
		s.Fatalf("Present of a second value at %s succeeded, though the service holds one", apex.FQDN)
	}
	s.holds(apex.FQDN, apex.Value)
	s.cleanUp(apex, h)
	s.present(wildcard)
	s.holds(apex.FQDN, wildcard.Value)
}

func deletingOneKeepsOther(s *subject) {
	for _, first := range []int{0, 1} {
		for _, byHandle := range []bool{true, false} {
			domain := s.domain()
			both := [2]providers.Challenge{s.challenge(domain), s.challenge(domain)}
			handles := [2]providers.Handle{s.present(both[0]), s.present(both[1])}
			if !byHandle {
				handles = [2]providers.Handle{}
			}
			second := 1 - first
			s.cleanUp(both[first], handles[first])
			s.holds(both[second].FQDN, both[second].Value)
			s.cleanUp(both[second], handles[second])
			s.holds(both[second].FQDN)
		}
	}
}

// othersStay has another program's records at the name: one from before, one from between Present and CleanUp.
func othersStay(s *subject) {
	for _, byHandle := range []bool{true, false} {
		domain := s.domain()
		c := s.challenge(domain)
		before := s.neighbour(domain)
		h := s.present(c)
		s.holds(c.FQDN, before, c.Value)
		between := s.neighbour(domain)
		if !byHandle {
			h = ""
		}
		s.cleanUp(c, h)
		s.holds(c.FQDN, before, between)
	}
}

// othersComeAndGo has values beside one that is waited for all the while, as the certificates of several programs have.
func othersComeAndGo(s *subject) {
	domain := s.domain()
	kept := s.challenge(domain)
	h := s.present(kept)
	for range 3 {
		other := s.challenge(domain)
		left := s.present(other)
		s.holds(kept.FQDN, kept.Value, other.Value)
		s.another().cleanUp(other, left)
		s.holds(kept.FQDN, kept.Value)
	}
	s.another().present(kept)
	s.holds(kept.FQDN, kept.Value)
	s.cleanUp(kept, h)
	s.deleted(kept)
}

func presentTwice(s *subject) {
	for _, second := range []*subject{s, s.another()} {
		c := s.challenge(s.domain())
		s.present(c)
		h := second.present(c)
		s.holds(c.FQDN, c.Value)
		if !s.Rolling {
			s.cleanUp(c, h)
			s.holds(c.FQDN)
		}
	}
}

func cleanUpTwice(s *subject) {
	c := s.challenge(s.domain())
	h := s.present(c)
	s.cleanUp(c, h)
	s.cleanUp(c, h)
	s.cleanUp(c, "")
	s.another().cleanUp(c, h)
}

func cleanUpUnpresented(s *subject) {
	domain := s.domain()
	s.cleanUp(s.challenge(domain), "")
	there := s.challenge(domain)
	s.present(there)
	s.cleanUp(s.challenge(domain), "")
	s.holds(there.FQDN, there.Value)
}

// cleanUpWithoutHandle surrounds one record with records that are nearly equal to it, and asks for the deletion of values
// that are nearly there.
func cleanUpWithoutHandle(s *subject) {
	domain := s.domain()
	c, sibling := s.challenge(domain), s.challenge(domain)
	elsewhere := s.challenge(s.domain())
	elsewhere.Value, elsewhere.Token, elsewhere.KeyAuth = c.Value, c.Token, c.KeyAuth
	for _, each := range []providers.Challenge{c, sibling, elsewhere} {
		s.present(each)
	}
	v := c.Value
	nearly := []string{v[:42], v[1:], v + "A", swapCase(v)}
	if !s.Live { // what a provider might take for everything
		nearly = append(nearly, "", v[:1], v+" ", `"`+v+`"`, "*", ".*", "%")
	}
	for _, near := range nearly {
		other := c
		other.Value, other.Token, other.KeyAuth = near, "", ""
		_ = s.tryCleanUp(s.Context(), other, "") // refused or nothing to do
		s.holds(c.FQDN, v, sibling.Value)
	}
	s.another().cleanUp(c, "")
	s.holds(c.FQDN, sibling.Value)
	s.holds(elsewhere.FQDN, v)
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		if 'A' <= r && r <= 'Z' {
			return r - 'A' + 'a'
		}
		return r
	}, s)
}

// letterCase calls with names in upper case, which a provider may refuse, but not take for other names (RFC 4343).
func letterCase(s *subject) {
	spellings := func() (lower, upper providers.Challenge) {
		lower = s.challenge(s.domain())
		upper = lower
		upper.FQDN = strings.ToUpper(lower.FQDN)
		return lower, upper
	}
	lower, upper := spellings()
	if _, err := s.tryPresent(s.Context(), upper); err != nil {
		s.holds(lower.FQDN)
	}
	s.present(lower)
	s.holds(lower.FQDN, lower.Value)
	s.cleanUp(lower, "")
	s.holds(lower.FQDN)

	lower, upper = spellings()
	s.present(lower)
	if err := s.tryCleanUp(s.Context(), upper, ""); err != nil {
		s.holds(lower.FQDN, lower.Value)
		s.cleanUp(lower, "")
	}
	s.holds(lower.FQDN)
}

func certbotChallenge(s *subject) {
	c := s.challenge(s.domain())
	c.Token, c.KeyAuth = "", ""
	h := s.present(c)
	s.holds(c.FQDN, c.Value)
	s.cleanUp(c, h)
}
