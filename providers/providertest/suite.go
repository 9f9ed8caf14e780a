// Package providertest is the conformance suite for [providers.Provider]: what every DNS service that wildcard writes to
// has to do, whoever wrote the code for it. A provider's own test calls [Run] once, with a fake of the service or with an
// account at the service itself:
//
//	providertest.Run(t, providertest.Config{
//		Zone:    "example.com.",
//		Open:    func(t testing.TB) providers.Provider { return open(t, service) },
//		Records: func(t testing.TB, fqdn string) []string { return service.TXT(fqdn) },
//	})
//
// Each check is named after the rule it checks; the rules are those of package providers. cert-manager's two conformance
// checks are among them: "present adds the value" with "clean up removes it" is its basic one, "two values share a name"
// with "deleting one keeps the other" its extended one.
//
// # Decisions
//
// A suite that cannot see the records would pass a provider that does nothing, so [Config.Records] is required. All else
// that a service may be unable to do, or its test unable to arrange, is a field of [Config] that says so; what it rules
// out is left out, not skipped.
//
// Names are new in every run and removed at its end, also after a failure, so a run at a real account does no harm: it
// writes below Zone, and once each at Zone's own challenge name.
//
// A provider may refuse what no ACME client would ask for, such as a value that is no digest. It may not store something
// else instead.
//
// The suite's own tests run every check against a provider that breaks the rule, since a check that cannot fail checks
// nothing.
package providertest

import (
	"testing"
	"time"

	"wildcard/providers"
)

// Config is a provider under test and the service behind it.
type Config struct {
	// Open returns a new instance for the same account at each call, as another process would have it. The suite closes
	// it if it is a [providers.Closer]. Required.
	Open func(t testing.TB) providers.Provider

	// Records returns the TXT values at a name as the service holds them now, in any order, without the quotes of
	// presentation format; none for a name outside the account's zones. Required.
	Records func(t testing.TB, fqdn string) []string

	// Zone is a zone that the account holds. Required.
	Zone string

	// Foreign puts a TXT record of somebody else at a name, behind the provider's back, and returns what removes it. If
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

	// Rolling is set for services that hold the one name Zone and keep the newest two values there, deleting nothing, as
	// acme-dns does.
	Rolling bool

	// Patience is how long a call may go on after its context has ended; 0 means 30 s.
	Patience time.Duration
}

// Run checks a provider against the contract, one subtest per rule.
func Run(t *testing.T, c Config) {
	t.Helper()
	c.validate(t)
	for _, check := range checks() {
		if c.allows(check.needs) {
			t.Run(check.name, func(t *testing.T) { check.run(start(t, c)) })
		}
	}
}

func (c Config) validate(t testing.TB) {
	t.Helper()
	if c.Open == nil || c.Records == nil || c.Zone == "" {
		t.Fatal("providertest: Config needs Open, Records and Zone")
	}
}

// check is one rule and the way to find out whether a provider keeps it.
type check struct {
	name  string
	needs need
	run   func(*subject)
}

// need is what a check asks of the service or of the test that brings it.
type need uint

const (
	ordinary  need = 1 << iota // holds many names with many values, and deletes
	valueOnly                  // takes challenges without ACME inputs
	stall                      // can be made silent
	loseReply                  // can be made to lose a reply
)

func (c Config) allows(n need) bool {
	lacks := map[need]bool{ordinary: c.Rolling, valueOnly: c.NeedsKeyAuth, stall: c.Stall == nil, loseReply: c.LoseReply == nil}
	for each, lacking := range lacks {
		if n&each != 0 && lacking {
			return false
		}
	}
	return true
}

func checks() []check {
	return []check{
		{"zones are canonical and hold the zone", 0, zonesAreCanonical},
		{"present adds the value", 0, presentAdds},
		{"clean up removes it", ordinary, cleanUpRemoves},
		{"two values share a name", 0, twoValuesShare},
		{"deleting one keeps the other", ordinary, deletingOneKeepsOther},
		{"records of others stay", ordinary, othersStay},
		{"present twice leaves one", 0, presentTwice},
		{"clean up twice succeeds", 0, cleanUpTwice},
		{"clean up of what was never presented succeeds", 0, cleanUpUnpresented},
		{"clean up without handle goes by name, type and value", ordinary, cleanUpWithoutHandle},
		{"letter case of names does not matter", ordinary, letterCase},
		{"certbot's challenges have a value only", valueOnly, certbotChallenge},
		{"a value may begin with a hyphen", 0, hyphenValue},
		{"hostile values are refused or stored exactly", ordinary, hostileValues},
		{"names outside the zones are refused", 0, outsideZones},
		{"handles are short and printable", 0, handleForm},
		{"handles work in another process", ordinary, handleElsewhere},
		{"mangled handles delete nothing else", ordinary, mangledHandles},
		{"twenty names at once", ordinary, twentyNames},
		{"twenty values at once", ordinary, twentyValues},
		{"present and clean up at once", ordinary, presentAndCleanUp},
		{"an ended context ends the call", 0, endedContext},
		{"a call cancelled on the way leaves nothing", ordinary, cancelledOnTheWay},
		{"a silent service does not outlast the deadline", ordinary | stall, silentService},
		{"a lost reply makes no second record", ordinary | loseReply, lostReply},
	}
}
