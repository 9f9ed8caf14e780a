// Package executable writes the scripts that tests run.
package executable

import (
	"os"
	"syscall"
	"testing"
)

// Write writes a script that its owner may run. No process of another test is started meanwhile: until it has become another
// program it would hold the script open for writing, and Linux runs no file of which that is so (ETXTBSY, "text file busy").
func Write(t testing.TB, path, text string) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}
