package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTargets_OneFails has each run do again what failed alone, until it succeeds: no hook and no other target.
func TestTargets_OneFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ran, refuse := filepath.Join(w.dir, "ran"), filepath.Join(w.dir, "refuse")
	ranSince := func() string { text := w.read(ran); w.file(ran, ""); return text }
	w.file(ran, "")
	hook := w.hook("hook", "echo hook >>"+ran)
	good := "exec:" + w.hook("good", "echo good ${RENEWED_LINEAGE##*/} $RENEWED_DOMAINS >>"+ran)
	bad := "exec:" + w.hook("bad", "echo bad >>"+ran+"; ! test -e "+refuse)
	w.file(refuse, "")
	got := w.run("issue", "--agree-tos", "--deploy-hook", hook, "--target", good, "--target", bad, "*.example.com")
	got.exits(1, "[target.failed]", "target "+bad+": exit status 1", good+" has the certificate of example.com")
	first := ranSince()
	for _, line := range []string{"hook\n", "good example.com *.example.com\n", "bad\n"} {
		if strings.Count(first, line) != 1 || !strings.HasPrefix(first, "hook\n") {
			t.Errorf("issue ran %q", first)
		}
	}
	w.run("list").exits(0, "deploy hooks have not succeeded yet")
	w.run("show", "example.com").exits(0, "target "+good+": succeeded", "target "+bad+": failed: ")
	w.run("renew").exits(1, "[target.failed]", "0 renewed")
	if again := ranSince(); again != "bad\n" {
		t.Errorf("renew ran %q", again)
	}
	if err := os.Remove(refuse); err != nil {
		t.Fatal(err)
	}
	w.run("renew").exits(0, bad+" has the certificate")
	w.run("renew").exits(0, "Nothing is due")
	if again := ranSince(); again != "bad\n" {
		t.Errorf("renew ran %q", again)
	}
	w.at(due(w.lineage("example.com")))
	w.run("renew", "--no-jitter").exits(0, "1 renewed")
	if all := ranSince(); strings.Count(all, "\n") != 3 {
		t.Errorf("the renewal ran %q", all)
	}
	w.orders(2)
	w.nothingLeft()
}

// TestTargets_Only brings the certificate to one target and does nothing else; without --only all of it is done.
func TestTargets_Only(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ran, refuse := filepath.Join(w.dir, "ran"), filepath.Join(w.dir, "refuse")
	env := filepath.Join(w.dir, "one.env")
	w.file(env, "WHO=one\n")
	program := w.hook("push", "echo ${WHO:-two} >>"+ran+"; ! test -e "+refuse)
	one, two := "exec:"+program+"@"+env, "exec:"+program
	w.issue("--target", one, "--target", two, "--deploy-hook", "echo hook >>"+ran, "*.example.com")
	w.file(ran, "")
	answer := answerOf[renewAnswer](w.run("deploy", "--json", "--only", one, "example.com").exits(0))
	if len(answer.Renewed) != 1 || answer.Renewed[0].Outcome != "deployed" || w.read(ran) != "one\n" {
		t.Errorf("%+v, ran %q", answer, w.read(ran))
	}
	w.run("deploy", "--only", "exec:/elsewhere", "example.com").exits(2, "has no target", one)
	w.file(refuse, "")
	w.run("deploy", "--only", one, "example.com").exits(1, "[target.failed]", one)
	w.run("list").exits(0, "deploy hooks have not succeeded yet")
	if err := os.Remove(refuse); err != nil {
		t.Fatal(err)
	}
	w.file(ran, "")
	w.run("renew").exits(0)
	if w.read(ran) != "one\n" {
		t.Errorf("the next run ran %q", w.read(ran))
	}
	w.file(ran, "")
	w.run("deploy", "example.com").exits(0)
	if all := w.read(ran); strings.Count(all, "\n") != 3 {
		t.Errorf("deploy ran %q", all)
	}
	shown := answerOf[showAnswer](w.run("show", "--json", "example.com").exits(0))
	if !slices.Equal(shown.Targets, []string{one, two}) {
		t.Errorf("%q", shown.Targets)
	}
	w.run("issue", "--target", "", "*.example.com").exits(0)
	w.run("deploy", "--only", one, "example.com").exits(2, "has no targets")
	w.orders(1)
}

// TestTargets_Beforehand: what cannot be is refused before anything is ordered, planned with its reason, and found by doctor later.
func TestTargets_Beforehand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.timed()
	missing, env := filepath.Join(w.dir, "missing"), filepath.Join(w.dir, "push.env")
	push := w.hook("push", "true")
	for text, want := range map[string]struct {
		code int
		text string
	}{
		"push": {2, "KIND:WHERE"}, "gopher:x": {2, "the kind is one of"}, "exec:push": {2, "absolute path"},
		"exec:" + missing: {78, "[target.unusable]"}, "exec:" + push + "@" + missing: {78, "[settings.missing]"},
	} {
		w.run("issue", "--agree-tos", "--target", text, "*.example.com").exits(want.code, want.text)
		if want.code == 78 {
			w.run("plan", "--agree-tos", "--target", text, "*.example.com").exits(78, want.text, "This would fail")
		}
	}
	w.orders(0)
	w.file(env, "A=b\n")
	good := "exec:" + push + "@" + env
	plan := answerOf[planAnswer](w.run("plan", "--agree-tos", "--json", "--target", good, "*.example.com").exits(0))
	if len(plan.Targets) != 1 || plan.Targets[0].Target != good || plan.Targets[0].Does != "runs "+push {
		t.Errorf("%+v", plan.Targets)
	}
	w.issue("--target", good, "*.example.com")
	w.run("plan", "*.example.com").exits(0, "runs "+push)
	w.run("doctor", "example.com").exits(0, good+": it can take a certificate")
	if err := os.Remove(env); err != nil {
		t.Fatal(err)
	}
	w.run("doctor", "example.com").exits(78, "[target.unusable, settings.missing]")
	w.run("plan", "*.example.com").exits(0, "would fail")
	w.orders(1)
}

// TestTargets_NotServed has a certificate that is not served brought to all targets again.
func TestTargets_NotServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSite(w)
	s.refuse(true)
	target := "exec:" + strings.Fields(s.hook)[0]
	w.run("issue", "--agree-tos", "--target", target, "--verify", s.address, "*.example.com").exits(1, "[deploy.not-served]")
	s.refuse(false)
	w.run("renew").exits(0, target+" has the certificate", s.address+" serves the certificate")
	s.serves(w.lineage("example.com"))
	w.orders(1)
}

// file writes one of the machine's.
func (w *world) file(path, text string) {
	w.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}
