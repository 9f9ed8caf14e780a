package cli

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wildcard/internal/lineage"
)

// certbots writes a lineage as certbot has it, with a name that certbot takes and this set.
func (w *world) certbots(name string, set lineage.Set) {
	w.t.Helper()
	archive, live := w.config("archive", name), w.config("live", name)
	w.put(archive, 1, set)
	conf := "version = 2.1.0\narchive_dir = " + archive + "\n"
	for _, kind := range []string{"cert", "privkey", "chain", "fullchain"} {
		conf += kind + " = " + filepath.Join(live, kind+".pem") + "\n"
		err := os.MkdirAll(live, 0o755)
		if err == nil {
			err = os.Symlink("../../archive/"+name+"/"+kind+"1.pem", filepath.Join(live, kind+".pem"))
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	conf += "\n[renewalparams]\naccount = 0\nauthenticator = standalone\nserver = https://acme-v02.api.letsencrypt.org/directory\n"
	if err := os.MkdirAll(w.config("renewal"), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.config("renewal", name+".conf"), []byte(conf), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// TestCertbotsOwn_NamesWeWouldNotGive: report O18. What certbot lists and renews is seen by every command that reads, whatever its name.
func TestCertbotsOwn_NamesWeWouldNotGive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.environ = append(w.environ, "LC_ALL=C.UTF-8")
	w.issue("example.com")
	names := []string{"Shop.Example.com", "*.example.com", "日本語.jp", "my cert", "+main", "-x", "a\x1b[31m", "x.", strings.Repeat("n", 200)}
	old := expired(t, "shop.example.com")
	for _, name := range names {
		w.certbots(name, old)
	}
	list := answerOf[struct{ Certificates []listLine }](w.run("list", "--json").exits(0))
	found := map[string]string{}
	for _, c := range list.Certificates {
		found[c.Lineage] = c.Owner + " " + c.Status
	}
	for _, name := range names {
		if found[name] != "certbot expired" {
			t.Errorf("%q is %q in list", name, found[name])
		}
	}
	table := w.run("list").exits(0)
	if strings.Contains(table.stdout, "\x1b") || strings.Count(table.stdout, "expired") != len(names) {
		t.Errorf("list:\n%s", table.stdout)
	}
	if check := w.run("list", "--check", "14d").exits(1); strings.Count(check.stdout, "expired on") != len(names) || strings.Contains(check.stdout, "\x1b") {
		t.Errorf("list --check:\n%s", check.stdout)
	}
	doctor := w.run("doctor").exits(1, "certbot renew --cert-name 'my cert'", "certbot renew --cert-name '日本語.jp'", "certbot renew --cert-name '*.example.com'")
	if n := strings.Count(doctor.stdout, "[certificate.expired]"); n != len(names) || strings.Contains(doctor.stdout, "\x1b") {
		t.Errorf("%d in doctor:\n%s", n, doctor.stdout)
	}
	measured := filepath.Join(w.dir, "wildcard.prom")
	w.run("list", "--prometheus", measured).exits(0)
	if n := strings.Count(w.read(measured), "wildcard_certificate_not_after_timestamp_seconds{"); n != len(names)+1 {
		t.Errorf("%d certificates in the measurements:\n%s", n, w.read(measured))
	}
	w.run("show", "my cert").exits(0, "shop.example.com")
	w.run("doctor", "example.com").exits(0)
	before := w.tree(w.config())
	for _, args := range [][]string{{"adopt", "--yes", "--provider", "conoha", "my cert"}, {"delete", "--yes", "+main"},
		{"release", "--yes", "日本語.jp"}, {"issue", "--cert-name", "Shop.Example.com", "example.com"}} {
		w.run(args...).exits(2, "lineage.name")
	}
	if after := w.tree(w.config()); !maps.Equal(before, after) {
		t.Error("something was written")
	}
}

// TestCertbotsOwn_Doctor: report O19. Whatever list --check tells, doctor without names tells, of certbot's certificates too.
func TestCertbotsOwn_Doctor(t *testing.T) {
	t.Parallel()
	const name = "certbots.example.com"
	good := setOf(t, time.Now().Add(-time.Hour), time.Now().AddDate(0, 0, 90), name)
	for what, test := range map[string]struct {
		make func(w *world)
		says string
	}{
		"expired": {func(w *world) { w.certbots(name, expired(t, name)) }, "certificate.expired"},
		"expiring": {func(w *world) {
			w.certbots(name, setOf(t, time.Now().AddDate(0, 0, -80), time.Now().AddDate(0, 0, 10), name))
		}, "certificate.overdue"},
		"link is gone": {func(w *world) { w.certbots(name, good); w.cut("live", name, "chain.pem") }, "lineage.damaged"},
		"files, no links": {func(w *world) {
			w.certbots(name, good)
			w.put(w.config("live", name), 0, good)
		}, "lineage.damaged"},
		"fullchain is another": {func(w *world) {
			w.certbots(name, good)
			if err := os.WriteFile(w.config("archive", name, "fullchain1.pem"), good.Cert, 0o644); err != nil {
				t.Fatal(err)
			}
		}, "lineage.damaged"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.issue("example.com")
			test.make(w)
			w.run("list", "--check", "14d").exits(1, name)
			w.run("doctor").exits(1, name, test.says, "certbot renew")
			w.run("doctor", "example.com").exits(0)
		})
	}
	t.Run("good", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.issue("example.com")
		w.certbots(name, good)
		w.run("list", "--check", "14d").exits(0)
		w.run("doctor").exits(0, "Nothing is wrong")
	})
	t.Run("higher number is older", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.certbots(name, good)
		w.put(w.config("archive", name), 34, expired(t, name))
		w.run("doctor").exits(1, "number 34", "lineage.outnumbered", "mv ${f}34.pem older-${f}34.pem")
	})
	t.Run("renew has not run", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.issue("example.com")
		w.at(w.clock().AddDate(0, 0, 4))
		w.run("list", "--check", "14d").exits(1, "has not run since")
		w.run("doctor").exits(1, "renew.late", "> wildcard renew")
		w.run("renew").exits(0)
		w.run("doctor").exits(0)
	})
}

// TestIssue_FilesWithoutConf: report O4. Files of a certificate without its .conf are said before anything is ordered; the command that doctor
// advises makes room.
func TestIssue_FilesWithoutConf(t *testing.T) {
	t.Parallel()
	const name = "example.com"
	for what, cut := range map[string][][]string{
		"archive and live": {{"renewal", name + ".conf"}},
		"archive":          {{"renewal", name + ".conf"}, {"live", name}},
		"live":             {{"renewal", name + ".conf"}, {"archive", name}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.issue(name)
			for _, parts := range cut {
				w.cut(parts...)
			}
			where := "archive/" + name
			if what == "live" {
				where = "live/" + name
			}
			before := w.tree(w.config())
			w.run("plan", name).exits(78, "lineage.exists", where)
			w.run("issue", name).exits(78, "lineage.exists", where)
			w.orders(1)
			if after := w.tree(w.config()); !maps.Equal(before, after) {
				t.Error("something was written")
			}
			w.run("plan", "--cert-name", "another", name).exits(0)
			w.run("doctor").exits(1, "lineage.half", where)
			for range 2 {
				said := w.run("doctor", "--json")
				for _, finding := range answerOf[doctorAnswer](said).Findings {
					w.shell(finding.Fix)
				}
			}
			w.run("doctor").exits(0)
			w.run("issue", name).exits(0)
		})
	}
}

// shell runs a command that was advised.
func (w *world) shell(line string) {
	w.t.Helper()
	if out, err := exec.CommandContext(w.t.Context(), "sh", "-c", line).CombinedOutput(); err != nil {
		w.t.Errorf("%s: %v\n%s", line, err, out)
	}
}
