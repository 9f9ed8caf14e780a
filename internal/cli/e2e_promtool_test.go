//go:build e2e

package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Prometheus's own tool finds nothing to say about the measurements.
func TestPromtool(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := filepath.Join(w.dir, "wildcard.prom")
	w.issue("--prometheus", path, "*.example.com")
	w.noOrders()
	w.at(due(w.lineage("example.com")))
	w.run("renew", "--no-jitter", "--prometheus", path).exits(75)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	check := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
	check.Stdin = file
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s\n%s", err, out, w.read(path))
	}
}
