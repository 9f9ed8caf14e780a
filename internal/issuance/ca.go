package issuance

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// defaultMemory is how long a CA of which nothing is known remembers an answer: what Let's Encrypt does.
const defaultMemory = 60 * time.Second

// CAFacts is what is known of a CA beside its directory: what it does otherwise than Boulder, and what it says only when
// an order is refused. Of a CA that the table does not have only what its directory says is known.
type CAFacts struct {
	Name      string   // short name that --server takes; "" if it has none
	Company   string   // whose it is, for texts
	Operator  string   // who looks at the DNS: CAs of one operator share resolvers and their memory
	Directory string   // URL; "" if every customer has one of their own
	Staging   string   // URL of the directory for tries; ""
	Hosts     []string // hosts, and all below them, of which other directories are this CA's, too
	Ended     *Ended   // the service has ended; nil

	Wildcards    Offer          // certificates for *.N by ACME
	Names        int            // most names on a certificate; 0 is not known
	ProfileNames map[string]int // the same where a profile has another number
	NamesUnsure  bool           // Names is second-hand: it is said, and nothing is refused for it
	Free         int            // names of a certificate that costs nothing, where more cost; 0: no difference is known
	Binding      Binding        // external account binding (RFC 8555 §7.3.4)
	CAA          []string       // issuer domain names (RFC 8659); caaIdentities of a directory are trusted more
	Reasons      []uint         // CRLReasons that revocation takes; nil is not known

	CoveredRefused bool          // an order with *.N and a name that it covers is refused (400 malformed)
	CommonName     bool          // the CSR must have a common name
	EmailWanted    bool          // a new account needs a contact address
	NoIDN          bool          // names in other scripts (xn--) are refused
	AddsWWW        bool          // www.N stands on a certificate for N
	InPost         bool          // it validates within the answer to a challenge, which is to be answered again after a miss
	NoContact      bool          // the contact of an account is not kept
	NoAccountURL   bool          // an account's URL answers with an error
	Memory         time.Duration // how long its resolvers keep an answer, or its absence, at most
}

// Ended is the end of a CA's service.
type Ended struct {
	When    string // what ended when, as "nothing is issued since 2025-10-31"
	Instead string // a directory of the same company, or ""
}

// Offer is whether a CA does something.
type Offer int

// What is known of it.
const (
	NotKnown Offer = iota // or as the contract says
	Offered
	Paid // with a paid account
	NotOffered
)

// Binding is whether a new account must be bound to one made on the CA's web site.
type Binding int

// What is known of it. The directory of a CA that wants one says so (externalAccountRequired), but for BindingUnsaid.
const (
	BindingNotKnown Binding = iota
	BindingNone
	BindingWanted
	BindingUnsaid // wanted, though the directory has not always said so
)

// MostNames is the most names that a certificate of a profile may have; "" is the default profile, 0 is not known.
func (f CAFacts) MostNames(profile string) int {
	if n, ok := f.ProfileNames[profile]; ok {
		return n
	}
	return f.Names
}

// KnownCA returns what is known of the CA that a directory's URL belongs to, and whether it is in the table. Of others it
// has the operator (the host) and the memory that every CA is taken to have.
func KnownCA(server string) (CAFacts, bool) {
	wanted := normalized(server)
	all := knownCAs()
	for _, f := range all {
		if f.Directory != "" && normalized(f.Directory) == wanted || f.Staging != "" && normalized(f.Staging) == wanted {
			return f, true
		}
	}
	host := hostOf(server)
	for _, f := range all {
		if slices.ContainsFunc(f.Hosts, func(h string) bool { return host == h || strings.HasSuffix(host, "."+h) }) {
			return f, true
		}
	}
	return CAFacts{Company: host, Operator: host, Memory: defaultMemory}, false
}

// recognized adds what is known of a CA by what its directory says, where the URL says nothing: behind a proxy, or at a
// new address. The issuer domains of its CAA records (caaIdentities, RFC 8555 §7.1.1) are one company's; Let's Encrypt's
// three profiles mean its software, with its published numbers, no matter who runs it. Whose resolvers look, for how
// long they remember, and whether a name may stand beside its wildcard, stays unknown.
func (f CAFacts) recognized(d Directory) CAFacts {
	all := knownCAs()
	for _, other := range all {
		if other.Ended == nil &&
			slices.ContainsFunc(d.CAAIdentities,
				func(id string) bool { return slices.Contains(other.CAA, strings.ToLower(id)) }) {
			other.Operator, other.Memory, other.CoveredRefused = f.Operator, f.Memory, false
			return other
		}
	}
	software := all[slices.IndexFunc(all, func(f CAFacts) bool { return f.ProfileNames != nil })]
	for profile := range software.ProfileNames {
		if _, ok := d.Profiles[profile]; !ok {
			return f
		}
	}
	f.Names, f.ProfileNames, f.Reasons, f.NoContact = software.Names, software.ProfileNames, software.Reasons,
		software.NoContact
	return f
}

// KnownCAs returns the table, those that ended at its end.
func KnownCAs() []CAFacts { return knownCAs() }

// ServerURL resolves the short names of CAs; anything else is taken as a directory's URL.
func ServerURL(name string) string {
	lower := strings.ToLower(name)
	for _, f := range knownCAs() {
		if f.Name == "" {
			continue
		}
		switch {
		case lower == f.Name && f.Directory != "":
			return f.Directory
		case lower == f.Name+"-staging" && f.Staging != "":
			return f.Staging
		}
	}
	return name
}

// ServerNames are the short names of CAs that issue, sorted.
func ServerNames() []string {
	var names []string
	for _, f := range knownCAs() {
		if f.Name == "" || f.Ended != nil {
			continue
		}
		if f.Directory != "" {
			names = append(names, f.Name)
		}
		if f.Staging != "" {
			names = append(names, f.Name+"-staging")
		}
	}
	slices.Sort(names)
	return names
}

// StagingOf returns the directory that a CA has for tries, and whether it has one.
func StagingOf(server string) (string, bool) {
	f, _ := KnownCA(server)
	if f.Directory == "" || normalized(f.Directory) != normalized(server) {
		return "", false
	}
	return f.Staging, f.Staging != ""
}

// IsStaging reports whether a directory is for tries only: no client trusts its certificates (certbot/_internal/cli, is_staging).
func IsStaging(server string) bool {
	f, _ := KnownCA(server)
	switch normalized(server) {
	case normalized(f.Staging):
		return f.Staging != ""
	case normalized(f.Directory):
		return false
	}
	return strings.Contains(server, "staging")
}

// normalized is a directory's URL in one spelling: host in lower case, no port that https has anyway, no slash at the end.
func normalized(server string) string {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" {
		return server
	}
	return u.Scheme + "://" + canonicalHost(u) + strings.TrimSuffix(u.Path, "/")
}

// canonicalHost is a URL's host in lower case, with its port unless that is what https has anyway.
func canonicalHost(u *url.URL) string {
	return strings.TrimSuffix(strings.ToLower(u.Host), ":443")
}

func hostOf(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server
	}
	return strings.ToLower(u.Hostname())
}
