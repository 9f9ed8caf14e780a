package executable

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Build builds programs of this module, as "wildcard-auth-hook", into a folder, as they are shipped.
func Build(t testing.TB, dir string, programs ...string) {
	t.Helper()
	if err := BuildIn(dir, programs...); err != nil {
		t.Fatal(err)
	}
}

// BuildIn is [Build] for what has no test at hand.
func BuildIn(dir string, programs ...string) error {
	args := []string{"build", "-trimpath", "-ldflags", "-s -w", "-o", dir + "/"}
	for _, program := range programs {
		args = append(args, "wildcard/cmd/"+program)
	}
	build := exec.Command("go", args...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}
