package zonetest_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"wildcard/internal/settings"
	"wildcard/internal/testkit/zonetest"
	"wildcard/providers"
	"wildcard/providers/conformance/conformancetest"
	"wildcard/providers/rfc2136"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) (*zonetest.Server, string) {
	t.Helper()
	dir := t.TempDir()
	s, err := zonetest.Start(dir, "example.com", "Sub.example.com.")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, dir
}

// The provider for such servers keeps the contract here.
func TestUpdates(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	conformancetest.Run(t, conformancetest.Config{
		Zone: "example.com.",
		Open: func(t testing.TB) providers.Provider {
			accounts, err := rfc2136.Open(providers.Spec{Zone: "example.com.", Name: "rfc2136"}, settings.Sources{Environ: s.Environ()}, rfc2136.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return accounts[0].Provider
		},
		Records: func(_ testing.TB, fqdn string) []string { return s.Texts(fqdn) },
	})
	if left := s.All(); len(left) > 0 || s.Updates() == 0 || len(s.Violations()) > 0 {
		t.Errorf("left %q, %d updates, %q", left, s.Updates(), s.Violations())
	}
}

// What a script writes into the folder is served, and what is not in a zone is refused.
func TestFolder(t *testing.T) {
	t.Parallel()
	s, dir := start(t)
	if err := os.WriteFile(filepath.Join(dir, "_acme-challenge.example.com."), []byte("one\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ask := func(name string, kind uint16) *dns.Msg {
		t.Helper()
		r, err := dns.Exchange(new(dns.Msg).SetQuestion(name, kind), s.Address())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	var texts []string
	for _, rr := range ask("_Acme-challenge.example.com.", dns.TypeTXT).Answer {
		texts = append(texts, rr.(*dns.TXT).Txt...)
	}
	if !slices.Equal(texts, []string{"one", "two"}) || !slices.Equal(s.All(), texts) {
		t.Errorf("%q, %q", texts, s.All())
	}
	if r := ask("x.sub.example.com.", dns.TypeTXT); r.Rcode != dns.RcodeNameError || !r.Authoritative || r.Ns[0].Header().Name != "sub.example.com." {
		t.Errorf("%s", r)
	}
	if r := ask("sub.example.com.", dns.TypeSOA); len(r.Answer) != 1 {
		t.Errorf("%s", r)
	}
	if r := ask("example.net.", dns.TypeTXT); r.Rcode != dns.RcodeRefused {
		t.Errorf("%s", r)
	}
}

// Updates without a signature, or of more than a careful client changes, are refused.
func TestRefused(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	record := &dns.TXT{Hdr: dns.RR_Header{Name: "_acme-challenge.example.com.", Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{"x"}}
	m := new(dns.Msg).SetUpdate("example.com.")
	m.Insert([]dns.RR{record})
	if r, err := dns.Exchange(m, s.Address()); err != nil || r.Rcode != dns.RcodeRefused {
		t.Errorf("%v, %v", r, err)
	}
	secrets := map[string]string{"zonetest-key.": "em9uZXRlc3QtY2FuYXJ5LTAxMjM0NTY3ODlhYmNkZWY="}
	client := &dns.Client{TsigSecret: secrets}
	m = new(dns.Msg).SetUpdate("example.com.")
	m.RemoveName([]dns.RR{record})
	m.SetTsig("zonetest-key.", dns.HmacSHA256, 300, 1)
	if r, _, err := client.Exchange(m, s.Address()); err == nil && r.Rcode != dns.RcodeNotAuth {
		t.Errorf("an update of 1970 is taken: %v", r)
	}
	if len(s.All()) > 0 || s.Updates() > 0 {
		t.Errorf("%q", s.All())
	}
}
