// Package conoha publishes DNS-01 challenges in zones held at ConoHa VPS, of both generations: Ver.2.0 (Keystone v2.0 and
// Designate v1) and Ver.3.0 (Keystone v3 and a DNS service of its own with the same paths). Section numbers in comments
// are those of conoha-api.md, in the folder of references that the developers share.
//
// What it promises, besides the rules of package providers:
//
//   - A run that makes and removes N records costs one login, one list of zones, N creations and N deletions. A process
//     that starts later with the same [Options].RunDir costs no login and no list.
//   - A record is created by one POST. When it is not known whether that POST took effect, the record is looked for, by
//     name, type and data, before another is sent. Should both have taken effect, one of the two is deleted.
//   - A record is deleted by the ids in its handle. Only without a usable handle are records looked for, and then every
//     one equal in name, type TXT and data is deleted, and nothing else.
//   - Passwords, tokens and user names are masked wherever text of the service is shown. Redirects are never followed.
//
// Decisions:
//
//   - A handle is "ZONEUUID/RECORDUUID". One that does not have this form is treated as empty, since it comes from
//     journals and logs that may be damaged. Whether the record that a handle names was changed by another program in the
//     meantime is not checked: that would cost a call for every deletion, and ids are never used again.
//   - A 404 to a deletion means "deleted already" only if the account lists the handle's zone; otherwise the credentials
//     are those of another account, and the record may well exist there.
//   - Credentials that were refused are not tried again by the same [Provider]. A login that fails for other lasting
//     reasons (no token in the reply, a token that has expired already) is not repeated either.
//   - How long a token lives is reckoned from the service's own Date header, so the clock of this machine does not matter.
//   - Given both a user name and a user id, but no region and no identity URL, the id decides: Ver.3.0, since Ver.2.0
//     never asks for one. In Ver.3.0, a "user name" of 32 hexadecimal digits is taken for the id that some scripts keep
//     in that variable.
//   - The run directory holds, per account, one file for the token and one for the zones, so that neither overwrites what
//     another process has just learnt of the other, and a lock file for each. Processes that start together wait for the
//     first one's login and list, for at most the time of one call; then they do without.
//   - A 403 of the DNS service buys a new login like a 401, and a 4xx to a deletion makes it look whether the record is
//     there: it is not known what Ver.3.0 says of expired tokens and of missing records (§8).
//   - A kept list may lack a zone that was made below a listed one in the last ten minutes. The service's refusal of a
//     creation or deletion is reason enough to fetch the list anew and, if it says otherwise, to try in the right zone.
//   - A quota that is used up is [providers.Misconfigured]: trying again does not help, deleting something does.
package conoha
