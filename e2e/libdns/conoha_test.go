package libdns

import (
	"fmt"
	"testing"
	"time"

	"github.com/libdns/libdns"

	"wildcard/conoha/conohatest"
)

// conoha is the fake of one account's ConoHa.
type conoha struct {
	*conohatest.Service
	account conohatest.Account
}

func startConoHa(t *testing.T, version int, o conohatest.Options) *adapter {
	t.Helper()
	fake, err := conohatest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fake.Close() })
	c := conoha{fake, fake.AddAccount(conohatest.Account{Version: version})}
	fake.AddZone(c.account.Tenant, zone)
	fake.PutRecord(zone, "_acme-challenge."+zone, "TXT", "somebody-else")
	return &adapter{service: c, t: t, spec: "conoha", environ: fake.Environ(c.account), ttl: "CONOHA_TTL", runDir: t.TempDir()}
}

func (c conoha) records(testing.TB) (records []libdns.RR) {
	for _, r := range c.Records(zone) {
		records = append(records, libdns.RR{Name: libdns.RelativeName(r.Name, zone), TTL: time.Duration(r.TTL) * time.Second, Type: r.Type, Data: r.Data})
	}
	return records
}

func (c conoha) put(_ testing.TB, rr libdns.RR) {
	c.PutRecord(zone, libdns.AbsoluteName(rr.Name, zone), rr.Type, rr.Data)
}

func (c conoha) remove(t testing.TB, rr libdns.RR) {
	t.Helper()
	if !c.DeleteRecord(zone, libdns.AbsoluteName(rr.Name, zone), rr.Type, rr.Data) {
		t.Errorf("there is no %s %s %s", rr.Name, rr.Type, rr.Data)
	}
}

// generations runs a test with both generations of ConoHa.
func generations(t *testing.T, test func(t *testing.T, version int)) {
	t.Helper()
	for _, version := range []int{2, 3} {
		t.Run(fmt.Sprintf("Ver.%d.0", version), func(t *testing.T) { test(t, version) })
	}
}

func TestConformanceConoHa(t *testing.T) {
	generations(t, func(t *testing.T, version int) {
		a := startConoHa(t, version, conohatest.Options{})
		conformance(t, a, time.Hour) // the zone's
		calls := a.service.(conoha).Calls()
		if calls.Creates == 0 || calls.Creates != calls.Deletes {
			t.Errorf("calls %+v", calls)
		}
	})
}
