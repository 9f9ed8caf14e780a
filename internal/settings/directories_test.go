package settings

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

func TestFindDirectories(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name          string
		config, state string
		environ       []string
		root          bool
		want          Directories
		err           string
	}{
		{name: "root", root: true, environ: []string{"HOME=/root", "XDG_STATE_HOME=/x", "XDG_RUNTIME_DIR=/x", "TMPDIR=/x", "STATE_DIRECTORY=/x", "RUNTIME_DIRECTORY=/x"}, want: Directories{"/etc/letsencrypt", "/var/lib/wildcard", "/run/wildcard"}},
		{name: "root without anything", root: true, want: Directories{"/etc/letsencrypt", "/var/lib/wildcard", "/run/wildcard"}},
		{name: "flags", root: true, config: "/c", state: "/s", environ: []string{"WILDCARD_CONFIG_DIR=/x", "WILDCARD_STATE_DIR=/x"}, want: Directories{"/c", "/s", "/run/wildcard"}},
		{name: "variables", environ: []string{"WILDCARD_CONFIG_DIR=/c", "WILDCARD_STATE_DIR=/s", "WILDCARD_RUN_DIR=/r"}, want: Directories{"/c", "/s", "/r"}},
		{name: "variables of root", root: true, environ: []string{"WILDCARD_STATE_DIR=/s", "WILDCARD_RUN_DIR=/r"}, want: Directories{"/etc/letsencrypt", "/s", "/r"}},
		{name: "run below a flag's state", state: "/s", want: Directories{"/etc/letsencrypt", "/s", "/s/run"}},
		{name: "XDG", environ: []string{"HOME=/h", "XDG_STATE_HOME=/xs", "XDG_RUNTIME_DIR=/xr"}, want: Directories{"/etc/letsencrypt", "/xs/wildcard", "/xr/wildcard"}},
		{name: "home", environ: []string{"HOME=/h", "XDG_STATE_HOME="}, want: Directories{"/etc/letsencrypt", "/h/.local/state/wildcard", "/h/.local/state/wildcard/run"}},
		{name: "clean", config: "/c/", state: "/s/../t/.", environ: []string{"WILDCARD_RUN_DIR=//r"}, want: Directories{"/c", "/t", "/r"}},
		{name: "nowhere", environ: []string{"TMPDIR=/tmp", "STATE_DIRECTORY=/x", "XDG_RUNTIME_DIR=/xr"}, err: "there is no HOME to keep state in: set WILDCARD_STATE_DIR, or give --state-dir"},
		{name: "HOME is /", environ: []string{"HOME=/"}, err: "HOME is /, which is no place to keep state in: set WILDCARD_STATE_DIR, or give --state-dir"},
		{name: "HOME is / spelled otherwise", environ: []string{"HOME=//.", "XDG_RUNTIME_DIR=/xr"}, err: "set WILDCARD_STATE_DIR, or give --state-dir"},
		{name: "HOME is / and another place is named", environ: []string{"HOME=/", "WILDCARD_STATE_DIR=/s"}, want: Directories{"/etc/letsencrypt", "/s", "/s/run"}},
		{name: "HOME is / and a flag", state: "/s", environ: []string{"HOME=/"}, want: Directories{"/etc/letsencrypt", "/s", "/s/run"}},
		{name: "HOME of root is /", root: true, environ: []string{"HOME=/"}, want: Directories{"/etc/letsencrypt", "/var/lib/wildcard", "/run/wildcard"}},
		{name: "a relative flag", config: "x", state: "/s", err: `the configuration directory (--config-dir, WILDCARD_CONFIG_DIR) is not an absolute path: "x"`},
		{name: "a relative state", environ: []string{"WILDCARD_STATE_DIR=x\ny"}, err: `the state directory (--state-dir, WILDCARD_STATE_DIR, XDG_STATE_HOME, HOME) is not an absolute path: "x\ny"`},
		{name: "a relative run", root: true, environ: []string{"WILDCARD_RUN_DIR=run"}, err: `the run directory (WILDCARD_RUN_DIR, XDG_RUNTIME_DIR) is not an absolute path: "run"`},
		{name: "a relative home", environ: []string{"HOME=h"}, err: "the state directory"},
		{name: "a relative XDG_RUNTIME_DIR", environ: []string{"HOME=/h", "XDG_RUNTIME_DIR=."}, err: "the run directory"},
	} {
		got, err := findDirectories(test.config, test.state, test.environ, test.root)
		if test.err != "" {
			wantError(t, err, fault.CodeState, test.err)
			if got != (Directories{}) {
				t.Errorf("%s: got %v with an error", test.name, got)
			}
			continue
		}
		if err != nil || got != test.want {
			t.Errorf("%s: got %v, %v, want %v", test.name, got, err, test.want)
		}
	}
	got, err := FindDirectories("", "", []string{"HOME=/h"})
	if want, _ := findDirectories("", "", []string{"HOME=/h"}, os.Geteuid() == 0); got != want || err != nil {
		t.Errorf("for ourselves: got %v, %v, want %v", got, err, want)
	}
}

func TestPrivateDir_Umask(t *testing.T) {
	// No t.Parallel: the umask is the process's.
	for umask, parents := range map[int]fs.FileMode{0: 0o755, 0o022: 0o755, 0o027: 0o750, 0o077: 0o700, 0o777: 0o700} {
		dir := folder(t)
		old := syscall.Umask(umask)
		err := PrivateDir(dir + "/a/b/private")
		syscall.Umask(old)
		if err != nil {
			t.Fatalf("umask %o: %v", umask, err)
		}
		for path, want := range map[string]fs.FileMode{"/a": parents, "/a/b": parents, "/a/b/private": 0o700} {
			if info, err := os.Stat(dir + path); err != nil || info.Mode().Perm() != want {
				t.Errorf("umask %o: %s: %v, %v, want %o", umask, path, info.Mode(), err, want)
			}
		}
		if err := PrivateDir(dir + "/a/b/private"); err != nil {
			t.Errorf("again: %v", err)
		}
	}
}

func TestPrivateDir(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if err := os.MkdirAll(dir+"/real/own", 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/file", "")
	for link, target := range map[string]string{"link": "real/own", "dangling": "nowhere", "way": "real"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{dir + "/real/own", dir + "/real/own/", dir + "/way/own", dir + "/way/new"} { // links on the way are the administrator's
		if err := PrivateDir(path); err != nil {
			t.Error(err)
		}
	}
	for path, why := range map[string]string{
		dir + "/file": "not a folder", dir + "/file/x": "is not a folder", dir + "/link": "a link", dir + "/link/": "a link", dir + "/dangling": "a link",
		dir + "/dangling/x": "no such file", "relative": "not an absolute path", "": "not an absolute path",
	} {
		wantError(t, PrivateDir(path), fault.CodeState, why, strings.TrimSuffix(strings.TrimSuffix(path, "/x"), "/"))
	}
	for _, mode := range []os.FileMode{0o755, 0o750, 0o701, 0o777 | os.ModeSticky} {
		chmod(t, dir+"/real/own", mode)
		wantError(t, PrivateDir(dir+"/real/own"), fault.CodeState, fmt.Sprintf("(mode %04o): chmod 700 %s/real/own", mode.Perm(), dir))
		if info, err := os.Stat(dir + "/real/own"); err != nil || info.Mode()&^os.ModeDir != mode {
			t.Errorf("an open folder was changed: %v, %v", info.Mode(), err)
		}
	}
}

// A folder of root's is no use to an ordinary user, and one of another user's is none to root.
func TestPrivateDir_Owner(t *testing.T) {
	t.Parallel()
	foreign := "/"
	if os.Geteuid() == 0 {
		foreign = folder(t) + "/foreign"
		if err := os.Mkdir(foreign, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(foreign, 4711, 4711); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, PrivateDir(foreign), fault.CodeState, fmt.Sprintf("%s belongs to another user: chown %d %s", foreign, os.Geteuid(), foreign))
}

// Two hooks may start at once on a new machine.
func TestPrivateDir_AtOnce(t *testing.T) {
	t.Parallel()
	path := folder(t) + "/a/b/c/private"
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if err := PrivateDir(path); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestFromProcess(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	chmod(t, write(t, dir+"/usr/hook", ""), 0o700)
	write(t, dir+"/data/create.sh", "") // not a program
	for _, name := range []string{"scripts", "empty"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../usr/hook", dir+"/scripts/create.sh"); err != nil {
		t.Fatal(err)
	}
	path := "PATH=bin::" + dir + "/empty:" + dir + "/data:" + dir + "/scripts"
	for _, test := range []struct {
		argv0, path string
		want        []string
	}{
		{dir + "/scripts/create.sh", "", []string{dir + "/scripts", dir + "/usr"}},
		{dir + "/scripts/../usr/hook", "", []string{dir + "/usr"}},
		{dir + "/gone/hook", path, []string{dir + "/gone"}}, // deleted since
		{"create.sh", path, []string{dir + "/scripts", dir + "/usr"}},
		{"hook", path, nil},
		{"create.sh", "", nil},
		{"", path, nil},
	} {
		s := FromProcess(test.argv0, []string{test.path, "CREDENTIALS_DIRECTORY=/run/credentials/x", "WILDCARD_ENV_FILE=/e"}, "", "/c")
		if !slices.Equal(s.ProgramDirs, test.want) || s.CredentialsDir != "/run/credentials/x" || s.EnvFile != "/e" || s.ConfigDir != "/c" {
			t.Errorf("%q: got %+v, want %q", test.argv0, s, test.want)
		}
	}
	if s := FromProcess("", []string{"WILDCARD_ENV_FILE=/e"}, "/flag", ""); s.EnvFile != "/flag" {
		t.Errorf("the flag does not win: %+v", s)
	}
}

// O22: what to do next is about the path that failed, or about the folder above it that is there, and never about another.
func TestPrivateDir_Next(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	file := write(t, dir+"/a file", "")
	if err := os.Mkdir(dir+"/open", 0o700); err != nil {
		t.Fatal(err)
	}
	chmod(t, dir+"/open", 0o755)
	for path, want := range map[string]string{
		file + "/state/wildcard": "ls -ld " + Shown(file) + "; df -h " + Shown(file) + "; or give another directory: --state-dir",
		"/proc/self/none/state":  "ls -ld /proc/self; ", // root cannot make a folder there either
		dir + "/open":            "chmod 700 " + dir + "/open",
	} {
		failure := messages.English.Failure(PrivateDir(path), "")
		if !strings.HasPrefix(failure.Next, want) || failure.Exit != 78 {
			t.Errorf("%s: next %q, want %q: %+v", path, failure.Next, want, failure)
		}
	}
	if _, err := findDirectories("", "", []string{"HOME=/"}, false); !strings.Contains(messages.English.Failure(err, "").Next, "WILDCARD_STATE_DIR") {
		t.Errorf("%v", err)
	}
}
