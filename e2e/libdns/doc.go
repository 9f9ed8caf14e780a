// Package libdns holds tests in which code of others judges our providers: the conformance suite of libdns
// (github.com/libdns/libdns/libdnstest), and certmagic, an ACME client that knows DNS services as libdns has them. It is a module
// of its own, so that neither is a dependency of the programs:
//
//	cd e2e/libdns && go test -tags e2e ./...
//
// # What runs of libdns's suite
//
// All of it, [libdnstest.TestSuite.RunTests], with what it offers as settings for providers that do not do everything:
//
//   - SkipRRTypes leaves out AAAA, CAA, HTTPS, MX, NS, SRV and SVCB: our providers make TXT records and no others.
//   - A and CNAME cannot be left out. These records are made, as another client's, without our providers, and have to
//     survive what our providers do.
//   - AppendRecordFunc makes the values of TXT records those of challenges. Our providers refuse others, such as the suite's
//     "Hello, world!", on purpose (see [providers.ParseRecord]).
//
// What a zone holds is read at the service itself, since our providers do not list records. The suite compares names, types, TTLs
// and values. It is part of no release of libdns so far; v1.2.0-alpha.1 is the version that has it.
package libdns
