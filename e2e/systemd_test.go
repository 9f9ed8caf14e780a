//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
)

// units installs our units below root, by the real systemctl, and returns their folder.
func (w *world) units(root string) string {
	w.t.Helper()
	w.wildcard("systemd", "install", "--root", root)
	return filepath.Join(root, "etc/systemd/system")
}

// systemd-analyze finds nothing to complain about in the units, and the renewal's sandbox a tight one.
func TestUnits(t *testing.T) {
	w := newWorld(t, conohatest.Options{})
	root := t.TempDir()
	dir := w.units(root)
	for _, name := range []string{"wildcard-renew.service", "wildcard-renew.timer", "wildcard-deploy.service"} {
		// An unknown key is only said on stderr, among whatever is wrong with the machine's own units.
		out, err := exec.Command("systemd-analyze", "verify", "--man=no", filepath.Join(dir, name)).CombinedOutput()
		if err != nil || strings.Contains(string(out), "wildcard") {
			t.Errorf("systemd-analyze verify %s: %v\n%s", name, err, out)
		}
	}
	// The threshold is in tenths.
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=30", "--no-pager", filepath.Join(dir, "wildcard-renew.service")).CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	t.Log(lines[len(lines)-1])
	enabled, err := exec.Command("systemctl", "--root="+root, "is-enabled", "wildcard-renew.timer").CombinedOutput()
	if err != nil || string(enabled) != "enabled\n" {
		t.Errorf("%v %s", err, enabled)
	}
	if out := w.wildcard("systemd", "remove", "--root", root); !strings.Contains(out, "removed") {
		t.Errorf("%s", out)
	}
	if err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			t.Errorf("left: %s", path)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

// session runs the timer under a real manager, a user's, whose root is its own: mounts, capabilities and system calls of
// the sandbox are as in the system's, users are not. It is kept in a control group of its own, since a manager moves the
// processes of its own away. The manager has ended when the script has.
const session = `set -eu
groups=
for top in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
	if [ -e "$top/cgroup.procs" ] && mkdir "$top/wildcard-e2e-$$"; then
		groups="$groups $top/wildcard-e2e-$$"
		echo $$ >"$top/wildcard-e2e-$$/cgroup.procs"
	fi
done
export groups
unshare --mount --propagation private --fork bash -eu <<'INSIDE' || status=$?
	mount --make-rshared /
	mount -t tmpfs tmpfs /run
	mkdir -p /run/systemd/system /run/user
	chmod 700 /run/user
	export XDG_RUNTIME_DIR=/run/user
	/lib/systemd/systemd --user &
	manager=$!
	trap 'kill $manager; wait $manager || :' EXIT
	property() { systemctl --user show --value --property="$2" "$1"; }
	until_true() {
		for _ in $(seq 2400); do
			if "$@"; then return 0; fi
			sleep 0.05
		done
		echo "in vain: $*" >&2
		systemctl --user status --no-pager wildcard-renew.timer wildcard-renew.service wildcard-deploy.service >&2 || :
		return 1
	}
	is() { [ "$(property "$1" "$2" 2>/dev/null)" = "$3" ]; }
	up() { systemctl --user list-units --no-pager >/dev/null 2>&1; }
	until_true up
	systemctl --user start wildcard-renew.timer
	until_true is wildcard-deploy.service Result exit-code
	echo "renew: $(property wildcard-renew.service Result) $(property wildcard-renew.service ExecMainStatus)"
	echo "deploy: $(property wildcard-deploy.service Result) $(property wildcard-deploy.service ExecMainStatus)"
	touch "$DIR/allowed"
	systemctl --user start wildcard-renew.service
	until_true is wildcard-deploy.service Result success
	until_true is wildcard-deploy.service ActiveState inactive
	echo "again: $(property wildcard-renew.service Result) $(property wildcard-deploy.service Result)"
	systemctl --user start wildcard-renew.service
	systemctl --user start plugins.service || :
	echo "plugins: $(property plugins.service Result) $(property plugins.service ExecMainStatus)"
INSIDE
for top in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
	if [ -e "$top/cgroup.procs" ]; then echo $$ >"$top/cgroup.procs"; fi
done
for group in $groups; do
	for _ in $(seq 100); do
		if find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; then break; fi
		sleep 0.1
	done
done
exit ${status-0}
`

// The timer renews a certificate inside the sandbox, with a credential of systemd's; the deploy hook runs outside of it, and
// again at the next run after it has failed.
func TestTimer(t *testing.T) {
	t.Setenv("TMPDIR", "/var/lib") // /tmp is not the unit's
	w := newWorld(t, conohatest.Options{})
	a := w.conoha.AddAccount(conohatest.Account{Version: 2})
	w.zone(a, "example.com")
	w.use(a)
	hook := fmt.Sprintf("test -e %[1]s/allowed && echo $RENEWED_DOMAINS >>%[1]s/deployed && grep CapBnd /proc/self/status >>%[1]s/deployed", w.dir)
	if err := os.WriteFile(w.dir+"/allowed", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.wildcard("issue", "--agree-tos", "--deploy-hook", hook, "*.example.com")
	if err := os.Remove(w.dir + "/allowed"); err != nil {
		t.Fatal(err)
	}
	conf := w.dir + "/etc/renewal/example.com.conf"
	text := w.read(conf)
	w.write(conf, strings.Replace(text, "[wildcard]\n", "[wildcard]\nrenew_at = 2020-01-01T00:00:00Z\nari_retry_after = "+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+"\n", 1))

	home := w.dir + "/home"
	units := home + "/.config/systemd/user"
	installed := w.units(w.dir + "/root")
	for _, name := range []string{"wildcard-renew.service", "wildcard-renew.timer", "wildcard-deploy.service"} {
		w.write(units+"/"+name, w.read(installed+"/"+name))
	}
	var credentials, environment strings.Builder
	for _, entry := range append(w.environ, "WILDCARD_SERVER="+w.ca.DirectoryURL(), "WILDCARD_CA_BUNDLE="+w.dir+"/root.pem") {
		name, value, _ := strings.Cut(entry, "=")
		switch {
		case strings.HasPrefix(name, "CONOHA"):
			fmt.Fprintf(&credentials, "%s='%s'\n", name, value)
		case name != "WILDCARD_STATE_DIR":
			fmt.Fprintf(&environment, "%s=%s\n", name, value)
		}
	}
	w.write(w.dir+"/credentials", credentials.String())
	w.write(w.dir+"/environment", environment.String())
	// What differs is where things are, that the manager is a user's, and that its log goes to a file. Two settings mount over
	// /proc/sys and /proc/kmsg, which a machine that is itself a container may not do; TestUnits has the units whole.
	common := fmt.Sprintf("[Service]\nEnvironmentFile=%[1]s/environment\nStandardOutput=append:%[1]s/log\nStandardError=append:%[1]s/log\n", w.dir)
	w.write(units+"/wildcard-renew.service.d/e2e.conf", common+fmt.Sprintf(
		"ProtectKernelTunables=no\nProtectKernelLogs=no\nLoadCredential=conoha.env:%[1]s/credentials\nReadWritePaths=%[1]s/etc %[1]s/run\n", w.dir))
	w.write(units+"/wildcard-deploy.service.d/e2e.conf", common)
	w.write(units+"/wildcard-renew.timer.d/e2e.conf", "[Timer]\nOnCalendar=\nOnActiveSec=0\nRandomizedDelaySec=0\nAccuracySec=1ms\nPersistent=no\n")
	w.pluginsUnit(units, w.read(installed+"/wildcard-renew.service"))
	if err := os.MkdirAll(w.dir+"/run", 0o700); err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command("bash", "-c", session)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "DIR=" + w.dir, "LC_ALL=C"}
	out, err := cmd.CombinedOutput()
	log := w.read(w.dir + "/log")
	if want := "renew: success 0\ndeploy: exit-code 1\nagain: success success\nplugins: success 0\n"; err != nil || string(out) != want {
		t.Fatalf("%v\n%s\n%s\n%s", err, out, log, w.read(w.dir+"/plugins.log"))
	}
	if said := w.read(w.dir + "/plugins.log"); !strings.Contains(said, "--- PASS: TestStart_Boxed") {
		t.Errorf("%s", said)
	}
	w.clean("example.com")
	if w.versions("example.com") != 2 {
		t.Errorf("%d certificates\n%s", w.versions("example.com"), log)
	}
	ours := strings.Fields(strings.Split(w.read("/proc/self/status"), "CapBnd:")[1])[0]
	want := fmt.Sprintf("*.example.com\nCapBnd:\t%s\n", ours)
	if got := w.read(w.dir + "/deployed"); got != want+want { // once by issue
		t.Errorf("the deploy hook wrote %q, not %q\n%s", got, want+want, log)
	}
	// A line for the renewal, four for the hook that failed (with its cause and what to do), one for the one that did not; none
	// for a run with nothing due.
	for _, line := range []string{"example.com: renewed, ", "[hook.failed]", "0 deployed, 1 failed", "example.com: deployed, "} {
		if strings.Count(log, line) != 1 {
			t.Errorf("not once %q:\n%s", line, log)
		}
	}
	if n := strings.Count(log, "\n"); n > 6 {
		t.Errorf("%d lines logged:\n%s", n, log)
	}
	if entries, err := os.ReadDir(home + "/.config/wildcard/history"); err != nil || len(entries) == 0 {
		t.Errorf("the unit's state directory was not used: %v", err)
	}
}

// pluginsUnit is the renewal's unit with the tests of how plugins are confined in the place of wildcard.
func (w *world) pluginsUnit(units, text string) {
	w.t.Helper()
	program := w.dir + "/confine.test"
	if out, err := exec.Command("go", "test", "-c", "-o", program, "wildcard/internal/system/confine").CombinedOutput(); err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
	w.write(units+"/plugins.service", text)
	w.write(units+"/plugins.service.d/e2e.conf", w.read(units+"/wildcard-renew.service.d/e2e.conf"))
	w.write(units+"/plugins.service.d/tests.conf", fmt.Sprintf("[Unit]\nOnSuccess=\nOnFailure=\n[Service]\nExecStart=\nExecStart=%[1]s -test.v -test.run=^TestStart_\n"+
		"StandardOutput=append:%[2]s/plugins.log\nStandardError=append:%[2]s/plugins.log\n", program, w.dir))
}

func (w *world) read(path string) string {
	w.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// write writes a file that only we may read, and the folders above it.
func (w *world) write(path, text string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}
