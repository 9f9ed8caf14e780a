//go:build e2e

package lineage

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The whole suite with live and archive as links to another folder (O5). What says of a new tree that it is empty, what looks at the modes of
// the two folders, what puts other things in their place and what is about the lock alone is left out.
func TestSuite_FoldersAreLinks(t *testing.T) {
	suite := filepath.Join(t.TempDir(), "lineage.test")
	if out, err := exec.Command("go", "test", "-c", "-o", suite, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(suite, "-test.count=1", "-test.v", "-test.skip", "^(TestHostileNames|TestUmaskIsNotTrusted|TestPreflight|TestLock.*|TestFolders_.*)$")
	cmd.Env = append(os.Environ(), foldersAreLinks+"=1")
	out, err := cmd.CombinedOutput()
	if n := strings.Count(string(out), "--- PASS"); err != nil || n < 100 {
		t.Errorf("%d passed, %v\n%s", n, err, out)
	}
}
