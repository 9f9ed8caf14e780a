// Package acmetest is an ACME CA (RFC 8555, RFC 9773) whose every reply a test may change, drop or replace: what a true CA
// such as Pebble never answers, but a broken, overloaded or hostile one may. What no test has changed it does strictly: a
// request with a wrong signature, a used nonce, a wrong URL in its header, of the wrong method or content type is refused
// as the RFC says, and is kept in [Server.Violations] too, so that a client cannot pass by being tolerated.
//
// A test that needs a whole and true CA takes package pebbletest instead.
//
// # Decisions
//
// It speaks HTTP/1.1 only, so that a script may answer with any bytes ([Reply.Raw]) or with none ([Reply.Drop]).
//
// Validation happens while the challenge is answered: its outcome is there at once, unless [Options.Boulder] is set or a script says otherwise. The CA
// looks at DNS through [Options.Look]; without it everything is valid.
//
// Its certificates come from a root and an intermediate made at [Start]; they are valid for 90 days from a minute ago.
package acmetest
