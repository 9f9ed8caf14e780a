// Package journal remembers every DNS record that we made and have not yet deleted, so that none outlives a crash.
//
// An entry is on disk, synced, before the call that creates its record, and goes away only after the deletion is confirmed.
// What starts next, any of our programs, removes what the dead left: [Journal.Sweep].
//
// # Form
//
// The journal is a folder with one file per entry: JSON in one line, then a line with its SHA-256. Processes need no lock
// among each other that way, and an entry is there as a whole or not at all: it is written under another name, synced and
// renamed, and the folder is synced. File names are random and never made from an entry's contents. What a killed process
// had begun to write is removed when its lock is free. Any other file that is not ours, cannot be read, does not match its
// checksum or says what an entry of ours could not say is reported as [Damage] and left alone; it never stops the others.
// An entry holds no secret.
//
// # Who is dead
//
// An entry belongs to a process: certbot for the hooks, since it is certbot that will ask for the cleanup; ourselves
// otherwise. It may be swept only when that process is proven dead: it was in the pid namespace we are in, and the
// machine has been started anew since, or there is no such process, or it waits for its parent to collect it, or the one
// with its number began at another time. The first pid namespace of a machine has the same name after every start. A
// journal must therefore not be shared between machines: each would take the other's processes for those of an earlier
// start.
//
// Everything else counts as alive until the entry is three hours old, which is longer than any authorization that we wait
// for: a process in another container, behind a hidden /proc, or of which no start time is known. So does process 1: it
// becomes the parent of all orphans. A clock that is set back makes no process dead. A process that makes one run after the
// other ("renew --every") knows of its own earlier runs that they have ended ([Journal.Alone]).
//
// A record that stays (dns-persist-01) has an entry as well, from when all name servers have it: no run sweeps it until its deletion
// has begun, and then any run does, so that a removal that is broken off is finished by the next run.
//
// # What a sweep may do
//
// It deletes by handle, else by name, type and value, and only through an account with the entry's fingerprint that lists
// the entry's zone, or that cannot list any and has no ZONE= to the contrary; without such an account the entry is kept. It
// uses accounts that the current settings have opened and opens none itself, so no program that only the journal names is
// ever started. An entry without a handle that is younger than ten seconds is looked for twice, a second apart: the create
// call of the killed process may still be under way at the service, and a cleanup that found nothing looks like one that
// deleted something.
//
// The run that sweeps an entry or takes it over holds its file's lock meanwhile, and looks only then whether the owner is dead, so that
// an entry is never both. What is to be deleted is marked in the entry first.
//
// # Taken over
//
// An order that is taken up again wants the same values at the same names. The entry of a dead run then becomes this run's, in one
// step and with its handle ([Journal.TakeOver]), instead of a deletion and a creation, which slower name servers would show as the
// old record, then none, then the new one. A run therefore first takes over what it needs and sweeps the rest afterwards; a
// sweep at its start leaves alone what it may need. To any other sweep the dead are dead, whatever became of their order: a record
// that no run comes for must not stay. An entry that is marked is taken over as well, since its record may still be there, but says
// that the record cannot be counted on.
package journal
