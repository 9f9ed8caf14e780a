package providers

import (
	"regexp"
	"strings"
)

var ownerForm = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+$`)

// ParseOwner checks a name that a record may have, and returns it in canonical form: labels of letters, digits, underscores and
// inner hyphens, of at most 63 octets, and no more than 253 octets in all (RFC 1035 §2.3.4). It is for names that are found
// in the DNS or at a service, which are freer than those of [ParseDomain]; what could be read as a pattern, a path or more
// than one name is refused.
func ParseOwner(s string) (string, error) {
	name := CanonicalName(s)
	if len(name) > 254 || !ownerForm.MatchString(name) {
		return "", Errorf(CodeBadChallenge, Usage, "%s is not the name of a record", Excerpt(s))
	}
	return name, nil
}

// ParseRecord checks the TXT record of a challenge before a provider writes or deletes it, and returns its owner in canonical
// form. It refuses what could match other records than the challenge's own: an owner that [ParseOwner] refuses, and a value
// that is not written the same in every notation, that is, anything but one string of printable ASCII without blanks,
// quotes and backslashes. A zone that does not hold the owner is refused, too.
func ParseRecord(c Challenge) (fqdn string, err error) {
	if fqdn, err = ParseOwner(c.FQDN); err != nil {
		return "", err
	}
	if c.Zone != "" && !InZone(fqdn, c.Zone) {
		return "", Errorf(CodeBadChallenge, Usage, "%s: it does not lie in the zone %s", fqdn, Excerpt(c.Zone))
	}
	if c.Value == "" || len(c.Value) > 255 || strings.ContainsFunc(c.Value, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
		return "", Errorf(CodeBadChallenge, Usage, "%s: the value is not that of a challenge", fqdn)
	}
	return fqdn, nil
}
