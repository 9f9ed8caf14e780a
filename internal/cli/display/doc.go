// Package display is what a person sees of wildcard: the answer of a command, lines and a live view of how a run goes,
// tables, and help (package help). It is given where to write and in which language; it reads no environment and no flags.
package display
