package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/secretscan"
)

// Fault #151: no secret is in any byte that the program puts out or leaves: not in what it prints at its most talkative, also
// when a service repeats what it was sent; not in a command line or a child's environment; not in state, journal or traces; not
// in what a crash leaves. Secrets are in the files that are theirs alone.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	const hmac = "c2VjcmV0LWNhbmFyeS1rZXktZm9yLXRoZS1obWFjLW9mLWFuLWFjY291bnQ"
	binding, err := base64.RawURLEncoding.DecodeString(hmac)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldOf(t, acmetest.Options{
		EABKeys: map[string][]byte{"kid": binding}, Deviations: acmetest.Deviations{NoAuthorizationReuse: true, NoLimits: true},
	})
	secrets := secretscan.Secrets{"EAB key": hmac, "TSIG key": "dHNpZy1jYW5hcnktdHNpZy1jYW5hcnktdHNpZw=="}
	w.credentialsInFile(t, secrets)
	w.secret(t, "rfc2136", "RFC2136_NAMESERVER=127.0.0.1:1", "RFC2136_TSIG_KEY=k", "RFC2136_TSIG_SECRET="+secrets["TSIG key"])
	w.secret(t, "exec", "FOR_THE_SCRIPT=yes")
	spy := "{ env; tr '\\0' ' ' </proc/$$/environ; tr '\\0' ' ' </proc/$PPID/cmdline; } >>" + w.dir + "/spied 2>&1"
	hook, script := w.hook("deploy", spy), w.hook("dns", spy+"; exit 1")
	w.environ = append(w.environ, "WILDCARD_EAB_KID=kid", "WILDCARD_EAB_HMAC_KEY="+hmac)

	var said bytes.Buffer
	runs, tell := 0, w.hook("tell", "cat >>"+w.dir+"/told")
	run := func(args ...string) {
		args = append(args, "--vv", "--plain")
		if args[0] == "issue" || args[0] == "renew" {
			runs++
			trace := filepath.Join(w.dir, fmt.Sprintf("trace%d", runs))
			args = append(args, "--trace", trace+".html", "--trace", trace+".json", "--prometheus", trace+".prom")
		}
		if args[0] == "renew" {
			args = append(args, "--notify", "exec:"+tell)
		}
		got := w.start(args...).end()
		said.WriteString(strings.Join(args, " ") + "\n" + got.stdout + got.stderr)
	}
	repeating := func(match conohatest.Match, status int) {
		w.conoha.Fault(conohatest.Fault{Match: match, Status: status, Echo: true, Times: -1})
	}
	run("issue", "--agree-tos", "--deploy-hook", hook, "*.example.com")
	run("issue", "--agree-tos", "--provider", "conoha", "--provider", "example.net=exec:"+script+"@"+w.config("exec", ".env"), "*.example.net")
	run("issue", "--agree-tos", "--provider", "example.net=rfc2136", "--cert-name", "tsig", "a.example.net")
	for _, refused := range []int{400, 401, 403, 409} {
		repeating(conohatest.Match{Service: conohatest.ServiceDNS}, refused)
		run("renew", "--force", "--cert-name", "example.com")
		w.conoha.ClearFaults()
	}
	for _, refused := range []int{200, 400, 401, 500} {
		w.conoha.ExpireTokens()
		repeating(conohatest.Match{Service: conohatest.ServiceIdentity}, refused)
		run("renew", "--force", "--cert-name", "example.com")
		w.conoha.ClearFaults()
		// Where it is remembered that a password was refused.
		if err := os.RemoveAll(filepath.Join(w.dir, "run")); err != nil {
			t.Fatal(err)
		}
	}
	w.ca.On(acmetest.NewOrder, func(r *acmetest.Request) *acmetest.Reply {
		return w.ca.Nonce(acmetest.Problem(400, "malformed", string(r.Payload)+r.Header.Get("Authorization")))
	})
	run("renew", "--force", "--cert-name", "example.com")
	w.ca.On(acmetest.NewOrder, nil)
	for _, command := range [][]string{{"list"}, {"list", "--json"}, {"show", "example.com"}, {"show", "example.com", "--json"}, {"account", "show"}, {"clean"}, {"clean", "--json"}, {"plan", "*.example.com"}, {"doctor"}, {"doctor", "--json"}, {"providers", "conoha"}} {
		run(command...)
	}
	run("renew", "--force", "--cert-name", "example.com")
	w.keys(t, secrets)
	w.tokens(secrets)
	for _, what := range []string{"password", "token 1", "account key", "certificate key 1"} {
		if secrets[what] == "" {
			t.Errorf("no %s to look for", what)
		}
	}
	secrets.Search(t, "what was printed", said.Bytes())
	spied, err := os.ReadFile(filepath.Join(w.dir, "spied"))
	if err != nil || !bytes.Contains(spied, []byte("RENEWED_LINEAGE=")) || !bytes.Contains(spied, []byte("wildcard issue")) {
		t.Errorf("the spy saw %q: %v", spied, err)
	}
	for _, file := range []string{"trace1.html", "trace1.json", "trace1.prom", "told"} {
		if info, err := os.Stat(filepath.Join(w.dir, file)); err != nil || info.Size() == 0 {
			t.Errorf("%s is not there to be searched: %v", file, err)
		}
	}
	searched := secrets.SearchFiles(t, w.dir, func(file, what string) bool {
		base := filepath.Base(file)
		return base == ".env" || base == "private_key.json" && what == "account key" ||
			strings.HasPrefix(base, "privkey") && strings.HasPrefix(what, "certificate key") ||
			strings.HasPrefix(file, "run/") && strings.HasPrefix(what, "token")
	})
	if searched < 20 {
		t.Errorf("only %d files", searched)
	}
}

// credentialsInFile moves ConoHa's credentials from the environment to where a server has them.
func (w *world) credentialsInFile(t *testing.T, secrets secretscan.Secrets) {
	t.Helper()
	var file []string
	w.environ = slices.DeleteFunc(w.environ, func(entry string) bool {
		if !strings.HasPrefix(entry, "CONOHA_") {
			return false
		}
		if password, ok := strings.CutPrefix(entry, "CONOHA_API_PASSWORD="); ok {
			secrets["password"] = password
		}
		file = append(file, entry)
		return true
	})
	w.secret(t, "conoha", file...)
}

// secret writes the env file of a provider.
func (w *world) secret(t *testing.T, provider string, lines ...string) {
	t.Helper()
	if err := os.MkdirAll(w.config(provider), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.config(provider, ".env"), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// keys adds the private keys that are on the disk by now.
func (w *world) keys(t *testing.T, secrets secretscan.Secrets) {
	t.Helper()
	accounts, err := filepath.Glob(w.config("accounts", "*", "*", "*", "private_key.json"))
	if err != nil || len(accounts) != 1 {
		t.Fatalf("%q %v", accounts, err)
	}
	var jwk struct{ D string }
	if err := json.Unmarshal([]byte(w.read(accounts[0])), &jwk); err != nil {
		t.Fatal(err)
	}
	secrets["account key"] = jwk.D
	files, err := filepath.Glob(w.config("archive", "*", "privkey*.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range files {
		secrets["certificate key "+string(rune('1'+i))] = strings.Split(w.read(file), "\n")[2]
	}
}

// tokens adds those that the service has given out.
func (w *world) tokens(secrets secretscan.Secrets) {
	n := 0
	for _, r := range w.conoha.Log() {
		token := r.Header.Get("X-Auth-Token")
		if known := slices.Collect(maps.Values(secrets)); token != "" && !slices.Contains(known, token) {
			n++
			secrets["token "+string(rune('0'+n))] = token
		}
	}
}
