// Package live runs the conformance suite (package conformance) at a real service, in a zone that is in use: "wildcard
// providers test". The author of a provider, a plugin or a script, or who has set one up, sees whether it keeps the
// contract where it counts.
//
// # Decisions
//
// The checks are those of [conformance.Config.Live]. They write below names that are new in every run, of the form
// _acme-challenge.t-RANDOM.ZONE, and touch no other. Left out is what needs a service of its own: hostile values, mangled
// handles, names outside of the zone, calls that are broken off on the way, silence, and lost replies.
//
// What a check has done is looked for at the name servers of the zone, all of their addresses, as an issuance does; each
// change is waited for, so a run takes as long as the zone takes to publish, some twenty times over. Several checks go side by
// side to make it bearable. One that has to find that nothing has changed cannot wait for that; a wrong change shows at the
// next one that it waits for.
//
// Each record is in the journal before it is made. Its entry goes only when the record is deleted from every name server; with
// a run that dies it stays, and the next run of any of our programs removes the record.
package live
