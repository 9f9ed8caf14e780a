// Package conformancetest runs the conformance suite for [providers.Provider] (package conformance) as tests: what every DNS
// service that wildcard writes to has to do, by whom its code may be. A provider's own test calls [Run] once, with a fake
// of the service or with an account at the service itself:
//
//	providertest.Run(t, providertest.Config{
//		Zone:    "example.com.",
//		Open:    func(t testing.TB) providers.Provider { return open(t, service) },
//		Records: func(t testing.TB, fqdn string) []string { return service.TXT(fqdn) },
//	})
//
// The checks and the decisions behind them are in package conformance, which does not need package testing, so that a program
// can run them too.
package conformancetest

import (
	"testing"
	"time"

	"wildcard/providers"
	"wildcard/providers/conformance"
)

// Config is a provider under test and the service behind it. Each field is that of [conformance.Config], where a test stands for
// the Reporter.
type Config struct {
	// Open returns a new instance for the same account at each call, as another process would have it. The suite closes
	// it if it is a [providers.Closer]. Required.
	Open func(t testing.TB) providers.Provider

	// Records returns the TXT values at a name as the service holds them now, in any order, without the quotes of
	// presentation format; none for a name outside the account's zones. Required.
	Records func(t testing.TB, fqdn string) []string

	// Zone is a zone that the account holds. Required.
	Zone string

	// Foreign puts another program's TXT record at a name, behind the provider's back, and returns what removes it. If
	// nil, records of another instance stand in.
	Foreign func(t testing.TB, fqdn, value string) (remove func())

	// Stall makes the service take requests and not answer, until resume is called. If nil, providers are not tested with
	// a silent service.
	Stall func(t testing.TB) (resume func())

	// LoseReply makes the service carry out the next creation and lose the reply. If nil, providers are not tested with
	// lost replies.
	LoseReply func(t testing.TB)

	// NeedsKeyAuth is set for providers that compute the value from the key authorization themselves, as lego's do. They
	// cannot serve certbot, and only they may refuse a challenge without ACME inputs.
	NeedsKeyAuth bool

	// Rolling is set for services that hold the one name Zone and two values there, deleting nothing, as acme-dns does: a new
	// value takes the place of one that was cleaned up.
	Rolling bool

	// OneValue is set for services that hold one value at a name and put a new one in its place, as some of lego's do. Their
	// providers have to refuse the second. They cannot serve a certificate for example.com and *.example.com.
	OneValue bool

	// Grace is how long a call may go on after its context has ended; 0 means 30 s.
	Grace time.Duration
}

// Run checks a provider against the contract, one subtest per rule.
func Run(t *testing.T, c Config) {
	t.Helper()
	checks, err := c.suite().Checks()
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range checks {
		t.Run(string(check.Name), func(t *testing.T) { check.Run(t) })
	}
}

// suite is c for the suite, whose reporters are the tests that Run makes.
func (c Config) suite() conformance.Config {
	s := conformance.Config{Zone: c.Zone, NeedsKeyAuth: c.NeedsKeyAuth, Rolling: c.Rolling, OneValue: c.OneValue,
		Grace: c.Grace}
	if c.Open != nil {
		s.Open = func(r conformance.Reporter) providers.Provider { return c.Open(r.(testing.TB)) }
	}
	if c.Records != nil {
		s.Records = func(r conformance.Reporter, fqdn string) []string { return c.Records(r.(testing.TB), fqdn) }
	}
	if c.Foreign != nil {
		s.Foreign = func(r conformance.Reporter, fqdn, value string) func() { return c.Foreign(r.(testing.TB), fqdn, value) }
	}
	if c.Stall != nil {
		s.Stall = func(r conformance.Reporter) func() { return c.Stall(r.(testing.TB)) }
	}
	if c.LoseReply != nil {
		s.LoseReply = func(r conformance.Reporter) { c.LoseReply(r.(testing.TB)) }
	}
	return s
}
