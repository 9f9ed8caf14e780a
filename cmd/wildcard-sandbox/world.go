package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/pebbletest"
)

// world is what stands for the Internet: ConoHa with its name servers, and the CA.
type world struct {
	conoha   *conohatest.Service
	ca       *pebbletest.CA
	accounts []conohatest.Account
	zones    []zone
	before   []string // records that were there from the start
}

// validation bounds the time that the CA takes to look (0 to 2 s, mostly 2): it shows what clients have to wait for. Let's Encrypt
// takes 2 to 7 s, too long for who only wants to see it.
const validation = 3 * time.Second

// newWorld starts a world.
func newWorld(o options) (*world, error) {
	service, err := conohatest.Start(conohatest.Options{Latency: o.latency, PublicationDelay: o.delays})
	if err != nil {
		return nil, err
	}
	w := &world{conoha: service, zones: o.zones}
	for _, version := range []int{2, 3} {
		zones := slices.DeleteFunc(slices.Clone(o.zones), func(z zone) bool { return z.version != version })
		if len(zones) == 0 {
			continue
		}
		account := service.AddAccount(conohatest.Account{Version: version})
		w.accounts = append(w.accounts, account)
		for _, z := range zones {
			service.AddZone(account.Tenant, z.name)
		}
	}
	w.ca, err = pebbletest.Start(pebbletest.Options{Resolver: service.ValidationResolver(), Strict: true,
		ValidationDelay: validation})
	if err != nil {
		service.Close()
		return nil, err
	}
	w.before = w.records()
	return w, nil
}

func (w *world) close() {
	w.ca.Close()
	w.conoha.Close()
}

// environ is the environment that leads our programs to this world's ConoHa and DNS.
func (w *world) environ() []variable {
	var all []variable
	for _, text := range w.conoha.Environ(w.accounts...) {
		name, value, _ := strings.Cut(text, "=")
		all = append(all, variable{name, value})
	}
	return all
}

// credentialsFile is the environment of the accounts as people keep it in /etc/letsencrypt/conoha/.env.
func (w *world) credentialsFile() string {
	var b strings.Builder
	b.WriteString("# Made by wildcard-sandbox: accounts that exist only in it.\n")
	for _, v := range w.environ() {
		if strings.HasPrefix(v.name, "CONOHA") {
			fmt.Fprintf(&b, "%s=%s\n", v.name, quote(v.value))
		}
	}
	return b.String()
}

// dnsServers are the resolvers and name servers that the environment names.
func (w *world) dnsServers() []string {
	var servers []string
	for _, v := range w.environ() {
		if v.name == "WILDCARD_RESOLVERS" || v.name == "WILDCARD_NAMESERVERS" {
			servers = append(servers, strings.Split(v.value, ",")...)
		}
	}
	return servers
}

// records are all records of all zones, one line each, sorted; without SOA, whose serial counts every change.
func (w *world) records() []string {
	var all []string
	for _, z := range w.zones {
		for _, r := range w.conoha.Records(z.name) {
			if r.Type != "SOA" {
				all = append(all, fmt.Sprintf("%s %s %s", r.Name, r.Type, r.Data))
			}
		}
	}
	slices.Sort(all)
	return all
}

// leftovers are the records that the zones have now and did not have at the start.
func (w *world) leftovers() []string {
	return slices.DeleteFunc(w.records(), func(r string) bool {
		_, was := slices.BinarySearch(w.before, r)
		return was
	})
}
