package units

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/system/failpoint"
	"wildcard/internal/system/subprocess"
)

// Codes of this package's errors.
const (
	CodeFailed = "systemd.failed" // systemd or the disk refused something
	CodeEdited = "systemd.edited" // a unit is not as we wrote it, and stays as it is
)

// longest is what one call of systemctl may take.
const longest = 2 * time.Minute

// Machine is where units go.
type Machine struct {
	Root    string   // "" for this machine, else the root of another one's file system
	Running bool     // systemd runs there, and is told of changes
	Program string   // absolute path of wildcard there
	Environ []string // for systemctl: PATH above all
}

// Running reports whether systemd runs this machine, as sd_booted(3) does.
func Running() bool {
	info, err := os.Lstat("/run/systemd/system")
	return err == nil && info.IsDir()
}

// plain are the characters of a path that systemd takes as they are (systemd.service(5), "Command lines").
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@+=:,./-"

// Install puts the units on the machine and enables the timer; if systemd runs, it is started as well. It returns the files
// with their states before. Nothing is changed if one of them was edited. It may be called again.
func (m Machine) Install(ctx context.Context) ([]File, error) {
	if strings.Trim(m.Program, plain) != "" {
		return nil, fault.Errorf(CodeFailed, fault.Misconfigured,
			"systemd: %s has characters that mean something else in a unit (install it into /usr/local/bin)",
			fault.Excerpt(m.Program))
	}
	if m.Root == "" {
		if _, err := subprocess.Trusted(m.Program); err != nil {
			return nil, fault.Errorf(CodeFailed, fault.Misconfigured,
				"systemd: root is to run this program: %w (install it into /usr/local/bin)", err)
		}
	}
	files, err := m.files()
	if err != nil {
		return files, err
	}
	if err := edited(files); err != nil {
		return files, err
	}
	if err := m.fits(ctx); err != nil {
		return files, err
	}
	for _, f := range files {
		if f.State == Current || f.State == Packaged {
			continue
		}
		if err := m.write(f); err != nil {
			return files, failed("%w", err)
		}
	}
	if m.Running {
		if _, err := m.run(ctx, "systemd-tmpfiles", "--create", "wildcard.conf"); err != nil {
			return files, err
		}
		if _, err := m.systemctl(ctx, "daemon-reload"); err != nil {
			return files, err
		}
		_, err = m.systemctl(ctx, "enable", "--now", Timer)
		return files, err
	}
	_, err = m.systemctl(ctx, "enable", Timer)
	return files, err
}

// oldest is the first version of systemd that has all that the units need, OnSuccess= above all.
const oldest = 249

// fits returns an error if this machine's systemd is too old.
func (m Machine) fits(ctx context.Context) error {
	if m.Root != "" && !m.Running {
		return nil // it has its own
	}
	answer, err := m.run(ctx, "systemctl", "--version")
	if err != nil {
		return err
	}
	words := strings.Fields(answer)
	if len(words) < 2 {
		return failed("systemctl --version says %s", fault.Excerpt(answer))
	}
	digits, _, _ := strings.Cut(words[1], ".")
	digits, _, _ = strings.Cut(digits, "~")
	if version, err := strconv.Atoi(digits); err != nil || version < oldest {
		return failed("systemd %s would not run deploy hooks, %d is the first that does: have cron run \"%s renew --quiet\" in its place", words[1], oldest, m.Program)
	}
	return nil
}

// Remove disables the timer and removes what Install wrote. It returns the files with their states before. Nothing is
// changed if one of them was edited. It may be called again.
func (m Machine) Remove(ctx context.Context) ([]File, error) {
	files, err := m.files()
	if err != nil {
		return files, err
	}
	if err := edited(files); err != nil {
		return files, err
	}
	if there(files, Timer) {
		command := []string{"disable", Timer}
		if m.Running {
			command = []string{"disable", "--now", Timer}
		}
		if _, err := m.systemctl(ctx, command...); err != nil {
			return files, err
		}
	}
	for _, f := range files {
		if f.State == Packaged {
			continue
		}
		if err := remove(m.temporary(f)); err != nil {
			return files, failed("%w", err)
		}
		if f.State == Missing {
			continue
		}
		if err := remove(m.path(f.Path)); err != nil {
			return files, failed("%w", err)
		}
	}
	if m.Running {
		_, err = m.systemctl(ctx, "daemon-reload")
	}
	return files, err
}

func there(files []File, name string) bool {
	for _, f := range files {
		if filepath.Base(f.Path) == name {
			return f.State != Missing
		}
	}
	return false
}

// edited returns an error if a file is not as we wrote it.
func edited(files []File) error {
	var names []string
	for _, f := range files {
		if f.State == Edited {
			names = append(names, f.Path)
		}
	}
	if names == nil {
		return nil
	}
	return fault.Errorf(CodeEdited, fault.Misconfigured,
		"systemd: %s was edited, and stays as it is: put your changes into a drop-in (systemctl edit %s), remove the file, and try again",
		strings.Join(names, " and "), filepath.Base(names[0]))
}

func (m Machine) systemctl(ctx context.Context, args ...string) (string, error) {
	if !m.Running {
		args = append([]string{"--root=" + filepath.Join("/", m.Root)}, args...)
	}
	return m.run(ctx, "systemctl", args...)
}

// run runs a program of systemd's and returns its answer.
func (m Machine) run(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	path, err := m.find(name)
	if err != nil {
		return "", err
	}
	c := subprocess.Command(ctx, append(m.environment(), "LC_ALL=C", "TZ=UTC", "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0"),
		path, args...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := failpoint.Do("systemd", "run", c.Run); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return stdout.String(), failed("%s %s: %w: %s", name, strings.Join(args, " "), err,
			fault.Excerpt(strings.TrimSpace(stderr.String())))
	}
	return stdout.String(), nil
}

// environment is that of systemd's programs: a user's manager is found by it, too.
func (m Machine) environment() []string {
	var kept []string
	for _, entry := range m.Environ {
		name, _, _ := strings.Cut(entry, "=")
		if name == "HOME" || name == "XDG_RUNTIME_DIR" || strings.HasPrefix(name, "DBUS_") {
			kept = append(kept, entry)
		}
	}
	return append(kept, "PATH="+m.searchPath())
}

func (m Machine) searchPath() string {
	for _, entry := range m.Environ {
		if path, ok := strings.CutPrefix(entry, "PATH="); ok {
			return path
		}
	}
	return subprocess.SearchPath(nil)
}

// find looks for a program as a shell does.
func (m Machine) find(name string) (string, error) {
	for _, dir := range filepath.SplitList(m.searchPath()) {
		if path, err := exec.LookPath(filepath.Join(dir, name)); filepath.IsAbs(dir) && err == nil {
			return path, nil
		}
	}
	return "", failed("there is no %s here: have cron run \"%s renew --quiet\" in its place", name, m.Program)
}

func failed(format string, args ...any) error {
	return fault.Errorf(CodeFailed, fault.Failed, "systemd: "+format, args...)
}
