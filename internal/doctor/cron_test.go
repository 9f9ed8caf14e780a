package doctor

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wildcard/internal/settings"
	"wildcard/internal/testkit/executable"
)

// crontab puts a text in the place of the machine's file in cron.d.
func (w *world) crontab(text string) {
	w.t.Helper()
	w.write(w.file("etc/cron.d/wildcard"), text, 0o644)
}

func (w *world) file(path string) string { return filepath.Join(w.dir, filepath.FromSlash(path)) }

// processes gives the machine processes of these names; numbers count from 1.
func (w *world) processes(names ...string) {
	for i, name := range names {
		w.write(w.file("proc/"+string(rune('1'+i))+"/comm"), name+"\n", 0o644)
	}
}

// only fails the test unless an examination has this one finding, and says these texts in it.
func (w *world) only(what, code string, texts ...string) Finding {
	w.t.Helper()
	report := w.examine()
	if len(report.Findings) != 1 || report.Findings[0].Code != code || report.Exit() != 1 {
		w.t.Errorf("%s: exit status %d, %v", what, report.Exit(), codes(report))
		return Finding{}
	}
	f := report.Findings[0]
	for _, text := range texts {
		if !strings.Contains(f.What.String()+" > "+f.Fix.String(), text) {
			w.t.Errorf("%s: no %q: %s > %s", what, text, f.What, f.Fix)
		}
	}
	if slices.ContainsFunc(report.Good, func(f Finding) bool { return strings.Contains(f.What.String(), "runs wildcard renew") }) {
		w.t.Errorf("%s: it is said to run", what)
	}
	return f
}

// healthy fails the test unless an examination finds nothing, and that a file has cron run us.
func (w *world) healthy(what, file string) {
	w.t.Helper()
	report := w.examine()
	if len(report.Findings) > 0 || !slices.ContainsFunc(report.Good, func(f Finding) bool { return f.What.String() == w.file(file)+" runs wildcard renew" }) {
		w.t.Errorf("%s: %v, good %v", what, codes(report), report.Good)
	}
}

const goodLine = "17 */6 * * * root /usr/local/bin/wildcard renew --quiet\n"

// N7: a line of cron's counts only if cron would run it and its program starts; else the reason is said.
func TestCron_LineThatDoesNotRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(w.file("etc/passwd"), "root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\n", 0o644)
	w.doctor.Program = "/usr/local/bin/wildcard"
	for what, test := range map[string]struct{ text, why string }{
		"no such program":         {"17 */6 * * * root /opt/wildcard renew --quiet\n", "it would run /opt/wildcard: "},
		"not in cron's PATH":      {"17 */6 * * * root wildcard renew --quiet\n", "wildcard is not found in the PATH that cron gives (/usr/bin:/bin)"},
		"not in the table's PATH": {"PATH=/opt/bin:/usr/sbin\n17 */6 * * * root wildcard renew\n", "(/opt/bin:/usr/sbin)"},
		"after a test":            {"17 */6 * * * root test -x /usr/local/bin/wildcard && sleep 5 && wildcard -v renew\n", "not found"},
		"no user":                 {"17 */6 * * * /usr/local/bin/wildcard renew --quiet\n", "no user before the command"},
		"no user, no path":        {"17 */6 * * * wildcard renew --quiet\n", "no user before the command"},
		"a user who is not there": {"17 */6 * * * certs /usr/local/bin/wildcard renew --quiet\n", `there is no user "certs"`},
		"six fields":              {"0 17 */6 * * * root /usr/local/bin/wildcard renew\n", `there is no user "*"`},
		"no time":                 {"root /usr/local/bin/wildcard renew --quiet\n", "five fields of a time"},
		"four fields":             {"17 */6 * * root /usr/local/bin/wildcard renew --quiet\n", "five fields of a time"},
		"minute 75":               {"75 */6 * * * root /usr/local/bin/wildcard renew --quiet\n", "five fields of a time"},
		"at boot":                 {"@reboot root /usr/local/bin/wildcard renew\n", "does not come often enough"},
		"CR LF":                   {"17 */6 * * * root /usr/local/bin/wildcard renew --quiet\r\n", "ends in CR"},
		"no end of line":          {strings.TrimSpace(goodLine), "last line does not end"},
	} {
		w.crontab(test.text)
		f := w.only(what, FoundCron, w.file("etc/cron.d/wildcard")+" is to run wildcard renew, and does not: ", test.why)
		command := exec.CommandContext(t.Context(), "/bin/sh", "-c", f.Fix.String())
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%s: %s: %v %s", what, f.Fix, err, out)
		}
		w.healthy(what+", after "+f.Fix.String(), "etc/cron.d/wildcard")
	}
}

// Lines that are not as we write them, and that cron runs.
func TestCron_LineThatRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, text := range []string{
		"@daily root /usr/local/bin/wildcard renew\n",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/bin\n0 3 * * mon-fri,7 root wildcard renew\n",
		"0,30 */12 1-31/2 jan-dec * root cd / && sleep 7; PATH=/usr/local/bin:$PATH wildcard -v renew >/dev/null 2>&1\n",
		"0~59 4 * * * root flock -n /run/x '/usr/local/bin/wildcard' renew --config-dir /a/b | logger -t 50\\%\n",
		"# a note: wildcard renew\n" + goodLine,
	} {
		w.crontab(text)
		w.healthy(text, "etc/cron.d/wildcard")
	}
	w.crontab("1 2 * * * root certbot renew --config-dir /srv/le --deploy-hook /opt/wildcard-reload\n") // it is another's
	w.only("certbot's line", FoundTimerMissing)
}

// N7: cron passes over a file that others may write to or that is not root's, and over one with a dot in its name; and no daemon
// reads any.
func TestCron_FileThatIsPassedOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := w.file("etc/cron.d/wildcard")
	for _, mode := range []os.FileMode{0o666, 0o664, 0o646} {
		w.check(os.Chmod(file, mode))
		w.only("open to others", FoundCron, "others may write to it", "chmod 644 "+file)
	}
	w.check(os.Chmod(file, 0o644))
	w.check(os.Rename(file, file+".cron"))
	w.only("a dot", FoundCron, "names with a dot are passed over here (wildcard.cron)", "mv "+file+".cron "+file)
	w.check(os.Rename(file+".cron", file+"~"))
	w.only("a backup", FoundTimerMissing)
	w.check(os.Rename(file+"~", file))
	w.processes("init", "sshd")
	w.only("no daemon", FoundCron, "no cron runs", "install cron and start it")
	w.write(w.file("usr/sbin/cron"), "", 0o755)
	w.only("a daemon that does not run", FoundCron, "no cron runs", "/usr/sbin/cron")
	w.processes("init", "sshd", "cron")
	w.healthy("a daemon", "etc/cron.d/wildcard")
}

// Programs of the folders that run-parts runs, and tables of users.
func TestCron_OtherFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.uncron()
	script := w.file("etc/cron.daily/wildcard")
	w.write(script, "#!/bin/sh\n/usr/local/bin/wildcard renew --quiet\n", 0o644)
	w.only("not executable", FoundCron, "it is not executable", "chmod +x "+script)
	w.check(os.Chmod(script, 0o755))
	w.healthy("a script", "etc/cron.daily/wildcard")
	w.write(script, "#!/bin/sh\r\n/usr/local/bin/wildcard renew --quiet\r\n", 0o755)
	w.only("CR LF", FoundCron, "line 1 ends in CR")
	w.write(script, "#!/bin/sh\nwildcard renew --quiet\n", 0o755)
	w.only("no path", FoundCron, "not found in the PATH that cron gives")
	w.write(w.file("etc/crontab"), "PATH=/usr/local/bin:/usr/bin\n25 6 * * * root run-parts /etc/cron.daily\n", 0o644)
	w.healthy("the table has a PATH", "etc/cron.daily/wildcard")
	w.check(os.Remove(script))
	users := w.file("var/spool/cron/crontabs/root")
	w.write(users, "17 */6 * * * root /usr/local/bin/wildcard renew\n", 0o600)
	w.healthy("a word before the command is a command there", "var/spool/cron/crontabs/root")
}

// O29: the line that is advised has the program's own path, works in cron's environment, and is found to be good.
func TestCron_AdvisedLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.uncron()
	for _, name := range []string{"wildcard", "wild card", "it's 100% wildcard"} {
		dir := w.file("opt/" + strings.TrimSuffix(name, "wildcard"))
		w.check(os.MkdirAll(dir, 0o755))
		w.doctor.Program = filepath.Join(dir, "wildcard")
		executable.Write(t, w.doctor.Program, "#!/bin/sh\ntest \"$*\" = 'renew --quiet'\n")
		fix := w.only(name, FoundTimerMissing, "> /etc/cron.d/wildcard").Fix.String()
		// The machine is below a folder, and so is its cron.d.
		fix = strings.Replace(fix, "/etc/cron.d/wildcard", w.file("etc/cron.d/wildcard"), 1)
		w.sh(fix)
		text, err := os.ReadFile(w.file("etc/cron.d/wildcard"))
		w.check(err)
		_, command, found := strings.Cut(strings.TrimSpace(string(text)), " root ")
		if !found {
			t.Fatalf("%s: %s", fix, text)
		}
		w.sh("env -i PATH=/usr/bin:/bin /bin/sh -c " + settings.Shown(strings.ReplaceAll(command, `\%`, "%")))
		w.check(os.Remove(w.file("etc/cron.d/wildcard")))
	}
}

func (w *world) sh(line string) {
	w.t.Helper()
	var out bytes.Buffer
	command := exec.CommandContext(w.t.Context(), "/bin/sh", "-c", line)
	command.Stdout, command.Stderr = &out, &out
	if err := command.Run(); err != nil {
		w.t.Errorf("%s: %v %s", line, err, out.String())
	}
}

// O23: a program of certbot's with a dot in its name is run where run-parts takes dots, and said to be passed over elsewhere.
func TestCron_CertbotScriptWithDot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hook := filepath.Join(w.dir, "wildcard-auth-hook")
	w.write(hook, "#!/bin/sh\n", 0o755)
	w.certbots(hook)
	if report := w.examine(); len(report.Findings) != 1 || report.Findings[0].Code != FoundCertbotTimer {
		t.Errorf("nothing: %v", codes(report))
	}
	script := w.file("etc/cron.daily/certbot.sh")
	w.write(script, "#!/bin/sh\ncertbot renew -q\n", 0o755)
	debian := func(what string) {
		w.t.Helper()
		report := w.examine()
		if len(report.Findings) != 1 || report.Findings[0].Code != FoundCron || !strings.Contains(report.Findings[0].What.String(), script+" is to run certbot renew, and does not: names with a dot") ||
			report.Findings[0].Fix.String() != "mv "+script+" "+strings.TrimSuffix(script, ".sh") {
			t.Errorf("%s: %v", what, report.Findings)
		}
	}
	takes := func(what string) {
		w.t.Helper()
		report := w.examine()
		if len(report.Findings) > 0 || !slices.ContainsFunc(report.Good, func(f Finding) bool { return f.What.String() == script+" runs certbot renew" }) {
			t.Errorf("%s: %v", what, codes(report))
		}
	}
	debian("no run-parts")
	w.write(w.file("etc/os-release"), "NAME=x\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", 0o644)
	takes("rocky")
	w.write(w.file("usr/bin/run-parts"), "\x7fELF\x02", 0o755)
	debian("a program")
	w.write(w.file("usr/bin/run-parts"), "#!/usr/bin/bash\n# run-parts - concept taken from Debian\n", 0o755)
	takes("a script")
}
