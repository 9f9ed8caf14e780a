// Package conohatest is one strict fake of ConoHa, for tests, for the sandbox program and for benchmarks. One [Service]
// emulates, on loopback ports that the kernel chooses, both generations of the HTTP API and the DNS that publishes what the
// API stores. Nothing of it leaves the machine. It does not know *testing.T: [Start] and [Service.Close] are all.
//
// # What is emulated
//
// Section numbers are those of conoha-api.md, in the folder of references that the developers share, which is the specification.
//
//   - Identity, Ver.2.0 (§2.1, A1-A4) and Ver.3.0 (§2.2, B1-B4): login by password, in both documented forms of Ver.3.0. A
//     token is random, belongs to one generation and one tenant, and expires after a day.
//   - DNS, both generations (§3, A5-A18, B5-B19): list, get and create domains; list, get, create, update and delete records.
//     Domains can be made but not changed or deleted over HTTP: the reference lists no such calls, so they are 405.
//   - Name servers (§4): three for Ver.2.0, two for Ver.3.0, and one "outside" that holds the zones of other companies, each
//     on UDP and TCP. Each publishes a change made over HTTP after its own delay, in order.
//   - A resolver with the negative cache of RFC 2308, and a second one without memory for a CA's validation, which asks the
//     servers of a zone in turn, so that an answer given before all of them have the value is found out. Both walk from a
//     root through top-level domains and delegations, as a real one does.
//
// # What it promises
//
// No request that the real service would refuse may pass. Where the reference does not know whether it would, it is refused,
// and [Switches] says otherwise; every "[?]" of §7 is a field there, whose zero value is the documented default. The reason
// for a refusal is in [Request.Refused], in words. Requests that a program should not send although the service bears them,
// such as an empty id in a path, never change anything.
//
// # What is guessed, or left out
//
//   - JSON member names count in their exact case, and nothing may follow the value. Unknown members are 400, at login too.
//   - Order of checks: token, path, method, Accept, Content-Type, zone, body, rules.
//   - A domain of another tenant is 404 as §3.7 says; [Switches.ForeignZoneStatus] makes it 401.
//   - A TTL belongs to name and type in Ver.2.0 (§3.5), to the record in Ver.3.0.
//   - The quotas are upstream's: 500 records in a zone, 20 at one name and type. What is done behind the API's back
//     ([Service.PutRecord] and others) is not checked, and published at once.
//   - TXT data is 1 to 255 printable ASCII characters; names are letters, digits, hyphens and underscores.
//   - Reason phrases are Go's ("409 Conflict", not "CONFLICT"), and TLS is left out: the URLs begin with http://127.0.0.1.
//   - DNSSEC, wildcard records and zone transfers are left out; a transfer is REFUSED.
//   - The resolvers forget positive answers at once, and skip a server that is silent or lame without waiting for it.
//
// Time is [Options.Now] everywhere but in latencies and hangs, which take real time. Ids, names and passwords that the
// package makes up are the same in every run; tokens are not.
package conohatest
