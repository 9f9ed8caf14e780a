package units_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/system/units"
	"wildcard/internal/testkit/executable"
)

// world is a machine in a folder, with programs of systemd's that write down how they are called.
type world struct {
	t       *testing.T
	machine units.Machine
	calls   string
}

func newWorld(t *testing.T, running bool) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, calls: filepath.Join(dir, "calls")}
	w.program(dir, "systemctl", `case "$*" in
--version) echo 'systemd 252 (252.38-1~deb12u1)'; echo '+PAM' ;;
*is-enabled*) cat "$0.enabled" 2>/dev/null || { echo disabled; exit 1; } ;;
*disable*) rm -f "$0.enabled" ;;
*enable*) echo enabled >"$0.enabled" ;;
show\ wildcard-renew.timer*) echo ActiveState=active; echo NextElapseUSecRealtime=Wed 2026-11-25 18:00:00 UTC; echo LastTriggerUSec=n/a ;;
show\ wildcard-renew.service*) echo Result=exit-code; echo ExecMainExitTimestamp=Wed 2026-11-25 12:00:01 UTC ;;
show*) echo Result=success; echo ExecMainExitTimestamp= ;;
*daemon-reload) ;;
*) echo "what is $*?" >&2; exit 64 ;;
esac`)
	w.program(dir, "systemd-tmpfiles", "")
	w.machine = units.Machine{Root: filepath.Join(dir, "root"), Running: running, Program: "/usr/local/bin/wildcard", Environ: []string{"PATH=" + dir + ":" + os.Getenv("PATH")}}
	return w
}

func (w *world) program(dir, name, script string) {
	w.t.Helper()
	text := "#!/bin/sh\necho \"${0##*/} $*\" >>" + w.calls + "\n" + script + "\n"
	executable.Write(w.t, filepath.Join(dir, name), text)
}

// called are the calls since the last time.
func (w *world) called() []string {
	w.t.Helper()
	text, err := os.ReadFile(w.calls)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Fatal(err)
	}
	_ = os.Remove(w.calls)
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func (w *world) install() []units.State {
	w.t.Helper()
	return w.states(w.machine.Install(w.t.Context()))
}
func (w *world) remove() []units.State {
	w.t.Helper()
	return w.states(w.machine.Remove(w.t.Context()))
}

func (w *world) states(files []units.File, err error) (states []units.State) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range files {
		states = append(states, f.State)
	}
	return slices.Compact(states)
}

func (w *world) path(path string) string { return filepath.Join(w.machine.Root, path) }

// files are all files of the machine.
func (w *world) files() (files []string) {
	w.t.Helper()
	for _, pattern := range []string{"etc/*/*", "etc/*/*/*", "usr/lib/*/*/*"} {
		found, err := filepath.Glob(w.path(pattern))
		if err != nil {
			w.t.Fatal(err)
		}
		for _, path := range found {
			if info, err := os.Stat(path); err == nil && !info.IsDir() {
				files = append(files, strings.TrimPrefix(path, w.machine.Root))
			}
		}
	}
	return files
}

func TestInstallAndRemove(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	if got := w.install(); !slices.Equal(got, []units.State{units.Missing}) {
		t.Errorf("found %q", got)
	}
	want := []string{"systemctl --version", "systemd-tmpfiles --create wildcard.conf", "systemctl daemon-reload", "systemctl enable --now wildcard-renew.timer"}
	if got := w.called(); !slices.Equal(got, want) {
		t.Errorf("called %q", got)
	}
	text, err := os.ReadFile(w.path("/etc/systemd/system/wildcard-renew.service"))
	if err != nil || !strings.Contains(string(text), "\nExecStart=/usr/local/bin/wildcard renew --quiet --deploy later\n") {
		t.Errorf("%v\n%s", err, text)
	}
	if got := w.install(); !slices.Equal(got, []units.State{units.Current}) {
		t.Errorf("then found %q", got)
	}
	w.called()
	status, err := w.machine.Status(t.Context())
	if err != nil || status.Enabled != "enabled" || status.Active != "active" || status.Last != nil || status.Result != "exit-code" || status.Deploy != "" ||
		status.Next == nil || !status.Next.Equal(time.Date(2026, 11, 25, 18, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v %v", status, err)
	}
	w.called()
	if got := w.remove(); !slices.Equal(got, []units.State{units.Current}) {
		t.Errorf("removing found %q", got)
	}
	if got := w.called(); !slices.Equal(got, []string{"systemctl disable --now wildcard-renew.timer", "systemctl daemon-reload"}) {
		t.Errorf("called %q", got)
	}
	if left := w.files(); len(left) > 0 {
		t.Errorf("left %q", left)
	}
	w.remove()
	if status, err := w.machine.Status(t.Context()); err != nil || status.Enabled != "not-found" {
		t.Errorf("%+v %v", status, err)
	}
}

// What a call left that was killed while it wrote a unit is removed by the next one, whichever that is.
func TestKilledBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.install()
	want := w.files()
	half := w.path("/etc/systemd/system/.wildcard-renew.service.new")
	for _, verb := range []string{"install", "remove", "remove"} {
		if err := os.WriteFile(half, []byte("[Un"), 0o600); err != nil {
			t.Fatal(err)
		}
		switch verb {
		case "install":
			if err := os.Remove(w.path("/etc/systemd/system/wildcard-renew.service")); err != nil { // it was to be
				t.Fatal(err)
			}
			w.install()
		default:
			w.remove()
			want = nil
		}
		if got := w.files(); !slices.Equal(got, want) {
			t.Errorf("%s: there are %q", verb, got)
		}
	}
}

// A machine on which systemd does not run, such as an image, gets the files, and no daemon is told.
func TestAnotherRoot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	w.install()
	if got := w.called(); !slices.Equal(got, []string{"systemctl --root=" + w.machine.Root + " enable wildcard-renew.timer"}) {
		t.Errorf("called %q", got)
	}
	w.remove()
	if got := w.called(); !slices.Equal(got, []string{"systemctl --root=" + w.machine.Root + " disable wildcard-renew.timer"}) {
		t.Errorf("called %q", got)
	}
}

// What an older version wrote is replaced; what the administrator edited is not, and then nothing else is changed either.
func TestOlderAndEdited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.install()
	w.machine.Program = "/opt/bin/wildcard"
	if got := w.install(); !slices.Equal(got, []units.State{units.Old, units.Current}) {
		t.Errorf("found %q", got)
	}
	unit := w.path("/etc/systemd/system/wildcard-deploy.service")
	text, err := os.ReadFile(unit)
	if err != nil || !strings.Contains(string(text), "=/opt/bin/wildcard ") {
		t.Errorf("%v\n%s", err, text)
	}
	edited := append(text, "Nice=5\n"...)
	if err := os.WriteFile(unit, edited, 0o600); err != nil {
		t.Fatal(err)
	}
	w.machine.Program = "/usr/local/bin/wildcard"
	before := w.files()
	w.called()
	for what, change := range map[string]func() error{
		"install": func() error { _, err := w.machine.Install(t.Context()); return err },
		"remove":  func() error { _, err := w.machine.Remove(t.Context()); return err },
	} {
		err := change()
		if fault.CodeOf(err) != units.CodeEdited || fault.ClassOf(err) != fault.Misconfigured || !strings.Contains(err.Error(), "systemctl edit wildcard-deploy.service") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if now, err := os.ReadFile(unit); err != nil || string(now) != string(edited) {
		t.Errorf("%v\n%s", err, now)
	}
	if got := w.called(); !slices.Equal(w.files(), before) || !slices.Equal(got, []string{""}) {
		t.Errorf("changed all the same: %q, %q", w.files(), got)
	}
	renewal, err := os.ReadFile(w.path("/etc/systemd/system/wildcard-renew.service"))
	if err != nil || !strings.Contains(string(renewal), "=/opt/bin/wildcard ") {
		t.Errorf("%v\n%s", err, renewal)
	}
}

// Where a package has the units for this very program, only the timer is enabled; drop-ins are only the
// administrator's.
func TestPackaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.machine.Program = "/usr/bin/wildcard"
	for _, path := range []string{
		"/usr/lib/systemd/system/wildcard-renew.service", "/usr/lib/systemd/system/wildcard-deploy.service",
		"/usr/lib/systemd/system/wildcard-renew.timer", "/usr/lib/tmpfiles.d/wildcard.conf",
		"/etc/systemd/system/wildcard-renew.service.d/override.conf",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(w.path(path)), 0o700), os.WriteFile(w.path(path), []byte("# x\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	before := w.files()
	if got := w.install(); !slices.Equal(got, []units.State{units.Packaged}) {
		t.Errorf("found %q", got)
	}
	if status, err := w.machine.Status(t.Context()); err != nil || status.Files[0].Path != "/usr/lib/systemd/system/wildcard-renew.service" {
		t.Errorf("%+v %v", status, err)
	}
	if got := w.called(); !slices.Contains(got, "systemctl enable --now wildcard-renew.timer") {
		t.Errorf("called %q", got)
	}
	w.remove()
	if got := w.called(); !slices.Contains(got, "systemctl disable --now wildcard-renew.timer") || !slices.Equal(w.files(), before) {
		t.Errorf("called %q, left %q", got, w.files())
	}
}

// A program that others could replace is not made root's.
func TestUntrustedProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "wildcard")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := units.Machine{Program: path, Environ: []string{"PATH=" + dir}}.Install(t.Context())
	if fault.ClassOf(err) != fault.Misconfigured || !strings.Contains(err.Error(), "not executable") {
		t.Errorf("%v", err)
	}
}

// A machine without systemd is told what to do instead; what systemd refuses is passed on.
func TestFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.machine.Environ = []string{"PATH=" + t.TempDir()}
	if _, err := w.machine.Install(t.Context()); fault.CodeOf(err) != units.CodeFailed || !strings.Contains(err.Error(), `cron run "/usr/local/bin/wildcard renew --quiet"`) {
		t.Errorf("%v", err)
	}
	w = newWorld(t, true)
	w.program(filepath.Dir(w.calls), "systemctl", "echo 'systemd 239 (239-82.el8)'")
	if _, err := w.machine.Install(t.Context()); fault.CodeOf(err) != units.CodeFailed || !strings.Contains(err.Error(), "249 is the first") {
		t.Errorf("%v", err)
	}
	if got := w.files(); len(got) > 0 {
		t.Errorf("written all the same: %q", got)
	}
	w.program(filepath.Dir(w.calls), "systemctl", "echo 'Access denied' >&2; exit 4")
	if _, err := w.machine.Install(t.Context()); fault.CodeOf(err) != units.CodeFailed || !strings.Contains(err.Error(), "Access denied") {
		t.Errorf("%v", err)
	}
}

// A path that systemd would read as something else than one word does not get into a unit.
func TestOddProgram(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/opt/my tools/wildcard", "/opt/100%/wildcard", "/opt/$x/wildcard", "/opt/a\nExecStart=/bin/sh/wildcard", `/opt/"q"/wildcard`} {
		w := newWorld(t, true)
		w.machine.Program = path
		if _, err := w.machine.Install(t.Context()); fault.CodeOf(err) != units.CodeFailed || strings.ContainsAny(err.Error(), "\n") {
			t.Errorf("%q: %v", path, err)
		}
		if calls := w.called(); len(calls) != 1 || calls[0] != "" {
			t.Errorf("%q: %q", path, calls)
		}
	}
}

// A peer that makes a run large takes no more than a part of the machine.
func TestServices_MemoryMax(t *testing.T) {
	t.Parallel()
	services, err := filepath.Glob("*.service")
	if err != nil || len(services) < 2 {
		t.Fatalf("%q, %v", services, err)
	}
	for _, name := range services {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		section := strings.Index(string(text), "[Service]\n")
		if limit := strings.Index(string(text), "\nMemoryMax="); section < 0 || limit < section {
			t.Errorf("%s has no MemoryMax=", name)
		}
	}
}

// TestServices_RunAsRoot has systemd set HOME in each, in which programs look for their files, such as ~/.ssh/known_hosts (systemd.exec(5)).
func TestServices_RunAsRoot(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"wildcard-renew.service", "wildcard-deploy.service"} {
		text, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(text), "\nUser=root\n") {
			t.Errorf("%s: no User=root: %v", name, err)
		}
	}
}
