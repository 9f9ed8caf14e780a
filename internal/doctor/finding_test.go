package doctor

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"wildcard/conoha/conohatest"
	"wildcard/internal/deploy/target"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/state"
	"wildcard/internal/system/confine"
	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/parallel"
	"wildcard/providers"
)

func TestMain(m *testing.M) {
	parallel.Waiting()
	goleak.VerifyTestMain(m)
}

// provocations has for every code what makes a healthy machine one that has the finding, and what then looks.
func provocations() map[string]func(w *world) Report {
	const day = 24 * time.Hour
	second := "ns-a2.conoha.io."
	return map[string]func(w *world) Report{
		FoundSettings: func(w *world) Report {
			w.check(os.Chmod(w.envFile(), 0o644))
			return w.examine()
		},
		FoundEnvironment: func(w *world) Report {
			text, err := os.ReadFile(w.envFile())
			w.check(err)
			w.environ = strings.Split(strings.TrimSpace(strings.ReplaceAll(string(text), "'", "")), "\n")
			w.check(os.Remove(w.envFile()))
			return w.examine()
		},
		FoundUnconfined: func(w *world) Report {
			router := w.doctor.Router
			w.doctor.Router = func(s lineage.Settings) (providers.Router, error) {
				r, err := router(s)
				for i := range r.Accounts {
					r.Accounts[i].Spec.Name = "plugin"
				}
				return r, err
			}
			w.doctor.Confined = &confine.Powers{User: true}
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
			w.timeout = time.Second
			w.conoha.NameServer(second).Set(conohatest.Behaviour{SilentUDP: true})
			return w.examine()
		},
		FoundServerTCP: func(w *world) Report {
			w.timeout = time.Second
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
		FoundBlocked: func(w *world) Report {
			w.timeout = time.Second
			w.atElsewhere("127.0.0.250") // where nothing listens
			return w.examine()
		},
		FoundIntercepted: func(w *world) Report {
			w.atElsewhere("127.255.255.253")
			w.refuses("127.255.255.253")
			w.refuses("127.255.255.254") // there is no server either
			return w.examine()
		},
		FoundServerModest: func(w *world) Report {
			w.registry(second, w.another(func(_ *dns.Msg, m *dns.Msg) { m.Authoritative = false }))
			return w.examine()
		},
		FoundServerOnlyTXT: func(w *world) Report {
			w.registry(second, w.another(func(q, m *dns.Msg) {
				if q.Question[0].Qtype != dns.TypeTXT {
					*m = *new(dns.Msg).SetRcode(q, dns.RcodeNotImplemented)
				}
			}))
			return w.examine()
		},
		FoundServerSets: func(w *world) Report {
			w.registry(second, w.another(func(*dns.Msg, *dns.Msg) {}))
			return w.examine()
		},
		FoundServerBehind: func(w *world) Report {
			w.registry(second, w.another(func(_ *dns.Msg, m *dns.Msg) {
				for _, rr := range m.Answer {
					if soa, ok := rr.(*dns.SOA); ok {
						soa.Serial -= 3
					}
				}
			}))
			return w.examine()
		},
		FoundResolverBehind: func(w *world) Report {
			w.registry("ns-a1.conoha.io.", second, "ns-a3.conoha.io.")
			w.front.records(apex, dns.TypeNS, nsRecord("ns-a1.conoha.io."), nsRecord("ns.gone.example."))
			return w.examine()
		},
		FoundPrivate: func(w *world) Report {
			w.registry()
			return w.examine()
		},
		FoundCAA: func(w *world) Report {
			w.conoha.PutRecord(apex, apex, "CAA", `0 issue "another.example"`)
			return w.examine()
		},
		FoundPersist: func(w *world) Report {
			w.provenBy("")
			return w.examine()
		},
		FoundPersistEnds: func(w *world) Report {
			w.provenBy(";persistUntil=" + strconv.FormatInt(time.Now().Add(10*24*time.Hour).Unix(), 10))
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
			owner.StartTime++ // a process that had our number before us
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
		FoundRefusal: func(w *world) Report {
			w.facts = &issuance.CAFacts{Company: "A CA", Operator: "ca.example", Names: 1, Memory: time.Minute}
			return w.examine()
		},
		FoundCharge: func(w *world) Report {
			w.facts = &issuance.CAFacts{Company: "A CA", Operator: "ca.example", Wildcards: issuance.Paid, Memory: time.Minute}
			return w.examine()
		},
		FoundBinding: func(w *world) Report {
			w.facts = &issuance.CAFacts{Company: "A CA", Operator: "ca.example", Binding: issuance.BindingUnsaid, Memory: time.Minute}
			w.check(os.RemoveAll(w.config("accounts")))
			return w.examine(w.wanted("www.example.com"))
		},
		FoundHeld: func(w *world) Report {
			w.check(w.doctor.State.KeepRefused(apex, state.Refused{Reason: "nobody asked for it"}, nil, nil))
			return w.examine()
		},
		FoundLedger: func(w *world) Report {
			for range state.MostFailures {
				w.attempt(time.Now(), "no luck")
			}
			return w.examine()
		},
		FoundAttempt: func(w *world) Report {
			w.attempt(time.Now().Add(-2*day), "no luck")
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
		FoundOutnumbered: func(w *world) Report {
			w.renumbered()
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
		FoundRevoked: func(w *world) Report {
			w.check(w.doctor.State.AddRevoked(w.lineage().Leaf, w.doctor.now(), false))
			return w.examine()
		},
		FoundOverdue: func(w *world) Report {
			w.shift(71*day, 71*day)
			return w.examine()
		},
		FoundUnsafe: func(w *world) Report {
			w.check(os.Chmod(w.config("renewal"), 0o777))
			return w.examine()
		},
		FoundLastRun: func(w *world) Report {
			w.doctor.Others = true
			w.check(w.doctor.State.ChangeWatch(func(s *state.Watch) { s.LastRun = time.Now().Add(-4 * day) }))
			return w.examine()
		},
		FoundHalf: func(w *world) Report {
			w.check(os.Rename(w.config("renewal", apex+".conf"), w.config("aside")))
			return w.doctor.Examine(w.t.Context(), []Case{w.wanted(apex)})
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
		FoundCron: func(w *world) Report {
			w.crontab("17 */6 * * * root wildcard renew --quiet\n")
			return w.examine()
		},
		FoundHook: func(w *world) Report {
			w.certbots("/usr/local/lib/not there/hook.sh")
			return w.examine()
		},
		FoundHookMisplaced: func(w *world) Report {
			w.update(func(c *lineage.Conf, _ *lineage.Settings) error {
				return c.Set("acme_renewal_info", "renew_hook", "true")
			})
			return w.examine()
		},
		FoundHookOutside: func(w *world) Report {
			w.write(w.config("cli.ini"), "deploy-hook = true\n", 0o600)
			return w.examine()
		},
		FoundTarget: func(w *world) Report {
			w.doctor.Target = (&target.Opener{}).CheckText
			w.update(func(_ *lineage.Conf, s *lineage.Settings) error {
				s.Targets = []string{"exec:" + w.config("not there")}
				return nil
			})
			return w.examine()
		},
		FoundHookUnsafe: func(w *world) Report {
			w.write(w.config("renewal-hooks", "deploy", "reload.sh"), "#!/bin/sh\ntrue\n", 0o777)
			return w.examine()
		},
		FoundRolledBack: func(w *world) Report {
			w.update(func(_ *lineage.Conf, s *lineage.Settings) error { s.RolledBack = "1"; return nil })
			return w.examine()
		},
		FoundEndpoint: func(w *world) Report {
			w.doctor.Endpoints = []Endpoint{{Endpoint: at("127.0.0.1:1")}}
			return w.examine()
		},
		FoundEndpointOther: func(w *world) Report {
			other, _ := w.issuer.issue(w.t, w.key, w.domains...)
			w.doctor.Endpoints = []Endpoint{{Endpoint: at(w.serve(other, -1, w.key))}}
			return w.examine()
		},
		FoundEndpointChain: func(w *world) Report {
			w.doctor.Endpoints = []Endpoint{{Endpoint: at(w.serve(w.live(), 1, w.key))}}
			return w.examine()
		},
		FoundEndpointUnknown: func(w *world) Report {
			w.doctor.Endpoints = []Endpoint{{at("127.0.0.1:1"), "another"}}
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
		FoundUser: func(w *world) Report { // internal/cli has a user who is not root
			v := w.doctor.visit(w.t.Context())
			v.notRoot()
			v.notRoot()
			return v.close()
		},
		FoundLate: func(w *world) Report {
			v := w.doctor.visit(w.t.Context())
			end := make(chan struct{})
			w.t.Cleanup(func() { close(end) })
			v.do(w.t.Context(), 10*time.Millisecond, usualGrace, []check{{"something that hangs", func(context.Context) { <-end }}})
			return v.close()
		},
		FoundCrashed: func(w *world) Report {
			v := w.doctor.visit(w.t.Context())
			v.do(w.t.Context(), time.Minute, usualGrace, []check{
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

// renumbered puts a set that ends sooner into the archive, under a higher number.
func (w *world) renumbered() {
	w.t.Helper()
	chain, key := w.issuer.issueUntil(w.t, w.key, time.Now().AddDate(0, 0, 30), w.domains...)
	set, err := lineage.NewSet(chain, key, nil)
	w.check(err)
	for kind, text := range map[string][]byte{"cert": set.Cert, "chain": set.Chain, "fullchain": chain, "privkey": key} {
		w.write(w.config("archive", apex, kind+"2.pem"), string(text), 0o600)
	}
}

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
