package pebbletest

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
)

// LeftRunning is the function of the one goroutine of Pebble that [CA.Close] cannot end, for goleak.IgnoreAnyFunction.
const LeftRunning = "github.com/letsencrypt/pebble/v2/va.VAImpl.processTasks"

// Profile is the name of the only certificate profile.
const Profile = "default"

// CA is a running Pebble.
type CA struct {
	root             []byte
	issuer           *ca.CAImpl
	acme, management *endpoint
}

// Start starts a CA that behaves as o says. It listens when Start returns.
func Start(o Options) (*CA, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	root, certificate, err := newCertificate()
	if err != nil {
		return nil, fmt.Errorf("pebbletest: make endpoint certificate: %w", err)
	}
	logger := log.New(io.Discard, "", 0)
	if o.Log != nil {
		logger = slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug)
	}
	store := db.NewMemoryStore()
	for id, key := range o.ExternalAccounts {
		if err := store.AddExternalAccountKeyByID(id, key); err != nil {
			return nil, fmt.Errorf("pebbletest: external account %q: %w", id, err)
		}
	}
	for _, name := range o.Blocked {
		if err := store.AddBlockedDomain(name); err != nil {
			return nil, fmt.Errorf("pebbletest: blocked name %q: %w", name, err)
		}
	}
	validity := o.Validity
	if validity == 0 {
		validity = DefaultValidity
	}
	profiles := map[string]ca.Profile{Profile: {Description: "the only profile",
		ValidityPeriod: uint64(seconds(validity))}}
	identities := o.CAAIdentities
	if len(identities) == 0 {
		identities = []string{"ca.example.test"}
	}

	issuer := ca.New(logger, store, "", "ecdsa", o.AlternateRoots, max(o.Intermediates, 1), profiles)
	var frontEnd wfe.WebFrontEndImpl
	withKnobs(o, func() {
		// The first port is that of http-01, which nothing here answers.
		validator := va.New(logger, 0, o.TLSPort, o.Strict, o.Resolver, store)
		frontEnd = wfe.New(logger, store, validator, issuer, identities, o.Strict, len(o.ExternalAccounts) > 0,
			seconds(o.AuthzRetryAfter), seconds(o.OrderRetryAfter))
	})

	handler := frontEnd.Handler()
	if !o.Plain {
		handler = front{handler, store, seconds(o.OrderRetryAfter) > 0}
	}
	acme, err := serve(handler, certificate, logger)
	if err != nil {
		return nil, err
	}
	management, err := serve(frontEnd.ManagementHandler(), certificate, logger)
	if err != nil {
		acme.close()
		return nil, err
	}
	return &CA{root: root, issuer: issuer, acme: acme, management: management}, nil
}

// DirectoryURL is the URL of the ACME directory: https://127.0.0.1:PORT/dir. The same with localhost works too.
func (c *CA) DirectoryURL() string { return c.acme.url + wfe.DirectoryPath }

// ManagementURL is the base URL, without a slash at its end, of Pebble's management interface, behind the same TLS root:
// /roots/N, /intermediates/N, /cert-status-by-serial/SERIAL, and POST /set-renewal-info/ to override what RFC 9773 answers.
func (c *CA) ManagementURL() string { return c.management.url }

// RootPEM is the certificate to trust for TLS to [CA.DirectoryURL].
func (c *CA) RootPEM() []byte { return append([]byte(nil), c.root...) }

// WriteRoot writes [CA.RootPEM] to a file, mode 0644, for REQUESTS_CA_BUNDLE and WILDCARD_CA_BUNDLE.
func (c *CA) WriteRoot(path string) error {
	if err := os.WriteFile(path, c.root, 0o644); err != nil {
		return fmt.Errorf("pebbletest: %w", err)
	}
	return nil
}

// IssuerPEM is the root of the certificates that the CA issues: the one of the default chain.
func (c *CA) IssuerPEM() []byte { return c.issuer.GetRootCert(0).PEM() }

// Close ends both endpoints and drops their connections. What clients have stored of this CA is worthless afterwards.
func (c *CA) Close() {
	c.acme.close()
	c.management.close()
}
