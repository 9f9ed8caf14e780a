package lineage

import "wildcard/internal/system/subprocess"

// Words takes the command line of a hook apart as a shell does, without expanding anything.
func Words(line string) []string { return subprocess.Words(line) }

// Quote writes a word as a POSIX shell, and [Words], read it.
func Quote(s string) string { return subprocess.Quote(s) }
