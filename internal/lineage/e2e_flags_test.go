//go:build e2e

package lineage

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The whole suite on a file system whose renameat2 knows no flags, as NFS, ZFS before 2.2, GlusterFS, 9p and most of FUSE (O20): strace
// has the kernel say EINVAL. What is about the instant of an exchange is left out, for there is none.
func TestRenameat2_NoFlags(t *testing.T) {
	dir := t.TempDir()
	suite, trace := filepath.Join(dir, "lineage.test"), filepath.Join(dir, "trace")
	if out, err := exec.Command("go", "test", "-c", "-o", suite, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command("strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=renameat2", "-e", "signal=none", "-e", "inject=renameat2:error=EINVAL",
		"-o", trace, suite, "-test.count=1", "-test.skip", "^(TestReadersDuringSwitches|TestRenewFailsAnywhere)$/^exchange|^(TestForeignFilesThatChangeMeanwhile|TestOrderOfSteps|TestReaders_Attacked)$")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	calls, err := os.ReadFile(trace)
	if n := strings.Count(string(calls), "(INJECTED)"); err != nil || n < 100 {
		t.Errorf("%d calls were refused, %v", n, err)
	}
}
