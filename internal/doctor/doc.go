// Package doctor looks at all that a certificate depends on and says what is wrong with it: what is so, why it matters, and
// the command that mends it. [Doctor.Examine] is one pass, side by side, each check within a time of its own; one that
// fails, gets stuck or crashes hides none of what the others find.
//
// It reads, unless it is told otherwise: [Doctor.Probe] makes a record of its own in each zone and deletes it, [Doctor.Fix]
// repairs lineages of ours as "renew" would. A healthy set-up has no finding at all; what was looked at is in [Report.Good].
//
// There is a file for each thing that is looked at, and one function for each check, which adds findings to the visit.
// [Kinds] is the list of what can be found; a test provokes every one of them.
//
// # Decisions
//
//   - An error (something fails as things are) makes for the exit status of its class, and if another error is behind it, of
//     that one's; warnings alone make for 1, notes for 0. The worst severity decides, and within it the status that needs
//     a person most.
//   - Certificates of certbot's are looked at only where the operator names them, except for hooks that cannot run, timers that
//     do not, and files that cannot be read.
//   - What one check needs and cannot have, because another one is about just that, it passes over: a password that is
//     refused is one finding, not one for each name.
//   - Name servers are asked for the SOA record of the zone, at every address, UDP and TCP each for itself. Resolvers are
//     asked for CAA, DS and DNSKEY, and never for the name of a challenge.
//   - Timers and cron are missed only for certificates in /etc/letsencrypt, where they look.
//   - Records at a challenge's name are not judged for a quarter of an hour after a run, since name servers may publish for
//     a while what was deleted.
//   - CAA without an answer is a warning only, since the CA may have better luck.
//   - A server's chain is compared with the store and checked to hang together; roots are not looked at.
//   - The probe's record stands at a random label under the challenge's name, CNAMEs followed; where that name is a zone of
//     its own, at the name itself, since some services can write no other.
package doctor
