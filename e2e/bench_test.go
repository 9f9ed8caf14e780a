//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/executable"
)

// BenchmarkCertbot is certbot with our hooks in the world of the issuance package's BenchmarkObtain and BenchmarkObtainBoulder:
// ConoHa takes 50 ms for each call and publishes after 2 s, the CA's validations take no time ("at once") or 2 s to 7 s. The figure
// is what lies between the last name server's having the last value and certbot's end, without the time from the first answer to
// the last verdict, which is the CA's own.
func BenchmarkCertbot(b *testing.B) {
	bin := b.TempDir()
	executable.Build(b, bin, "wildcard-auth-hook", "wildcard-cleanup-hook")
	for _, ca := range []struct {
		name  string
		takes func() time.Duration
	}{
		{"at_once", func() time.Duration { return 0 }},
		{"boulder", func() time.Duration { return 2*time.Second + rand.N(5*time.Second) }},
	} {
		for _, n := range []int{1, 2, 20} {
			b.Run(fmt.Sprintf("%s/%d", ca.name, n), func(b *testing.B) {
				var total time.Duration
				for b.Loop() {
					total += certbotBeyondTheCA(b, bin, ca.takes, n)
				}
				b.ReportMetric(total.Seconds()/float64(b.N), "s-added-and-cleaned-up/op")
			})
		}
	}
}

// looksAt is what a CA finds in example.com that asks no cache.
func looksAt(service *conohatest.Service) func(fqdn string) []string {
	return func(fqdn string) (values []string) {
		for _, r := range service.Records("example.com") {
			if r.Type == "TXT" && strings.TrimSuffix(r.Name, ".")+"." == fqdn {
				values = append(values, r.Data)
			}
		}
		return values
	}
}

// certbotBeyondTheCA is one certificate for n names.
func certbotBeyondTheCA(b *testing.B, bin string, takes func() time.Duration, n int) time.Duration {
	service, err := conohatest.Start(conohatest.Options{Latency: 50 * time.Millisecond, PublicationDelay: []time.Duration{2 * time.Second}})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = service.Close() }()
	var mu sync.Mutex
	var first, last time.Time // answer, verdict
	authority, err := acmetest.Start(acmetest.Options{Look: looksAt(service), ValidationTime: func(string) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		d, now := takes(), time.Now()
		if first.IsZero() {
			first = now
		}
		if end := now.Add(d); end.After(last) {
			last = end
		}
		return d
	}})
	if err != nil {
		b.Fatal(err)
	}
	defer authority.Close()
	account := service.AddAccount(conohatest.Account{Version: 2})
	service.AddZone(account.Tenant, "example.com")
	w := &world{t: b, conoha: service, dir: b.TempDir()}
	if err := os.Symlink(bin, filepath.Join(w.dir, "bin")); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "root.pem"), authority.RootPEM(), 0o600); err != nil {
		b.Fatal(err)
	}
	w.use(account)
	var domains []string
	for i := range n {
		domains = append(domains, fmt.Sprintf("n%d.example.com", i))
	}
	w.certbot(certonly(authority.DirectoryURL(), domains...)...)
	end := time.Now()
	var created time.Time
	for _, request := range service.Log() {
		if request.Create() {
			created = request.At
		}
	}
	published := created.Add(50*time.Millisecond + 2*time.Second)
	return end.Sub(published) - last.Sub(first)
}
