// Package boulder runs Boulder, the CA software of Let's Encrypt, for tests: unmodified, on loopback addresses, with a
// configuration of ours. The tests are in e2e/boulder, behind the build tag boulder:
//
//	go test -tags boulder ./e2e/boulder
//
// They need Debian's mariadb-server and redis-server. Boulder itself is installed with "go install" at its first use, in
// about two minutes, into wildcard-tests/boulder below the user's cache folder; nothing of it is linked or copied.
//
// # What runs
//
// [Start] makes the certificates of an inner CA, the keys of the issuers, a configuration for each service, and starts: a
// MariaDB and a Redis, two logs for certificate transparency, and Boulder's services (sa, publisher, three remote validation
// authorities with perspectives of their own and the primary one, two registration authorities of which one only collects
// SCTs, ca, two nonce services, and wfe2). In the process of the test are: a name server with the SRV records that nonces
// are redeemed by; a resolver for each validation authority, over HTTPS, which is all that they ask; and a reverse proxy
// before wfe2, which writes each exchange down.
//
// Each CA has a loopback address of its own, so that the ports are the same everywhere and never meet those that the system
// gives away on 127.0.0.1.
//
// # As Let's Encrypt is
//
// The limits are those that Let's Encrypt publishes, the profiles and their lives too (classic, tlsserver, shortlived), and so
// are the chains: leaf, intermediate, a root signed by an older one, and that signed by the oldest; every alternate is a
// prefix of the default. The resolvers remember an answer, "no" included, for its TTL and at most 60 s, each for itself. What
// is different from variant to variant is in [Variant].
//
// # Decisions
//
//   - One CA serves many tests at once. Each test has zones of its own, below a registered domain of its own, since limits are
//     counted by that; [CA.Delegate] tells which resolver knows a zone, and how slow it is.
//   - A validation has four phases: TXT of the primary, TXT of the others, CAA of the primary, CAA of the others. [CA.Slow]
//     divides the time among them.
//   - Names cannot be below .test, .example or another domain that is in no list of public suffixes: Boulder refuses them, as
//     it refuses e-mail addresses of example.com. Tests register accounts without one.
//   - Each connection comes from an address of its own, since accounts are counted by address too.
//   - Processes die with the test's (PR_SET_PDEATHSIG), also if that is killed.
package boulder
