package main

import (
	"fmt"
	"strings"

	"github.com/go-acme/lego/v4/challenge/dns01"

	"wildcard/providers"
	"wildcard/providers/plugin"
)

// call is what lego's services are called with, and the record that comes of it.
type call struct {
	domain, token, keyAuth string
	record                 record
}

// record is a TXT record.
type record struct{ fqdn, value string }

// checked refuses requests of which lego would make another record than is asked for.
func checked(r plugin.Request) (call, *plugin.Failure) {
	refuse := func(class, format string, args ...any) (call, *plugin.Failure) {
		return call{}, &plugin.Failure{Class: class, Message: fmt.Sprintf(format, args...)}
	}
	fqdn := providers.CanonicalName(r.FQDN)
	domain, ok := strings.CutPrefix(strings.TrimSuffix(fqdn, "."), providers.ChallengeLabel+".")
	switch {
	case !ok:
		return refuse("misconfigured", "the record is to be at %s, and lego knows only names that begin with %s", fqdn,
			providers.ChallengeLabel)
	case r.Zone == "" || !providers.InZone(fqdn, providers.CanonicalName(r.Zone)):
		return refuse("usage", "%s does not lie in a zone that the request names", fqdn)
	case r.KeyAuthorization == "":
		return refuse("usage", "there is no key authorization, from which lego makes the value; remove the TXT record %s by hand", fqdn)
	}
	c := call{domain: domain, token: r.Token, keyAuth: r.KeyAuthorization, record: record{fqdn, r.Value}}
	if info := dns01.GetChallengeInfo(domain, c.keyAuth); info.EffectiveFQDN != fqdn || info.Value != r.Value {
		return refuse("usage", "lego would make a TXT record %s with %s, and not what is asked for", info.EffectiveFQDN,
			info.Value)
	}
	return c, nil
}
