package cli

import (
	"strconv"
	"strings"
	"testing"
)

// Fault #124: with too few file descriptors a run fails with a line that says so, wherever it meets the limit, and leaves nothing
// behind for longer than until the next run.
func TestFewFileDescriptors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	w.program = "sh"
	met := 0
	for n := 8; ; n += 2 {
		// What the test itself was given besides 0, 1 and 2 does not count: with a descriptor less Go does not start.
		got := w.start("-c", `exec 3>&- 4>&- 5>&- 6>&- 7>&-; ulimit -n "$0"; exec wildcard "$@"`, strconv.Itoa(n), "renew", "--force", "--no-jitter").end()
		w.lineage("example.com")
		if got.code == 0 {
			break
		}
		met++
		if got.code < 0 || got.code == 70 || !strings.Contains(got.stderr, "too many open files") {
			t.Fatalf("%d descriptors: exit status %d\n%s", n, got.code, got.stderr)
		}
		if n > 200 {
			t.Fatalf("%d descriptors are not enough: %s", n, got.stderr)
		}
		w.run("clean").exits(0)
		w.nothingLeft()
	}
	if met < 3 {
		t.Errorf("the limit was met %d times", met)
	}
	w.run("renew", "--force", "--no-jitter").exits(0, "1 renewed")
	w.nothingLeft()
}
