// Package providers is the contract between wildcard and the services that publish DNS records: what a service must be
// able to do ([Provider]), what it may do besides ([Zones], [DelegationChecker], [Closer]), how a user names one
// ([Spec]), and how the right one is found for a name ([Router]).
//
// It imports the standard library only, so that a provider can be written without taking on our dependencies; a test
// keeps it so. The rules below are checked, for every provider we ship, by the suite in providers/conformance, which
// providers/conformance/conformancetest runs as tests and providers/conformance/live at a real service.
//
//  1. Present adds; it never replaces another value at the name, since example.com and *.example.com share one.
//  2. Present twice with one value leaves one record. After an ambiguous failure it looks first, then creates; there is no
//     blind second POST.
//  3. CleanUp removes what the handle names; with an empty handle, only records equal in name and type and value. That a
//     record is not there any more is success. Nothing is ever deleted by name alone.
//  4. Both honour the context and may run concurrently. Callers give CleanUp a context that outlives the work
//     ([context.WithoutCancel]) and a deadline.
//
// A call is about one record; the callers make several at once (createsPerZone of internal/issuance; all, for a [Gatherer]), but
// certbot's hooks, which know one. A service that takes many records in one request collects the calls that are under way, as
// providers/manual does (gatherer.go). What a provider can do besides is found by a type assertion on [Account.Provider].
package providers

import (
	"context"
	"time"
)

// Challenge is one DNS-01 challenge (RFC 8555 §8.4): the TXT record that proves control of a name.
type Challenge struct {
	// Domain is the name on the certificate without "*.": ASCII (A-labels), lower case, no trailing dot.
	Domain string
	// FQDN owns the TXT record: "_acme-challenge." + Domain, or where a CNAME there leads; lower case, trailing dot.
	FQDN string
	// Zone is the account's zone that holds FQDN, canonical, as [Router] found it: one that the account lists ([Zones]), or the
	// ZONE= of its spec, which is the widest zone that may be written in. Who calls a provider sets it, and the provider looks
	// for no zone then, unless the service refuses this one. It is "" if the caller does not know it.
	Zone string
	// Value is the exact contents of the TXT record, 43 characters of base64url.
	Value string

	// Token and KeyAuth are the ACME inputs of Value, for services that compute it themselves. They are empty when
	// certbot is the ACME client, which hands its hooks nothing but the value.
	Token, KeyAuth string
}

// Handle names one record that Present made, well enough for CleanUp to delete that record and no other, also in another
// process: one line of printable ASCII without spaces, at most 512 bytes, no secret. The journal and certbot's logs
// keep it. Empty means unknown.
type Handle string

// Provider publishes and removes the TXT records of challenges at one DNS service, with one credential. The package
// comment has the rules.
type Provider interface {
	// Present makes c.Value one of the values of the TXT record set at c.FQDN and returns the record's handle. It returns
	// when the service has accepted the record, which says nothing about publication on the name servers. An error after which
	// certainly no record is there or can still come is marked by [Unmade].
	Present(ctx context.Context, c Challenge) (Handle, error)

	// CleanUp removes the record h that Present returned for c.
	CleanUp(ctx context.Context, c Challenge, h Handle) error
}

// Zones is implemented by providers that can list the zones their account holds, which is what [Router] goes by.
type Zones interface {
	// Zones returns the names of all the account's zones: ASCII, lower case, trailing dot, in any order. With fresh set,
	// a list kept from an earlier call or process is not used.
	Zones(ctx context.Context, fresh bool) ([]string, error)
}

// CNAMETargets is implemented by providers whose zones are single names of the service's, no zones in the DNS, each made for the
// challenges of one domain, which come to it through a CNAME (acme-dns). What Zones lists are these names: nothing is
// written below them.
type CNAMETargets interface {
	Zones
	// CNAMETarget returns the name to which the CNAME at the challenge's name of domain has to lead, canonical; "" if there is none
	// yet. With register set, one is registered at the service then.
	CNAMETarget(ctx context.Context, domain string, register bool) (string, error)
}

// DelegationChecker is implemented by providers that know which name servers publish a zone of theirs.
type DelegationChecker interface {
	// CheckDelegation returns nil if at least one of nameServers, the host names to which the parent zone delegates zone,
	// is one of the service's own, and otherwise an error of [CodeDelegatedElsewhere] that shows both sets: what is
	// written to this account would never be seen.
	CheckDelegation(ctx context.Context, zone string, nameServers []string) error
}

// NameServers is implemented by providers that know which name servers publish a zone of theirs.
type NameServers interface {
	// NameServers returns their host names, as the NS records of the account's zone have them.
	NameServers(ctx context.Context, zone string) ([]string, error)
}

// Limited is implemented by providers whose service takes only so many values at one name.
type Limited interface {
	// MostValues is how many; 0 if that is not known.
	MostValues() int
}

// Origin is implemented by providers that write to one server, which shows a change at once to those who have the credential.
type Origin interface {
	// Origin asks the server that is written to what it holds at fqdn, and about the zone that holds fqdn there.
	Origin(ctx context.Context, fqdn string) (OriginView, error)
}

// OriginView is what the server that is written to holds.
type OriginView struct {
	Server      string   // ip:port that the answer came from
	Texts       []string // values of the TXT records at the name
	Zone        string   // canonical name of the zone that holds the name
	NameServers []string // hosts of the zone's NS records
	Primary     string   // MNAME of the zone's SOA record
	Mail        string   // its RNAME
	Serial      uint32   // its SERIAL
	Signed      bool     // the zone has DNSSEC signatures there
}

// ValueComputer is implemented by providers that may work out a challenge's value themselves, as lego's do.
type ValueComputer interface {
	// NeedsKeyAuth reports whether challenges need their ACME inputs. Such a provider cannot serve certbot.
	NeedsKeyAuth() bool
}

// LongestWait is implemented by providers whose settings say how long publication may take.
type LongestWait interface {
	// LongestWait is the longest wait for publication; 0 leaves it to the caller.
	LongestWait() time.Duration
}

// Gatherer is implemented by providers that make one of many calls, so that more at once are no burden: a run makes all.
type Gatherer interface {
	// Gathers reports whether it does.
	Gathers() bool
}

// Closer is implemented by providers that hold something for the length of a run: a child process, connections.
type Closer interface {
	Close() error
}
