package settings

import (
	"strings"

	"wildcard/internal/system/safepath"
)

// Shown returns a path as it can stand in a line of text and in a command ([safepath.Shown]).
func Shown(path string) string { return safepath.Shown(path) }

// commandLine returns a command as people type it.
func commandLine(words ...string) string {
	for i, word := range words {
		words[i] = Shown(word)
	}
	return strings.Join(words, " ")
}
