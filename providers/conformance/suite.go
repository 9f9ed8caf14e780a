// Package conformance has the checks of the contract of [providers.Provider]: what every DNS service that wildcard writes to
// has to do, by whom its code may be. There are two doors to them: package conformancetest runs them as tests, with a fake of
// the service most often, and package live at a real
// service, in a zone that is in use ("wildcard providers test").
//
// Each check is named after the rule it checks; the rules are those of package providers. cert-manager's two conformance
// checks are among them: "present adds the value" with "clean up removes it" is its basic one, "two values share a name"
// with "deleting one keeps the other" its extended one.
//
// # Decisions
//
// A suite that cannot see the records would pass a provider that does nothing, so [Config.Records] is required. All else
// that a service may be unable to do, or who brings it unable to arrange, is a field of [Config] that says so; what it rules
// out is left out, not skipped.
//
// Names are new in every run and removed at its end, also after a failure, so a run at a real account does no harm: it
// writes below Zone, and once each at Zone's own challenge name.
//
// In a zone in use ([Config.Live]) it does not even that, and what could do harm if the provider is wrong is left
// out: hostile values, mangled handles, names outside of the zone, and calls that are broken off on the way. These need a
// service of their own.
//
// A provider may refuse what no ACME client would ask for, such as a value that is no digest. It may not store something
// else instead.
//
// The suite's own tests run every check against a provider that breaks the rule, since a check that cannot fail checks
// nothing.
package conformance

import (
	"errors"
	"time"

	"wildcard/providers"
)

// Config is a provider under test and the service behind it.
type Config struct {
	// Open returns a new instance for the same account at each call, as another process would have it. The suite closes
	// it if it is a [providers.Closer]. Required.
	Open func(r Reporter) providers.Provider

	// Records returns the TXT values at a name as the service holds them now, in any order, without the quotes of
	// presentation format; none for a name outside the account's zones. Required.
	Records func(r Reporter, fqdn string) []string

	// Zone is a zone that the account holds. Required.
	Zone string

	// Foreign puts another program's TXT record at a name, behind the provider's back, and returns what removes it. If
	// nil, records of another instance stand in.
	Foreign func(r Reporter, fqdn, value string) (remove func())

	// Stall makes the service take requests and not answer, until resume is called. If nil, providers are not tested with
	// a silent service.
	Stall func(r Reporter) (resume func())

	// Await waits until the values at a name fit at every name server, but not for ever, and returns what there is in the end. If
	// nil, Records says what there is at once.
	Await func(r Reporter, fqdn string, fit func(values []string) bool) []string

	// Live says that Zone is in use, at a real service (package comment).
	Live bool

	// LoseReply makes the service carry out the next creation and lose the reply. If nil, providers are not tested with
	// lost replies.
	LoseReply func(r Reporter)

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

// Check is one rule and the way to find out whether a provider keeps it.
type Check struct {
	Name providers.Text
	Run  func(Reporter)
}

// Checks returns the checks that c allows, in the order in which they are best read.
func (c Config) Checks() ([]Check, error) {
	if c.Open == nil || c.Records == nil || c.Zone == "" {
		return nil, errors.New("conformance: Config needs Open, Records and Zone")
	}
	var allowed []Check
	for _, rule := range rules() {
		if c.allows(rule.needs) {
			allowed = append(allowed, Check{rule.name, func(r Reporter) { rule.check(start(r, c)) }})
		}
	}
	return allowed, nil
}

// rule is a check and what it takes.
type rule struct {
	name  providers.Text
	needs need
	check func(*subject)
}

// need is what a check asks of the service or of its test.
type need uint

const (
	ordinary  need = 1 << iota // holds many names with many values, and deletes
	valueOnly                  // takes challenges without ACME inputs
	stall                      // can be made silent
	loseReply                  // can be made to lose a reply
	own                        // is a test's own: it may come to harm
	several                    // holds several values at a name
	single                     // holds one
)

func (c Config) allows(n need) bool {
	lacks := map[need]bool{ordinary: c.Rolling, valueOnly: c.NeedsKeyAuth, stall: c.Stall == nil,
		loseReply: c.LoseReply == nil, own: c.Live, several: c.OneValue, single: !c.OneValue}
	for each, lacking := range lacks {
		if n&each != 0 && lacking {
			return false
		}
	}
	return true
}

func rules() []rule {
	return []rule{
		{"zones are canonical and hold the zone", 0, zonesAreCanonical},
		{"present adds the value", 0, presentAdds},
		{"clean up removes it", ordinary, cleanUpRemoves},
		{"two values share a name", several, twoValuesShare},
		{"a second value is refused and does not replace the first", single, secondRefused},
		{"deleting one keeps the other", ordinary | several, deletingOneKeepsOther},
		{"records of others stay", ordinary | several, othersStay},
		{"a value stays while others come and go", several, othersComeAndGo},
		{"present twice leaves one", 0, presentTwice},
		{"clean up twice succeeds", 0, cleanUpTwice},
		{"clean up of what was never presented succeeds", 0, cleanUpUnpresented},
		{"clean up without handle goes by name, type and value", ordinary | several, cleanUpWithoutHandle},
		{"letter case of names does not matter", ordinary, letterCase},
		{"certbot's challenges have a value only", valueOnly, certbotChallenge},
		{"a value may begin with a hyphen", 0, hyphenValue},
		{"hostile values are refused or stored exactly", ordinary | own, hostileValues},
		{"names outside the zones are refused", own, outsideZones},
		{"handles are short and printable", 0, handleForm},
		{"handles work in another process", ordinary | several, handleElsewhere},
		{"mangled handles delete nothing else", ordinary | several | own, mangledHandles},
		{"many names at once", ordinary, manyNames},
		{"many values at once", ordinary | several, manyValues},
		{"present and clean up at once", ordinary | several, presentAndCleanUp},
		{"an ended context ends the call", 0, endedContext},
		{"a call cancelled on the way leaves nothing", ordinary | own, cancelledOnTheWay},
		{"a silent service does not outlast the deadline", stall | own, silentService},
		{"a lost reply makes no second record", ordinary | loseReply | own, lostReply},
		{"a lost reply takes nothing away", several | loseReply | own, lostReplyBeside},
	}
}
