package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"wildcard/internal/lineage"
)

// measured reads a file of measurements: values by name and labels. It takes what Prometheus's format allows, in the strict
// order in which we write it.
func measured(t testing.TB, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sample := regexp.MustCompile(`^([a-z_]+)((?:\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})?) ([0-9.]+)$`)
	values := map[string]string{}
	family := ""
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		if name, ok := strings.CutPrefix(line, "# HELP "); ok {
			family, _, _ = strings.Cut(name, " ")
			continue
		}
		if line == "# TYPE "+family+" gauge" {
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil || m[1] != family || values[m[1]+m[2]] != "" {
			t.Fatalf("line %d cannot be read: %s", i+1, line)
		}
		values[m[1]+m[2]] = m[3]
	}
	return values
}

func seconds1970(at time.Time) string { return fmt.Sprint(at.Unix()) }

// The file is complete and readable by the collector after each run, also one that failed; nothing else is in its folder.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := filepath.Join(w.dir, "textfile", "wildcard.prom")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	w.issue("--prometheus", path, "*.example.com")
	got := measured(t, path)
	l := w.lineage("example.com")
	const ours = `{lineage="example.com",owner="wildcard"}`
	if got["wildcard_certificate_not_after_timestamp_seconds"+ours] != seconds1970(l.Leaf.NotAfter) || got["wildcard_journal_records"] != "0" ||
		got["wildcard_certificate_last_success_timestamp_seconds"+ours] == "" || got["wildcard_certificate_last_failure_timestamp_seconds"+ours] != "" ||
		got[`wildcard_publication_seconds{zone="example.com."}`] == "" {
		t.Errorf("after issue: %v", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v %v", info, err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("left beside it: %v %v", entries, err)
	}

	w.environ = append(w.environ, "WILDCARD_PROMETHEUS="+path)
	w.update("example.com", func(s *lineage.Settings) { s.EnvFile = "/nonexistent" })
	w.at(due(l))
	w.run("renew", "--no-jitter", "--quiet").exits(78)
	got = measured(t, path)
	if got["wildcard_last_run_timestamp_seconds"] != seconds1970(w.clock()) {
		t.Errorf("after renew: %v", got)
	}
	if _, err := w.lineage("example.com").Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.run("list", "--prometheus", path).exits(0)
	if got = measured(t, path); got[`wildcard_certificate_not_after_timestamp_seconds{lineage="example.com",owner="certbot"}`] == "" {
		t.Errorf("certbot's: %v", got)
	}
}

// A file that cannot be written is said, also with --quiet, and does not change what came of a renewal.
func TestPrometheusCannotBeWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	w.run("renew", "--quiet", "--prometheus", filepath.Join(w.dir, "nowhere", "a.prom")).exits(0, "wildcard: --prometheus", "[output.unwritable]")
	w.run("list", "--prometheus", filepath.Join(w.dir, "nowhere", "a.prom")).exits(1, "[output.unwritable]")
	w.run("renew", "--prometheus", "/tmp/a.txt").exits(2, ".prom")
	link := filepath.Join(w.dir, "link.prom")
	if err := os.Symlink(w.config("live", "example.com", "fullchain.pem"), link); err != nil {
		t.Fatal(err)
	}
	w.run("renew", "--quiet", "--prometheus", link).exits(0, "[output.unwritable]")
	w.lineage("example.com")
}
