package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEnvText_ReadBack writes values that a shell and we read back as they were; what no line can have is refused by the variable's name.
func TestEnvText_ReadBack(t *testing.T) {
	t.Parallel()
	values := map[string]Secret{}
	for name, value := range map[string]string{
		"PLAIN": "x", "BLANK": " a b ", "DOLLAR": "a$b`c", "HASH": "#a #b", "APOSTROPHE": "it's", "QUOTE": `say "a"`, "BACK": `a\b`, "JAPANESE": "鍵", "URL": "https://x/?a=b&c=d",
	} {
		values[name] = NewSecret(value)
	}
	text, err := EnvText(values)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := ReadEnvFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range values {
		if got := file.Get(name); got != value.Reveal() {
			t.Errorf("%s: %q, want %q", name, got, value.Reveal())
		}
	}
	for _, value := range []string{"it's $x", "two\nlines", "\x01", `it's "both"`, "bad \xff"} {
		if _, err := EnvText(map[string]Secret{"THE_NAME": NewSecret(value)}); err == nil || strings.Contains(err.Error(), value) || !strings.Contains(err.Error(), "THE_NAME_FILE") {
			t.Errorf("%q: %v", value, err)
		}
	}
}
