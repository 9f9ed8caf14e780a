//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"wildcard/internal/testkit/bindtest"
)

// bind is Debian's BIND with one zone, in which another client has a record, and which takes updates signed with a key of its own.
type bind struct {
	t       testing.TB
	address string // 127.0.0.1:port
	zone    string
	key     string // path of a key file as tsig-keygen wrote it
	secret  string
}

// startBIND starts one that the world sees at port 53 of an address; another client's record is at owner. named itself listens only at those addresses that an
// interface has.
func startBIND(t *testing.T, ip, zone, owner string) *bind {
	t.Helper()
	b := startAnywhere(t, ip, zone, owner)
	forward(t, ip+":53", b.address)
	return b
}

// startAnywhere starts one that only those see who are told its address; its zone says that it is at ip.
func startAnywhere(t *testing.T, ip, zone, owner string) *bind {
	t.Helper()
	dir := t.TempDir()
	b := &bind{t: t, zone: zone, key: filepath.Join(dir, "update.key")}
	var clause string
	clause, b.secret = bindtest.Key(t, "hmac-sha256", "update-key")
	for name, contents := range map[string]string{
		"update.key": clause,
		"zone":       fmt.Sprintf("$TTL 60\n@ SOA ns1 root 1 3600 600 86400 60\n@ NS ns1\nns1 A %s\n%s TXT %q\n", ip, owner, foreign),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(contents), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, b.address = bindtest.Start(t, dir, bindtest.Port(t), zone, fmt.Sprintf(`include %q;
options { %s };
controls { };
zone %q { type primary; file "zone"; update-policy { grant update-key zonesub TXT; }; };
`, b.key, bindtest.Options, zone))
	return b
}

// environ has the variables for our rfc2136, and for lego's.
func (b *bind) environ() []string {
	return []string{
		"RFC2136_NAMESERVER='" + b.address + "'", "RFC2136_TSIG_KEY='update-key'", "RFC2136_TSIG_SECRET='" + b.secret + "'",
		"RFC2136_TSIG_ALGORITHM='hmac-sha256.'",
	}
}

// texts are the values at a name.
func (b *bind) texts(name string) (values []string) {
	b.t.Helper()
	r, _, err := (&dns.Client{Net: "tcp"}).Exchange(new(dns.Msg).SetQuestion(name+".", dns.TypeTXT), b.address)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, rr := range r.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			values = append(values, strings.Join(txt.Txt, ""))
		}
	}
	return values
}

// serial counts the changes of the zone.
func (b *bind) serial() uint32 {
	b.t.Helper()
	r, err := dns.Exchange(new(dns.Msg).SetQuestion(b.zone+".", dns.TypeSOA), b.address)
	if err != nil || len(r.Answer) != 1 {
		b.t.Fatalf("%v, %v", r, err)
	}
	return r.Answer[0].(*dns.SOA).Serial
}
