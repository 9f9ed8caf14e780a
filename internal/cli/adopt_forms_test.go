package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wildcard/internal/fault"
)

// ofCertbot makes a certificate that is certbot's, with its .conf changed as an older certbot or an administrator has it.
func (w *world) ofCertbot(name string, change ...string) (conf string) {
	w.t.Helper()
	w.issue(name)
	w.run("release", "--yes", name).exits(0)
	conf = w.config("renewal", name+".conf")
	text := w.read(conf)
	changed := strings.NewReplacer(change...).Replace(text)
	if changed == text && len(change) > 0 {
		w.t.Fatalf("nothing of %q is in\n%s", change, text)
	}
	w.rewrite(conf, changed)
	return conf
}

// rewrite gives a .conf another text.
func (w *world) rewrite(conf, text string) {
	w.t.Helper()
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// TestAdopt_NoServer: report O24. certbot 0.5 to 0.25 wrote no server, which is Let's Encrypt's production; a comment behind the auth
// hook is none of it.
func TestAdopt_NoServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conf := w.ofCertbot("example.com")
	var lines []string
	for line := range strings.Lines(w.read(conf)) {
		switch {
		case strings.HasPrefix(line, "server = "):
			continue
		case strings.HasPrefix(line, "manual_auth_hook = "):
			line = "manual_auth_hook = /root/dns/au.sh        # 絶対パス\n"
		}
		lines = append(lines, line)
	}
	if err := os.WriteFile(conf, []byte(strings.Join(lines, "")), 0o644); err != nil {
		t.Fatal(err)
	}
	const server = "https://acme-v02.api.letsencrypt.org/directory"
	if got := answerOf[showAnswer](w.run("show", "--json", "example.com").exits(0)); got.Server != server || got.AuthHook != "/root/dns/au.sh" {
		t.Errorf("%+v", got)
	}
	w.run("adopt", "--dry-run", "--provider", "conoha", "example.com").exits(78, "no account", server)
	there := w.config("accounts", "acme-v02.api.letsencrypt.org", "directory")
	if err := os.MkdirAll(filepath.Dir(there), 0o700); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(w.config("accounts", "127.0.0.1:*", "directory"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%q, %v", found, err)
	}
	if err := os.Rename(found[0], there); err != nil {
		t.Fatal(err)
	}
	w.run("adopt", "--dry-run", "--provider", "conoha", "example.com").exits(0, "+ server = "+server, "nothing was changed")
}

// TestAdopt_ConfIsLink: report O25. show, list, adopt, renew and release of a lineage whose .conf is a link to a file elsewhere; one
// that another user could change is said by all of them.
func TestAdopt_ConfIsLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conf := w.ofCertbot("example.com")
	file := filepath.Join(w.dir, "kept", "site.conf")
	if err := os.Mkdir(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(conf, file); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../../kept/site.conf", conf); err != nil {
		t.Fatal(err)
	}
	w.run("show", "example.com").exits(0, "good")
	w.run("list", "--check", "14d").exits(0)
	w.run("adopt", "--yes", "example.com").exits(0, "managed by wildcard from now on")
	w.run("renew", "--force", "--no-jitter").exits(0, "1 renewed")
	if !strings.Contains(w.read(file), "[wildcard]") {
		t.Errorf("not in the file:\n%s", w.read(file))
	}
	w.run("release", "--yes", "example.com").exits(0)
	if target, err := os.Readlink(conf); err != nil || target != "../../kept/site.conf" {
		t.Errorf("the link: %q, %v", target, err)
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"show", "example.com"}, {"adopt", "--yes", "example.com"}, {"renew", "--cert-name", "example.com"}} {
		w.run(args...).exits(fault.Misconfigured.ExitCode(), conf+" is a link", "others may write to "+file, "lineage.unsafe-path")
	}
	w.run("list").exits(0, "unreadable", conf+" is a link")
	w.run("list", "--check", "14d").exits(1, "unreadable")
}

// TestAdopt_HooksOfTheirOwn: report O28. The hooks of a lineage are carried over with their arguments, and without a clean-up hook, by
// certbot-hook alone; they can be said as well.
func TestAdopt_HooksOfTheirOwn(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ cleanup, provider, want string }{
		"carried over":    {"AU aliyun clean", "certbot-hook", "AU aliyun add,AU aliyun clean"},
		"auth hook alone": {"", "certbot-hook", "AU aliyun add"},
		"said":            {"", "certbot-hook:AU 'x y',AU z", "AU 'x y',AU z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			au := w.hook("au.sh", `echo "$*" >>"`+w.dir+`/called"`)
			fill := strings.NewReplacer("AU", au).Replace
			conf := w.ofCertbot("example.com")
			var lines []string
			for line := range strings.Lines(w.read(conf)) {
				switch {
				case strings.HasPrefix(line, "manual_auth_hook = "):
					line = fill("manual_auth_hook = AU aliyun add\n")
				case strings.HasPrefix(line, "manual_cleanup_hook = ") && test.cleanup == "":
					continue
				case strings.HasPrefix(line, "manual_cleanup_hook = "):
					line = fill("manual_cleanup_hook = " + test.cleanup + "\n")
				}
				lines = append(lines, line)
			}
			if err := os.WriteFile(conf, []byte(strings.Join(lines, "")), 0o644); err != nil {
				t.Fatal(err)
			}
			w.run("adopt", "--yes", "--provider", "example.com="+fill(test.provider), "example.com").exits(0, "managed by wildcard from now on")
			got := answerOf[showAnswer](w.run("show", "--json", "example.com").exits(0)).Providers
			if want := "example.com=certbot-hook:" + fill(test.want); len(got) != 1 || got[0] != want {
				t.Errorf("%q, want %q", got, want)
			}
			w.run("plan", "example.com", "--force").exits(0)
		})
	}
}
