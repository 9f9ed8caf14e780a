package repotest_test

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// There is one cleaner of text that comes from peers, messages.OneLine: what decides by Unicode's format characters elsewhere is a second.
func TestCleaner_Once(t *testing.T) {
	t.Parallel()
	found := false
	if err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		text := strings.ToLower(read(t, file))
		for _, sign := range []string{"unicode.cf", "0x200b", "0x202e", `\u200b`, `\u202e`, "default_ignorable"} {
			if !strings.Contains(text, sign) {
				continue
			}
			if file == "internal/messages/oneline.go" {
				found = true
			} else {
				t.Errorf("%s has %s: call messages.OneLine", file, sign)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if !found {
		t.Error("the cleaner was not found")
	}
}
