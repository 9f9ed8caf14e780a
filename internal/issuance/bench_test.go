package issuance_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	stdlog "log"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-acme/lego/v4/acme/api"
	"github.com/go-acme/lego/v4/certificate"
	"github.com/go-acme/lego/v4/challenge/dns01"
	"github.com/go-acme/lego/v4/challenge/resolver"
	legolog "github.com/go-acme/lego/v4/log"

	"wildcard/conoha/conohatest"
	"wildcard/internal/issuance"
	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/pebbletest"
	"wildcard/providers"
)

// BenchmarkObtain measures a whole issuance: ConoHa takes 50 ms for each call and publishes after 2 s, the CA validates at
// once and says Retry-After 3 s (authorizations) and 5 s (orders). s/op less 2 is what we add. The certificate is here before the
// records are deleted, which few connections do one after another: s-until-certificate and s-after-last-server.
func BenchmarkObtain(b *testing.B) {
	for _, n := range []int{1, 2, 10, 20, 50, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := benchWorld(b)
			before := w.conoha.Calls()
			b.ResetTimer()
			for b.Loop() {
				if _, err := w.issuer.Obtain(b.Context(), request(b, manyNames(n)...)); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			w.clean(b)
			calls := w.conoha.Calls()
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)-2, "s-beyond-publication/op")
			b.ReportMetric(w.published(w.obtained()), "s-until-certificate")
			b.ReportMetric(w.sincePublication(), "s-after-last-server")
			b.ReportMetric(float64(calls.Logins-before.Logins), "logins")
			b.ReportMetric(float64(calls.ZoneLists-before.ZoneLists), "zone-lists")
			b.ReportMetric(float64(calls.Creates-before.Creates)/float64(b.N), "creates/op")
			b.ReportMetric(float64(calls.Deletes-before.Deletes)/float64(b.N), "deletes/op")
			b.ReportMetric(float64(calls.Connections), "connections")
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-sys")
		})
	}
}

// BenchmarkPersist is the same where the names have their persistent records, at the same CA: nothing is written to the DNS, and
// nothing waited for but the CA.
func BenchmarkPersist(b *testing.B) {
	for _, n := range []int{1, 20, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b, conohatest.Options{Latency: 50 * time.Millisecond}, benchCA())
			w.standing(b, time.Time{}, manyNames(n)...)
			w.issuer.Method, w.issuer.Router = issuance.Persist, providers.Router{}
			before := w.conoha.Calls()
			b.ResetTimer()
			for b.Loop() {
				if _, err := w.issuer.Obtain(b.Context(), request(b, manyNames(n)...)); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			if calls := w.conoha.Calls(); calls != before {
				b.Errorf("calls of the DNS service: %+v, %+v before", calls, before)
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/op")
		})
	}
}

// BenchmarkObtainBoulder is the same with a CA that is as Let's Encrypt's: each validation takes 2 s to 7 s, and is pending
// until it is over. s-added is what lies between the last name server's having the value and the certificate's being here,
// beyond the time from the first answer to the last verdict, which is the CA's own; medians. s-added-and-cleaned-up counts until
// the records are deleted, too.
func BenchmarkObtainBoulder(b *testing.B) {
	for _, n := range []int{1, 2, 20, 50} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := boulderWorld(b)
			var added, cleaned []float64
			most := 0
			for b.Loop() {
				w.validations.reset()
				if _, err := w.issuer.Obtain(b.Context(), request(b, manyNames(n)...)); err != nil {
					b.Fatal(err)
				}
				own := w.validations.took().Seconds()
				cleaned = append(cleaned, w.sincePublication()-own)
				added = append(added, w.published(w.obtained())-own)
				most = max(most, w.validations.mostLooks())
			}
			slices.Sort(added)
			slices.Sort(cleaned)
			b.ReportMetric(added[len(added)/2], "s-added")
			b.ReportMetric(cleaned[len(cleaned)/2], "s-added-and-cleaned-up")
			b.ReportMetric(float64(most), "looks-in-a-second")
		})
	}
}

// BenchmarkLegoBoulder is lego's Obtain at that CA.
func BenchmarkLegoBoulder(b *testing.B) {
	legolog.Logger = stdlog.New(io.Discard, "", 0)
	for _, n := range []int{1, 2} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := boulderWorld(b)
			for b.Loop() {
				if err := legoObtain(b, w.world, w.ca.DirectoryURL(), w.ca.RootPEM(), manyNames(n)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(w.sincePublication(), "s-after-last-server")
		})
	}
}

// boulder is a world with a CA like Let's Encrypt's, by the machine's clock.
type boulder struct {
	*scripted
	validations *validations
}

// validations are those of one run, and when it looked for what came of them.
type validations struct {
	mu          sync.Mutex
	first, last time.Time // answer, verdict
	looks       []time.Time
}

func boulderWorld(b *testing.B) boulder {
	v := &validations{}
	w := boulder{&scripted{world: &world{state: b.TempDir()}, t: b}, v}
	w.start(acmetest.Options{
		ValidationTime: v.takes, Deviations: acmetest.Deviations{NoAuthorizationReuse: true, NoLimits: true}, // the same names again
	},
		conohatest.Options{Latency: 50 * time.Millisecond, PublicationDelay: []time.Duration{2 * time.Second}})
	for _, endpoint := range []acmetest.Endpoint{acmetest.Authorization, acmetest.Order} {
		w.ca.On(endpoint, func(r *acmetest.Request) *acmetest.Reply { v.look(); return r.Next() })
	}
	return w
}

func (v *validations) takes(string) time.Duration {
	d := 2*time.Second + rand.N(5*time.Second)
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	if v.first.IsZero() {
		v.first = now
	}
	if at := now.Add(d); at.After(v.last) {
		v.last = at
	}
	return d
}

func (v *validations) look() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.first.IsZero() {
		v.looks = append(v.looks, time.Now())
	}
}

func (v *validations) reset() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.first, v.last, v.looks = time.Time{}, time.Time{}, nil
}

func (v *validations) took() time.Duration { return v.last.Sub(v.first) }

// mostLooks is the most looks within a second.
func (v *validations) mostLooks() (most int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range v.looks {
		n := 0
		for _, at := range v.looks[i:] {
			if at.Sub(v.looks[i]) < time.Second {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// BenchmarkLego is lego's own certificate.Obtain in the same world, with the same provider and without its look-ups of
// the challenge through resolvers: its best case.
func BenchmarkLego(b *testing.B) {
	legolog.Logger = stdlog.New(io.Discard, "", 0)
	for _, n := range []int{1, 2, 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := benchWorld(b)
			for b.Loop() {
				if err := legoObtain(b, w, w.pebble.DirectoryURL(), w.pebble.RootPEM(), manyNames(n)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)-2, "s-beyond-publication/op")
			b.ReportMetric(w.sincePublication(), "s-after-last-server")
		})
	}
}

// sincePublication is how long ago the last name server had the last value.
func (w *world) sincePublication() float64 { return w.published(time.Now()) }

// obtained is when the last certificate was there.
func (w *world) obtained() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.downloaded
}

// published is how long before an instant the last name server had the last value.
func (w *world) published(at time.Time) float64 {
	var last time.Time
	for _, request := range w.conoha.Log() {
		if request.Create() {
			last = request.At
		}
	}
	return at.Sub(last.Add(50*time.Millisecond + 2*time.Second)).Seconds()
}

func benchWorld(b *testing.B) *world {
	return newWorld(b,
		conohatest.Options{Latency: 50 * time.Millisecond, PublicationDelay: []time.Duration{2 * time.Second}},
		benchCA())
}

// benchCA is a CA that is ready at once, and has clients wait all the same.
func benchCA() pebbletest.Options {
	return pebbletest.Options{AuthzRetryAfter: 3 * time.Second, OrderRetryAfter: 5 * time.Second}
}

// legoProvider is our provider under lego's contract.
type legoProvider struct {
	b *testing.B
	w *world
}

func (p legoProvider) challenge(domain, keyAuth string) providers.Challenge {
	info := dns01.GetChallengeInfo(domain, keyAuth)
	return providers.Challenge{Domain: domain, FQDN: info.FQDN, Value: info.Value}
}

func (p legoProvider) Present(domain, _, keyAuth string) error {
	_, err := p.w.issuer.Router.Accounts[0].Present(p.b.Context(), p.challenge(domain, keyAuth))
	return err
}

func (p legoProvider) CleanUp(domain, _, keyAuth string) error {
	return p.w.issuer.Router.Accounts[0].CleanUp(p.b.Context(), p.challenge(domain, keyAuth), "")
}

func legoObtain(b *testing.B, w *world, directory string, root []byte, names []string) error {
	b.Setenv("LEGO_DISABLE_CNAME_SUPPORT", "true")
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	core, err := api.New(client, "lego", directory, w.issuer.Account.URI, w.issuer.Account.Key)
	if err != nil {
		return err
	}
	solvers := resolver.NewSolversManager(core)
	// What lego would do by asking the name servers on port 53 is done here with the fake's ports: once every server has it.
	published := func(_, fqdn, value string, _ dns01.PreCheckFunc) (bool, error) {
		return w.publishedEverywhere(fqdn, value), nil
	}
	if err := solvers.SetDNS01Provider(legoProvider{b, w}, dns01.WrapPreCheck(published)); err != nil {
		return err
	}
	certifier := certificate.NewCertifier(core, resolver.NewProber(solvers), certificate.CertifierOptions{KeyType: "P256"})
	_, err = certifier.Obtain(certificate.ObtainRequest{Domains: names, Bundle: true})
	return err
}

// publishedEverywhere reports whether every name server has the value.
func (w *world) publishedEverywhere(fqdn, value string) bool {
	for _, record := range w.conoha.Records("example.com") {
		if record.Type != "NS" {
			continue
		}
		if _, ok := w.conoha.PublishedAt(record.Data, fqdn, value); !ok {
			return false
		}
	}
	return true
}
