package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"wildcard/internal/doctor"
)

// ordinary runs a command as a user who is not root.
func (w *world) ordinary(args ...string) said {
	w.t.Helper()
	c := w.command(args...)
	if os.Geteuid() == 0 {
		c.Path = "/proc/self/exe" // which any user may start, wherever it is
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	if err := c.Start(); err != nil {
		w.t.Fatal(err)
	}
	return c.end()
}

// rootsOwn makes the folders as certbot has them: the lineages' files can be listed, and what is secret is closed to the user of
// ordinary. For root the closed folders are root's, as on a machine; any other user closes them to itself.
func (w *world) rootsOwn() {
	w.t.Helper()
	modes := map[string]os.FileMode{filepath.Dir(w.dir): 0o755, w.dir: 0o755, filepath.Join(w.dir, "ca.pem"): 0o644,
		w.config(): 0o755, w.config("renewal"): 0o755}
	confs, err := filepath.Glob(w.config("renewal", "*.conf"))
	if err != nil || len(confs) == 0 {
		w.t.Fatal(confs, err)
	}
	for _, conf := range confs {
		modes[conf] = 0o644
	}
	for path, mode := range modes {
		if err := os.Chmod(path, mode); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, name := range []string{"live", "archive", "accounts"} {
		w.shut(w.config(name))
	}
}

// shut closes a folder to the user of ordinary.
func (w *world) shut(path string) {
	w.t.Helper()
	mode := os.FileMode(0)
	if os.Geteuid() == 0 {
		mode = 0o700
	}
	if err := os.Chmod(path, mode); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = os.Chmod(path, 0o700) })
}

// N15: an ordinary user is told once to look as root, and nothing of what is closed is called a fault; what can be seen is looked at.
func TestDoctor_OrdinaryUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"a.example.com", "b.example.com", "c.example.com"} {
		w.issue(name)
	}
	w.rootsOwn()
	got := w.ordinary("doctor", "--json").exits(78)
	answer := answerOf[doctorAnswer](got)
	if !slices.Equal(findings(answer), []string{doctor.FoundUser}) || answer.Findings[0].Fix != "sudo wildcard doctor" || strings.Contains(got.stdout, "chown") {
		t.Errorf("%+v", answer.Findings)
	}
	if !slices.ContainsFunc(answer.Good, func(l findingLine) bool { return strings.Contains(l.What, "login works") }) {
		t.Errorf("what can be seen is not: %+v", answer.Good)
	}
	w.shut(w.config())
	answer = answerOf[doctorAnswer](w.ordinary("doctor", "--json").exits(78))
	if !slices.Equal(findings(answer), []string{doctor.FoundUser}) {
		t.Errorf("with nothing to be seen: %+v", answer.Findings)
	}
}

// A user of all the folders is told nothing of root.
func TestDoctor_OrdinaryUsersOwnFolders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("a.example.com")
	if os.Geteuid() == 0 {
		if err := filepath.WalkDir(filepath.Dir(w.dir), func(path string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, 65534, 65534)
		}); err != nil {
			t.Fatal(err)
		}
	}
	w.ordinary("doctor").exits(0, "Nothing is wrong.")
}
