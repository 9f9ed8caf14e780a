package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/internal/doctor"
	"wildcard/internal/lineage"
	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/executable"
)

// timed gives the machine what runs "wildcard renew".
func (w *world) timed() {
	w.t.Helper()
	dir := filepath.Join(w.dir, "etc", "cron.d")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "wildcard"), []byte("17 */6 * * * root /usr/local/bin/wildcard renew --quiet\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	bin := filepath.Join(w.dir, "usr", "local", "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		w.t.Fatal(err)
	}
	executable.Write(w.t, filepath.Join(bin, "wildcard"), "#!/bin/sh\n")
}

// findings are the codes that an examination came to.
func findings(answer doctorAnswer) (codes []string) {
	for _, line := range answer.Findings {
		codes = append(codes, line.Code)
	}
	return codes
}

// A healthy machine has no finding, and nothing on it changes, before the first certificate and after it.
func TestDoctorHealthy(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, acmetest.Options{Meta: map[string]any{"caaIdentities": []string{"ca.example"}}})
	w.timed()
	before := w.files()
	w.run("doctor").exits(0, "Nothing is wrong.", "CONOHA_* from the environment", "login works; zones:", "there is no account yet")
	w.run("doctor", "*.example.com", "example.net").exits(0, "Nothing is wrong.", "record _acme-challenge.example.com. in zone example.com.")
	if after := w.files(); !slices.Equal(before, after) {
		t.Errorf("written: %q, there was %q", after, before)
	}
	w.issue("*.example.com", "example.com")
	before = w.files()
	answer := answerOf[doctorAnswer](w.run("doctor", "--json").exits(0))
	if len(answer.Findings) > 0 || len(answer.Good) == 0 || answer.Exit != 0 {
		t.Errorf("%+v", answer)
	}
	if after := w.files(); !slices.Equal(before, after) {
		t.Errorf("written: %q, there was %q", after, before)
	}
	if said := w.run("doctor", "--quiet").exits(0); said.stdout+said.stderr != "" {
		t.Errorf("--quiet says %q", said.stdout+said.stderr)
	}
	w.run("doctor", "--probe", "example.com").exits(0, "record made, seen on every name server")
	w.nothingLeft()
}

// What is wrong is said with its code, its reason and a command; the worst makes the exit status.
func TestDoctorTells(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("--cert-name", "other", "example.net")
	usual := filepath.Join(w.dir, "etc", "letsencrypt")
	if err := os.MkdirAll(usual, 0o700); err != nil {
		t.Fatal(err)
	}
	w.run("issue", "--agree-tos", "--config-dir", usual, "*.example.com").exits(0)
	w.run("doctor", "--config-dir", usual).exits(1, "warning", "[timer.missing]", "Nothing is renewed by itself.", "/etc/cron.d/wildcard", "Errors: 0, warnings: 1, notes: 1.", "[settings.environment]")
	w.run("doctor").exits(0, "no timer or cron job is known that renews certificates in", "Nothing is wrong.")
	w.timed()
	w.run("doctor", "--config-dir", usual).exits(0, "cron.d/wildcard runs wildcard renew")
	w.conoha.PutRecord("example.com", "_acme-challenge.example.com", "TXT", "somebody's")
	if got := answerOf[doctorAnswer](w.run("doctor", "--json", "*.example.com").exits(0)); !slices.Equal(findings(got), []string{doctor.FoundRecordForeign}) {
		t.Errorf("%+v", got.Findings)
	}
	w.conoha.DeleteRecord("example.com", "_acme-challenge.example.com", "TXT", "somebody's")
	// Names of no certificate are looked at with the settings of the command line.
	w.run("doctor", "foreign.example").exits(78, "error", "[name.unroutable, zone.not-found]")
	w.conoha.RemoveZone("example.com")
	if got := answerOf[doctorAnswer](w.run("doctor", "--json", "example.com").exits(78)); !slices.Contains(findings(got), doctor.FoundName) || got.Exit != 78 {
		t.Errorf("%+v", got)
	}
}

// A certificate is named by its folder or by a name on it; one of certbot's is looked at only where it is named.
func TestDoctorPicks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.timed()
	w.issue("--cert-name", "one", "*.example.com")
	w.issue("--cert-name", "two", "example.net")
	if _, err := w.lineage("two").Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.update("one", func(s *lineage.Settings) { s.Deploy = true })
	for _, args := range [][]string{{}, {"one"}, {"*.example.com"}} {
		// Whether hooks of ours are installed on the machine the test runs on does not matter: "two" names them.
		if said := w.run(append([]string{"doctor"}, args...)...); said.code == 0 || !strings.Contains(said.stdout, "one: its deploy hooks") {
			t.Errorf("exit status %d\n%s%s", said.code, said.stdout, said.stderr)
		}
	}
	said := w.run("doctor", "--json", "two")
	if strings.Contains(said.stdout, `"one"`) || !strings.Contains(said.stdout, "example.net") {
		t.Errorf("%s", said.stdout)
	}
	w.run("doctor", "a..b").exits(2, "usage")
	w.run("doctor", "--endpoint", "https://example.com/").exits(2, "endpoint")
}

// --fix repairs what is ours.
func TestDoctorFix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.timed()
	w.issue("*.example.com")
	key := w.config("live", "example.com", "privkey.pem")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	w.run("doctor").exits(78, "[lineage.damaged]", "wildcard doctor --fix example.com")
	if _, err := os.Lstat(key); err == nil {
		t.Error("repaired without --fix")
	}
	w.run("doctor", "--fix").exits(0, "repaired example.com", "Nothing is wrong.")
	w.lineage("example.com")
}

// A probe that is interrupted leaves nothing, and the exit status is that of the signal.
func TestDoctorInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Method: "GET"}, Times: -1, Hang: true})
	c := w.start("doctor", "example.com")
	waitFor(t, "it asks", func() bool { return w.conoha.Calls().Logins > 0 })
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	c.end().exits(130, "interrupt")
	w.nothingLeft()
}

// Codes of findings are explained like those of errors, in either language.
func TestExplainFindings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	commands := (&program{}).app().Commands
	named := regexp.MustCompile(`\bwildcard ([a-z]+)`)
	for _, k := range doctor.Kinds() {
		w.run("explain", k.Code).exits(0, k.Code, "next:")
		for _, match := range named.FindAllStringSubmatch(string(k.Fix), -1) {
			if find(commands, match[1]) == nil {
				t.Errorf("%s: there is no wildcard %s", k.Code, match[1])
			}
		}
	}
	w.run("explain", "timer.missing").exits(0, "Nothing is renewed by itself.", "exit status: 1 ")
	w.run("explain", "--lang", "ja", "timer.missing").exits(0, "自動では何も更新されません。")
	w.run("explain", "timer.missin").exits(2, "did you mean timer.missing")
	w.run("explain").exits(0, "timer.missing", "zone.not-found")
}

// It speaks Japanese too, but for codes, commands and what others have said.
func TestDoctorJapanese(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("doctor", "--lang", "ja").exits(0, "問題はありません。", "ログインできます。")
	w.run("doctor", "--lang", "ja", "foreign.example").exits(78, "[name.unroutable, zone.not-found]", "検証用レコードを登録できるゾーンがありません。", "エラー: 1")
}

// TestDoctor_GenerationOfConoHa: report O26. doctor says of which generation an account is, and why.
func TestDoctor_GenerationOfConoHa(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.timed()
	w.issue("example.com")
	w.run("doctor").exits(0, "Ver.2.0 because CONOHA_REGION does not begin with c3")
}
