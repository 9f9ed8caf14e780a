package repotest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each program that holds secrets begins with what keeps them to itself, and refuses a proxy that would be passed over.
func TestPrograms_Hardened(t *testing.T) {
	t.Parallel()
	behind := map[string]string{ // what a main function calls has it
		"cli.Main(": "internal/cli/cli.go", "hooks.Auth(": "hooks/hook.go", "hooks.CleanUp(": "hooks/hook.go",
	}
	mains, err := filepath.Glob("cmd/*/main.go")
	if err != nil || len(mains) < 5 {
		t.Fatalf("%q, %v", mains, err)
	}
	for _, path := range mains {
		if strings.Contains(path, "wildcard-sandbox") { // whose umask is the command's, and whose secrets are its own
			continue
		}
		text := read(t, path)
		for call, file := range behind {
			if strings.Contains(text, call) {
				text += read(t, file)
			}
		}
		for _, want := range []string{"settings.Harden", "settings.CheckProxies("} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not call %s", path, want)
			}
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
