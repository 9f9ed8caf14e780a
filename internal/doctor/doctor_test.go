package doctor

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/providers"
)

// A healthy machine has no finding, with a probe and a server too, and is left as it was.
func TestHealthy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.files()
	report := w.examine(w.wanted("new."+apex, "*.new."+apex))
	if len(report.Findings) > 0 || report.Exit() != 0 || len(report.Good) == 0 {
		t.Errorf("%v", codes(report))
	}
	if after := w.files(); !slices.Equal(before, after) {
		t.Errorf("written: %q, there was %q", after, before)
	}
	w.doctor.Probe = true
	w.doctor.Endpoints = []Endpoint{{Endpoint: at(w.serve(w.live(), -1, w.key))}}
	records := w.conoha.Records(apex)
	report = w.examine()
	if len(report.Findings) > 0 {
		t.Errorf("%v", codes(report))
	}
	if after := w.conoha.Records(apex); !slices.Equal(records, after) {
		t.Errorf("records %v, there were %v", after, records)
	}
	if !slices.ContainsFunc(report.Good, func(f Finding) bool { return strings.HasPrefix(f.What.String(), "probe: record made") }) {
		t.Errorf("no probe: %+v", report.Good)
	}
	for _, f := range report.Good {
		if text := f.What.String(); strings.Contains(text, "%!") || f.Severity != OK || f.Exit != 0 {
			t.Errorf("%+v", f)
		}
	}
	for _, q := range w.conoha.Questions() {
		if strings.Contains(q.Name, "_acme-challenge") && q.Server == conohatest.ResolverName {
			t.Errorf("a resolver was asked for %s", q.Name)
		}
	}
}

// P9, P10: a wildcard's CNAME is no fault, and the record's place is the challenge's own name.
func TestExamine_WildcardCNAME(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"cdn.elsewhere.example.", "www." + apex + ".", apex + "."} {
		w := newWorld(t)
		w.conoha.PutRecord(apex, "*."+apex, "CNAME", target)
		w.conoha.PutRecord(apex, "www."+apex, "A", "192.0.2.1")
		w.doctor.Probe = true
		report := w.examine(w.wanted("*.a.b." + apex))
		if len(report.Findings) > 0 {
			t.Errorf("%s: %v", target, codes(report))
		}
		for _, name := range []string{"_acme-challenge." + apex, "_acme-challenge.a.b." + apex} {
			if !slices.ContainsFunc(report.Good, func(f Finding) bool { return strings.HasPrefix(f.What.String(), "record "+name+". in zone") }) {
				t.Errorf("%s: no record at %s: %+v", target, name, report.Good)
			}
		}
	}
}

// A zone for the challenge alone is probed at its own name, beside what stands there, and resolvers never hear of it: where
// the zone above is somewhere else, and where the same name servers have both.
func TestZoneForTheChallengeAlone(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(w *world){
		"above elsewhere": func(w *world) {
			w.conoha.RemoveZone(apex)
			w.conoha.Delegate(apex, conohatest.OutsideName)
		},
		"above beside it": func(*world) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			arrange(w)
			w.conoha.AddZone(w.tenant, "_acme-challenge."+apex)
			w.doctor.Probe = true
			report := w.examine()
			if len(report.Findings) > 0 {
				t.Errorf("%v", codes(report))
			}
			if !slices.ContainsFunc(report.Good, func(f Finding) bool {
				return f.Subject == "_acme-challenge."+apex+"." && strings.HasPrefix(f.What.String(), "probe")
			}) {
				t.Errorf("%+v", report.Good)
			}
			for _, q := range w.conoha.Questions() {
				if strings.Contains(q.Name, "_acme-challenge") && q.Server == conohatest.ResolverName {
					t.Errorf("a resolver was asked for %s", q.Name)
				}
			}
		})
	}
}

// files lists all there is below the world's folder.
func (w *world) files() (all []string) {
	w.t.Helper()
	w.check(filepath.WalkDir(w.dir, func(path string, _ os.DirEntry, err error) error {
		all = append(all, path)
		return err
	}))
	return all
}

// --fix makes the newest good set live, and nothing else is wrong then.
func TestFix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.second()
	w.check(os.Remove(w.config("live", apex, "privkey.pem")))
	w.doctor.Fix = true
	report := w.examine()
	if len(report.Findings) > 0 || !slices.Equal(report.Repaired, []string{apex}) {
		t.Errorf("repaired %q: %v", report.Repaired, codes(report))
	}
	if l := w.lineage(); l.Damage != nil || l.Version != 2 {
		t.Errorf("version %d: %v", l.Version, l.Damage)
	}
}

// --fix also gives a lineage of ours back the mark with which certbot passes it over.
func TestFixOwnership(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.systemctl(map[string][2]string{"certbot.timer": {"enabled", "active"}})
	w.update(func(c *lineage.Conf, _ *lineage.Settings) error { return c.Set("renewalparams", "autorenew", "True") })
	w.doctor.Fix = true
	if report := w.examine(); len(report.Findings) > 0 || !slices.Equal(report.Repaired, []string{apex}) {
		t.Errorf("repaired %q: %v", report.Repaired, codes(report))
	}
	if report := w.examine(); len(report.Findings)+len(report.Repaired) > 0 {
		t.Errorf("repaired %q: %v", report.Repaired, codes(report))
	}
}

// What stands in the way of everything is told once, and what can be looked at without it still is.
func TestOneFailureHidesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.check(os.Chmod(w.envFile(), 0o644))
	w.shift(0, 20*time.Minute)
	w.uncron()
	report := w.examine()
	var got []string
	for _, f := range report.Findings {
		got = append(got, f.Code)
	}
	slices.Sort(got)
	if want := []string{FoundClockSkewed, FoundSettings, FoundTimerMissing}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if fix := report.Findings[slices.IndexFunc(report.Findings, func(f Finding) bool { return f.Code == FoundSettings })].Fix.String(); fix != "chmod 600 "+w.envFile() {
		t.Errorf("fix %q", fix)
	}
	if report.Exit() != 78 {
		t.Errorf("exit status %d", report.Exit())
	}
}

// A password that is refused is one finding, however many names need it.
func TestRefusedPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text, err := os.ReadFile(w.envFile())
	w.check(err)
	w.write(w.envFile(), strings.Replace(string(text), "API_PASSWORD='", "API_PASSWORD='not ", 1), 0o600)
	report := w.examine(w.wanted("a."+apex, "b."+apex, "c."+apex))
	if len(report.Findings) != 1 || report.Findings[0].Code != FoundLogin || report.Exit() != 77 {
		t.Errorf("exit status %d: %v", report.Exit(), codes(report))
	}
}

// A service that hangs takes its check's time, and no more; the others say what they found.
func TestHangingService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conoha.Fault(conohatest.Fault{Times: -1, Hang: true})
	w.uncron()
	w.doctor.Limit = 3 * time.Second // enough for all that does not hang, on a slow machine too
	report := w.examine()
	for _, code := range []string{FoundLogin, FoundTimerMissing} {
		if !slices.ContainsFunc(report.Findings, func(f Finding) bool { return f.Code == code }) {
			t.Errorf("no %s: %v", code, codes(report))
		}
	}
	if !slices.ContainsFunc(report.Good, func(f Finding) bool { return strings.HasPrefix(f.What.String(), "files complete") }) {
		t.Errorf("%+v", report.Good)
	}
}

// An examination ends soon after its context, whatever does not answer.
func TestInterruption(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conoha.Fault(conohatest.Fault{Times: -1, Hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan Report)
	go func() { done <- w.doctor.Examine(ctx, []Case{w.certificate()}) }()
	cancel()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("it goes on")
	}
	w.conoha.ClearFaults()
}

// BenchmarkHealthy is one examination of a healthy machine.
func BenchmarkHealthy(b *testing.B) {
	w := newWorld(b)
	for b.Loop() {
		if report := w.examine(); len(report.Findings) > 0 {
			b.Fatal(codes(report))
		}
	}
}

// What is advised mends what was found, and takes nothing else with it.
func TestAdvice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.systemctl(map[string][2]string{ourTimer: {"enabled", "active"}})
	other := w.config("rfc2136", ".env")
	w.write(other, "A=b\n", 0o640)
	w.check(os.Chmod(filepath.Dir(other), 0o755))
	fixes := map[string]string{}
	for _, f := range w.examine().Findings {
		fixes[f.Code] = f.Fix.String()
	}
	if fix := fixes[FoundSecretsOpen]; fix != "chmod go-rwx "+other {
		t.Errorf("%s", fix)
	}
	if fix := fixes[FoundTimerDouble]; fix == "" || strings.HasPrefix(fix, "rm ") { // it may be /etc/crontab, with other lines
		t.Errorf("%s", fix)
	}
}

// N1: hooks of a certificate of ours that came to be unusable or unsafe after they were given, with what to do.
func TestExamine_HooksUnusableLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	absent, plain, open := filepath.Join(w.dir, "absent.sh"), filepath.Join(w.dir, "plain.sh"), filepath.Join(w.dir, "open.sh")
	w.write(plain, "#!/bin/sh\n", 0o644)
	w.write(open, "#!/bin/sh\n", 0o777)
	w.update(func(c *lineage.Conf, s *lineage.Settings) error {
		s.DeployHooks = []string{absent + " now", "true; " + absent, "no-such-reload nginx", "cd / && true"}
		p := c.Params()
		p.PreHook, p.PostHook = plain, "LANG=C "+open
		return c.SetParams(p)
	})
	var got []string
	for _, f := range w.examine().Findings {
		if strings.HasPrefix(f.Code, "hook.") {
			got = append(got, f.Code+" "+f.Subject+" > "+f.Fix.String())
		}
	}
	want := []string{
		FoundHook + " " + absent + " > put it there, or correct the hook",
		FoundHook + " no-such-reload > put it there, or correct the hook",
		FoundHook + " " + plain + " > chmod +x " + plain,
		FoundHookUnsafe + " " + open + " > chmod go-w " + open,
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// O27: hooks that would fail are found before the first renewal, with a command that fixes them: those for all, and those of a
// certificate of ours; and hooks of certbot's that its shell could not start.
func TestExamine_DefectiveHooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	windows, own := w.config("renewal-hooks", "post", "on windows.sh"), filepath.Join(w.dir, "own.sh")
	w.write(windows, "#!/bin/sh\r\ntrue\r\n", 0o755)
	w.write(own, "\xef\xbb\xbf#!/bin/sh\ntrue\n", 0o755)
	w.write(w.config("renewal-hooks", "deploy", "plain.sh"), "true\n", 0o755) // /bin/sh runs it
	w.update(func(_ *lineage.Conf, s *lineage.Settings) error { s.DeployHooks = []string{own + " now"}; return nil })
	hook := filepath.Join(w.dir, "wildcard-auth-hook")
	w.write(hook, "#!/bin/sh\r\n", 0o755)
	w.certbots(hook)
	got := map[string]string{}
	for _, f := range w.examine().Findings {
		got[f.Subject] += f.Code + ": " + f.What.String() + " > " + f.Fix.String()
	}
	for subject, want := range map[string]string{
		windows:   FoundHook + ": " + windows + ": line 1 ends in CR > sed -i 's/\\r$//' '" + windows + "'",
		own:       FoundHook + ": " + own + " begins with a BOM > save it as UTF-8 without a BOM",
		"certbot": "cannot be run: " + hook + ": line 1 ends in CR",
	} {
		if !strings.Contains(got[subject], want) {
			t.Errorf("%s: %q, want %q", subject, got[subject], want)
		}
	}
}

// TestUnitsFile_Open: report N3. The file with the environment of our units is no other user's to read if it has a secret, and none of theirs to write.
func TestUnitsFile_Open(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		mode os.FileMode
		told bool
	}{
		"password":                {"CONOHA_API_PASSWORD='x'\n", 0o644, true},
		"token, for a group":      {"LANG=ja_JP.UTF-8\nCF_DNS_API_TOKEN=x\n", 0o640, true},
		"webhook's secret":        {"WILDCARD_NOTIFY_SMTP_PASSWORD=x\n", 0o604, true},
		"password, closed":        {"CONOHA_API_PASSWORD='x'\n", 0o600, false},
		"no secret":               {"HTTPS_PROXY=http://proxy.example.com:3128\nLANG=ja_JP.UTF-8\n", 0o644, false},
		"commented out":           {"#CONOHA_API_PASSWORD='x'\n", 0o644, false},
		"empty":                   {"CONOHA_API_PASSWORD=\nLANG=C\n", 0o644, false},
		"no secret, others write": {"LANG=C\n", 0o666, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.write(filepath.Join(w.dir, "etc", "default", "wildcard"), test.text, test.mode)
			report := w.examine()
			i := slices.IndexFunc(report.Findings, func(f Finding) bool { return f.Code == FoundSecretsOpen })
			if (i >= 0) != test.told {
				t.Fatalf("%v", codes(report))
			}
			if test.told && (report.Exit() != 78 || report.Findings[i].Fix.String() != "chmod 600 /etc/default/wildcard") {
				t.Errorf("exit status %d, %s", report.Exit(), report.Findings[i].Fix)
			}
		})
	}
}

// TestExamine_Unsafe: where others could change a .conf, doctor says so and uses none of its lines: no DNS service is opened, no name
// server and no CA asked as it says, and no record made. Another case of the same run is looked at as ever.
func TestExamine_Unsafe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.update(func(_ *lineage.Conf, s *lineage.Settings) error {
		s.EnvFile, s.CABundle = "/tmp/theirs.env", "/tmp/theirs.pem"
		return nil
	})
	w.check(os.Chmod(w.config("renewal", apex+".conf"), 0o666))
	var mu sync.Mutex
	var used []string
	use := func(what string, theirs bool) {
		mu.Lock()
		defer mu.Unlock()
		if theirs {
			used = append(used, what)
		}
	}
	router, resolver, ca := w.doctor.Router, w.doctor.Resolver, w.doctor.CA
	w.doctor.Router = func(s lineage.Settings) (providers.Router, error) {
		use("router", s.EnvFile != "")
		return router(s)
	}
	w.doctor.Resolver = func(s lineage.Settings) (*propagation.Resolver, error) {
		use("resolver", s.EnvFile != "")
		return resolver(s)
	}
	w.doctor.CA = func(ctx context.Context, server, bundle string) (*issuance.CA, error) {
		use("ca", bundle != "")
		return ca(ctx, server, bundle)
	}
	w.doctor.Probe = true
	report := w.examine()
	if len(used) > 0 {
		t.Errorf("used: %q", used)
	}
	if !slices.ContainsFunc(report.Findings, func(f Finding) bool { return f.Code == FoundUnsafe }) {
		t.Errorf("not said: %v", report.Findings)
	}
	report = w.examine(w.wanted("www." + apex))
	if len(used) > 0 || !slices.ContainsFunc(report.Good, func(f Finding) bool { return f.Subject == "www."+apex }) {
		t.Errorf("used %q: %v", used, report.Good)
	}
}

// TestExamine_CertbotsProfile: what certbot's lines say of a profile counts where our settings say nothing: one that is required and that
// the CA has not is an error, one that is preferred is left out of the order; a CA's limits are those of the profile.
func TestExamine_CertbotsProfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.facts = &issuance.CAFacts{Company: "A CA", Operator: "ca.example", Names: 100,
		ProfileNames: map[string]int{"tiny": 1}, Memory: time.Minute}
	for _, test := range []struct{ required, preferred, ours, want string }{
		{"", "", "", ""},
		{"tiny", "", "", FoundRefusal + ", " + FoundProfile + " tiny"},
		{"", "tiny", "", ""},
		{"other", "tiny", "", FoundProfile + " other"},
		{"tiny", "", "mine", FoundProfile + " mine"},
		{"", "tiny", "offered", FoundRefusal},
	} {
		if test.ours == "offered" {
			test.ours, w.meta["profiles"] = "", map[string]string{"tiny": "https://ca.example/tiny"}
		}
		c := w.certificate()
		c.Params.Required, c.Params.Preferred, c.Settings.Profile = test.required, test.preferred, test.ours
		var got []string
		for _, f := range w.doctor.Examine(t.Context(), []Case{c}).Findings {
			switch f.Code {
			case FoundProfile:
				got = append(got, f.Code+" "+f.What.Args[0].(string))
			case FoundRefusal:
				got = append(got, f.Code)
			}
		}
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}
