// Package boulder holds the tests in which our programs, and certbot with our hooks, meet the CA software of Let's Encrypt.
// They are behind the tag boulder, under which a missing program is a failure, never a skip:
//
//	go test -tags boulder ./e2e/boulder
//
// What runs is told in internal/testkit/boulder. The DNS service is the offline ConoHa, and its name servers are what the
// CA's resolvers ask. Every test has a zone, an account and folders of its own, so all of them share one CA of each variant.
// What is asserted is what was sent, in which order, and what came of it; never how long it took.
package boulder
