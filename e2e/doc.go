// Package e2e holds the tests in which programs that we did not write meet ours: real certbot runs the hooks against the
// offline ConoHa and Pebble. They are behind the tag e2e, under which a missing program is a failure, never a skip:
//
//	go test -tags e2e ./...
//
// # Test suites of others
//
// libdns's conformance suite and certmagic run in CI, in the module e2e/libdns; lego's own program in cmd/wildcard-dns-lego;
// cert-manager's suite in cmd/wildcard-webhook.
//
// certbot's integration tests (certbot-ci) are in no Debian package; e2e/certbot-ci/run runs them by hand, from a checkout of
// certbot. With certbot 2.1.0 and its tests of that version, of 34 that need neither HTTP-01, OCSP nor alternative chains:
//
//   - with our hooks in place of certbot's standalone server 33 pass, among them test_manual_dns_auth, test_wildcard_certificates and
//     test_invalid_domain_with_dns_challenge. test_dry_run_deactivate_authzs wants a CA that reuses every authorization, which the
//     sandbox's does not.
//   - with "wildcard issue" and "wildcard renew" in certbot's place 13 pass, among them those of permissions, hook folders, key types,
//     revocation and wildcards, 18 use words that wildcard does not have, and 3 fail by intent: we make no P-521 keys, which Let's
//     Encrypt does not sign; "issue" without --reuse-key keeps what the certificate has (--reuse-key=false ends it), where certonly
//     resets it; and test_dry_run_deactivate_authzs reads certbot's log (what it is about is TestDryRunAgain of internal/cli).
package e2e
