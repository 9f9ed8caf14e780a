package plugin

import (
	"regexp"
	"strings"

	"wildcard/providers"
)

var (
	valueForm   = regexp.MustCompile(`^[A-Za-z0-9_-]*$`)
	persistForm = regexp.MustCompile(`^[A-Za-z0-9_.:;=/~%+-]*$`) // of a record that stays: names and a URL
)

// checkChallenge refuses whatever a shell script could misunderstand, and returns the record's name.
func checkChallenge(c providers.Challenge) (string, error) {
	fqdn, err := providers.ParseRecord(c)
	form := valueForm
	if strings.HasPrefix(fqdn, providers.PersistLabel+".") {
		form = persistForm
	}
	if err == nil && !form.MatchString(c.Value) {
		err = providers.Errorf(providers.CodeBadChallenge, providers.Usage, "%s: the value is not that of a challenge", fqdn)
	}
	if err != nil {
		return "", providers.Errorf(providers.CodeOf(err), providers.ClassOf(err), "TXT %w", err)
	}
	return fqdn, nil
}

// computable refuses what a plugin that works out the record itself, as an ACME client would, comes to another result for: it
// knows no CNAME.
func computable(c providers.Challenge, fqdn string) error {
	if c.KeyAuth == "" {
		return providers.Errorf(providers.CodeBadChallenge, providers.Usage,
			"it needs the key authorization, which certbot does not tell")
	}
	if !strings.HasPrefix(fqdn, providers.ChallengeLabel+".") {
		return providers.Errorf(providers.CodeCNAME, providers.Misconfigured,
			"the record is to be there, and it knows only names that begin with %s", providers.ChallengeLabel)
	}
	return nil
}

// inZone refuses names outside of the spec's zone.
func inZone(spec providers.Spec, fqdn string) error {
	if !providers.InZone(fqdn, spec.Zone) {
		return providers.Errorf(providers.CodeNoZone, providers.Misconfigured, "%s does not lie in %s, the zone of the spec",
			fqdn, strings.TrimSuffix(spec.Zone, "."))
	}
	return nil
}
