package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The two halves of a timer: a renewal that leaves deploy hooks and the combined file waiting, and a run of what waits.
func TestDeployLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	log, combined := filepath.Join(w.dir, "log"), filepath.Join(w.dir, "combined.pem")
	hook := w.hook("hook", `echo ${RENEWED_LINEAGE##*/} $RENEWED_DOMAINS >>`+log+`; test ! -e `+log+`.refuse`)
	w.issue("--deploy-hook", hook, "--combined", combined, "*.example.com")
	w.issue("*.example.net")
	if got := w.read(log); got != "example.com *.example.com\n" {
		t.Errorf("issue ran %q", got)
	}
	before := w.read(combined)

	w.run("renew", "--deploy", "only").exits(0, "No deploy hook is waiting.")
	w.at(due(w.lineage("example.com")))
	w.run("renew", "--quiet", "--no-jitter", "--deploy", "later").exits(0, "example.com: renewed", "example.net: renewed")
	w.run("renew", "--no-jitter", "--deploy", "later").exits(0, "Nothing is due: 2 certificates")
	if s, _ := w.lineage("example.com").Conf.Settings(); !s.Deploy || w.read(log) != "example.com *.example.com\n" || w.read(combined) != before {
		t.Errorf("hooks waiting %t, ran %q", s.Deploy, w.read(log))
	}
	w.run("list").exits(0, "deploy hooks have not succeeded yet")

	refuse := w.hook("log.refuse", "")
	got := w.run("renew", "--quiet", "--deploy", "only").exits(1, "hook.failed", "0 deployed, 1 failed")
	if strings.Count(got.stderr, "hook.failed") != 1 {
		t.Errorf("said more than once:\n%s", got.stderr)
	}
	if err := os.Remove(refuse); err != nil {
		t.Fatal(err)
	}
	answer := answerOf[renewAnswer](w.run("renew", "--json", "--deploy", "only").exits(0))
	if len(answer.Renewed) != 1 || answer.Renewed[0].Outcome != "deployed" || answer.Renewed[0].Lineage != "example.com" || answer.Kept != 0 || len(answer.Failed) != 0 {
		t.Errorf("%+v", answer)
	}
	if s, _ := w.lineage("example.com").Conf.Settings(); s.Deploy || strings.Count(w.read(log), "\n") != 3 || w.read(combined) == before {
		t.Errorf("hooks waiting %t, ran %q", s.Deploy, w.read(log))
	}
	w.run("renew", "--quiet", "--deploy", "only").exits(0)
	w.orders(4)
	w.nothingLeft()
}

func TestDeployUsage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("renew", "--deploy", "sometime").exits(2, "now, later or only")
	w.run("renew", "--deploy", "only", "--force").exits(2, "--force makes no sense")
	w.run("renew", "--deploy", "only", "--dry-run").exits(2, "--dry-run makes no sense")
}
