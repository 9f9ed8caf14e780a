package conformance

import (
	"crypto/rand"
	"slices"
	"strings"

	"wildcard/providers"
)

// hyphenValue has a value that a program would take for an option. One in 64 values of real challenges begins so.
func hyphenValue(s *subject) {
	domain := s.domain()
	c := s.challenge(domain)
	for !strings.HasPrefix(c.Value, "-") {
		c = s.challenge(domain)
	}
	h := s.present(c)
	s.holds(c.FQDN, c.Value)
	s.cleanUp(c, h)
	s.deleted(c)
}

func hostileValues(s *subject) {
	domain := s.domain()
	ours := s.challenge(domain)
	s.present(ours)
	for _, value := range []string{
		"", " ", `"`, `"quoted"`, `it's`, `back\slash`, `\034`, `a;b`, `a b`, " leading", "trailing ", "new\nline", "\r\n", "tab\t",
		"nul\x00", "$(touch x)", "`x`", "%s%n", "<&>", "{}", "null", "日本", "\xff\xfe", "v=spf1 -all", ours.Value + `" "` + ours.Value,
		strings.Repeat("x", 255), strings.Repeat("x", 300), strings.Repeat("y", 70_000),
	} {
		c := providers.Challenge{Domain: ours.Domain, FQDN: ours.FQDN, Zone: ours.Zone, Value: value}
		h, err := s.tryPresent(s.Context(), c)
		if err != nil {
			s.holds(ours.FQDN, ours.Value)
			_ = s.tryCleanUp(s.Context(), c, h) // may refuse, too
		} else {
			s.holds(ours.FQDN, ours.Value, value)
			s.cleanUp(c, h)
		}
		s.holds(ours.FQDN, ours.Value)
	}
}

// outsideZones has names that only look as if they were in the zone.
func outsideZones(s *subject) {
	zone := strings.TrimSuffix(s.Zone, ".")
	label := strings.ToLower(rand.Text()[:12])
	for _, domain := range []string{label + ".invalid", label + zone, zone + "." + label + ".invalid"} {
		c := s.challenge(domain)
		c.FQDN = providers.ChallengeName(domain)
		before := s.inZone()
		if _, err := s.tryPresent(s.Context(), c); err == nil {
			s.Errorf("Present at %s succeeded, though the account's zone is %s", c.FQDN, s.Zone)
		}
		if have := s.Records(s.Reporter, c.FQDN); len(have) > 0 {
			s.Errorf("%s holds %q, though the account's zone is %s", c.FQDN, have, s.Zone)
		}
		if after := s.inZone(); !slices.Equal(before, after) {
			s.Errorf("Present at %s changed what %s holds from %q to %q", c.FQDN, s.Zone, before, after)
		}
	}
}

// inZone is what the zone holds where a name that was cut or extended wrongly would end up.
func (s *subject) inZone() []string {
	have := slices.Concat(s.Records(s.Reporter, s.Zone), s.Records(s.Reporter, providers.ChallengeLabel+"."+s.Zone))
	slices.Sort(have)
	return have
}
