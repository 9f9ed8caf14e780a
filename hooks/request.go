package hooks

import (
	"strconv"
	"strings"

	"wildcard/internal/dns01/journal"
	"wildcard/internal/fault"
	"wildcard/internal/system/environ"
	"wildcard/providers"
)

// request is what certbot asks of a hook, from the variables it sets. Nothing in it is trusted before it has been parsed.
type request struct {
	Domain     string // without "*.", ASCII, lower case
	Value      string // contents of the TXT record
	Remaining  int    // challenges still to come after this one; 0 for the last, and before certbot 1.4, which did not say
	Names      string // all of certbot's order, separated by commas; "" before certbot 1.4 and where it is not said
	AuthOutput string // the receipt, for the cleanup hook; certbot leaks an old one into later auth calls
}

// parseRequest reads the variables of certbot 1.4 and later and, where set, their names since 5.3.
func parseRequest(environment []string) (request, error) {
	var r request
	env := environ.Map(environment)
	if _, http := env["CERTBOT_TOKEN"]; http {
		return r, fault.Errorf(fault.CodeBadChallenge, fault.Usage,
			"certbot asked for an HTTP-01 challenge, which this hook cannot answer: add --preferred-challenges dns to the certbot command")
	}
	domain, ok := env["CERTBOT_IDENTIFIER"]
	if !ok {
		domain, ok = env["CERTBOT_DOMAIN"]
	}
	value, hasValue := env["CERTBOT_VALIDATION"]
	if !ok || !hasValue {
		return r, fault.Errorf(fault.CodeUsage, fault.Usage,
			"CERTBOT_DOMAIN and CERTBOT_VALIDATION are not both set: certbot runs this program, as its --manual-auth-hook or --manual-cleanup-hook; for a certificate without certbot run wildcard issue")
	}
	var err error
	if r.Domain, err = providers.ParseDomain(domain); err != nil {
		return r, err
	}
	if r.Value, err = providers.ParseValue(value); err != nil {
		return r, err
	}
	if s, ok := env["CERTBOT_REMAINING_CHALLENGES"]; ok && s != "" {
		r.Remaining, err = strconv.Atoi(s)
		if err != nil || r.Remaining < 0 {
			return r, fault.Errorf(fault.CodeUsage, fault.Usage, "CERTBOT_REMAINING_CHALLENGES is %s, not a count",
				fault.Excerpt(s))
		}
	}
	r.AuthOutput, r.Names = env["CERTBOT_AUTH_OUTPUT"], env["CERTBOT_ALL_DOMAINS"]
	return r, nil
}

// wants reports whether this or another call of certbot's round may want an entry's record: it is at one of the order's names. To a
// certbot that was killed and runs again a CA like Let's Encrypt gives the same order back, with the same values.
func (r request) wants(e journal.Entry) bool {
	if e.Domain == r.Domain {
		return true
	}
	for name := range strings.SplitSeq(r.Names, ",") {
		if strings.TrimPrefix(providers.CanonicalName(name), "*.") == e.Domain+"." {
			return true
		}
	}
	return false
}

// challengeName is the owner of the TXT record before any CNAME is followed (RFC 8555 §8.4).
func (r request) challengeName() string {
	return providers.ChallengeName(r.Domain)
}

// challenge is the request as a provider sees it, with the record at fqdn.
func (r request) challenge(fqdn string) providers.Challenge {
	return providers.Challenge{Domain: r.Domain, FQDN: fqdn, Value: r.Value}
}
