package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
)

// A provider is tried in a zone that is in use, which is afterwards as it was before.
func TestProvidersTest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conoha.PutRecord("example.com", "_acme-challenge.example.com", "TXT", "somebody-else")
	got := w.run("providers", "test", "conoha", "--zone", "example.com").exits(0, "conoha Ver.2.0", "  ok      two values share a name", "0 failed. Nothing is left in example.com.")
	if strings.Contains(got.stdout, "FAILED") || strings.Contains(got.stdout, "hostile") || got.stderr != "" {
		t.Errorf("%s%s", got.stdout, got.stderr)
	}
	answer := answerOf[testAnswer](w.run("providers", "test", "example.com=conoha", "--json").exits(0))
	if answer.Spec != "example.com=conoha" || answer.Zone != "example.com" || answer.Failed > 0 || len(answer.Checks) < 15 || !answer.Checks[0].OK || answer.Error != nil {
		t.Errorf("%+v", answer)
	}
	w.conoha.DeleteRecord("example.com", "_acme-challenge.example.com", "TXT", "somebody-else")
	w.nothingLeft()
}

// A script with a mistake is found out, and what it did is undone.
func TestProvidersTestOfMistake(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hook("replaces", `exit 0`)
	got := w.run("providers", "test", "example.com=exec:"+filepath.Join(w.dir, "replaces"), "--limit", "300ms").exits(1, "FAILED  present adds the value", "Nothing is left")
	if strings.Contains(got.stderr, "\n\n") || !strings.Contains(got.stdout, "exec:") {
		t.Errorf("%s%s", got.stdout, got.stderr)
	}
	answer := answerOf[testAnswer](w.run("providers", "test", "example.com=exec:"+filepath.Join(w.dir, "replaces"), "--limit", "300ms", "--json").exits(1))
	if answer.Failed == 0 || !slices.ContainsFunc(answer.Checks, func(c checkLine) bool { return !c.OK && len(c.Failures) > 0 }) {
		t.Errorf("%+v", answer)
	}
	w.nothingLeft()
}

// What cannot be tried is told before anything is written.
func TestProvidersTestRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.environ = append(w.environ, "ACME_DNS_API_BASE=http://127.0.0.1:1")
	for line, want := range map[string]struct {
		code int
		text string
	}{
		"":                                       {2, "takes one provider"},
		"conoha":                                 {2, "which zone?"},
		"Conoha --zone x.com":                    {2, "provider spec"},
		"conoha --zone -":                        {2, "--zone"},
		"nothing --zone x.com":                   {2, "there is no nothing"},
		"manual --zone x.com":                    {2, "is not tested"},
		"acmedns --zone x.com":                   {2, "cannot be deleted"},
		"conoha --zone x.com --limit soon":       {2, "--limit"},
		"example.com=conoha --zone example.net":  {2, "not in the zone"},
		"conoha --zone sub.example.com":          {78, "--zone example.com"},
		"conoha --zone example.org":              {78, "example.com."},
		"conoha@/nonexistent --zone example.com": {78, "/nonexistent"},
	} {
		w.run(append([]string{"providers", "test"}, strings.Fields(line)...)...).exits(want.code, want.text)
	}
	if calls := w.conoha.Calls(); calls.Creates > 0 {
		t.Errorf("%+v", calls)
	}
}

// A run that is killed leaves its records to the journal: clean removes them.
func TestProvidersTestKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Service: conohatest.ServiceDNS, Method: "DELETE"}, Times: -1, Hang: true})
	c := w.start("providers", "test", "conoha", "--zone", "example.com")
	waitFor(t, "there are records", func() bool { return len(w.texts("")) > 3 })
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.end()
	w.conoha.ClearFaults()
	entries, err := filepath.Glob(filepath.Join(w.dir, "state", "journal", "*.json"))
	if err != nil || len(entries) < len(w.texts("")) {
		t.Fatalf("%d entries for %d records, %v", len(entries), len(w.texts("")), err)
	}
	w.run("clean").exits(0, "removed")
	w.nothingLeft()
}

// An interrupted run removes its records first. One that was being made at that moment may appear afterwards: the run says so,
// and the next one removes it.
func TestProvidersTestInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.start("providers", "test", "conoha", "--zone", "example.com")
	waitFor(t, "there is a record", func() bool { return len(w.texts("")) > 0 })
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	got := c.end()
	if got.code != 130 {
		t.Errorf("exit status %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	if left := w.texts(""); len(left) > strings.Count(got.stderr, "was broken off, so it may yet appear") {
		t.Errorf("left in the DNS: %q\n%s", left, got.stderr)
	}
	w.run("clean").exits(0, "")
	w.nothingLeft()
}
