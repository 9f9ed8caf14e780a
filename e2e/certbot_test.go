//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
)

// Certificates of every shape, issued and renewed by real certbot.
func TestCertbot(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(w *world) (zones []string)
		domains []string
	}{
		{
			name: "apex, wildcard and a name below",
			prepare: func(w *world) []string {
				a := w.conoha.AddAccount(conohatest.Account{Version: 2})
				w.zone(a, "example.com")
				w.use(a)
				return []string{"example.com"}
			},
			domains: []string{"example.com", "*.example.com", "www.sub.example.com"},
		},
		{
			name: "co.jp",
			prepare: func(w *world) []string {
				a := w.conoha.AddAccount(conohatest.Account{Version: 2, Region: "tyo2"})
				w.zone(a, "example.co.jp")
				w.use(a)
				return []string{"example.co.jp"}
			},
			domains: []string{"example.co.jp", "*.example.co.jp"},
		},
		{
			name: "a child zone",
			prepare: func(w *world) []string {
				a := w.conoha.AddAccount(conohatest.Account{Version: 2})
				w.zone(a, "example.com")
				w.zone(a, "child.example.com")
				w.use(a)
				return []string{"example.com", "child.example.com"}
			},
			domains: []string{"*.child.example.com", "example.com"},
		},
		{
			name: "page 3 of a Ver.3.0 account",
			prepare: func(w *world) []string {
				a := w.conoha.AddAccount(conohatest.Account{Version: 3})
				for i := range 25 {
					w.conoha.AddZone(a.Tenant, zoneName(i))
				}
				w.conoha.Switch(func(s *conohatest.Switches) { s.V3PageCap = 10 })
				w.zone(a, "example.net")
				w.use(a)
				return []string{"example.net"}
			},
			domains: []string{"example.net", "*.example.net"},
		},
		{
			name: "both generations in one certificate",
			prepare: func(w *world) []string {
				v2, v3 := w.conoha.AddAccount(conohatest.Account{Version: 2}), w.conoha.AddAccount(conohatest.Account{Version: 3})
				w.zone(v2, "example.com")
				w.zone(v3, "example.net")
				w.use(v2, v3)
				return []string{"example.com", "example.net"}
			},
			domains: []string{"example.com", "*.example.com", "example.net", "*.example.net"},
		},
		{
			name: "a CNAME into another zone",
			prepare: func(w *world) []string {
				v2, v3 := w.conoha.AddAccount(conohatest.Account{Version: 2}), w.conoha.AddAccount(conohatest.Account{Version: 3})
				w.zone(v3, "acme.example.net")
				w.conoha.AddZone(v2.Tenant, "example.com")
				w.conoha.PutRecord("example.com", "other.example.com", "TXT", foreign)
				w.conoha.PutRecord("example.com", "_acme-challenge.example.com", "CNAME", "example-com.acme.example.net.")
				w.use(v2, v3)
				return []string{"acme.example.net", "example.com"}
			},
			domains: []string{"example.com", "*.example.com"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, conohatest.Options{PublicationDelay: []time.Duration{0, 300 * time.Millisecond, 600 * time.Millisecond}})
			zones := test.prepare(w)
			w.certbot(w.certonly(test.domains...)...)
			w.clean(zones...)
			w.conoha.ResetLog()
			// Validations are good for the whole of an account's life here, except that Pebble reuses one in a hundred.
			w.certbot("renew", "--force-renewal", "--no-random-sleep-on-renew", "--server", w.ca.DirectoryURL())
			w.clean(zones...)
			if calls := w.conoha.Calls(); calls.Creates == 0 || calls.Creates != calls.Deletes {
				t.Errorf("renewal: calls %+v", calls)
			}
			for _, kind := range []string{"cert", "chain", "fullchain", "privkey"} {
				if _, err := os.Stat(fmt.Sprintf("%s/etc/live/%s/%s.pem", w.dir, strings.TrimPrefix(test.domains[0], "*."), kind)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// One wait for five names: certbot's run takes about one delay, and the last hook returns soon after the last server has the
// last value. What is asserted is the order of events; the durations are printed.
func TestCertbot_OneWait(t *testing.T) {
	w := newWorld(t, conohatest.Options{PublicationDelay: []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}})
	a := w.conoha.AddAccount(conohatest.Account{Version: 2})
	w.zone(a, "example.com")
	w.use(a)
	domains := []string{"example.com", "*.example.com", "a.example.com", "b.example.com", "c.example.com"}
	start := time.Now()
	w.certbot(w.certonly(domains...)...)
	took := time.Since(start)
	w.clean("example.com")

	calls := w.conoha.Calls()
	want := conohatest.Calls{Logins: 1, ZoneLists: 1, Creates: 5, Deletes: 5, Connections: calls.Connections}
	if calls != want {
		t.Errorf("calls %+v, want %+v", calls, want)
	}
	var lastCreate, firstDelete, lastPublished time.Time
	for _, r := range w.conoha.Log() {
		switch r.Method {
		case "POST":
			if r.Service == conohatest.ServiceDNS {
				lastCreate = r.At
			}
		case "DELETE":
			if firstDelete.IsZero() {
				firstDelete = r.At
			}
		}
	}
	lastPublished = lastCreate.Add(3 * time.Second)
	if firstDelete.Before(lastPublished) {
		t.Errorf("cleaned up %v before the last server had the last value", lastPublished.Sub(firstDelete))
	}
	t.Logf("certbot's run took %v; from the last create to the last server's publication it is 3 s; the first deletion came %v after that", took, firstDelete.Sub(lastPublished))
}

// certbot is killed during the wait: the hook that is left behind removes what there is.
func TestCertbot_Killed(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			w := newWorld(t, conohatest.Options{PublicationDelay: []time.Duration{time.Hour}})
			a := w.conoha.AddAccount(conohatest.Account{Version: 2})
			w.zone(a, "example.com")
			w.use(a)
			cmd := w.command(w.certonly("example.com", "*.example.com")...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			w.eventually("both records", func() bool { return w.txt("example.com") == 2 })
			w.eventually("the wait", func() bool {
				return slices.ContainsFunc(w.conoha.Questions(), func(q conohatest.Question) bool {
					return q.Type == "TXT" && strings.HasPrefix(q.Name, "_acme-challenge.")
				})
			})
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			w.eventually("nothing is left", func() bool { return w.txt("example.com") == 0 })
			w.eventually("the journal is empty", func() bool {
				left, err := os.ReadDir(w.dir + "/state/journal")
				return err == nil && len(left) == 0
			})
			w.clean("example.com")
		})
	}
}

// An existing lineage of the shell scripts keeps working with our programs under the scripts' names, unedited.
func TestCertbot_InPlaceOfTheScripts(t *testing.T) {
	w := newWorld(t, conohatest.Options{})
	a := w.conoha.AddAccount(conohatest.Account{Version: 2, Password: "it's #1"})
	w.zone(a, "example.com")
	w.use(a)
	env := fmt.Sprintf("CNH_REGION=%q\nCNH_TENANT_ID=%q\nCNH_USERNAME=%q\nCNH_PASSWORD=%q\n", a.Region, a.Tenant, a.User, a.Password)
	var kept []string
	for _, kv := range w.environ {
		switch name, value, _ := strings.Cut(kv, "="); {
		case !strings.HasPrefix(kv, "CONOHA_"):
			kept = append(kept, kv)
		case strings.HasSuffix(name, "_URL"): // where the password goes stands where the password is
			env += name + "=" + value + "\n"
		}
	}
	w.environ = kept
	scripts := w.dir + "/scripts"
	for _, err := range []error{
		os.Mkdir(scripts, 0o700),
		os.WriteFile(scripts+"/.env", []byte(env), 0o600),
		os.Symlink(w.dir+"/bin/wildcard-auth-hook", scripts+"/create_conoha_dns_record.sh"),
		os.Symlink(w.dir+"/bin/wildcard-cleanup-hook", scripts+"/delete_conoha_dns_record.sh"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	args := w.certonly("example.com", "*.example.com")
	args[slices.Index(args, "wildcard-auth-hook")] = scripts + "/create_conoha_dns_record.sh"
	args[slices.Index(args, "wildcard-cleanup-hook")] = scripts + "/delete_conoha_dns_record.sh"
	w.certbot(args...)
	w.certbot("renew", "--force-renewal", "--no-random-sleep-on-renew")
	w.clean("example.com")
}

// HTTP-01 instead of DNS-01: certbot's own words are followed by ours, with the flag that is missing.
func TestCertbot_WithoutPreferredChallenges(t *testing.T) {
	w := newWorld(t, conohatest.Options{})
	a := w.conoha.AddAccount(conohatest.Account{Version: 2})
	w.zone(a, "example.com")
	w.use(a)
	args := slices.DeleteFunc(w.certonly("example.com"), func(arg string) bool { return arg == "--preferred-challenges" || arg == "dns" })
	out, err := w.command(args...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "add --preferred-challenges dns to the certbot command") {
		t.Errorf("%v: %s", err, out)
	}
	if n := len(w.conoha.Log()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// The certificate is what openssl expects: chain, key and names belong together.
func TestCertbot_OpenSSL(t *testing.T) {
	w := newWorld(t, conohatest.Options{})
	a := w.conoha.AddAccount(conohatest.Account{Version: 2})
	w.zone(a, "example.com")
	w.use(a)
	w.certbot(w.certonly("*.example.com")...)
	if err := os.WriteFile(w.dir+"/issuer.pem", w.ca.IssuerPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	live := w.dir + "/etc/live/example.com/"
	out, err := exec.Command("openssl", "verify", "-CAfile", w.dir+"/issuer.pem", "-untrusted", live+"chain.pem", "-verify_hostname", "anything.example.com", live+"cert.pem").CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
