// Package subprocess runs the programs of others beside ours, which runs as root: hooks and plugins.
//
// [Trusted] tells whether a user other than root and us could have changed one; [Command] makes it a process group that ends with
// its context, whatever it has started; [Call] runs one to its end; [Lines] passes its output on, within bounds.
//
// # Decisions
//
// Trusted looks at the program, at what a link leads to, and at every directory above both. A directory that others may
// write to is accepted only if it is sticky and root's, as /tmp is: no user can replace there what is not theirs.
package subprocess
