//go:build !failpoint

package failpoint

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Nothing of the points is in a program that is built without the tag: no function, no name, no variable to obey.
func TestBuild_WithoutTag(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "hook")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "wildcard/cmd/wildcard-auth-hook")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	symbols, err := file.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	functions := 0
	for _, s := range symbols {
		if strings.HasPrefix(s.Name, "wildcard/internal/system/failpoint.") {
			t.Errorf("%s is in the program", s.Name)
		}
		if strings.HasPrefix(s.Name, "wildcard/internal/dns01/journal.") {
			functions++
		}
	}
	if functions == 0 {
		t.Error("the functions that have points are not found either")
	}
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	for _, trace := range []string{"WILDCARD_FAILPOINT", "before request", "after request"} {
		if bytes.Contains(text, []byte(trace)) {
			t.Errorf("%q is in the program", trace)
		}
	}
}

func TestOff(t *testing.T) {
	t.Setenv("WILDCARD_FAILPOINT", "1:EIO")
	if err := Hit("point"); err != nil {
		t.Error(err)
	}
	made := false
	if err := Do("file", "write", func() error { made = true; return nil }); err != nil || !made {
		t.Error(made, err)
	}
}

func BenchmarkHit(b *testing.B) {
	for b.Loop() {
		if err := Hit("point"); err != nil {
			b.Fatal(err)
		}
	}
}
