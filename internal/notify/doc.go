// Package notify tells people of renewals that go wrong, through channels that are there already: a program, mail by
// sendmail, a webhook.
//
// [Judge] decides when there is something to say; [Channels.Send] says it. Neither has a say in the renewal itself.
//
// # Channels
//
//	exec:/absolute/path      the program gets the message as JSON ([Message]) on its standard input
//	mailto:admin@example.com mail, by /usr/sbin/sendmail; several addresses are separated by commas
//	https://example.com/hook the message as JSON, by POST; http:// only to this machine
//
// # Decisions
//
// A timer tries several times a day; people are told once. They are told when it begins to fail: at once if only they can
// mend it, else, of failures that mend themselves ([wildcard/providers.Temporary]: locked, rate-limited, network down), when
// one has lasted for 24 hours, or the certificate is overdue ([issuance.OverdueAt]) or near its end. They are told again when 7 days,
// 3 days and 1 day are left, and when it has expired; of short lives that is half, a quarter and an eighth of the time
// between the renewal's date and the end, if that is less. They are told once when it works again. What all channels failed
// to deliver counts as not told, and the next run tries again.
//
// What one run finds another may say: [state.Complaint] has what the last run came to. So a run in a sandbox, out of which
// neither sendmail nor the administrator's programs work, leaves it to one outside.
//
// All that a run has to say is one message, for forty certificates of one DNS account fail together.
//
// A webhook's URL may hold a token, so it is a secret: errors and logs have its host alone, and no lineage keeps it. No
// redirect is followed, so that the message goes where it was sent. Nothing of a reply is shown but its status.
//
// A program is run as deploy hooks are: only if no user but root and us could have changed it, in an environment made from
// scratch, with bounded output and a deadline; and so is sendmail. Addresses are arguments after "--" and have no characters
// that a mail's header or a shell would take for something else; no text of others is put into a header but in the encoding
// of RFC 2047, which has no line breaks.
package notify
