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
// # As at Let's Encrypt
//
// Clients are written for the CA that most people use, which runs Boulder, and Pebble differs from it in what clients depend on.
// So it stands behind a front that answers as Boulder does (read in letsencrypt/boulder 2d00c8e27; Pebble v2.10.1); Options.Plain
// leaves the front out.
//
//   - A challenge that was answered stays "pending", and its authorization too, until the validation has come to its end (Boulder's
//     ra.PerformValidation; letsencrypt/boulder#9032). Pebble says "processing" as RFC 8555 §7.1.6 has it. "validated" appears with the end.
//   - Authorizations and challenges have no Retry-After (Boulder's docs/acme-divergences.md, section 8.2), unless
//     Options.AuthzRetryAfter asks for it.
//   - finalize is answered when the certificate is there, with an order that is "valid" (Let's Encrypt's production). With
//     Options.OrderRetryAfter it is answered at once, with an order that is "processing" (its staging environment), as Pebble does.
//   - Replies to finalize name the order in Location. RFC 8555 does not ask for it, but golang.org/x/crypto/acme and cert-manager's
//     copy of it look nowhere else: without it they finalize again, and give the order up if the CA has not issued by then.
//   - A 404 has a problem document, "malformed", and types name no charset (wfe2.sendError, wfe2.writeJsonResponse).
//
// A second answer to a challenge is refused as by Pebble (400): Boulder lets it start another validation today, and is to refuse it
// (409) soon. What else Let's Encrypt does and Pebble does not (reuse of orders, limits, CAA, perspectives, memory of its resolvers)
// needs more than a front: package internal/testkit/acmetest, and Boulder itself.
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
