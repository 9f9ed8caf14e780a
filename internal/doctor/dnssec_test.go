package doctor

import (
	"crypto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// signedZone is the world's zone, signed with a key.
type signedZone struct {
	key    *dns.DNSKEY
	signer crypto.Signer
	soa    dns.RR
}

func newSignedZone(t *testing.T) *signedZone {
	t.Helper()
	key := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: apex + ".", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
		Flags: dns.ZONE | dns.SEP, Protocol: 3, Algorithm: dns.ECDSAP256SHA256,
	}
	private, err := key.Generate(256)
	if err != nil {
		t.Fatal(err)
	}
	soa, err := dns.NewRR(apex + ". 3600 IN SOA ns-a1.conoha.io. hostmaster." + apex + ". 1 3600 600 86400 3600")
	if err != nil {
		t.Fatal(err)
	}
	return &signedZone{key, private.(crypto.Signer), soa}
}

func (z *signedZone) sign(t *testing.T, until time.Time, set ...dns.RR) dns.RR {
	t.Helper()
	signature := &dns.RRSIG{
		Hdr:       dns.RR_Header{Name: apex + ".", Rrtype: dns.TypeRRSIG, Class: dns.ClassINET, Ttl: 3600},
		Algorithm: z.key.Algorithm, KeyTag: z.key.KeyTag(), SignerName: apex + ".",
		Inception: uint32(until.AddDate(0, 0, -30).Unix()), Expiration: uint32(until.Unix()),
	}
	if err := signature.Sign(z.signer, set); err != nil {
		t.Fatal(err)
	}
	return signature
}

// Each way in which the chain from the parent's DS record to the zone's own records can break, with a resolver that does not
// validate.
func TestDNSSECChain(t *testing.T) {
	t.Parallel()
	later, earlier := time.Now().AddDate(0, 0, 10), time.Now().AddDate(0, 0, -1)
	for name, test := range map[string]struct {
		arrange func(t *testing.T, f *front, z *signedZone)
		want    string // "" is none
	}{
		"whole": {func(*testing.T, *front, *signedZone) {}, ""},
		"no key": {func(_ *testing.T, f *front, _ *signedZone) { f.records(apex, dns.TypeDNSKEY) },
			"the zone has no key"},
		"another key": {func(t *testing.T, f *front, _ *signedZone) {
			f.records(apex, dns.TypeDS, newSignedZone(t).key.ToDS(dns.SHA256))
		}, "none of its keys fits"},
		"keys not signed": {func(_ *testing.T, f *front, z *signedZone) { f.records(apex, dns.TypeDNSKEY, z.key) },
			"DNSKEY has no signature"},
		"expired": {func(t *testing.T, f *front, z *signedZone) {
			f.records(apex, dns.TypeSOA, z.soa, z.sign(t, earlier, z.soa))
		}, "is valid from"},
		"answers not signed": {func(_ *testing.T, f *front, z *signedZone) { f.records(apex, dns.TypeSOA, z.soa) },
			"SOA has no signature"},
		"signed by another": {func(t *testing.T, f *front, z *signedZone) {
			other := &signedZone{z.key, newSignedZone(t).signer, z.soa}
			f.records(apex, dns.TypeSOA, z.soa, other.sign(t, later, z.soa))
		}, "does not verify"},
		"unknown algorithm": {func(_ *testing.T, f *front, z *signedZone) {
			ds := z.key.ToDS(dns.SHA256)
			ds.Algorithm = 200
			f.records(apex, dns.TypeDS, ds)
		}, ""},
		"bogus by the resolver's word": {func(_ *testing.T, f *front, _ *signedZone) { f.fails(apex, dns.TypeSOA, false) },
			"only if it need not validate"},
		"no answer either way": {func(_ *testing.T, f *front, _ *signedZone) { f.fails(apex, dns.TypeSOA, true) }, "SOA has no signature"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			z := newSignedZone(t)
			w.front.records(apex, dns.TypeDS, z.key.ToDS(dns.SHA256))
			w.front.records(apex, dns.TypeDNSKEY, z.key, z.sign(t, later, z.key))
			w.front.records(apex, dns.TypeSOA, z.soa, z.sign(t, later, z.soa))
			test.arrange(t, w.front, z)
			report := w.examine()
			i := slices.IndexFunc(report.Findings, func(f Finding) bool { return f.Code == FoundDNSSEC })
			switch {
			case test.want == "" && i >= 0, test.want != "" && i < 0:
				t.Errorf("%v", codes(report))
			case i >= 0 && !strings.Contains(report.Findings[i].What.String(), test.want):
				t.Errorf("%s, want %q", report.Findings[i].What, test.want)
			}
		})
	}
}
