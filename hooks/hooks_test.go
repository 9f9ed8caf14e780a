package hooks_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
)

func TestHooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	calls := []call{{domain: "example.com", value: value(1), remaining: 2}, {domain: "example.com", value: value(2), remaining: 1}, {domain: "www.example.com", value: value(3)}}
	for i := range calls {
		calls[i].output = w.must("auth", calls[i])
		if !strings.HasPrefix(calls[i].output, "wildcard/1 created _acme-challenge."+calls[i].domain+". ") || strings.Contains(calls[i].output, "\n") {
			t.Errorf("receipt %q", calls[i].output)
		}
	}
	if got, want := w.txt(), []string{value(1), value(2), value(3)}; !slices.Equal(got, want) {
		t.Errorf("records %q, want %q", got, want)
	}
	for i, c := range calls {
		w.must("cleanup", c)
		if got := len(w.txt()); got != 2-i {
			t.Errorf("%d records after cleanup %d", got, i)
		}
	}
	w.clean()
	got := w.conoha.Calls()
	want := conohatest.Calls{Logins: 2, ZoneLists: 2, Creates: 3, Deletes: 3, Connections: got.Connections} // there are two accounts
	if got != want {
		t.Errorf("calls %+v, want %+v", got, want)
	}
}

// One account and N names in one zone: 1 login, 1 list, N creates, N deletes.
func TestHooks_FewCalls(t *testing.T) {
	t.Parallel()
	for _, version := range []int{2, 3} {
		w := newWorld(t, conohatest.Options{})
		account, domain := w.v2, "example.com"
		if version == 3 {
			account, domain = w.v3, "example.net"
		}
		w.environ = append(w.conoha.Environ(account), "WILDCARD_STATE_DIR="+w.dir+"/state", "WILDCARD_RUN_DIR="+w.dir+"/run",
			"WILDCARD_CONFIG_DIR="+w.dir, "WILDCARD_CA_CACHE=0")
		const n = 5
		var made []call
		for i := range n {
			c := call{domain: fmt.Sprintf("host%d.%s", i, domain), value: value(i), remaining: n - 1 - i}
			c.output = w.must("auth", c)
			made = append(made, c)
		}
		for _, c := range made {
			w.must("cleanup", c)
		}
		w.clean()
		got := w.conoha.Calls()
		if want := (conohatest.Calls{Logins: 1, ZoneLists: 1, Creates: n, Deletes: n, Connections: got.Connections}); got != want {
			t.Errorf("Ver.%d: calls %+v, want %+v", version, got, want)
		}
	}
}

// The shell scripts' place and names: .env beside a program called create_conoha_dns_record.sh.
func TestHooks_InPlaceOfTheScripts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	env := fmt.Sprintf("CNH_REGION=\"tyo1\"\r\nexport CNH_TENANT_ID=%s\nCNH_USERNAME=%s # API user\nCNH_PASSWORD='scripts-pw!#'\n", w.v2.Tenant, "gncu99999999")
	w.conoha.AddAccount(conohatest.Account{Version: 2, Tenant: w.v2.Tenant, User: "gncu99999999", Password: "scripts-pw!#"})
	for _, entry := range w.environ { // where the password goes stands where the password is
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "CONOHA_") && strings.HasSuffix(name, "_URL") {
			env += name + "=" + value + "\n"
		}
	}
	if err := os.WriteFile(w.dir+"/.env", []byte(env), 0o600); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{"auth": w.dir + "/create_conoha_dns_record.sh", "cleanup": w.dir + "/delete_conoha_dns_record.sh"}
	for _, name := range names {
		if err := os.Symlink(exe, name); err != nil {
			t.Fatal(err)
		}
	}
	w.environ = slices.DeleteFunc(w.environ, func(kv string) bool { return strings.HasPrefix(kv, "CONOHA") })
	c := call{domain: "example.co.jp", value: value(1), program: names["auth"]}
	c.output = w.must("auth", c)
	if got := w.txt(); len(got) != 1 {
		t.Errorf("records %q", got)
	}
	c.program = names["cleanup"]
	w.must("cleanup", c)
	w.clean()
}

// Faults 105 to 107: refused before anything is sent or written.
func TestHooks_HostileInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	for _, kind := range []string{"auth", "cleanup"} {
		for _, domain := range []string{"", ".", "..", "-rf", "$(touch /tmp/p)", "a;b", "../../etc/x", "a\nb.com", "\xff.com", "*.example.com",
			"ex\u202eample.com", "192.0.2.1", "2001:db8::1", strings.Repeat("a", 64) + ".com", strings.Repeat("a", 64<<10)} {
			w.fails(kind, call{domain: domain, value: value(1)}, 2, "[challenge.invalid]")
		}
		for _, v := range []string{"", `"`, "a\nb", strings.Repeat("A", 42), strings.Repeat("A", 44), strings.Repeat("A", 10<<10)} {
			w.fails(kind, call{domain: "example.com", value: v}, 2, "[challenge.invalid]")
		}
		w.fails(kind, call{domain: "example.com", value: value(1), environ: []string{"CERTBOT_TOKEN=t"}}, 2, "--preferred-challenges dns")
		w.fails(kind, call{domain: "example.com", value: value(1), args: []string{"--no-such-flag"}}, 2, "[usage]")
		w.fails(kind, call{domain: "example.com", value: value(1), args: []string{"x"}}, 2, "[usage]")
		w.fails(kind, call{domain: "example.com", value: value(1), args: []string{"--provider", "nobody"}}, 2, "[provider.unknown]")
		w.fails(kind, call{domain: "example.com", value: value(1), args: []string{"--provider", "lego:route53"}}, 2, "wildcard issue")
		w.fails(kind, call{domain: "example.com", value: value(1), args: []string{"--resolver", "x"}}, 2, "--resolver")
		r := w.run(kind, call{args: []string{"--help"}})
		if r.code != 0 || r.stderr != "" || !strings.Contains(r.stdout, "usage: wildcard-"+kind+"-hook") {
			t.Errorf("help: %+v", r)
		}
	}
	if n := w.requests(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	if _, err := os.Stat(w.dir + "/state"); err == nil {
		t.Error("the state directory was made")
	}
}

// variable replaces or removes variables of the world's environment.
func (w *world) without(prefixes ...string) []string {
	return slices.DeleteFunc(slices.Clone(w.environ), func(kv string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(kv, p) })
	})
}

func TestHooks_Settings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	c := call{domain: "example.com", value: value(1)}
	full := w.environ

	w.environ = w.without("CONOHA")
	w.fails("auth", c, 78, "CONOHA_TENANT_ID", "CONOHA_API_USERNAME", "CONOHA_API_PASSWORD", "/etc/conoha/.env", "[settings.missing]")

	if err := os.MkdirAll(w.dir+"/etc/conoha", 0o700); err != nil {
		t.Fatal(err)
	}
	file := w.dir + "/etc/conoha/.env"
	if err := os.WriteFile(file, []byte("CNH_PASSWORD=canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	w.fails("auth", c, 78, "chmod 600 "+file, "[settings.unsafe-file]")
	w.fails("cleanup", c, 78, "chmod 600 "+file)
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	w.fails("auth", c, 78, "CNH_TENANT_ID, CNH_USERNAME", "[settings.missing]")

	w.environ = full
	w.fails("auth", call{domain: "example.com", value: value(1), args: []string{"--env-file", "/no/such/file"}}, 78, "/no/such/file")
	if n := w.requests(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}

	w.fails("auth", call{domain: "example.org", value: value(1)}, 78, "example.co.jp. example.com. example.net.", "[zone.not-found]")
	if got := w.conoha.Calls(); got.Creates != 0 {
		t.Errorf("calls %+v", got)
	}
	w.clean()
}

func TestHooks_WrongPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	w.environ = append(w.without("CONOHAV3", "CONOHA_API_PASSWORD"), "CONOHA_API_PASSWORD=canary-wrong")
	c := call{domain: "example.com", value: value(1)}
	r := w.fails("auth", c, 77, "401", "[credentials.refused]")
	if r.stdout != "wildcard/1 nothing" {
		t.Errorf("stdout %q", r.stdout)
	}
	// certbot calls the cleanup hook all the same. It must not try the password once more.
	c.output = r.stdout
	w.must("cleanup", c)
	if got := w.conoha.Calls(); got.Logins != 1 || got.Creates+got.ZoneLists != 0 {
		t.Errorf("calls %+v", got)
	}
	w.clean()
}

func TestHooks_DelegatedElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	c := call{domain: "example.com", value: value(1)}
	// Its servers refuse the zone, so this resolver's own answer would be SERVFAIL.
	w.conoha.Switch(func(s *conohatest.Switches) { s.ParentNS = true })
	for _, hosts := range [][]string{{"a.conoha-dns.com", "b.conoha-dns.org"}, {"ns1.elsewhere.example", "ns2.elsewhere.example"}} {
		w.conoha.Delegate("example.com", hosts...)
		w.conoha.FlushResolver()
		w.fails("auth", c, 78, hosts[0], hosts[1], "ns-a1.conoha.io ns-a2.conoha.io ns-a3.conoha.io", "[zone.delegated]")
	}
	if got := w.conoha.Calls(); got.Creates != 0 {
		t.Errorf("calls %+v", got)
	}
	w.clean()
}

func TestHooks_NotPublished(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{PublicationDelay: []time.Duration{0, 0, time.Hour}})
	w.environ = append(w.environ, "CONOHA_PROPAGATION_TIMEOUT=1")
	c := call{domain: "example.com", value: value(1), remaining: 1}
	c.output = w.must("auth", c) // one of two: no wait
	last := call{domain: "example.com", value: value(2)}
	r := w.fails("auth", last, 75, "_acme-challenge.example.com", w.conoha.NameServers(2)[2], "[dns.not-published]")
	last.output = r.stdout
	w.must("cleanup", c)
	w.must("cleanup", last)
	w.clean()
}

func TestHooks_CNAME(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	w.conoha.PutRecord("example.co.jp", "_acme-challenge.www.example.co.jp", "CNAME", "www-jp.acme.example.net.")
	c := call{domain: "www.example.co.jp", value: value(1)}
	c.output = w.must("auth", c)
	if !strings.Contains(c.output, " www-jp.acme.example.net. ") {
		t.Errorf("receipt %q", c.output)
	}
	// Fault 103: the CNAME is deleted when the record is cleaned up.
	w.conoha.DeleteRecord("example.co.jp", "_acme-challenge.www.example.co.jp", "CNAME", "www-jp.acme.example.net.")
	w.must("cleanup", c)
	w.clean()

	w.conoha.PutRecord("example.co.jp", "_acme-challenge.www.example.co.jp", "CNAME", "x.elsewhere.example.")
	w.fails("auth", c, 78, "x.elsewhere.example", "[cname.refused]")
	w.clean()
}

// The receipt alone, the journal alone, neither, twice, and before there was anything (fault 111).
func TestCleanup_WaysToFind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	c := call{domain: "example.com", value: value(1)}
	made := func() call {
		t.Helper()
		done := c
		done.output = w.must("auth", c)
		if len(w.txt()) != 1 {
			t.Fatalf("records %q", w.txt())
		}
		return done
	}
	w.must("cleanup", c)
	for name, lose := range map[string]func(*call){
		"journal and receipt": func(*call) {},
		"journal alone":       func(c *call) { c.output = "" },
		"receipt alone":       func(*call) { w.forget() },
		"neither":             func(c *call) { c.output = ""; w.forget() },
		"a megabyte":          func(c *call) { c.output = strings.Repeat(`'"\`, 20<<10) },
	} {
		done := made()
		lose(&done)
		w.must("cleanup", done)
		if left := w.txt(); len(left) > 0 {
			t.Fatalf("%s: records left: %q", name, left)
		}
		w.must("cleanup", done)
	}
	w.clean()
}

// forget removes the journal.
func (w *world) forget() {
	w.t.Helper()
	for _, file := range w.journal() {
		if err := os.Remove(file); err != nil {
			w.t.Fatal(err)
		}
	}
}

// Fault 113.
func TestHooks_Fault113_ManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{Latency: 20 * time.Millisecond})
	w.environ = w.without("CONOHAV3")
	var group sync.WaitGroup
	const n = 20
	receipts := make([]string, n)
	for i := range n {
		group.Go(func() {
			r := w.run("auth", call{domain: fmt.Sprintf("h%d.example.com", i), value: value(i), remaining: 1})
			if r.code != 0 || r.stderr != "" {
				t.Errorf("%d: %+v", i, r)
			}
			receipts[i] = r.stdout
		})
	}
	group.Wait()
	if got := len(w.txt()); got != n {
		t.Errorf("%d records, want %d", got, n)
	}
	if got := w.conoha.Calls(); got.Logins != 1 || got.Creates != n {
		t.Errorf("calls %+v", got)
	}
	for i := range n {
		group.Go(func() {
			if r := w.run("cleanup", call{domain: fmt.Sprintf("h%d.example.com", i), value: value(i), remaining: 1, output: receipts[i]}); r.code != 0 {
				t.Errorf("%d: %+v", i, r)
			}
		})
	}
	group.Wait()
	w.clean()
}

// Faults 85 and 108: the service refuses, and repeats the password while it does.
func TestAuth_Fault108_ServiceFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Service: "dns", Method: "POST"}, Status: 400, Echo: true})
	c := call{domain: "example.com", value: value(1)}
	r := w.fails("auth", c, 1, "conoha: create TXT _acme-challenge.example.com. in example.com.: 400", "[service.failed]")
	if r.stdout != "wildcard/1 nothing" {
		t.Errorf("stdout %q", r.stdout)
	}
	w.clean()
}

// Fault 114: a service that hangs does not hang certbot.
func TestAuth_Fault114_ServiceHangs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	w.environ = append(w.environ, "CONOHA_HTTP_TIMEOUT=1")
	w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Service: "dns", Method: "GET"}, Times: -1, Hang: true})
	w.fails("auth", call{domain: "example.com", value: value(1)}, 75, "[service.unavailable]")
	w.conoha.ClearFaults()
	w.clean()
}

// Fault 87: the deletion hangs; the record is not forgotten.
func TestCleanup_Fault87_ServiceHangs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	w.environ = append(w.environ, "CONOHA_HTTP_TIMEOUT=1")
	c := call{domain: "example.com", value: value(1)}
	c.output = w.must("auth", c)
	w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Service: "dns", Method: "DELETE"}, Times: -1, Hang: true})
	w.fails("cleanup", c, 75, "cleanup of _acme-challenge.example.com. is pending", "[service.unavailable]")
	if len(w.journal()) != 1 {
		t.Errorf("journal %q", w.journal())
	}
	w.conoha.ClearFaults()
	w.must("cleanup", c)
	w.clean()
}

// Fault 115.
func TestHooks_Fault115_PoisonedEnvironment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	c := call{domain: "example.com", value: value(1), environ: []string{"PATH=/nonexistent", "BASH_ENV=/x", "ENV=/x", "IFS=x", "GODEBUG=x=1",
		"CERTBOT_AUTH_OUTPUT=wildcard/1 nothing", "RENEWED_LINEAGE=/x"}}
	c.output = w.must("auth", c)
	c.environ = nil
	w.must("cleanup", c)
	w.clean()
}

// Faults 116 and 147: standard streams that are closed, broken or full.
func TestHooks_Fault116_Streams(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	defer writer.Close()
	cmd := w.command("auth", call{domain: "example.com", value: value(1)})
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Run(); err != nil {
		t.Errorf("nobody reads: %v", err)
	}
	w.must("cleanup", call{domain: "example.com", value: value(1)})

	cmd = w.command("auth", call{domain: "example.com", value: value(2)})
	cmd.Args = []string{"sh", "-c", `exec "$0" <&- >&- 2>&-`, cmd.Path}
	cmd.Path = "/bin/sh"
	if err := cmd.Run(); err != nil {
		t.Errorf("all closed: %v", err)
	}
	w.must("cleanup", call{domain: "example.com", value: value(2)})

	full, filler, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	defer filler.Close()
	fd := int(filler.Fd())
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = syscall.Write(fd, make([]byte, 4096))
	}
	if err := syscall.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
	cmd = w.command("auth", call{domain: "example.com", value: value(3)})
	cmd.Stdout = filler
	if err := cmd.Run(); err != nil {
		t.Errorf("a full pipe: %v", err)
	}
	w.must("cleanup", call{domain: "example.com", value: value(3)})
	w.clean()
}

// Fault 117: certbot's umask does not matter.
func TestHooks_Fault117_Umask(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	cmd := w.command("auth", call{domain: "example.com", value: value(1)})
	cmd.Args = []string{"sh", "-c", `umask 000; exec "$0"`, cmd.Path}
	cmd.Path = "/bin/sh"
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"state", "run"} {
		err := filepath.Walk(w.dir+"/"+dir, func(path string, info os.FileInfo, err error) error {
			if err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			if err == nil && info.Mode().IsRegular() {
				if text, _ := os.ReadFile(path); strings.Contains(string(text), "canary") {
					t.Errorf("%s holds the password", path)
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	w.must("cleanup", call{domain: "example.com", value: value(1)})
	w.clean()
}

// A zone of its own for the challenge alone, which keeps the rest of the domain out of reach of these credentials.
func TestHooks_ZoneAtTheChallenge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	w.conoha.AddZone(w.v3.Tenant, "_acme-challenge.host.elsewhere.example")
	w.conoha.Delegate("elsewhere.example", "ns1.elsewhere.example")
	w.conoha.Delegate("_acme-challenge.host.elsewhere.example", "a.conoha-dns.com", "b.conoha-dns.org")
	c := call{domain: "host.elsewhere.example", value: value(1)}
	c.output = w.must("auth", c)
	w.must("cleanup", c)
	w.clean()
}

// A proxy that cannot be used would be passed over; it is refused before anything is sent, and not shown. Root certificates that the
// environment names count for nothing.
func TestHooks_Environment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	ours := w.environ
	for _, proxy := range []string{"HTTPS_PROXY=htp://canary-word@proxy:1", "https_proxy=http://canary-word:port", "HTTP_PROXY=http//canary-word"} {
		w.environ = append(slices.Clone(ours), proxy)
		got := w.run("auth", call{domain: "example.co.jp", value: value(1)})
		name, _, _ := strings.Cut(proxy, "=")
		if got.code != 78 || !strings.Contains(got.stderr, name) || strings.Contains(got.stderr, "canary-word") {
			t.Errorf("%s: %d %s", proxy, got.code, got.stderr)
		}
	}
	if calls := w.conoha.Calls(); calls.Logins > 0 {
		t.Errorf("%+v", calls)
	}
}
