// Package state keeps what has to be known between runs and is no certificate: the ledger of attempts, so that neither a
// CA's limits nor its patience are used up by a timer (ledger.go, check.go; when a failure is tried again: backoff.go), and orders under way, with the key that their
// certificate will be for (pending.go), certificates that were issued and refused (refused.go), certificates that were revoked from here (revoked.go), and what people were told of
// renewals that fail (watch.go). The journal of DNS records and the history of publication are packages of their own
// beside it, in the same folder.
//
// # On disk
//
// ledger.jsonl has a line for each attempt: eight hex digits of CRC-32, a blank, JSON. Lines are appended under a lock on
// ledger.lock and synced. A line that was cut or damaged is reported to the log and passed over; the others count. When the
// file has grown over 1 MiB it is written anew with what still matters: per lineage the last attempt, success and failure,
// and whatever is younger than two days; where that is too much by itself, as with hundreds of lineages that fail each hour, only
// what some rule goes by. It is not written anew again before it has grown to twice that.
//
// pending/NAME.json is one order under way, 0600, since it has a private key; written whole or not at all. A file that
// cannot be read is set aside as NAME.json.damaged and counts as none: it costs a new order, never a run.
//
// refused/NAME.pem is a certificate that was issued and refused, with its key, 0600: two lines of text, the second one JSON, then
// PEM, so that the person who decides about it can look at it and use it.
//
// revoked.jsonl has a line for each certificate that was revoked from this machine, sealed as those of the ledger. It is written whole,
// and forgets a certificate when it has expired.
//
// watch.json is written whole by each run of "renew". One that cannot be read counts as none: a message too many is better
// than a renewal that ends for the sake of messages.
//
// # Decisions
//
// An attempt that lies more than five minutes in the future was made under a clock that was wrong and counts for nothing;
// otherwise a machine whose clock was set back would not renew for years.
//
// Failed validations are counted as Let's Encrypt does, which stops at five an hour: by the name as it stands on the
// certificate, so *.example.com and example.com are two; and one for each time that the CA looked in vain, so an attempt may
// have a name twice. We stop when there are three, with --force too: an hour's ban is worse than the wait. Whatever else
// the ledger says, a person may overrule.
//
// A certificate that was issued and refused (refused.go) ends all attempts of its lineage, those of people too: each one
// costs another certificate, and the CA would most probably do the same again. --force, or another request, goes on. One whose
// chain or dates are wrong stays under way (pending.go) and is fetched once more before that.
//
// That a certificate is revoked is kept here, and not in its lineage's .conf, since certbot's own lineages have no place for it and
// keep none of ours. It is kept by issuer and serial number, so it is true of exactly one certificate: a lineage is revoked while
// that one is live, under whatever name and in whose care, is not from the moment that another is stored, and is again should a
// repair go back to it. Only what was revoked by this program, or what a CA said was revoked already when this program asked it, is
// known; what others revoke, the CA tells by its renewal information alone (RFC 9773).
//
// Back-off is for unattended runs only. It is at most a tenth of the life that the certificate has left, so that one that is
// about to expire is tried often, and at most ten minutes when nothing was ordered, since then the CA was spared.
package state
