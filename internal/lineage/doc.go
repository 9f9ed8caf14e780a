// Package lineage keeps certificates, accounts and locks on disk in certbot's format, both ways: certbot reads, lists,
// renews and deletes what this package writes, and this package reads and continues what certbot wrote.
//
// A lineage is one certificate through all its renewals: renewal/NAME.conf says how it is renewed, archive/NAME holds every
// version of its four files (cert1.pem, chain1.pem, fullchain1.pem, privkey1.pem, then 2, 3, …), and live/NAME has four
// links to one version (certbot/_internal/storage.py).
//
// What holds:
//
//   - The files behind live/NAME are always a complete, matching set. A version is written, synced, read back and checked
//     under archive/NAME/.new-XXXX before it gets its number, because certbot links the highest numbers that it finds; then
//     the four links change in one instant (see [Lineage.Renew]). Any step may fail or be the last one before a power cut.
//   - Only lineages that are ours ([Lineage.Owned]: the .conf has a [wildcard] section) are ever written, by [Store.Create],
//     [Lineage.Renew], [Lineage.Update], [Lineage.Repair], [Lineage.Release] and [Lineage.Delete]; [Lineage.Adopt] makes one ours.
//     Everything that reads ([Store.Names], [Store.All], [Store.Lineage], [Store.Accounts]) writes nothing and takes no lock.
//   - Everything that writes holds certbot's own lock while it does, so a certbot at work and this package never mix.
//     Methods take and drop it themselves; no caller holds it.
//   - The .conf is edited, not rewritten: every byte that did not have to change stays (comments, order, unknown keys and
//     sections). What is added has the form in which ConfigObj, certbot's parser, writes it, so certbot's rewriting keeps it.
//   - Modes are certbot's (directories 0755, live, archive and accounts 0700; keys 0600, account keys 0400, the rest 0644)
//     whatever the umask, and what the administrator gave to the old key (group, its bits, an ACL) goes to the new one.
//   - A name read from outside becomes a path only after [ParseName], or, where it is only read, if it is one component of a path: certbot
//     takes any, and what it would renew is shown. Links in live/NAME and archive/NAME are read, compared
//     and never followed to anywhere but archive/NAME.
//
// The disk is the only store, on purpose: certbot and the servers read it. What is wanted elsewhere, or in another form, is made of
// a stored version ([Set], [Store.Export]): internal/certificates has the list of such files (outputs.go), and what else is to happen
// with a new certificate (deploy.go).
//
// Decisions: live, archive, renewal and archive/NAME may be links, as for certbot, if only root and we can change where they lead; the
// links stay. live/NAME must be a directory, since it is exchanged as a whole; a lineage whose .conf names other paths than live/NAME
// and archive/NAME of this directory is shown, never written. A version whose
// creation was cut short keeps its number for ever; numbers are skipped, not reused. When a crash falls between the .conf and
// the switch, the .conf has the new settings already: intent is never lost, and [Lineage.Repair] finishes the switch.
// ConfigObj's interpolation, %(name)s, is given back as it stands, and no value with one is written.
package lineage
