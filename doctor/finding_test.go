package doctor

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"wildcard/conoha/conohatest"
	"wildcard/issuance/acmetest"
	"wildcard/lineage"
	"wildcard/providers/journal"
	"wildcard/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// provocations has for every code what makes a healthy machine one that has the finding, and what then looks.
func provocations() map[string]func(w *world) Report {
	const day = 24 * time.Hour
	second := "ns-a2.conoha.io."
	return map[string]func(w *world) Report{
		FoundSettings: func(w *world) Report {
			w.check(os.Chmod(w.envFile(), 0o644))
			return w.examine()
		},
		FoundSecretsOld: func(w *world) Report {
			old := time.Now().AddDate(-3, 0, 0)
			w.check(os.Chtimes(w.envFile(), old, old))
			return w.examine()
		},
		FoundSecretsOpen: func(w *world) Report {
			w.check(os.Chmod(w.config("archive", apex, "privkey1.pem"), 0o604))
			if report := w.examine(); len(report.Findings) > 0 {
				w.t.Errorf("nobody can get there: %v", codes(report))
			}
			w.check(os.Chmod(w.config("archive"), 0o755))
			return w.examine()
		},
		FoundLogin: func(w *world) Report {
			text, err := os.ReadFile(w.envFile())
			w.check(err)
			w.write(w.envFile(), strings.Replace(string(text), "API_PASSWORD='", "API_PASSWORD='not ", 1), 0o600)
			return w.examine()
		},
		FoundName: func(w *world) Report { return w.examine(w.wanted("www.example.org")) },
		FoundDelegation: func(w *world) Report {
			w.conoha.Delegate(apex, conohatest.OutsideName)
			return w.examine()
		},
		FoundServerSilent: func(w *world) Report {
			w.conoha.NameServer(second).Set(conohatest.Behaviour{SilentUDP: true})
			return w.examine()
		},
		FoundServerTCP: func(w *world) Report {
			w.conoha.NameServer(second).Set(conohatest.Behaviour{Silent: true})
			return w.examine()
		},
		FoundServerLame: func(w *world) Report {
			w.conoha.NameServer(second).Set(conohatest.Behaviour{Refuse: true})
			return w.examine()
		},
		FoundServerHost: func(w *world) Report {
			w.conoha.SetHostAddresses(second)
			return w.examine()
		},
		FoundCAA: func(w *world) Report {
			w.conoha.PutRecord(apex, apex, "CAA", `0 issue "another.example"`)
			return w.examine()
		},
		FoundCAAUnanswered: func(w *world) Report {
			w.front.fails(apex, dns.TypeCAA, true)
			return w.examine()
		},
		FoundCAAUnjudged: func(w *world) Report {
			delete(w.meta, "caaIdentities")
			w.conoha.PutRecord(apex, apex, "CAA", `0 issue "`+identity+`"`)
			return w.examine()
		},
		FoundDNSSEC: func(w *world) Report {
			w.front.fails(apex, dns.TypeSOA, false)
			return w.examine()
		},
		FoundRecordStale: func(w *world) Report {
			owner, err := journal.Self()
			w.check(err)
			owner.StartTime++ // somebody who had our number before us
			_, err = w.doctor.Journal.Add(journal.Entry{
				Spec: "conoha", Fingerprint: "conoha", Zone: apex + ".", Domain: apex, FQDN: "_acme-challenge." + apex + ".",
				Value: strings.Repeat("a", 43), Owner: owner,
			})
			w.check(err)
			return w.examine()
		},
		FoundRecordForeign: func(w *world) Report {
			w.conoha.PutRecord(apex, "_acme-challenge."+apex, "TXT", "somebody's")
			return w.examine()
		},
		FoundJournal: func(w *world) Report {
			w.write(filepath.Join(w.doctor.Dirs.State, "journal", "x.json"), "{}", 0o600)
			return w.examine()
		},
		FoundClockSkewed: func(w *world) Report {
			w.shift(0, 20*time.Minute)
			return w.examine()
		},
		FoundClockWrong: func(w *world) Report {
			w.shift(0, -5*time.Hour)
			return w.examine()
		},
		FoundCA: func(w *world) Report {
			w.ca.On(acmetest.Directory, func(*acmetest.Request) *acmetest.Reply { return acmetest.Text(200, "text/html", "<p>Please log in.") })
			return w.examine()
		},
		FoundAccount: func(w *world) Report {
			w.check(os.RemoveAll(w.config("accounts")))
			return w.examine()
		},
		FoundAccountRefused: func(w *world) Report {
			w.ca.ForgetAccounts()
			return w.examine()
		},
		FoundProfile: func(w *world) Report {
			w.update(func(_ *lineage.Conf, s *lineage.Settings) error { s.Profile = "short"; return nil })
			return w.examine()
		},
		FoundLedger: func(w *world) Report {
			for range state.MostFailures {
				w.attempt(state.Failed, "no luck")
			}
			return w.examine()
		},
		FoundAttempt: func(w *world) Report {
			w.attempt(state.Failed, "no luck")
			return w.examine()
		},
		FoundStore: func(w *world) Report {
			w.write(filepath.Join(w.dir, "other", "live"), "not a directory", 0o600)
			store, err := lineage.Open(lineage.Options{ConfigDir: filepath.Join(w.dir, "other"), RunDir: w.doctor.Dirs.Run})
			w.check(err)
			w.doctor.Store = store
			return w.doctor.Examine(w.t.Context(), []Case{w.wanted(apex)})
		},
		FoundFolder: func(w *world) Report {
			w.check(os.Chmod(w.doctor.Dirs.Run, 0o755))
			return w.examine()
		},
		FoundUnreadable: func(w *world) Report {
			w.write(w.config("renewal", "broken.conf"), "[[[\n", 0o644)
			return w.examine()
		},
		FoundDamaged: func(w *world) Report {
			w.check(os.Remove(w.config("live", apex, "cert.pem")))
			return w.examine()
		},
		FoundUnfinished: func(w *world) Report {
			w.second()
			return w.examine()
		},
		FoundUnrepaired: func(w *world) Report {
			w.check(os.Remove(w.config("archive", apex, "privkey1.pem")))
			w.doctor.Fix = true
			return w.examine()
		},
		FoundExpired: func(w *world) Report {
			w.shift(91*day, 91*day)
			return w.examine()
		},
		FoundOverdue: func(w *world) Report {
			w.shift(63*day, 63*day)
			return w.examine()
		},
		FoundDeploy: func(w *world) Report {
			w.update(func(_ *lineage.Conf, s *lineage.Settings) error { s.Deploy = true; return nil })
			return w.examine()
		},
		FoundTimerMissing: func(w *world) Report {
			w.uncron()
			return w.examine()
		},
		FoundTimerInactive: func(w *world) Report {
			w.uncron()
			w.systemctl(map[string][2]string{ourTimer: {"disabled", "inactive"}})
			return w.examine()
		},
		FoundTimerDouble: func(w *world) Report {
			w.systemctl(map[string][2]string{ourTimer: {"enabled", "active"}})
			return w.examine()
		},
		FoundSchedulers: func(w *world) Report {
			w.systemctl(map[string][2]string{"certbot.timer": {"enabled", "active"}})
			w.update(func(c *lineage.Conf, _ *lineage.Settings) error { return c.Set("renewalparams", "autorenew", "True") })
			return w.examine()
		},
		FoundCertbotTimer: func(w *world) Report {
			hook := filepath.Join(w.dir, "wildcard-auth-hook")
			w.write(hook, "#!/bin/sh\n", 0o755)
			w.certbots(hook)
			return w.examine()
		},
		FoundHook: func(w *world) Report {
			w.certbots("/usr/local/lib/not there/hook.sh")
			return w.examine()
		},
		FoundEndpoint: func(w *world) Report {
			w.doctor.Endpoints = []Endpoint{{Address: "127.0.0.1:1"}}
			return w.examine()
		},
		FoundEndpointOther: func(w *world) Report {
			other, _ := w.issuer.issue(w.t, w.key, w.domains...)
			w.doctor.Endpoints = []Endpoint{{Address: w.serve(other, -1, w.key)}}
			return w.examine()
		},
		FoundEndpointChain: func(w *world) Report {
			w.doctor.Endpoints = []Endpoint{{Address: w.serve(w.live(), 1, w.key)}}
			return w.examine()
		},
		FoundEndpointUnknown: func(w *world) Report {
			w.doctor.Endpoints = []Endpoint{{Certificate: "another", Address: "127.0.0.1:1"}}
			return w.examine()
		},
		FoundProbe: func(w *world) Report {
			w.doctor.Probe = true
			w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Method: "POST", PathSuffix: "/records"}, Times: -1, Status: 400})
			return w.examine()
		},
		FoundProbeLeft: func(w *world) Report {
			w.doctor.Probe = true
			w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Method: "DELETE"}, Times: -1, Status: 400})
			return w.examine()
		},
		FoundLate: func(w *world) Report {
			v := &visit{Doctor: &w.doctor, seen: map[string]bool{}}
			end := make(chan struct{})
			w.t.Cleanup(func() { close(end) })
			v.do(w.t.Context(), 10*time.Millisecond, []check{{"something that hangs", func(context.Context) { <-end }}})
			return v.close()
		},
		FoundCrashed: func(w *world) Report {
			v := &visit{Doctor: &w.doctor, seen: map[string]bool{}}
			v.do(w.t.Context(), time.Minute, []check{
				{"something that crashes", func(context.Context) { panic("oh") }},
				{"something else", func(context.Context) { v.good("else", "is good") }},
			})
			if len(v.report.Good) != 1 {
				w.t.Error("a crash hides what else was found")
			}
			return v.close()
		},
	}
}

// uncron removes what runs "wildcard renew".
func (w *world) uncron() { w.check(os.Remove(filepath.Join(w.dir, "etc", "cron.d", "wildcard"))) }

// second puts a second good set into the archive that nothing leads to, as a crash before the switch does.
func (w *world) second() {
	w.t.Helper()
	for _, kind := range []string{"cert", "chain", "fullchain", "privkey"} {
		text, err := os.ReadFile(w.config("archive", apex, kind+"1.pem"))
		w.check(err)
		w.write(w.config("archive", apex, kind+"2.pem"), string(text), 0o600)
	}
}

// Every finding that is declared is provoked here, says what, why and what to do, and makes for its exit status.
func TestEveryFinding(t *testing.T) {
	t.Parallel()
	all := provocations()
	for _, k := range Kinds() {
		provoke := all[k.Code]
		delete(all, k.Code)
		t.Run(k.Code, func(t *testing.T) {
			t.Parallel()
			if provoke == nil {
				t.Fatal("nothing provokes it")
			}
			report := provoke(newWorld(t))
			i := slices.IndexFunc(report.Findings, func(f Finding) bool { return f.Code == k.Code })
			if i < 0 {
				t.Fatalf("it is not found, only %v", codes(report))
			}
			f := report.Findings[i]
			for _, text := range []string{f.What.String(), f.Why.String(), f.Fix.String()} {
				if text == "" || strings.Contains(text, "%!") || strings.ContainsAny(text, "\n\x1b") {
					t.Errorf("text %q", text)
				}
			}
			if f.Severity != k.Severity || f.Subject == "" || (f.Exit == 0) != (f.Severity == Note) {
				t.Errorf("%+v", f)
			}
			if worst := report.Findings[0].Severity; (report.Exit() == 0) != (worst == Note) {
				t.Errorf("exit status %d with %s", report.Exit(), worst)
			}
		})
	}
	for code := range all {
		t.Errorf("%s is provoked and not declared", code)
	}
}

func codes(r Report) (all []string) {
	for _, f := range r.Findings {
		all = append(all, f.Code+": "+f.What.String())
	}
	return all
}

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
	w.doctor.Endpoints = []Endpoint{{Address: w.serve(w.live(), -1, w.key)}}
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

// A zone for the challenge alone is probed at its own name, beside what stands there, and resolvers never hear of it.
func TestZoneForTheChallengeAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conoha.RemoveZone(apex)
	w.conoha.Delegate(apex, conohatest.OutsideName)
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
