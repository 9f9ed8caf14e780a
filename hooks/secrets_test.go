package hooks_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/executable"
	"wildcard/internal/testkit/secretscan"
	"wildcard/internal/testkit/zonetest"
)

// Fault #151 for the hooks: no secret is in a receipt, in what they say at their most talkative, also when a service repeats what
// it was sent, in state or journal, or in a command line or the environment of a program that they start. The token is in the file
// that is kept for the next hook, and nowhere else; the password is not even there.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	store := t.TempDir()
	others, err := zonetest.Start(store, "example.edu", "example.info", "example.biz")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(others.Close)
	v2 := w.conoha.AddAccount(conohatest.Account{Version: 2, Password: "canary-password-2"}) // no quotes in it: it stands in a file
	w.conoha.AddZone(v2.Tenant, "example.jp")
	secrets := secretscan.Secrets{"password": v2.Password, "password of Ver.3.0": w.v3.Password}
	for _, line := range others.Environ() {
		if key, ok := strings.CutPrefix(line, "RFC2136_TSIG_SECRET="); ok {
			secrets["TSIG key"] = key
		}
	}
	if len(secrets) != 3 {
		t.Fatalf("secrets to look for: %v", secrets)
	}
	spied := filepath.Join(w.dir, "spied")
	script := func(name, text string) string {
		path := filepath.Join(w.dir, name)
		text = "#!/bin/sh\n{ echo \"$0 $*\"; env; tr '\\0' ' ' </proc/$$/environ; tr '\\0' ' ' </proc/$PPID/cmdline; } >>" + spied + "\n" + text
		executable.Write(t, path, text)
		return path
	}
	body, err := os.ReadFile("../providers/plugin/testdata/exec") // written for lego's exec
	if err != nil {
		t.Fatal(err)
	}
	args := []string{
		"-v",
		"--provider", "conoha@" + w.envFile("v2.env", w.conoha.Environ(v2)),
		"--provider", "conoha@" + w.envFile("v3.env", w.conoha.Environ(w.v3)),
		"--provider", "example.edu=rfc2136@" + w.envFile("updates.env", others.Environ()),
		"--provider", "example.info=exec:" + script("exec", string(body)) + "@" + w.envFile("script.env", []string{"STORE=" + store}),
		"--provider", "example.biz=certbot-hook:" + script("auth", "exit 1") + "," + script("cleanup", ""),
		"--nameserver", strings.Join(append(w.conoha.NameServers(2, 3), others.Address()), ","),
	}
	w.environ = append(w.without("CONOHA"), "PATH="+os.Getenv("PATH"))

	var said bytes.Buffer
	run := func(kind string, c call) result {
		c.args = args
		r := w.run(kind, c)
		fmt.Fprintln(&said, kind, c.domain, r.stdout, r.stderr)
		return r
	}
	domains := []string{"example.jp", "example.net", "example.edu", "example.info", "example.biz"}
	receipts := make([]string, len(domains))
	for i, domain := range domains {
		r := run("auth", call{domain: domain, value: value(i), remaining: 1})
		if receipts[i] = r.stdout; r.stdout == "" || (r.code == 0) != (domain != "example.biz") {
			t.Errorf("%s: exit %d, %q", domain, r.code, r.stdout)
		}
	}
	if n := len(w.journal()); n != len(domains)-1 {
		t.Errorf("%d entries in the journal", n)
	}
	left := func(file, what string) bool {
		return strings.HasSuffix(file, ".env") || strings.HasPrefix(file, "run/") && strings.HasPrefix(what, "token")
	}
	w.tokens(secrets)
	if n := secrets.SearchFiles(t, w.dir, left); n < 12 {
		t.Errorf("only %d files", n)
	}
	for service, statuses := range map[string][]int{conohatest.ServiceDNS: {400, 401, 403, 409}, conohatest.ServiceIdentity: {200, 400, 401, 500}} {
		for _, status := range statuses {
			w.conoha.ExpireTokens()
			w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Service: service}, Status: status, Echo: true, Times: -1})
			run("cleanup", call{domain: domains[0], value: value(0), output: receipts[0]})
			another := call{domain: domains[0], value: value(8)}
			r := run("auth", another)
			if r.code == 0 {
				t.Errorf("%s that answers %d is no failure", service, status)
			}
			w.conoha.ClearFaults()
			another.output = r.stdout
			run("cleanup", another)
			// Where it is remembered that a password was refused.
			if err := os.RemoveAll(filepath.Join(w.dir, "run")); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.tokens(secrets)
	secrets.SearchFiles(t, w.dir, left)
	for i, domain := range domains {
		if r := run("cleanup", call{domain: domain, value: value(i), remaining: 1, output: receipts[i]}); r.code != 0 {
			t.Errorf("%s: exit %d", domain, r.code)
		}
	}
	w.tokens(secrets)
	if len(secrets) < 5 {
		t.Errorf("only %d secrets to look for", len(secrets))
	}
	secrets.SearchFiles(t, w.dir, left)
	secrets.Search(t, "what was printed", said.Bytes())
	if seen, err := os.ReadFile(spied); err != nil || !bytes.Contains(seen, []byte("/exec cleanup _acme-challenge.example.info.")) || !bytes.Contains(seen, []byte("CERTBOT_DOMAIN=example.biz")) || !bytes.Contains(seen, []byte(" --provider conoha@")) {
		t.Errorf("the spy saw %s: %v", seen, err)
	}
	w.clean()
}

// envFile writes variables to a file, without quotes in their values and without those that are none of a provider's.
func (w *world) envFile(name string, environ []string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	var text strings.Builder
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(name, "WILDCARD_") {
			text.WriteString(name + "='" + strings.ReplaceAll(value, "'", "") + "'\n")
		}
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// tokens adds those that the service has given out.
func (w *world) tokens(secrets secretscan.Secrets) {
	for _, r := range w.conoha.Log() {
		if token := r.Header.Get("X-Auth-Token"); token != "" {
			secrets["token "+token[:min(4, len(token))]] = token
		}
	}
}

// Fault #151: a hook that crashes, of itself or by a signal, leaves no core file, and the stacks that it prints have no secret. The
// programs are those of servers.
func TestCrash_NoSecrets(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	executable.Build(t, bin, "wildcard-auth-hook", "wildcard-cleanup-hook")
	for kind, method := range map[string]string{"auth": "POST", "cleanup": "DELETE"} {
		for _, signal := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGSEGV} {
			t.Run(fmt.Sprint(kind, " ", signal), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, conohatest.Options{})
				c := call{domain: "example.com", value: value(1), remaining: 1}
				if kind == "cleanup" {
					c.output = w.must("auth", c)
				}
				fault := w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Service: conohatest.ServiceDNS, Method: method}, Hang: true})
				crash := secretscan.NewCrash(t, w.command(kind, c).Env, bin+"/wildcard-"+kind+"-hook", "-v")
				if err := crash.Cmd.Start(); err != nil {
					t.Fatal(err)
				}
				w.eventually("the call", func() bool { return fault.Hits() > 0 })
				stderr, kept := crash.Signal(t, signal)
				if kept != "" {
					t.Error(kept)
				}
				if !bytes.Contains(stderr, []byte("goroutine 1 ")) {
					t.Errorf("no stacks: %s", stderr)
				}
				secrets := secretscan.Secrets{"password": w.v2.Password, "password of Ver.3.0": w.v3.Password}
				w.tokens(secrets)
				if len(secrets) < 3 {
					t.Errorf("no token to look for")
				}
				secrets.Search(t, "what it printed", stderr)
				w.conoha.ClearFaults()
				w.must("cleanup", c)
				w.clean()
			})
		}
	}
}
