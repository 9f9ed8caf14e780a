package plugin

import (
	"regexp"
	"strings"

	"wildcard/providers"
)

var (
	fqdnForm  = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+$`)
	valueForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
)

// checkChallenge refuses whatever a shell script could misunderstand, and returns the record's name.
func checkChallenge(c providers.Challenge) (string, error) {
	fqdn := providers.CanonicalName(c.FQDN)
	if !fqdnForm.MatchString(fqdn) || len(fqdn) > 254 || !valueForm.MatchString(c.Value) {
		return "", providers.Errorf(providers.CodeBadChallenge, providers.Usage, "TXT %s: not a challenge's name and value", providers.Excerpt(c.FQDN))
	}
	return fqdn, nil
}

// inZone refuses names outside of the spec's zone.
func inZone(spec providers.Spec, fqdn string) error {
	if !providers.InZone(fqdn, spec.Zone) {
		return providers.Errorf(providers.CodeNoZone, providers.Misconfigured, "%s does not lie in %s, the zone of the spec", fqdn, strings.TrimSuffix(spec.Zone, "."))
	}
	return nil
}
