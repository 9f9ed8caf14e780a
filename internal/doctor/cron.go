package doctor

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"wildcard/internal/messages"
	"wildcard/internal/settings"
	"wildcard/internal/system/subprocess"
)

// cronPath is where cron looks for programs unless a table says otherwise (crontab(5) of Debian and of cronie).
const cronPath = "/usr/bin:/bin"

// job is what a file of cron's would run.
type job struct {
	file string
	why  error            // it is not run, or fails; nil if nothing is wrong
	fix  messages.Message // of why
}

// table is a kind of file that cron reads, or run-parts for it.
type table struct {
	pattern string
	user    bool // lines name the user
	script  bool // it is a program
}

func tables() []table {
	return []table{
		{"etc/crontab", true, false}, {"etc/cron.d/*", true, false},
		{"etc/cron.hourly/*", false, true}, {"etc/cron.daily/*", false, true}, {"etc/cron.weekly/*", false, true},
		{"etc/periodic/*/*", false, true},
		{"etc/crontabs/*", false, false}, {"var/spool/cron/*", false, false}, {"var/spool/cron/crontabs/*", false, false},
	}
}

// jobs are those in cron's files that are to run a program with this argument, each judged by whether it can. There may be more
// in files that are hidden from us, an ordinary user.
func (v *visit) jobs(ctx context.Context, program, argument string) (all []job, hidden bool) {
	for _, t := range tables() {
		paths, err := filepath.Glob(v.path(t.pattern))
		if err != nil {
			continue // only a bad pattern
		}
		_, err = os.ReadDir(filepath.Dir(v.path(t.pattern))) // Glob says nothing of it
		hidden = hidden || os.Geteuid() != 0 && errors.Is(err, fs.ErrPermission)
		for _, path := range paths {
			text, err := readSome(path)
			hidden = hidden || os.Geteuid() != 0 && errors.Is(err, fs.ErrPermission)
			if err != nil || !mentions(text, []string{program, argument}) {
				continue
			}
			c := cronFile{t, v, path, program, argument, cronPath}
			if t.script {
				c.search = v.scriptPath()
			}
			for _, j := range c.jobs(ctx, text) {
				if j.why == nil {
					j = v.daemon(t, path)
				}
				all = append(all, j)
			}
		}
	}
	return all, hidden
}

// scriptPath is the PATH that programs of the folders get: that of the table that has run-parts run them.
func (v *visit) scriptPath() string {
	for _, path := range []string{"etc/anacrontab", "etc/crontab"} {
		text, _ := readSome(v.path(path)) // one that is not there says nothing
		for line := range strings.Lines(string(text)) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), "PATH="); ok {
				return value
			}
		}
	}
	return cronPath
}

// cronFile is a file that is read.
type cronFile struct {
	table
	v                 *visit
	path              string
	program, argument string // that are looked for
	search            string // PATH
}

// advice is why a job is not run, and what to do.
func (c *cronFile) advice(why, fix messages.Message) job { return job{c.path, why, fix} }

// jobs judges the file, then each of its lines that names what is looked for.
func (c *cronFile) jobs(ctx context.Context, text []byte) []job {
	if name := filepath.Base(c.path); strings.HasSuffix(name, "~") || strings.HasPrefix(name, ".") {
		return nil // a backup, to every cron
	}
	if j := c.passedOver(); j.why != nil {
		return []job{j}
	}
	if c.script {
		return []job{c.runnable(text)}
	}
	var all []job
	for line := range strings.Lines(string(text)) {
		ended := strings.HasSuffix(line, "\n")
		line = strings.Trim(line, " \t\n")
		if name, value, ok := strings.Cut(line, "="); ok && strings.TrimSpace(name) == "PATH" {
			c.search = strings.Trim(strings.TrimSpace(value), `"'`)
		}
		if strings.HasPrefix(line, "#") || !c.names(strings.TrimSuffix(line, "\r")) {
			continue
		}
		switch {
		case strings.HasSuffix(line, "\r"):
			all = append(all, c.advice(messages.New("the line ends in CR, which is part of the command then"),
				messages.New("%s", `sed -i 's/\r$//' `+settings.Shown(c.path))))
		case !ended && !c.v.takesDots():
			all = append(all, c.advice(messages.New("the last line does not end, and cron passes over the file"),
				messages.New("%s", "echo >> "+settings.Shown(c.path))))
		default:
			all = append(all, c.line(ctx, line))
		}
	}
	return all
}

// passedOver says why cron does not read a file, or run-parts does not run it (cron(8), run-parts(8)).
func (c *cronFile) passedOver() job {
	name, shown := filepath.Base(c.path), settings.Shown(c.path)
	named := c.script || strings.Contains(c.pattern, "cron.d/")
	if named && strings.Contains(name, ".") && !c.v.takesDots() {
		to := strings.ReplaceAll(strings.TrimSuffix(name, filepath.Ext(name)), ".", "-")
		return c.advice(messages.New("names with a dot are passed over here (%s)", name),
			messages.New("%s", "mv "+shown+" "+settings.Shown(filepath.Join(filepath.Dir(c.path), to))))
	}
	info, err := os.Stat(c.path)
	if err != nil || c.script || !c.user {
		return job{file: c.path}
	}
	mode := info.Mode().Perm()
	switch {
	case mode&0o022 != 0:
		return c.advice(messages.New("others may write to it (mode %04o), and cron passes over it", mode),
			messages.New("%s", "chmod 644 "+shown))
	case c.v.takesDots() && mode&0o533 != 0o400: // cronie passes over executable files, too (its database.c)
		return c.advice(messages.New("cron passes over a file of mode %04o", mode), messages.New("%s", "chmod 644 "+shown))
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if ok && stat.Uid != 0 && (c.v.Root == "" || int(stat.Uid) != os.Geteuid()) {
		return c.advice(messages.New("it does not belong to root, and cron passes over it"),
			messages.New("%s", "chown root "+shown))
	}
	return job{file: c.path}
}

// takesDots reports whether cron and run-parts take names with a dot: those of Red Hat's and SUSE's family do, whose run-parts is a
// script; Debian's and Busybox' do not.
func (v *visit) takesDots() bool {
	for _, path := range []string{"usr/bin/run-parts", "bin/run-parts"} {
		if text, err := readSome(v.path(path)); err == nil {
			return bytes.HasPrefix(text, []byte("#!"))
		}
	}
	if v.there("etc/redhat-release") {
		return true
	}
	family := []string{"rhel", "fedora", "centos", "amzn", "suse"}
	text, _ := readSome(v.path("etc/os-release")) // without one it is no machine of theirs
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		for _, id := range strings.Fields(strings.Trim(value, `"'`)) {
			if (name == "ID" || name == "ID_LIKE") && slices.Contains(family, id) {
				return true
			}
		}
	}
	return false
}

// runnable judges a program that run-parts runs.
func (c *cronFile) runnable(text []byte) job {
	info, err := os.Stat(c.path)
	switch {
	case err != nil:
		return c.advice(messages.New("it cannot be looked at: %v", err),
			messages.New("%s", "ls -l "+settings.Shown(c.path)))
	case info.Mode().Perm()&0o111 == 0:
		return c.advice(messages.New("it is not executable"), messages.New("%s", "chmod +x "+settings.Shown(c.path)))
	}
	if defect := subprocess.Startable(c.path); defect != nil {
		return c.advice(defect.What, defect.Fix)
	}
	for line := range strings.Lines(string(text)) {
		if why := c.command(line); why != nil && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			return c.advice(*why, messages.New("put the absolute path of a program that is there into %s", c.path))
		}
	}
	return job{file: c.path}
}

// daemon is a job of a file, with why nothing reads the file, if no daemon does. Where processes cannot be seen, one may.
func (v *visit) daemon(t table, file string) job {
	if _, err := os.ReadFile(v.path("proc/1/comm")); err != nil {
		return job{file: file}
	}
	processes, _ := filepath.Glob(v.path("proc/[0-9]*/comm")) // only a bad pattern is an error
	for _, path := range processes {
		text, _ := os.ReadFile(path) // it may have ended
		if strings.Contains(string(text), "cron") {
			return job{file: file}
		}
	}
	if v.there("run/systemd/generator/cron.target.wants") || v.there("etc/anacrontab") && v.systemd() && t.script {
		return job{file: file} // systemd-cron makes timers of the files; anacron.timer runs the folders
	}
	for _, name := range []string{"cron", "crond"} {
		switch start := "/usr/sbin/" + name; {
		case !v.there("usr/sbin/" + name):
		case v.systemd():
			return job{file, messages.New("no cron runs"), messages.New("%s", "systemctl enable --now "+name)}
		default:
			return job{file, messages.New("no cron runs"), messages.New("%s", start)}
		}
	}
	return job{file, messages.New("no cron runs"),
		messages.New("install cron and start it, or have another scheduler run it")}
}

// there reports whether the machine has a file.
func (v *visit) there(path string) bool {
	_, err := os.Stat(v.path(path))
	return err == nil
}
