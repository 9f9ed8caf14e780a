// Package executable writes the programs and scripts that tests run.
package executable

import (
	"os"
	"syscall"
	"testing"
)

// Write writes a script or program as packages install them.
func Write(t testing.TB, path, text string) {
	t.Helper()
	if err := WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// WriteFile is os.WriteFile for a file that may be run, and gives it that mode whatever the umask. No process of another test is
// started meanwhile: until it has become another program it would hold the file open for writing, and Linux runs no file of which
// that is so (ETXTBSY, "text file busy").
func WriteFile(path string, data []byte, mode os.FileMode) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, data, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}
