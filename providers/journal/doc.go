// Package journal remembers every DNS record that we made and have not yet deleted, so that none outlives a crash.
//
// An entry is on disk, synced, before the call that creates its record, and goes away only after the deletion is confirmed.
// Whoever starts next, any of our programs, removes what the dead left: [Journal.Sweep].
//
// # Form
//
// The journal is a folder with one file per entry: JSON in one line, then a line with its SHA-256. Processes need no lock
// among each other that way, and an entry is there as a whole or not at all: it is written under another name, synced and
// renamed, and the folder is synced. A file that cannot be read or does not match its checksum is reported as [Damage] and
// left alone; it never stops the others. An entry holds no secret.
//
// # Who is dead
//
// An entry belongs to a process: certbot for the hooks, since it is certbot that will ask for the cleanup; ourselves
// otherwise. It may be swept only when that process is proven dead: it was in the pid namespace we are in, and the
// machine has been started anew since, or there is no such process, or one that began at another time. Everything else, a
// process in another container or behind a hidden /proc, counts as alive until the entry is three hours old, which is longer
// than any authorization that we wait for. Process 1 counts as unknown too: it becomes the parent of everybody's orphans.
//
// # What a sweep may do
//
// It deletes by handle, else by name, type and value, and only through an account with the entry's fingerprint that lists
// the entry's zone; without such an account the entry is kept. It opens no accounts itself, so no program that only the journal
// names is ever started. An entry without a handle that is younger than ten seconds is looked for twice, a second apart: the
// create call of the killed process may still be under way at the service.
package journal
