package cli

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"wildcard/internal/system/subprocess"
	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/advice"
	"wildcard/internal/testkit/executable"
)

// advisedWorld is a machine as those have it who are advised: a certificate, an account, a server that systemd reloads, credentials in
// files, a renewal that runs by itself.
type advisedWorld struct {
	*world
	fill *strings.Replacer
}

func newAdvisedWorld(t *testing.T) advisedWorld {
	t.Helper()
	w := newWorldOf(t, acmetest.Options{Staging: true, Deviations: unproven, Meta: map[string]any{
		"termsOfService": "https://ca.example/terms", "caaIdentities": []string{"ca.example"}, "profiles": map[string]string{"shortlived": "six days"},
	}})
	w.timed()
	executable.Write(t, filepath.Join(w.dir, "systemctl"), "#!/bin/sh\n")
	credentials := ""
	for _, entry := range w.environ {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "CONOHA_") {
			credentials += name + "='" + value + "'\n"
		}
	}
	for _, path := range []string{w.config("conoha", ".env"), w.config("conoha", "old.env"), w.config("rfc2136", ".env")} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(credentials), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	w.environ = slices.DeleteFunc(w.environ, func(entry string) bool { return strings.HasPrefix(entry, "PATH=") })
	w.environ = append(w.environ, "PATH="+w.dir+":"+os.Getenv("PATH"), "WILDCARD_NOTIFY=exec:"+w.hook("tell", "cat >/dev/null"))
	w.issue("example.com", "*.example.com")
	account, key := w.account()
	url, file := w.ca.DirectoryURL(), filepath.Join(w.dir, "account.key")
	if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	return advisedWorld{w, strings.NewReplacer(
		"--server %s", "--server "+url, "--server letsencrypt-staging", "--server "+url, "--server letsencrypt", "--server "+url,
		"--server zerossl", "--server "+url, "completion %s", "completion bash", "providers %s", "providers conoha",
		" --resolver 8.8.8.8", "", " --nameserver 203.0.113.53,203.0.113.54", "", " --resolver https://dns.google/dns-query", "", "'*.日本語.example' xn--wgv71a119e.example", "'*.example.com' example.com",
		"podman exec web nginx", "nginx", "nginx -s reload", "true", "--account %s", "--account "+account, "--profile %s", "--profile shortlived",
		"mail.example.com:587,smtp", "127.0.0.1:1,smtp", "--provider %s", "--provider conoha example.com", "providers NAME", "providers conoha", "--provider SPEC", "--provider conoha", "test SPEC", "test --zone example.com conoha",
		"example.com=rfc2136", "example.com=conoha", "example.net=rfc2136", "example.net=conoha",
		"example.com=lego:cloudflare@/etc/letsencrypt/lego/cloudflare.env", "example.com=conoha", "lego:NAME", "lego:cloudflare",
		"adopt %s %s", "adopt --provider example.com=conoha example.com", "issue %s %s", "issue example.com '*.example.com'",
		"'*.%s' %s", "'*.example.com' example.com", "--account ID", "--account "+account, "--account 0a1b", "--account "+account,
		"~/.lego/accounts/CA/you@example.com/keys/you.key", file, "account.key", file, "import FILE", "import "+file,
		"~/.acme.sh/ca/acme-v02.api.letsencrypt.org/directory/account.key", file,
		"~/.lego/accounts/acme-v02.api.letsencrypt.org/you@example.com/keys/you@example.com.key", file,
		"systemd install", "systemd install --root "+w.dir, "systemd status", "systemd status --root "+w.dir,
		"systemd remove", "systemd remove --root "+w.dir, "/etc/letsencrypt", w.config(), "/etc/haproxy", w.dir, "/etc/tomcat", w.dir, "/usr/local/share/man/man1", w.dir, "manual DIR", "manual "+w.dir,
		"manual .", "manual "+w.dir, "run.html", filepath.Join(w.dir, "run.html"), "COMMAND", "issue", "GROUP", "dns", "CODE", "zone.not-found",
		"OTHER", "shortlived", "REASON", "superseded", "SERVER", "nginx", "CERTIFICATE", "example.com",
		" --eab-kid ID --eab-hmac-key KEY", "", " --eab-kid ID", "", "YOU@EXAMPLE.COM", "you@example.jp", "you@example.com", "you@example.jp", "NAME", "example.com",
		"%s", "example.com", "…", "'*.example.com' example.com", "nginx -p $PWD/nginx -e error.log -c nginx.conf -s reload", "true",
		"127.0.0.1:8443", "127.0.0.1:1", "www.example.com:443", "127.0.0.1:1", "--endpoint www.example.com", "--endpoint 127.0.0.1:1",
	)}
}

// account is the ID of the one account, and its key.
func (w *world) account() (id, key string) {
	w.t.Helper()
	accounts, err := filepath.Glob(w.config("accounts", "*", "*", "*"))
	if err != nil || len(accounts) != 1 {
		w.t.Fatal(accounts, err)
	}
	return filepath.Base(accounts[0]), w.read(filepath.Join(accounts[0], "private_key.json"))
}

// how is what is special about running a command.
type how struct {
	pattern string // of the command
	exits   int
	says    string
	prepare func(w advisedWorld)
}

// special are the commands that do not end with 0 in that world as it is.
func special() []how {
	certbots := func(w advisedWorld) {
		w.run("release", "--yes", "example.com").exits(0)
		path := w.config("renewal", "example.com.conf")
		text := regexp.MustCompile(`(?m)^manual_(auth|cleanup)_hook = .*`).ReplaceAllString(w.read(path), "manual_${1}_hook = "+w.hook("theirs", ""))
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
	noAccount := func(w advisedWorld) {
		if err := os.RemoveAll(w.config("accounts")); err != nil {
			w.t.Fatal(err)
		}
	}
	return []how{
		{pattern: `^wildcard adopt`, prepare: certbots},
		{pattern: `^wildcard account import`, prepare: noAccount},
		{pattern: `^wildcard account register$`, prepare: noAccount, exits: 77, says: "--agree-tos"},
		{pattern: `^wildcard account register`, prepare: noAccount},
		{pattern: `--endpoint`, exits: 1, says: "[endpoint.unreachable]"},
		{pattern: `^wildcard providers lego:`, exits: 78, says: "[provider.not-installed]"},
	}
}

// TestAdvised_Ours runs each command of wildcard's that any text advises: in messages of either language, the README and the pages of
// docs. Those that take something away are refused first, since there is no terminal to ask at, and are then run with --yes. What changes accounts or
// whose a certificate is has a machine of its own.
func TestAdvised_Ours(t *testing.T) {
	t.Parallel()
	all, err := advice.Commands("../..")
	if err != nil {
		t.Fatal(err)
	}
	changes := regexp.MustCompile(`^wildcard (adopt|release|revoke|delete|account [rid]|.*--(force|profile|challenge))`)
	shared := newAdvisedWorld(t)
	n := 0
	for _, command := range all {
		if command.Program() != "wildcard" {
			continue
		}
		n++
		if !changes.MatchString(command.Line) {
			shared.follow(t, command)
			continue
		}
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			newAdvisedWorld(t).follow(t, command)
		})
	}
	if n < 100 {
		t.Errorf("only %d commands", n)
	}
}

// follow does as a text says.
func (w advisedWorld) follow(t *testing.T, command advice.Command) {
	line := w.fill.Replace(command.Line)
	// Tests of their own run these, with services, files and servers of their own, or without end: here only their options are looked at.
	ofSuite := regexp.MustCompile(`^wildcard (providers test|import|serve|client|persist|delegate)\b| --(verify|target|only|every)\b`).MatchString(line)
	if words := strings.Fields(command.Line); ofSuite || wantsNames(words[1:]) {
		first, _, _ := strings.Cut(line, " | ")
		line = first + " --help"
	}
	want := how{}
	if i := slices.IndexFunc(special(), func(h how) bool { return regexp.MustCompile(h.pattern).MatchString(line) }); i >= 0 {
		want = special()[i]
	}
	if want.prepare != nil {
		want.prepare(w)
	}
	said := w.typed(t, line)
	if said.code == 2 && strings.Contains(said.stderr, "[confirm]") {
		said = w.typed(t, line+" --yes")
	}
	if said.code != want.exits || !strings.Contains(said.stdout+said.stderr, want.says) {
		t.Errorf("%s: %s\n(%s)\nexit status %d, want %d\n%s%s", command.At, command.Line, line, said.code, want.exits, said.stdout, said.stderr)
	}
}

// wantsNames reports whether words are no more than a command that does nothing without a name.
func wantsNames(words []string) bool {
	commands := (&program{}).app().Commands
	for i, word := range words {
		command := find(commands, word)
		switch {
		case command == nil:
			return false
		case i == len(words)-1: // the name of a command, in a sentence
			return command.ArgsUsage != "" && !strings.HasPrefix(command.ArgsUsage, "[") || len(command.Subcommands) > 0 && !takesNames([]*cli.Command{command})
		}
		commands = command.Subcommands
	}
	return false
}

// typed runs a line as it is typed.
func (w advisedWorld) typed(t *testing.T, line string) said {
	if words := subprocess.Words(line); !strings.ContainsAny(line, "|<>$") {
		return w.run(words[1:]...)
	}
	line = strings.TrimSuffix(line, "| source") // fish's, which internal/cli has in its tests of shells
	cmd := exec.Command("bash", "-ec", line)
	cmd.Env, cmd.Dir = w.environ, w.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return said{t, cmd.ProcessState.ExitCode(), "", string(out)}
	}
	return said{t, 0, string(out), ""}
}
