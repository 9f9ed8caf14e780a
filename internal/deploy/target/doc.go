// Package target brings a certificate to the places beyond the lineage's own files: programs, other machines, services.
//
// A target is written KIND:WHERE[@ENVFILE], and kept with the lineage (targets in its .conf). All targets of a lineage are done side
// by side, after its hooks; one that fails stops no other. What has succeeded for a certificate is remembered by the caller, so that
// the next run does only what failed.
//
// # Decisions
//
// What a target needs to know besides (logins, passwords, commands) stands in its env file, which obeys the rules of package settings,
// or in the other places where credentials are looked for. TARGET_VERIFY in it has the addresses, separated by white space, that have
// to serve the new certificate then: only this target is proved by them, and done again. One that is a port alone, such as 443 or
// 25,smtp, is at the target's own host.
//
// There is no journal of targets. What is not finished is found by looking: a target is done for a certificate once its success is
// remembered, each does the same when it is done twice, and what a killed run left at the other end is under a name that the next
// run knows.
package target
