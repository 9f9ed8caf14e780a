//go:build e2e

package lineage

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
)

// child runs one test of this binary again, as another process.
func child(t *testing.T, test, env string, with ...string) ([]byte, error) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	args := append(with, self, "-test.run=^"+test+"$", "-test.v")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), env)
	return cmd.CombinedOutput()
}

// The tests on small disks run in a user and mount namespace of their own, so they need no root.
func TestSmallDisks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, err := child(t, "TestInNamespace", "WILDCARD_TEST_MOUNT="+dir, "unshare", "--user", "--map-root-user", "--mount")
	if err != nil || !strings.Contains(string(out), "--- PASS: TestInNamespace") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestInNamespace does nothing by itself: TestSmallDisks runs it.
func TestInNamespace(t *testing.T) {
	dir := os.Getenv("WILDCARD_TEST_MOUNT")
	if dir == "" {
		return
	}
	ca := newAuthority(t)
	old, next, last := ca.set(t, example), ca.set(t, example), ca.set(t, example)
	for what, options := range map[string]string{"bytes": "size=512k", "inodes": "size=4m,nr_inodes=120"} {
		mount := filepath.Join(dir, what)
		must(t, os.Mkdir(mount, 0o755))
		must(t, unix.Mount("tmpfs", mount, "tmpfs", 0, options))
		s := open(t, mount)
		l := create(t, s, old)
		var err error
		succeeded, failures := false, 0
		for k := 0; k <= 60 && !succeeded; k++ {
			fill := filepath.Join(mount, "fill")
			must(t, os.Mkdir(fill, 0o755))
			occupy(t, fill, what == "bytes", k)
			_, err = l.Renew(t.Context(), next, func(c *Conf) error { return c.Set(section, "renew_at", random()) })
			if err != nil && fault.CodeOf(err) != CodeFull {
				t.Errorf("%s, %d free: %v", what, k, err)
			}
			if succeeded = err == nil; !succeeded {
				failures++
			}
			if k == 0 {
				if err := s.Preflight(nil); fault.CodeOf(err) != CodeFull {
					t.Errorf("preflight: %v", err)
				}
			}
			now, err := s.Lineage(example)
			must(t, err)
			if liveIs(t, now, old, next); now.Damage != nil {
				t.Errorf("%s, %d free: %v", what, k, now.Damage)
			}
			must(t, os.RemoveAll(fill))
			if now.NeedsRepair() {
				now, err = now.Repair(t.Context())
				must(t, err)
			}
			l = renew(t, now, last)
			liveIs(t, l, last)
			clean(t, s, 0)
			old, next, last = last, old, next
		}
		if !succeeded || failures < 5 {
			t.Errorf("%s: succeeded %v after %d failures", what, succeeded, failures)
		}
		must(t, unix.Mount("", mount, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
		if err := s.Preflight(nil); fault.ClassOf(err) != fault.Misconfigured || !strings.Contains(err.Error(), "read-only") {
			t.Errorf("read-only: %v", err)
		}
		if _, err := l.Renew(t.Context(), next, nil); fault.ClassOf(err) != fault.Misconfigured {
			t.Errorf("read-only: %v", err)
		}
		must(t, unix.Mount("", mount, "", unix.MS_REMOUNT, ""))
		if what == "inodes" { // live/NAME is a mount point: no exchange, and another file system than archive
			continue
		}
		mountPoint(t, ca, filepath.Join(dir, "whole"))
	}
	must(t, unix.Chroot(dir)) // in the namespace of an ordinary user, directories above belong to no user we know
	must(t, os.Chdir("/"))
	combinedElsewhere(t, ca, "/")
}

// occupy leaves k pages or inodes free.
func occupy(t *testing.T, dir string, bytes bool, k int) {
	t.Helper()
	var made []string
	for i := 0; ; i++ {
		path := filepath.Join(dir, fmt.Sprint(i))
		content := make([]byte, 4096)
		if !bytes {
			content = nil
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			_ = os.Remove(path)
			break
		}
		made = append(made, path)
	}
	for i := range min(k, len(made)) {
		must(t, os.Remove(made[i]))
	}
}

// mountPoint renews a lineage whose live/NAME is mounted: it cannot be exchanged.
func mountPoint(t *testing.T, ca *authority, dir string) {
	t.Helper()
	must(t, os.Mkdir(dir, 0o755))
	s := open(t, dir)
	l := create(t, s, ca.set(t, example))
	must(t, unix.Mount(s.liveDir(example), s.liveDir(example), "", unix.MS_BIND, ""))
	set := ca.set(t, example)
	isLive(t, renew(t, l, set), set, 2)
	clean(t, s, 0)
}

// combinedElsewhere writes the combined file to another file system.
func combinedElsewhere(t *testing.T, ca *authority, dir string) {
	t.Helper()
	mount := filepath.Join(dir, "other")
	must(t, os.Mkdir(mount, 0o755))
	must(t, unix.Mount("tmpfs", mount, "tmpfs", 0, "size=64k,mode=755"))
	s := open(t, dir)
	must(t, combine(s, filepath.Join(mount, "site.pem"), ca.set(t, example)))
	if got := mode(t, filepath.Join(mount, "site.pem")); got != 0o600 {
		t.Errorf("mode %o", got)
	}
}

// A process that is killed at any step of a renewal leaves a good set, and the next one goes on at once.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca, s := newAuthority(t), open(t, dir)
	old, next, last := ca.set(t, example), ca.set(t, example), ca.set(t, example)
	create(t, s, old)
	for k := 1; ; k++ {
		set := filepath.Join(dir, "next.pem")
		must(t, os.WriteFile(set, append(next.Fullchain(), next.Key...), 0o600))
		out, err := child(t, "TestChildRenews", fmt.Sprintf("WILDCARD_TEST_KILL=%d %s", k, dir))
		l, readErr := s.Lineage(example)
		must(t, readErr)
		if liveIs(t, l, old, next); l.Damage != nil {
			t.Fatalf("killed at step %d: %v\n%s", k, l.Damage, out)
		}
		if err == nil {
			if k < 20 {
				t.Errorf("only %d steps\n%s", k, out)
			}
			return
		}
		if !strings.Contains(err.Error(), "killed") {
			t.Fatalf("%v\n%s", err, out)
		}
		if l.NeedsRepair() {
			l, err = l.Repair(t.Context())
			must(t, err)
		}
		l = renew(t, l, last)
		liveIs(t, l, last)
		old, next, last = last, old, next
	}
}

// TestChildRenews does nothing by itself: TestKilledAnywhere runs it.
func TestChildRenews(t *testing.T) {
	var k int
	var dir string
	if _, err := fmt.Sscanf(os.Getenv("WILDCARD_TEST_KILL"), "%d %s", &k, &dir); err != nil {
		return
	}
	text, err := os.ReadFile(filepath.Join(dir, "next.pem"))
	must(t, err)
	at := strings.Index(string(text), "-----BEGIN PRIVATE KEY")
	set, err := NewSet(text[:at], text[at:], nil)
	must(t, err)
	s := open(t, dir)
	s.disk.step = func(string, string) error {
		if k--; k == 0 {
			return unix.Kill(os.Getpid(), unix.SIGKILL)
		}
		return nil
	}
	l, err := s.Lineage(example)
	must(t, err)
	renew(t, l, set)
}
