package libdns

import (
	"bytes"
	"crypto/x509"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/pebbletest"
)

// certmagic, which caddy gets its certificates with, gets and renews example.com and *.example.com with the records that our
// provider makes. It is given a resolver without memory: it asks for the SOA record of a challenge's name before it makes
// the record, and a resolver that remembers that there is no such name keeps certmagic waiting until its limit.
func TestCertMagic(t *testing.T) {
	generations(t, func(t *testing.T, version int) {
		t.Parallel() // most of the time certmagic sleeps between its look-ups
		a := startConoHa(t, version, conohatest.Options{PublicationDelay: []time.Duration{0, 300 * time.Millisecond, 600 * time.Millisecond}})
		fake := a.service.(conoha)
		ca, err := pebbletest.Start(pebbletest.Options{Resolver: fake.ValidationResolver(), Strict: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(ca.Close)
		roots, issuers := x509.NewCertPool(), x509.NewCertPool()
		if !roots.AppendCertsFromPEM(ca.RootPEM()) || !issuers.AppendCertsFromPEM(ca.IssuerPEM()) {
			t.Fatal("the CA has no roots")
		}

		log := &said{}
		t.Cleanup(func() {
			if t.Failed() {
				t.Log(log)
			}
		})
		logger := zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()), log, zap.DebugLevel))
		var config *certmagic.Config
		cache := certmagic.NewCache(certmagic.CacheOptions{
			GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return config, nil }, Logger: logger,
		})
		t.Cleanup(cache.Stop)
		config = certmagic.New(cache, certmagic.Config{
			Storage: &certmagic.FileStorage{Path: t.TempDir()}, OCSP: certmagic.OCSPConfig{DisableStapling: true}, Logger: logger,
		})
		resolver := fake.ValidationResolver()
		config.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(config, certmagic.ACMEIssuer{
			CA: ca.DirectoryURL(), TestCA: ca.DirectoryURL(), Email: "admin@example.com", Agreed: true, TrustedRoots: roots, Logger: logger,
			DisableHTTPChallenge: true, DisableTLSALPNChallenge: true,
			DNS01Solver: &certmagic.DNS01Solver{DNSManager: certmagic.DNSManager{DNSProvider: a, Resolvers: []string{resolver}, Logger: logger}},
		})}

		before := a.records(t)
		names := []string{"example.com", "*.example.com"}
		get := func(name string) *x509.Certificate {
			t.Helper()
			certificate, err := config.CacheManagedCertificate(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			chain := x509.NewCertPool()
			for _, der := range certificate.Certificate.Certificate[1:] {
				link, err := x509.ParseCertificate(der)
				if err != nil {
					t.Fatal(err)
				}
				chain.AddCert(link)
			}
			if _, err := certificate.Leaf.Verify(x509.VerifyOptions{Roots: issuers, Intermediates: chain}); err != nil || !slices.Equal(certificate.Names, []string{name}) {
				t.Errorf("%s: %q, %v", name, certificate.Names, err)
			}
			return certificate.Leaf
		}
		if err := config.ManageSync(t.Context(), names); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			first := get(name)
			if err := config.RenewCertSync(t.Context(), name, true); err != nil {
				t.Fatal(err)
			}
			if get(name).SerialNumber.Cmp(first.SerialNumber) == 0 {
				t.Errorf("%s is not renewed", name)
			}
		}
		if after := a.records(t); !slices.Equal(after, before) {
			t.Errorf("the zone holds\n%q, held\n%q", after, before)
		}
		if calls := fake.Calls(); calls.Creates < 2 || calls.Creates != calls.Deletes {
			t.Errorf("calls %+v", calls)
		}
	})
}

// said is what certmagic logs.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) Sync() error { return nil }

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
