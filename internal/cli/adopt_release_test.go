package cli

import (
	"regexp"
	"strings"
	"testing"

	"wildcard/internal/lineage"
	"wildcard/providers"
)

// withParams gives a .conf of certbot's other [renewalparams]; of those that are there account and server stay.
func (w *world) withParams(conf string, lines ...string) {
	w.t.Helper()
	top, params, _ := strings.Cut(w.read(conf), "[renewalparams]\n")
	kept := regexp.MustCompile(`(?m)^(account|server) = .*\n`).FindAllString(params, -1)
	w.rewrite(conf, top+"[renewalparams]\n"+strings.Join(kept, "")+strings.Join(lines, "\n"))
}

// formsOfCertbot are [renewalparams] as certbot 0.4 to 5.6 and administrators write them.
var formsOfCertbot = map[string][]string{
	"dns-cloudflare": {"authenticator = dns-cloudflare", "dns_cloudflare_credentials = /root/.secrets/cloudflare.ini", "dns_cloudflare_propagation_seconds = 60", "key_type = ecdsa", ""},
	"webroot, with a map, not the last line ended": {"authenticator = webroot", "webroot_path = /var/www/html,", "rsa_key_size = 4096", "key_type = rsa", "[[webroot_map]]",
		"日本語.example.com = /var/www/日本語", "example.com = /var/www/html"},
	"nginx, hooks that are quoted, comments": {"installer = None", "authenticator = nginx  # until 2027", "# a line of ours", "", "nginx_server_root = /etc/nginx",
		"pre_hook = '''echo \"a\" 'b', \"c\" # no comment'''", `post_hook = "true nginx, or else"`, "key_type = ecdsa", ""},
	"standalone of 0.4": {"  no_self_upgrade = False", "  authenticator = standalone", "  installer = none", "  manual_auth_hook = None", "  manual_cleanup_hook = None", "  pre_hook = None",
		"  standalone_supported_challenges = \"tls-sni-01,http-01\"", "  reuse_key = False", "  rsa_key_size = 2048", "  autorenew = True", ""},
	"manual, hooks of others": {"authenticator = manual", "pref_challs = dns,http", "manual_auth_hook = /root/dns/au.sh aliyun add  # 絶対パス", "manual_public_ip_logging_ok = True", "key_type = ecdsa", "elliptic_curve = secp384r1", ""},
}

// TestRelease_AsBefore: report O6. Whatever proved the names for certbot, and whatever has been used since, certbot's file is byte for
// byte what it was; show says so in between, and release shows what changes.
func TestRelease_AsBefore(t *testing.T) {
	t.Parallel()
	for name, lines := range formsOfCertbot {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			conf := w.ofCertbot("example.com")
			w.withParams(conf, lines...)
			comesBack := regexp.MustCompile(`(?:authenticator = [^m]|manual_auth_hook = /)\S*`).FindString(strings.Join(lines, "\n"))
			for _, eol := range []string{"\n", "\r\n"} {
				w.rewrite(conf, strings.ReplaceAll(w.read(conf), "\n", eol))
				before := w.read(conf)
				au := w.hook("au", "true")
				for i, provider := range []string{"conoha", "example.com=exec:" + au, "example.com=certbot-hook:" + au + " 'x y'"} {
					if i > 0 && eol == "\r\n" {
						break
					}
					w.run("adopt", "--yes", "--provider", provider, "example.com").exits(0, "managed by wildcard from now on")
					if provider != "conoha" {
						w.run("show", "example.com").exits(0, "cannot renew it as it is", "wildcard release example.com gives it back as it was")
					}
					w.run("release", "example.com").exits(2, "confirm", comesBack)
					w.run("release", "--yes", "example.com").exits(0, "certbot's from now on")
					if got := w.read(conf); got != before {
						t.Fatalf("after %s:\n%q, was\n%q", provider, got, before)
					}
				}
			}
			before := w.read(conf)
			w.run("adopt", "--yes", "--provider", "example.com=exec:"+w.hook("none", "true"), "example.com").exits(0)
			w.issue("--provider", "conoha", "--key-type", "rsa-2048", "--deploy-hook", "true", "--preferred-chain", "X", "example.com", "*.example.com", "--cert-name", "example.com")
			w.run("renew", "--force", "--no-jitter").exits(0, "1 renewed")
			w.run("release", "--yes", "example.com").exits(0)
			if got := w.read(conf); got != before {
				t.Errorf("after an issue and a renewal:\n%q, was\n%q", got, before)
			}
		})
	}
}

// TestRelease_ChangedBetween: what others changed while it was ours stays: lines of an administrator, certbot's version. What certbot
// drops when it writes the file anew, as "renew --force-renewal" does (storage.py, write_renewal_config), comes back.
func TestRelease_ChangedBetween(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conf := w.ofCertbot("example.com")
	w.withParams(conf, formsOfCertbot["dns-cloudflare"]...)
	before := w.read(conf)
	w.run("adopt", "--yes", "--provider", "conoha", "example.com").exits(0)
	text := w.read(conf)
	for _, line := range []string{"dns_cloudflare_credentials = /root/.secrets/cloudflare.ini\n", "dns_cloudflare_propagation_seconds = 60\n"} {
		text = strings.Replace(text, line, "", 1)
	}
	text = strings.Replace(text, "[renewalparams]\n", "renew_before_expiry = 40 days\n[renewalparams]\nuser_agent = 'a, b'\n", 1)
	text = strings.Replace(text, "version = 2.0.0", "version = 2.1.0", 1) + "[acme_renewal_info]\nari_retry_after = 2026-11-29T00:00:00\n"
	w.rewrite(conf, text)
	w.run("release", "--yes", "example.com").exits(0)
	want := strings.Replace(before, "version = 2.0.0", "version = 2.1.0", 1)
	got := w.read(conf)
	for _, line := range []string{"user_agent = 'a, b'\n", "renew_before_expiry = 40 days\n", "[acme_renewal_info]\nari_retry_after = 2026-11-29T00:00:00\n"} {
		if !strings.Contains(got, line) {
			t.Errorf("%q is lost", line)
		}
		got = strings.Replace(got, line, "", 1)
	}
	if got != want {
		t.Errorf("%q, want\n%q", got, want)
	}
	if w.lineage("example.com").Owned() {
		t.Error("it is ours still")
	}
}

// TestRelease_OfIssued: what issue made, certbot gets with our hooks, or not at all.
func TestRelease_OfIssued(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("example.com")
	w.run("show", "example.com").exits(0, "can renew it with --force-renewal")
	w.update("example.com", func(s *lineage.Settings) {
		s.Providers = []providers.Spec{lineage.ReadSpec("example.com=exec:/usr/bin/true")}
	})
	w.run("show", "example.com").exits(0, "cannot renew it: ")
	w.run("release", "--yes", "example.com").exits(1, "release.impossible")
}
