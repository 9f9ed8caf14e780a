// Package hooks is certbot's contract: the two programs that certbot runs for a DNS-01 challenge with
// --manual-auth-hook and --manual-cleanup-hook, in certbot 2.0 to 5.6.
//
// certbot calls the auth hook once per challenge, one after another, then asks the CA to validate them all, then calls the
// cleanup hook once per challenge. Four habits of certbot shape this package:
//
//   - It goes on when an auth hook fails, and so burns a failed validation at the CA. So the auth hook does all it can
//     before it gives up, and checks what can be checked before it creates anything.
//   - It gives the last auth call only that call's own value, though the point of waiting is to wait once for all. So the
//     hook returns at once while CERTBOT_REMAINING_CHALLENGES is above 0, and at 0 waits for every value of this round,
//     which it knows from the journal.
//   - It has no time-out and holds its locks meanwhile. So every step here has a deadline of its own.
//   - When it is killed it may never call the cleanup hook for the challenge at hand, and the auth hook lives on as an
//     orphan. So each record is in the journal before it is created; the auth hook watches certbot, and when certbot ends
//     removes its record and ends too; and every start of either hook first removes what the dead left behind.
//
// # Decisions
//
// The auth hook's standard output is one line, the receipt, which certbot hands to the cleanup hook in
// CERTBOT_AUTH_OUTPUT: "wildcard/1 created FQDN HANDLE", or "wildcard/1 nothing" from a call that failed and left nothing.
// The cleanup hook goes by the journal first, since only our programs write it; by the receipt when the journal does not know
// the record, and then only by name, type and value, since what comes through the environment is not proof of an id; and
// by looking when there is neither. After "nothing" it sends nothing at all, so that a refused password is not tried
// a second time.
//
// A CNAME at the challenge name and the delegation of the zone are looked up before anything is created, at every call:
// it costs a few milliseconds and tells "delegated elsewhere" at once instead of after the whole wait.
//
// With --nameserver (or WILDCARD_NAMESERVERS) publication is asked of exactly those servers; the delegation is then
// checked only if --resolver (or WILDCARD_RESOLVERS) is given too, because the system's resolver may well have another
// view of a zone whose servers had to be named.
//
// A value at a name at which the CA has just looked is waited for until the CA's resolvers have forgotten that (package
// internal/dns01/memory): certbot lets the CA look when the last auth hook of a round has returned, also after a failure, and it has
// looked when the cleanup hook is called. The wait is silent, as all success is; with -v each second is a line. certbot does not tell
// which CA it is, so a look counts for any; --ca-cache 0 is for one that remembers nothing.
//
// Standard error is empty on success. On failure it has one line that says what happened, then one with the likely cause and
// one with what to do next (package messages), which certbot copies to the terminal, its log and the timer's mail.
package hooks
