// Package timeline is a run as a timeline: what was done and waited for, from when to when, as JSON and as a page with a
// picture, so that a person sees where the time went.
//
// A [Recorder] is told of the events of [wildcard/issuance], from which the live display is made too, and reads the log
// along: a line with an attribute "took" is a call that ended just now. [Recorder.Document] is what it knows at any moment;
// what is not over then says so. All methods may be called by several goroutines, and on a nil Recorder, where they do
// nothing.
//
// # Decisions
//
// Pages are shown to others. So there is no secret in a document that logs and errors do not have, and less besides: no
// values of TXT records, no query of a URL, of a hook's command line the program alone, nothing of our own command line but
// the command.
//
// Certbot's hooks have no trace: each is a process of its own that sees a part of a run, and certbot's log has their lines
// with the time of day.
//
// The page is one file without scripts and without anything from elsewhere; its pictures are SVG.
package timeline
