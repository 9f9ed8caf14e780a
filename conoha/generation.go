package conoha

import (
	"net/http"
	"slices"
	"strings"
)

// generation is one of ConoHa's clouds, with what is different in it. A further one is a function as [ver3], an entry of
// [generations], its login in auth.go, and in settings.go a line of [account.guess] where it may be taken for another. A further
// region of one needs nothing but a line in the help of [Families]. All have one DNS API (records.go, zones.go).
type generation struct {
	version      int
	name         string   // as ConoHa calls it
	identityPath string   // what its identity URLs end in
	regions      string   // what the names of its regions begin with; "" for those of no other generation
	home         string   // the region where none is set
	nameServers  []string // the hosts that publish its zones (§4)
	paged        bool     // lists come in pages, in which the service may send fewer items than asked
	mostValues   int      // how many records one name may have; 0 where that is not known
	byUserID     bool     // one logs in with a user's ID as well as with a name

	login    logIn
	loggedIn []int // statuses of a login that succeeded (rule §7.C.1)
}

// generations are all, the oldest first.
func generations() []generation { return []generation{ver2(), ver3()} }

// ver2 allows 20 records at a name (its quota recordset_records, §3.7 and A17).
func ver2() generation {
	return generation{
		version: 2, name: "Ver.2.0", identityPath: "/v2.0", home: "tyo1",
		nameServers: []string{"ns-a1.conoha.io.", "ns-a2.conoha.io.", "ns-a3.conoha.io."}, mostValues: 20,
		login: (*identity).version2, loggedIn: []int{http.StatusOK, http.StatusNonAuthoritativeInfo},
	}
}

func ver3() generation {
	return generation{
		version: 3, name: "Ver.3.0", identityPath: "/v3", regions: "c3", home: "c3j1",
		nameServers: []string{"a.conoha-dns.com.", "b.conoha-dns.org."}, paged: true, byUserID: true,
		login: (*identity).version3, loggedIn: []int{http.StatusOK, http.StatusCreated},
	}
}

// urls are the identity and the DNS service of a region.
func (g generation) urls(region string) (identity, records string) {
	return "https://identity." + region + ".conoha.io" + g.identityPath, "https://dns-service." + region + ".conoha.io"
}

// ofRegion is the generation that has a region.
func ofRegion(region string) generation {
	all := generations()
	for _, g := range all {
		if g.regions != "" && strings.HasPrefix(region, g.regions) {
			return g
		}
	}
	return all[slices.IndexFunc(all, func(g generation) bool { return g.regions == "" })]
}

// ofIdentity is the generation to whose identity service a URL leads, if it is one's.
func ofIdentity(url string) (generation, bool) {
	for _, g := range generations() {
		if strings.HasSuffix(url, g.identityPath) {
			return g, true
		}
	}
	return generation{}, false
}
