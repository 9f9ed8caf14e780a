package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnsafe_Conf: report N2. Where other users can change the lines of a .conf, or what is in its place, doctor says so with the command that
// ends it, and no command runs a line of it.
func TestUnsafe_Conf(t *testing.T) {
	t.Parallel()
	const name = "example.com"
	for what, test := range map[string]struct {
		path []string
		mode os.FileMode
		uid  int
	}{
		"configuration directory for all":    {nil, 0o777, 0},
		"configuration directory of another": {nil, 0o755, 12345},
		"renewal for a group":                {[]string{"renewal"}, 0o775, 0},
		"renewal of another":                 {[]string{"renewal"}, 0o755, 12345},
		"conf for all":                       {[]string{"renewal", name + ".conf"}, 0o666, 0},
		"conf of another":                    {[]string{"renewal", name + ".conf"}, 0o644, 12345},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ran := filepath.Join(w.dir, "ran")
			w.issue("--deploy-hook", w.hook("hook", "echo ran >> "+ran), name)
			if err := os.Remove(ran); err != nil {
				t.Fatal(err)
			}
			path := w.config(test.path...)
			if err := os.Chmod(path, test.mode); err != nil {
				t.Fatal(err)
			}
			fix := "chmod go-w " + path
			if test.uid != 0 {
				if os.Geteuid() != 0 {
					return // only root gives files away; the modes are looked at in the other cases
				}
				if err := os.Chown(path, test.uid, -1); err != nil {
					t.Fatal(err)
				}
				fix = "chown root " + path
			}
			w.orders(1)
			for _, args := range [][]string{{"renew", "--force"}, {"renew", "--force", "--cert-name", name}, {"renew", "--dry-run"},
				{"renew", "--deploy", "only"}, {"issue", "--force", name}, {"plan", name}} {
				w.run(args...).exits(78, "lineage.unsafe-path", fix)
			}
			w.orders(1)
			if _, err := os.Lstat(ran); err == nil {
				t.Error("the hook ran")
			}
			w.run("list").exits(0, name)
			said := w.run("doctor").exits(78, "[lineage.unsafe-path]", "> "+fix)
			if n := strings.Count(said.stdout, "[lineage.unsafe-path]"); n != 1 {
				t.Errorf("told %d times", n)
			}
			w.shell(fix)
			w.run("doctor").exits(0)
			w.run("renew", "--force").exits(0)
			w.read(ran)
		})
	}
}

// TestUnsafe_New: a first certificate in folders that others can change is not ordered, since none of its lines could be used later; plan and
// doctor say so, too.
func TestUnsafe_New(t *testing.T) {
	t.Parallel()
	for _, below := range []string{"", "renewal"} {
		t.Run("folder "+below, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			path := w.config(below)
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, 0o777); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{"plan", "--agree-tos", "example.com"}, {"issue", "--agree-tos", "example.com"}, {"doctor"}} {
				w.run(args...).exits(78, "[lineage.unsafe-path]", "chmod go-w "+path)
			}
			w.orders(0)
			w.shell("chmod go-w " + path)
			w.run("plan", "--agree-tos", "example.com").exits(0)
			w.issue("example.com")
			w.orders(1)
		})
	}
}
