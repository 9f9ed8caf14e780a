package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wildcard/internal/fault"
	"wildcard/internal/testkit/executable"
)

func newGuard(t *testing.T) guard {
	t.Helper()
	return guard{
		folder:         "/box",
		server:         "https://127.0.0.1:14000/dir",
		dnsServers:     []string{"127.0.0.1:5301", "127.0.0.1:5302", "127.0.0.1:5303"},
		systemSettings: filepath.Join(t.TempDir(), "cli.ini"),
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		command string // words at single spaces
		why     string // part of the refusal; "" if there is none
	}{
		{"certbot", ""},
		{"certbot certonly --manual --preferred-challenges dns --manual-auth-hook wildcard-auth-hook -d example.com", ""},
		{"certbot --server https://127.0.0.1:14000/dir", ""},
		{"certbot --server=https://127.0.0.1:14000/dir --config-dir=/box/etc/letsencrypt", ""},
		{"certbot --config-dir /box/elsewhere --work-dir /box/../box --logs-dir /box/log", ""},
		{"certbot -a manual", ""},
		{"certbot --authenticator=manual", ""},
		{"certbot certonly --dry-run -nvvq -d server -d config", ""},
		{"certbot plugins --authenticators --installers", ""},
		{"certbot -- --server x", ""}, // argparse: not an option; certbot itself refuses it
		{"certbot -d -c", "-c would win"},
		{"certbot --server", "--server"},
		{"certbot --server https://127.0.0.1:14000/dir --server https://other/", `"https://other/"`},
		{"certbot --serve https://127.0.0.1:14000/directory", "--serve"},
		{"certbot --s=x", "--s "},
		{"certbot --config-dir /boxes", `"/boxes" leads out`},
		{"certbot --config-dir=/box/../etc/letsencrypt", "leads out"},
		{"certbot --config-di /etc/letsencrypt", "leads out"},
		{"certbot --config-dir ~/box", "leads out"},
		{"certbot --wo=/x", "leads out"},
		{"certbot --logs /x", "leads out"},
		{"certbot --config /box/cli.ini", "would win over"},
		{"certbot --conf=/box/cli.ini", "would win over"},
		{"certbot -c/box/cli.ini", "would win over"},
		{"certbot -c=/box/cli.ini", "would win over"},
		{"certbot -tnqvhc /box/cli.ini", "would win over"},
		{"certbot -nanginx", "only --manual"},
		{"certbot -a=dns-rfc2136", "only --manual"},
		{"certbot -mc@example.com -dc.example.com", ""}, // c is in the value
		{"certbot -i nginx", "web server"},
		{"certbot --apache", "web server"},
		{"certbot --webroot -w /var/www", "only --manual"},
		{"certbot -w /var/www", "only --manual"},
		{"certbot --standalone", "only --manual"},
		{"certbot --dns-route53", "another DNS service"},
		{"certbot --dns-rfc2136-credentials=x", "another DNS service"},
		{"certbot --staging", "Let's Encrypt's own server"},
		{"certbot --test-cert", "Let's Encrypt's own server"},
		{"certbot --test", "Let's Encrypt's own server"},
		{"letsencrypt --staging", "Let's Encrypt's own server"},
		{"/usr/bin/certbot --staging", "Let's Encrypt's own server"},
		{"strace -f -o /box/t certbot --staging", "Let's Encrypt's own server"},
		{"env A=b nice certbot --staging", "Let's Encrypt's own server"},
		{"env certbot renew", ""},
		{"timeout 5 sudo -E certbot", "itself as the user"},
		{"doas certbot", "itself as the user"},
		{"echo certbot --staging", ""},
		{"certbot --manual-auth-hook=/usr/bin/true --manual-cleanup-hook wildcard-cleanup-hook", ""},

		{"wildcard issue example.com *.example.com --server https://127.0.0.1:14000/dir", ""},
		{"wildcard --server=letsencrypt list", `--server "letsencrypt" leads out`},
		{"wildcard list -server letsencrypt-staging", "leads out"},
		{"wildcard issue -- --server x", ""},
		{"wildcard-auth-hook --state-dir /box/state --env-file /box/etc/letsencrypt/conoha/.env", ""},
		{"wildcard-auth-hook --state-dir=/var/lib/wildcard", "leads out"},
		{"wildcard-auth-hook --resolver 127.0.0.1:5301 --nameserver 127.0.0.1:5302,127.0.0.1:5303", ""},
		{"wildcard-auth-hook --nameserver 127.0.0.1:5302,192.0.2.1", "leads out"},
		{"wildcard-auth-hook --resolver https://192.0.2.1/dns-query", "leads out"},
		{"wildcard-auth-hook --provider conoha --provider example.com=conoha@/box/v3.env", ""},
		{"wildcard-auth-hook --provider conoha@/etc/letsencrypt/conoha/.env", "leads out"},
		{"wildcard-auth-hook --provider example.com=exec:/usr/local/bin/hook", "leads out"},
		{"wildcard-auth-hook --provider", "leads out"},
		{"wildcard-auth-hook -v -config-dir /etc/letsencrypt", "leads out"},
	} {
		words := strings.Split(test.command, " ")
		err := newGuard(t).check(words[0], words)
		switch {
		case err == nil && test.why != "":
			t.Errorf("%s: not refused, want %q", test.command, test.why)
		case err != nil && test.why == "":
			t.Errorf("%s: %v", test.command, err)
		case err != nil && !strings.Contains(err.Error(), test.why):
			t.Errorf("%s: %v, want %q", test.command, err, test.why)
		case err != nil && fault.ClassOf(err) != fault.Usage:
			t.Errorf("%s: exit status %d, want 2", test.command, fault.ClassOf(err).ExitCode())
		}
	}
}

// A hook's own command line is one word of certbot's.
func TestGuardHookLine(t *testing.T) {
	t.Parallel()
	for line, refused := range map[string]bool{
		"wildcard-auth-hook":                                             false,
		"wildcard-auth-hook --state-dir /box/state":                      false,
		"/usr/local/bin/hook.sh --state-dir /var":                        false,
		"wildcard-auth-hook --state-dir /var/lib":                        true,
		`wildcard-auth-hook --state-dir="/var/lib"`:                      true,
		"/usr/bin/wildcard-auth-hook -v --provider 'example.org=manual'": true,
		"": false,
	} {
		for _, args := range [][]string{
			{"certbot", "--manual-auth-hook", line},
			{"certbot", "--manual-cleanup-hook=" + line},
			{"certbot", "--manual-c", line},
		} {
			if err := newGuard(t).check("certbot", args); (err != nil) != refused {
				t.Errorf("%q: %v", args, err)
			}
		}
	}
}

func TestGuardFollowsLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certbot, link := filepath.Join(dir, "certbot"), filepath.Join(dir, "letme")
	executable.Write(t, certbot, "")
	if err := os.Symlink("certbot", link); err != nil {
		t.Fatal(err)
	}
	if err := newGuard(t).check(link, []string{"letme", "--staging"}); err == nil {
		t.Error("certbot behind a link is not looked at")
	}
}

func TestSystemSettings(t *testing.T) {
	t.Parallel()
	for contents, why := range map[string]string{
		"":                                      "",
		"# deploy-hook = x\n; staging\n[any]\n": "",
		"max-log-backups = 0\npreconfigured-renewal = True\nemail = me@example.com\nrsa-key-size=4096\n": "",
		"server = https://acme-v02.api.letsencrypt.org/directory\nconfig-dir = /etc/letsencrypt\n":       "", // ours wins
		"authenticator = manual\n":                   "",
		"staging = false\napache = no\nnginx = 0\n":  "",
		"\n\ndeploy-hook = systemctl reload nginx\n": "line 3: --deploy-hook would be run",
		"--renew-hook: x\n":                          "would be run",
		"pre-hook x\n":                               "would be run",
		"post-h = x\n":                               "would be run",
		"manual-auth-hook = /opt/hook.sh\n":          "would be run",
		"authenticator = nginx\n":                    "only --manual",
		"dns-cloudflare = true\n":                    "another DNS service",
		"installer = nginx\n":                        "web server",
		"staging = true\n":                           "own server",
	} {
		g := newGuard(t)
		if err := os.WriteFile(g.systemSettings, []byte(contents), 0o644); err != nil {
			t.Fatal(err)
		}
		err := g.check("certbot", []string{"certbot", "renew"})
		switch {
		case err == nil && why != "":
			t.Errorf("%q: not refused, want %q", contents, why)
		case err != nil && (why == "" || !strings.Contains(err.Error(), why)):
			t.Errorf("%q: %v, want %q", contents, err, why)
		case err != nil && fault.ClassOf(err) != fault.Misconfigured:
			t.Errorf("%q: exit status %d, want 78", contents, fault.ClassOf(err).ExitCode())
		}
		if err := g.check("true", []string{"true"}); err != nil {
			t.Errorf("%q: another command: %v", contents, err)
		}
	}
}
