// Package certificates obtains certificates, keeps them renewed, and keeps them where certbot does.
//
// A [Manager] has a method for each use case. Each takes a typed request, and gives a result or an error: [Manager.Obtain] and
// [Manager.Plan] (what Obtain would do), [Manager.Renew], [Manager.Adopt] and [Manager.Release] (from certbot and back to it),
// [Manager.Revoke], [Manager.Delete] and [Manager.Clean]; [Accounts] has those for accounts at CAs. What happens on the way is told by [Event]. What a person is to decide is in
// the request, or asked by a function in it, never under a lock.
//
// Nothing here knows of command lines, terminals or environment variables: DNS services and hooks get the environment that
// [Options] has, and [Choice] has what was chosen, firmly or not.
//
//	flags, environment ─▶ Request ─▶ draft: order, over what the lineage stores
//	                                  │ due? (due.go)            no ─▶ Kept
//	                                  ▼
//	                                 attempt: account, ledger, key, [issuance.Issuer] ─▶ ledger.go
//	                                  ▼
//	                                 keep: lineage, files, deploy hooks ─▶ Result
//
// # Decisions
//
// What Obtain was asked for is stored with the lineage, so that a timer with an empty environment renews just as well. A firm
// choice counts more than what is stored, and that more than another. Settings of a DNS service itself (credentials, base URLs,
// TTL) are never stored: each run finds them anew.
//
// A request without the name of a lineage is for the one of ours with exactly these names, else for the one named after the first
// name. If that one is certbot's, it is left alone, and the error names "adopt".
//
// A lineage has one order at a time, in all processes: the process that works at it has its order lock. Before an order, and after it,
// records that dead processes left are removed, but for those that the order may take up again.
//
// The key of a new certificate is kept with its order before the CA hears of it, and the certificate before it is stored: a run
// that dies at any moment costs no second order. An order is forgotten when its certificate is stored, is not what was asked for,
// or can never come.
//
// A certificate is due by what the CA suggests (RFC 9773), else when a third of its life is left; one renewal a day, whatever the
// CA suggests. One that was revoked from here (package state keeps that) is due at once and without asking, however lately it was
// renewed. What a lineage is has one word everywhere, [Status]. A failure is written into the ledger (package state), which says when the next try may be.
//
// Deploy hooks that failed wait with the lineage, and run with the next run, also when nothing is renewed. Post hooks run when pre
// hooks did.
package certificates
