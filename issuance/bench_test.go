package issuance_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	stdlog "log"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/go-acme/lego/v4/acme/api"
	"github.com/go-acme/lego/v4/certificate"
	"github.com/go-acme/lego/v4/challenge/dns01"
	"github.com/go-acme/lego/v4/challenge/resolver"
	legolog "github.com/go-acme/lego/v4/log"

	"wildcard/conoha/conohatest"
	"wildcard/pebbletest"
	"wildcard/providers"
)

// BenchmarkObtain measures a whole issuance: ConoHa takes 50 ms for each call and publishes after 2 s, the CA validates at
// once and says Retry-After 3 s (authorizations) and 5 s (orders). s/op less 2 is what we add.
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

// BenchmarkLego is lego's own certificate.Obtain in the same world, with the same provider and without its look-ups of
// the challenge through resolvers: its best case.
func BenchmarkLego(b *testing.B) {
	legolog.Logger = stdlog.New(io.Discard, "", 0)
	for _, n := range []int{1, 2, 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := benchWorld(b)
			for b.Loop() {
				if err := legoObtain(b, w, manyNames(n)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)-2, "s-beyond-publication/op")
			b.ReportMetric(w.sincePublication(), "s-after-last-server")
		})
	}
}

// sincePublication is how long ago the last name server had the last value.
func (w *world) sincePublication() float64 {
	var last time.Time
	for _, request := range w.conoha.Log() {
		if request.Create() {
			last = request.At
		}
	}
	return time.Since(last.Add(50*time.Millisecond + 2*time.Second)).Seconds()
}

func benchWorld(b *testing.B) *world {
	return newWorld(b,
		conohatest.Options{Latency: 50 * time.Millisecond, PublicationDelay: []time.Duration{2 * time.Second}},
		pebbletest.Options{AuthzRetryAfter: 3 * time.Second, OrderRetryAfter: 5 * time.Second})
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

func legoObtain(b *testing.B, w *world, names []string) error {
	b.Setenv("LEGO_DISABLE_CNAME_SUPPORT", "true")
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.pebble.RootPEM())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	core, err := api.New(client, "lego", w.pebble.DirectoryURL(), w.issuer.Account.URI, w.issuer.Account.Key)
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
