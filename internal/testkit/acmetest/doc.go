// Package acmetest is an ACME CA (RFC 8555, RFC 9773) that behaves as Let's Encrypt's does, and whose every reply a test may change,
// drop or replace: what a broken, overloaded or hostile CA answers. What no test has changed it does strictly: a request with a wrong
// signature, a used nonce, a wrong URL in its header, of the wrong method or content type is refused as Boulder refuses it, and is kept
// in [Server.Violations] too, so that a client cannot pass by being tolerated; and so are requests that Boulder takes and counts against
// their sender.
//
// # What it does as Boulder
//
// The zero [Options] is Let's Encrypt's production in autumn 2026 (letsencrypt/boulder 2d00c8e27; files in brackets): challenges stay
// pending while they are validated, 2 to 7 s, and a second answer is a second validation [ra/ra.go]. Validations run in four phases, of
// which each can fail: TXT from the primary perspective, TXT from four remote ones, CAA from both [va]; resolvers remember what they
// found, and what they did not, for a minute. Pending and ready orders are given back, valid authorizations are used again for 30 days
// [ra NewOrder]. Finalize is synchronous [wfe2]. What has expired is not found. Failed validations, orders and certificates are counted and
// limited [ratelimits], and so is what comes from one address at once. Chains have four certificates, and alternates are their
// beginnings. Directory, authorizations and accounts look as Boulder's, with a member that no client knows and challenges in any order.
// Nothing of Boulder's code is in here.
//
// Not as Boulder by default: there is no error of its own ([Options.Outages]), no bad nonce ([Options.BadNonces]) and no replica that
// lags ([Options.StaleReads]), since these are rare; plain GETs of orders and the like are refused, as no client may rely on them; no
// record of CAA is looked at with [Options.Look]; keys are not looked up in lists of weak ones; names need no public suffix.
//
// [Deviations] make another CA of it, habit by habit.
//
// # Decisions
//
// Time goes by [Options.Now]. With a clock of the test's own nothing happens by itself: what is due of a validation is done when the
// next request comes. So a validation of 30 s costs a test none.
//
// It speaks HTTP/2, and HTTP/1.1 with [Options.HTTP1], which scripts need that answer with raw bytes ([Reply.Raw]); a reply is dropped
// with either ([Reply.Drop]).
//
// Its certificates come from roots made at [Start]. Those for RSA keys are signed by RSA keys, made when the first is issued.
//
// What Let's Encrypt's load balancer puts into Retry-After is not known: here it is a second.
package acmetest
