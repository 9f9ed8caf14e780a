//go:build e2e

package libdns

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libdns/libdns"
	"github.com/miekg/dns"

	"wildcard/internal/testkit/bindtest"
)

// bind is Debian's BIND with one zone, a key for our provider, with which it may change TXT records and no others, and a key
// for another client.
type bind struct {
	address string
	others  string // secret of the key of others
}

func startBIND(t *testing.T) *adapter {
	t.Helper()
	dir := t.TempDir()
	text := "$TTL 3600\n@ SOA ns root 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n_acme-challenge TXT somebody-else\n"
	if err := os.WriteFile(filepath.Join(dir, "zone"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ourKey, ours := bindtest.Key(t, "hmac-sha256", "ours")
	othersKey, others := bindtest.Key(t, "hmac-sha256", "others")
	_, address := bindtest.Start(t, dir, bindtest.Port(t), "example.com", ourKey+othersKey+`
options { `+bindtest.Options+` notify no; allow-transfer { 127.0.0.1; }; };
controls { };
zone "example.com" { type primary; file "zone"; update-policy { grant ours zonesub TXT; grant others zonesub ANY; }; };
`)
	return &adapter{service: bind{address, others}, t: t, spec: "rfc2136", ttl: "RFC2136_TTL", environ: []string{
		"RFC2136_NAMESERVER=" + address, "RFC2136_ZONE=example.com", "RFC2136_TSIG_KEY=ours", "RFC2136_TSIG_SECRET=" + ours,
	}}
}

// records are those of a zone transfer, but for the SOA record, which every change changes, and what order there is.
func (b bind) records(t testing.TB) (records []libdns.RR) {
	t.Helper()
	answers, err := new(dns.Transfer).In(new(dns.Msg).SetAxfr(zone), b.address)
	if err != nil {
		t.Error(err)
		return nil
	}
	for envelope := range answers {
		if envelope.Error != nil {
			t.Error(envelope.Error)
		}
		for _, rr := range envelope.RR {
			header := rr.Header()
			if header.Rrtype == dns.TypeSOA {
				continue
			}
			data := strings.TrimPrefix(rr.String(), header.String())
			if txt, ok := rr.(*dns.TXT); ok {
				data = strings.Join(txt.Txt, "")
			}
			records = append(records, libdns.RR{
				Name: libdns.RelativeName(header.Name, zone), TTL: time.Duration(header.Ttl) * time.Second, Type: dns.TypeToString[header.Rrtype], Data: data,
			})
		}
	}
	slices.SortFunc(records, func(a, b libdns.RR) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return records
}

func (b bind) put(t testing.TB, rr libdns.RR) {
	t.Helper()
	b.update(t, rr, (*dns.Msg).Insert)
}

func (b bind) remove(t testing.TB, rr libdns.RR) {
	t.Helper()
	b.update(t, rr, (*dns.Msg).Remove)
}

// update changes a record as another client.
func (b bind) update(t testing.TB, rr libdns.RR, change func(*dns.Msg, []dns.RR)) {
	t.Helper()
	record, err := dns.NewRR(fmt.Sprintf("%s %d %s %s", libdns.AbsoluteName(rr.Name, zone), rr.TTL/time.Second, rr.Type, rr.Data))
	if err != nil {
		t.Error(err)
		return
	}
	message := new(dns.Msg).SetUpdate(zone)
	change(message, []dns.RR{record})
	message.SetTsig("others.", dns.HmacSHA256, 300, time.Now().Unix())
	client := &dns.Client{Net: "tcp", Timeout: time.Minute, TsigSecret: map[string]string{"others.": b.others}}
	reply, _, err := client.ExchangeContext(context.Background(), message, b.address)
	if err != nil || reply.Rcode != dns.RcodeSuccess {
		t.Errorf("update of %v: %v, %v", record, reply, err)
	}
}

func TestConformanceBIND(t *testing.T) { conformance(t, startBIND(t), time.Hour) }
