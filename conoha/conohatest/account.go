package conohatest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Account is one API user of one tenant.
type Account struct {
	Version    int    // 2 or 3
	Region     string // tyo1, c3j1, …
	Tenant     string // tenant id; in Ver.3.0 also called project id
	TenantName string // gnct…
	User       string // gncu…: what Ver.2.0 logs in with, and what Ver.3.0 may
	UserID     string // 32 hexadecimal digits: what Ver.3.0 logs in with
	Password   string
}

// AddAccount adds an account. Fields that are empty get plausible values, Version 2 among them. Two accounts may share a
// tenant. It panics on another version and on a user that exists in that generation.
func (s *Service) AddAccount(a Account) Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.Version = cmp.Or(a.Version, 2)
	region := "tyo1"
	switch a.Version {
	case 2:
	case 3:
		region = "c3j1"
	default:
		panic(fmt.Sprintf("conohatest: add account: there is no version %d", a.Version))
	}
	n := len(s.accounts) + 1
	a.Region = cmp.Or(a.Region, region)
	a.Tenant = cmp.Or(a.Tenant, invent("tenant", n))
	a.TenantName = cmp.Or(a.TenantName, fmt.Sprintf("gnct%08d", n))
	a.User = cmp.Or(a.User, fmt.Sprintf("gncu%08d", n))
	a.UserID = cmp.Or(a.UserID, invent("user", n))
	a.Password = cmp.Or(a.Password, "pw-"+invent("password", n)[:24])
	for _, other := range s.accounts {
		if other.Version == a.Version && (other.User == a.User || other.UserID == a.UserID) {
			panic("conohatest: add account: user " + a.User + " exists")
		}
	}
	s.accounts = append(s.accounts, &a)
	return a
}

// invent makes 32 hexadecimal digits, the same in every run.
func invent(what string, n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", what, n))
	return hex.EncodeToString(sum[:16])
}

// unique makes a UUID that was not given out before.
func (s *Service) unique() string {
	s.serial++
	h := invent("uuid", s.serial)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-8" + h[17:20] + "-" + h[20:]
}

// Environ is the environment that makes our programs use these accounts, at most one of each generation. An account of
// Ver.3.0 alone goes by CONOHA_*; beside one of Ver.2.0 it goes by CONOHAV3_*. It names the resolver too, and the name
// servers of the generations in use.
func (s *Service) Environ(accounts ...Account) []string {
	versions := map[int]bool{}
	for _, a := range accounts {
		if versions[a.Version] {
			panic(fmt.Sprintf("conohatest: environ: two accounts of version %d", a.Version))
		}
		versions[a.Version] = true
	}
	var environ, servers []string
	for _, a := range slices.SortedFunc(slices.Values(accounts), func(a, b Account) int { return a.Version - b.Version }) {
		prefix, user := "CONOHA_", "API_USERNAME="+a.User
		if a.Version == 3 {
			user = "API_USER_ID=" + a.UserID
			if versions[2] {
				prefix = "CONOHAV3_"
			}
		}
		environ = append(environ,
			prefix+"REGION="+a.Region,
			prefix+"TENANT_ID="+a.Tenant,
			prefix+user,
			prefix+"API_PASSWORD="+a.Password,
			prefix+"IDENTITY_URL="+s.IdentityURL(a.Version),
			prefix+"DNS_URL="+s.DNSURL(a.Version),
		)
		servers = append(servers, s.NameServers(a.Version)...)
	}
	environ = append(environ, "WILDCARD_RESOLVERS="+s.Resolver())
	if len(servers) > 0 {
		environ = append(environ, "WILDCARD_NAMESERVERS="+strings.Join(servers, ","))
	}
	return environ
}
