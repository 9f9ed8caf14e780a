package conformance

import (
	"strings"

	"wildcard/providers"
)

func handleForm(s *subject) {
	h := string(s.present(s.challenge(s.domain())))
	if len(h) > 512 {
		s.Errorf("handle of %d bytes, want at most 512: %.80q…", len(h), h)
	}
	if strings.ContainsFunc(h, func(r rune) bool { return r <= ' ' || r > '~' }) {
		s.Errorf("handle %q has something else than printable ASCII without spaces", h)
	}
}

// handleElsewhere deletes the older of two equal-looking records from another process, by handle.
func handleElsewhere(s *subject) {
	domain := s.domain()
	first, second := s.challenge(domain), s.challenge(domain)
	h := s.present(first)
	s.present(second)
	s.another().cleanUp(first, h)
	s.holds(first.FQDN, second.Value)
}

// mangledHandles come from damaged journals, edited logs and hostile environments (CERTBOT_AUTH_OUTPUT).
func mangledHandles(s *subject) {
	domain := s.domain()
	c, sibling, elsewhere := s.challenge(domain), s.challenge(domain), s.challenge(s.domain())
	h := s.present(c)
	s.present(sibling)
	s.present(elsewhere)
	neighbour := s.neighbour(domain)
	for _, mangled := range mangle(h) {
		_ = s.tryCleanUp(s.Context(), c, mangled) // refused, or taken as no handle at all
		if left := s.Records(s.Reporter, c.FQDN); len(left) == 2 {
			s.present(c) // as no handle at all
		}
		s.holds(c.FQDN, c.Value, sibling.Value, neighbour)
		s.holds(elsewhere.FQDN, elsewhere.Value)
	}
}

func mangle(h providers.Handle) []providers.Handle {
	handles := []providers.Handle{
		"garbage", "../x", "../../zones/1?x=", "/", "//", ".", "..", "*", "%", "%2e%2e%2f", "?x=", "#", "null", "{}", "[]",
		"'OR'1'='1", "-rf", "a b", "one\ntwo", "\x00", "\xff", "レコード", providers.Handle(strings.Repeat("x", 70_000)),
		"00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000/00000000-0000-0000-0000-000000000000",
		"other:/zones/1/records/1",
	}
	if h != "" {
		zone, record, _ := strings.Cut(string(h), "/")
		handles = append(handles, h[:len(h)/2], h[:len(h)-1], h+"x", h+"/..", h+"/", "/"+h, h+"?x=", h+h,
			providers.Handle(zone+"/"), providers.Handle(record+"/"+zone))
	}
	return handles
}
