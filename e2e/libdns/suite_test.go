package libdns

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"testing"
	"time"

	"github.com/libdns/libdns"
	"github.com/libdns/libdns/libdnstest"
)

// conformance lets libdns judge a provider, and checks that the zone is in the end what it was. ttl is that of records which
// are made without the provider.
func conformance(t *testing.T, a *adapter, ttl time.Duration) {
	t.Helper()
	before := a.records(t)
	suite := libdnstest.NewTestSuite(a, zone)
	suite.Timeout = 5 * time.Minute
	suite.SkipRRTypes = map[string]bool{"AAAA": true, "CAA": true, "HTTPS": true, "MX": true, "NS": true, "SRV": true, "SVCB": true}
	made := map[string]int{}
	suite.AppendRecordFunc = func(record libdns.Record) libdns.Record {
		rr := record.RR()
		made[rr.Type]++
		if rr.Type == "TXT" {
			digest := sha256.Sum256([]byte(rr.Data))
			return libdns.TXT{Name: rr.Name, TTL: rr.TTL, Text: base64.RawURLEncoding.EncodeToString(digest[:])}
		}
		rr.TTL = ttl
		return rr
	}
	suite.RunTests(t)
	if made["TXT"] < 5 || len(made) != 3 {
		t.Errorf("of these types the suite made: %v", made)
	}
	if after := a.records(t); !slices.Equal(after, before) {
		t.Errorf("the zone holds\n%q, held\n%q", after, before)
	}
}
