package certificates

import (
	"path/filepath"
	"strings"
	"testing"

	"wildcard/internal/dns01/journal"
	"wildcard/internal/settings"
)

// A record whose DNS service cannot be opened any more is left, and why is said.
func TestClean_UnknownProvider(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{"discontinued", "example.com=discontinued:account"} {
		dir := t.TempDir()
		m, err := Open(Options{Dirs: settings.Directories{Config: filepath.Join(dir, "config"), State: filepath.Join(dir, "state"), Run: filepath.Join(dir, "run")}})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if _, err := m.Journal.Add(journal.Entry{Domain: "example.com", FQDN: "_acme-challenge.example.com.", Value: strings.Repeat("a", 43), Spec: spec, Fingerprint: strings.Repeat("0", 64)}); err != nil {
			t.Fatal(err)
		}
		found, err := m.Clean(t.Context(), DNS{}, false)
		if err != nil {
			t.Fatal(err)
		}
		said := false
		for _, err := range found.Unopened {
			said = said || strings.Contains(err.Error(), spec)
		}
		if !said || len(found.InUse) != 1 {
			t.Errorf("%q: %v; in use: %v", spec, found.Unopened, found.InUse)
		}
	}
}
