// Package acmeserver is an ACME server (RFC 8555, RFC 9773) for the machines of one operator, in front of a public CA. A machine proves
// who it is by an external account key, and gets what its line of the policy allows; the names are proven to the CA from here, so that
// no machine needs to write DNS.
//
//	request ─▶ Server.ServeHTTP: limits, JWS (jws.go) ─▶ account.go, order.go, finalize.go, … ─▶ reply or [Problem]
//	                                 │ policy.go: whose account, which names
//	                                 ▼
//	                       store.go: order on disk ─▶ work.go ─▶ [Upstream] (manager.go: package certificates)
//
// # Decisions
//
// An authorization for an allowed name is valid at once: its proof is the account (RFC 8555 §7.1.3 lets a server do so). There is no
// pre-authorization (§7.4.1).
//
// What is answered is on disk before: an account, an order, a CSR. After a crash each order that was ready or processing is taken up
// again. An order is final when it is valid or invalid; it stays for as long as its certificate, or for a week. What is old is forgotten:
// see store.go for orders and accounts.
//
// The proof at the CA begins with the order of the machine, not with its CSR, since clients are impatient (certbot waits 90 s, lego
// 30 s) and publication is not. Finalize waits a moment for the certificate, so that most clients have it with that reply. A client that gave up comes again with a new key and finds its names proven.
//
// A failure upstream that may pass is tried again for as long as the order lives, unless the same client has finalized a newer order for
// the same names: it has given up on the old one.
//
// A CSR for the names and the key of a certificate that was issued within a day gets that certificate. A second finalize with the same
// CSR is answered with the order, as clients send it again when a reply was slow.
//
// What the CA has said that there is no more of (limits.go) is refused at newOrder: an order that waits for days helps no client. Orders
// with "replaces" go through, since they count at none of the CA's limits.
//
// Nonces are signed, not kept: only those that were used are remembered, so that no client can push out those of another. After a restart
// all are unknown, which clients answer by a fresh one (badNonce, RFC 8555 §6.5).
//
// Refusals cost: an address that is refused too often (20 a second) is answered with rateLimited before anything is read. What
// succeeds costs nothing, since many machines may share an address.
//
// "replaces" (RFC 9773 §5) that names a certificate of another client is refused; one that was not issued here is left out, since a
// machine may come from another server.
//
// Texts for clients are English: they stand in other programs' logs.
package acmeserver
