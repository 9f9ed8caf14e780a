// Package subprocess runs the programs of others beside ours, which runs as root: hooks and plugins.
//
// [Trusted] finds one that no user other than root and us could have changed; [Command] makes a process group that ends with its
// context, whatever it has started; [Program] does both; [Call] runs one to its end; [Lines] passes its output on, within bounds.
package subprocess
