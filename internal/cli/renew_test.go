package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"wildcard/internal/lineage"
	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/executable"
)

// Only what is due is renewed; nothing due asks the CA for renewal information no more often than it wants.
func TestRenewWhatIsDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("renew", "--no-jitter").exits(0, "There is no certificate to renew")
	w.issue("*.example.com")
	w.issue("*.example.net")
	w.run("renew").exits(0, "Nothing is due: 2 certificates good for now.") // no jitter when there is nothing to order
	asked := w.ca.Count(acmetest.RenewalInfo)
	calls := w.conoha.Calls()
	w.run("renew").exits(0, "Nothing is due")
	if n := w.ca.Count(acmetest.RenewalInfo); n != asked || asked != 2 {
		t.Errorf("asked for renewal information %d times, then %d", asked, n)
	}
	if again := w.conoha.Calls(); again != calls {
		t.Errorf("the DNS service was asked: %+v, then %+v", calls, again)
	}
	w.update("example.net", func(s *lineage.Settings) { s.RenewAt = w.clock().Add(-time.Minute) })
	got := answerOf[renewAnswer](w.run("renew", "--no-jitter", "--json").exits(0))
	if len(got.Renewed) != 1 || got.Renewed[0].Lineage != "example.net" || got.Kept != 1 || len(got.Failed) != 0 {
		t.Errorf("%+v", got)
	}
	w.orders(3)
	got = answerOf[renewAnswer](w.run("renew", "--force", "--cert-name", "example.com", "--json").exits(0))
	if len(got.Renewed) != 1 || got.Renewed[0].Lineage != "example.com" {
		t.Errorf("%+v", got)
	}
	w.at(due(w.lineage("example.com")))
	w.run("renew", "--no-jitter").exits(0, "2 renewed, 0 not due, 0 failed")
	w.nothingLeft()
}

// What is broken stops nothing else, and the exit status is that of the worst.
func TestRenewGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"*.example.com", "*.example.net", "*.example.co.jp"} {
		w.issue(name)
	}
	if err := os.WriteFile(w.config("renewal", "aaa.conf"), []byte("version = 5\n[[[\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.update("example.net", func(s *lineage.Settings) { s.EnvFile = "/nonexistent" })
	w.at(due(w.lineage("example.com")))
	got := w.run("renew", "--no-jitter").exits(78, "2 renewed, 0 not due, 2 failed", "aaa", "example.net", "/nonexistent")
	if strings.Count(got.stderr, "/nonexistent") != 1 {
		t.Errorf("said more than once:\n%s", got.stderr)
	}
	w.run("renew", "--no-jitter").exits(78, "0 renewed, 2 not due, 2 failed")
	w.orders(5)
	w.nothingLeft()
}

// Pre, deploy and post hooks run as certbot runs them: pre and post once for all, and only if something is ordered.
func TestHooksOfRenewals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	log := filepath.Join(w.dir, "log")
	for _, kind := range []string{"pre", "deploy", "post"} {
		if err := os.MkdirAll(w.config("renewal-hooks", kind), 0o755); err != nil {
			t.Fatal(err)
		}
		script := fmt.Sprintf("#!/bin/sh\necho %s ${RENEWED_LINEAGE##*/} >>%s\n", kind, log)
		executable.Write(t, w.config("renewal-hooks", kind, "log"), script)
	}
	w.issue("*.example.com")
	w.issue("*.example.net")
	w.run("renew").exits(0)
	first := "pre\ndeploy example.com\npost\npre\ndeploy example.net\npost\n"
	if got := strings.ReplaceAll(w.read(log), " \n", "\n"); got != first {
		t.Errorf("issue ran:\n%s", got)
	}
	w.at(due(w.lineage("example.com")))
	w.run("renew", "--no-jitter").exits(0)
	got := strings.Split(strings.TrimSpace(strings.TrimPrefix(strings.ReplaceAll(w.read(log), " \n", "\n"), first)), "\n")
	if len(got) != 4 || got[0] != "pre" || got[3] != "post" || got[1] == got[2] {
		t.Errorf("renew ran %q", got)
	}
}

// Fault #66: a CA that says "now" while every order fails gets at most one order an hour, and fewer by and by.
func TestRenewalFailsEachTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	now := w.clock()
	w.ca.On(acmetest.RenewalInfo, past(w))
	w.ca.On(acmetest.Finalize, func(r *acmetest.Request) *acmetest.Reply {
		w.ca.Change(r.OrderID, func(o *acmetest.OrderState) { o.Status = "invalid" })
		return w.ca.Nonce(acmetest.Problem(400, "badCSR", "not today"))
	})
	for range 6 * 24 {
		now = now.Add(10 * time.Minute)
		w.at(now)
		if got := w.run("renew", "--no-jitter"); got.code != 1 && got.code != 75 {
			t.Fatalf("exit status %d: %s", got.code, got.stderr)
		}
	}
	if n := len(w.ca.Orders()) - 1; n < 2 || n > 5 {
		t.Errorf("%d orders in a day", n)
	}
	w.run("renew", "--force", "--no-jitter").exits(1, "not today")
	w.lineage("example.com")
	w.nothingLeft()
}

// past suggests to renew an hour ago.
func past(w *world) acmetest.Script {
	return acmetest.Is(func() *acmetest.Reply {
		return acmetest.JSON(200, map[string]any{"suggestedWindow": map[string]any{
			"start": w.clock().Add(-2 * time.Hour).UTC().Format(time.RFC3339), "end": w.clock().Add(-time.Hour).UTC().Format(time.RFC3339),
		}}).With("Retry-After", "60")
	})
}

// Fault #67: a CA that says "now" for ever, also of what it has just issued, gets one renewal a day.
func TestRenewNowForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	now := w.clock()
	w.ca.On(acmetest.RenewalInfo, past(w))
	for range 50 {
		now = now.Add(time.Hour)
		w.at(now)
		w.run("renew", "--no-jitter").exits(0)
	}
	if n := len(w.ca.Orders()) - 1; n < 2 || n > 3 {
		t.Errorf("%d renewals in 50 hours", n)
	}
	w.run("renew", "--force").exits(0, "1 renewed")
}

// Fault #72: new terms end a renewal with their link, and the timer's next runs do not ask again at once.
func TestTermsChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	w.at(due(w.lineage("example.com")))
	w.ca.On(acmetest.NewOrder, func(*acmetest.Request) *acmetest.Reply {
		return w.ca.Nonce(acmetest.Problem(403, "userActionRequired", "new terms").With("Link", `<https://ca.example/terms-2>;rel="terms-of-service"`))
	})
	w.run("renew", "--no-jitter").exits(77, "https://ca.example/terms-2")
	for range 5 {
		w.run("renew", "--no-jitter").exits(75)
	}
	if n := w.ca.Count(acmetest.NewOrder); n != 1 {
		t.Errorf("%d requests for an order", n)
	}
}

// A limit of the CA's is kept on disk: no run before its end asks, with --force one may.
func TestRateLimitIsRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ca.On(acmetest.NewOrder, func(*acmetest.Request) *acmetest.Reply {
		return w.ca.Nonce(acmetest.Problem(429, "rateLimited", "too many certificates").With("Retry-After", "7200"))
	})
	w.run("issue", "--agree-tos", "*.example.com").exits(75, "too many certificates")
	w.run("issue", "--agree-tos", "*.example.com").exits(75, "[ledger.rate-limited]")
	if n := w.ca.Count(acmetest.NewOrder); n != 1 {
		t.Errorf("%d requests for an order", n)
	}
	w.at(w.clock().Add(3 * time.Hour))
	w.ca.On(acmetest.NewOrder, nil)
	w.issue("*.example.com")
}

// Fault #143: by a clock that cannot be right nothing is decided, and nothing is lost.
func TestWrongClock(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, acmetest.Options{Now: time.Now, RealTimer: true, Deviations: unproven}) // the CA's clock is right
	w.issue("*.example.com")
	now := time.Now()
	for _, years := range []int{-10, 10} {
		w.at(now.AddDate(years, 0, 0))
		w.run("renew", "--no-jitter").exits(78, "[clock.wrong]")
		w.run("list").exits(0, "example.com")
	}
	w.orders(1)
	w.at(now.AddDate(0, 0, -1)) // a day back between runs: the certificate is from the future
	w.run("renew", "--no-jitter").exits(78, "set the clock")
	w.at(now)
	w.run("renew", "--no-jitter").exits(0, "Nothing is due")
	w.orders(1)
	w.lineage("example.com")
}

// thousand makes lineages out of one, each with a name of its own, of which some are due.
func (w *world) thousand(n, due int) {
	w.t.Helper()
	w.issue("--cert-name", "model", "model.example.com")
	w.update("model", func(s *lineage.Settings) { s.RetryAfter = w.clock().Add(time.Hour) })
	conf := w.read(w.config("renewal", "model.conf"))
	w.update("model", func(s *lineage.Settings) { s.RenewAt = w.clock().Add(-time.Minute) })
	dueConf := w.read(w.config("renewal", "model.conf"))
	must := func(err error) {
		if err != nil {
			w.t.Fatal(err)
		}
	}
	for i := range n {
		name := fmt.Sprintf("n%04d", i)
		text := conf
		if i%(n/due) == 1 {
			text = dueConf
		}
		text = strings.ReplaceAll(strings.ReplaceAll(text, "model.example.com", name+".example.com"), "/model", "/"+name)
		must(os.Mkdir(w.config("archive", name), 0o700))
		must(os.Mkdir(w.config("live", name), 0o755))
		for _, kind := range []string{"cert", "chain", "fullchain", "privkey"} {
			must(os.Link(w.config("archive", "model", kind+"1.pem"), w.config("archive", name, kind+"1.pem")))
			must(os.Symlink(filepath.Join("../../archive", name, kind+"1.pem"), w.config("live", name, kind+".pem")))
		}
		must(os.WriteFile(w.config("renewal", name+".conf"), []byte(text), 0o644))
	}
	w.run("delete", "--yes", "model").exits(0)
}

// postpone makes a lineage due, or not asked about for an hour more.
func (w *world) postpone(name string, due bool) {
	if due {
		w.update(name, func(s *lineage.Settings) { s.RenewAt = w.clock().Add(-time.Minute) })
		return
	}
	conf := strings.Split(w.read(w.config("renewal", name+".conf")), "\n")
	for i, line := range conf {
		if strings.HasPrefix(line, "ari_retry_after = ") {
			conf[i] = "ari_retry_after = " + w.clock().Add(time.Hour).UTC().Format(time.RFC3339)
		}
	}
	if err := os.WriteFile(w.config("renewal", name+".conf"), []byte(strings.Join(conf, "\n")), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// Fault #148: of a thousand lineages the first is broken; the rest is done, and the network is used for those that are due.
func TestThousandLineages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.thousand(1000, 8)
	if err := os.WriteFile(w.config("renewal", "n0000.conf"), []byte("[[["), 0o600); err != nil {
		t.Fatal(err)
	}
	logins, asked := w.conoha.Calls().Logins, w.ca.Count(acmetest.RenewalInfo)
	got := answerOf[renewAnswer](w.run("renew", "--no-jitter", "--json").exits(78))
	if len(got.Renewed) != 8 || got.Kept != 991 || len(got.Failed) != 1 || got.Failed[0].Lineage != "n0000" {
		t.Errorf("%d renewed, %d kept, %+v", len(got.Renewed), got.Kept, got.Failed)
	}
	w.orders(1 + 8)
	calls := w.conoha.Calls()
	if n := w.ca.Count(acmetest.RenewalInfo) - asked; n != 0 || calls.Logins-logins > 1 || calls.Creates != 9 {
		t.Errorf("renewal information asked %d times, %+v", n, calls)
	}
	w.nothingLeft()
}

// BenchmarkRenewThousand is a run over 1,000 lineages of which 20 are due: the CA is asked for ten orders at once and then
// for one a second.
func BenchmarkRenewThousand(b *testing.B) {
	w := newWorld(b)
	w.thousand(1000, 20)
	calls, orders := w.conoha.Calls(), len(w.ca.Orders())
	for b.Loop() {
		w.run("renew", "--no-jitter").exits(0, "20 renewed, 980 not due, 0 failed")
		b.StopTimer()
		w.at(w.clock().Add(25 * time.Hour)) // one renewal a day
		for i := range 1000 {
			w.postpone(fmt.Sprintf("n%04d", i), i%50 == 1)
		}
		b.StartTimer()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	after := w.conoha.Calls()
	b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-sys")
	b.ReportMetric(float64(len(w.ca.Orders())-orders)/float64(b.N), "orders/op")
	b.ReportMetric(float64(after.Logins-calls.Logins)/float64(b.N), "logins/op")
	b.ReportMetric(float64(w.ca.Count(acmetest.RenewalInfo))/float64(b.N), "renewal-infos/op")
}

// BenchmarkRenewNothing is a timer's run over 1,000 lineages of which none is due.
func BenchmarkRenewNothing(b *testing.B) {
	w := newWorld(b)
	w.thousand(1000, 1)
	w.run("renew", "--no-jitter").exits(0)
	for b.Loop() {
		w.run("renew", "--no-jitter").exits(0, "Nothing is due")
	}
}

// What another run is at work on is left to it: no failure, neither in what is said nor in what is remembered, measured and told.
func TestRenew_AnotherRunAtWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.listen()
	w.issue("*.example.com")
	w.issue("*.example.net")
	held, release := make(chan struct{}, 8), make(chan struct{})
	w.ca.On(acmetest.NewOrder, func(r *acmetest.Request) *acmetest.Reply {
		held <- struct{}{}
		select {
		case <-release:
		case <-w.ca.Ended():
		}
		return r.Next()
	})
	first := w.start("renew", "--force")
	<-held
	number := fmt.Sprint(first.Process.Pid)
	for _, name := range []string{"example.com", "example.net"} {
		waitFor(t, "it is at work on "+name, func() bool {
			locks, _ := filepath.Glob(filepath.Join(w.dir, "run", "lineage-"+name+"-*.lock"))
			return len(locks) == 1 && w.read(locks[0]) == number+"\n"
		})
	}
	measured := filepath.Join(w.dir, "a.prom")
	second := w.run("renew", "--force", "--prometheus", measured, "--notify", h.spec).
		exits(75, "0 renewed, 0 not due, 0 failed.", "2 skipped: process "+number+" is at work on them.")
	if strings.Contains(second.stdout+second.stderr, "[") || len(h.messages()) != 0 {
		t.Errorf("%s%s%v", second.stdout, second.stderr, h.messages())
	}
	for line := range strings.Lines(w.read(measured)) {
		if strings.HasPrefix(line, "wildcard_certificate_consecutive_failures") && !strings.HasSuffix(line, " 0\n") {
			t.Error(line)
		}
	}
	w.run("renew", "--force", "--cert-name", "example.net").exits(75, "1 skipped: process "+number+" is at work on it.")
	answer := answerOf[renewAnswer](w.run("renew", "--force", "--cert-name", "example.com", "--json").exits(75))
	if len(answer.Failed) != 0 || len(answer.Skipped) != 1 || answer.Skipped[0] != (skipLine{"example.com", first.Process.Pid}) {
		t.Errorf("%+v", answer)
	}
	w.run("issue", "--force", "*.example.net").exits(75, "(process "+number+")", "[lineage.locked]")
	close(release)
	first.end().exits(0, "2 renewed")
	if shown := w.run("show", "example.com").exits(0); strings.Contains(shown.stdout, "failed") {
		t.Error(shown.stdout)
	}
	w.orders(4)
}
