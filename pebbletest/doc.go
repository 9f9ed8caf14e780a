// Package pebbletest runs Let's Encrypt's test CA, Pebble, inside the calling process: a true ACME server (RFC 8555, RFC 9773)
// over TLS on 127.0.0.1, without a configuration file, without certificate files, without a program to install.
//
// It is used by the end-to-end tests and by wildcard-sandbox, so nothing in it needs a *testing.T:
//
//	ca, err := pebbletest.Start(pebbletest.Options{Resolver: dns.ValidationResolver()})
//	…
//	defer ca.Close()
//	err = ca.WriteRoot(filepath.Join(dir, "ca.pem")) // REQUESTS_CA_BUNDLE, WILDCARD_CA_BUNDLE
//	server := ca.DirectoryURL()                      // --server
//
// Two roots must not be confused. [CA.RootPEM] is what a client needs to talk to the ACME endpoint: it signs the endpoint's TLS
// certificate for 127.0.0.1 and localhost, made at Start and valid for a year from then. [CA.IssuerPEM] is the root of the
// certificates that Pebble issues. Both are new at every start.
//
// # Decisions
//
// Exactly one profile is configured. An order that names no profile gets a random one from Pebble, and certbot before 4.1 names
// none, so with two profiles the lifetime of its certificates would change from run to run.
//
// A CA that answers slowly, rejects good nonces or reuses authorizations has to be asked for: the zero Options validate without
// delay, accept every good nonce and reuse no authorization, so that a client is led to its DNS hooks by every order. Pebble
// nevertheless reuses about 1 % of them when an account asks twice for one name (its test is rand.Intn(100) > 0): where a hook
// must be called, use a new account, or a new CA.
//
// Pebble takes some of its knobs from the process environment only, and reads them while its parts are constructed. Start sets
// PEBBLE_VA_NOSLEEP, PEBBLE_VA_SLEEPTIME, PEBBLE_VA_ALWAYS_VALID, PEBBLE_WFE_NONCEREJECT and PEBBLE_AUTHZREUSE for that instant, under
// a lock of this package, and puts back what was there before. Several CAs may be started at once, in tests that call t.Parallel too.
//
// Pebble does not check CAA, has no rate limits and keeps nothing over a restart. Its validator uses TCP only, asks the one
// resolver of [Options.Resolver] three times for every challenge, and takes TXT records out of that one answer: CNAMEs must be
// followed by the resolver.
//
// One goroutine of Pebble cannot be stopped and outlives Close; a test that uses goleak ignores it by its name, [LeftRunning].
package pebbletest
