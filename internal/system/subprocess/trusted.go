package subprocess

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Trusted returns nil if a program is an executable file that no user but root and we can change or replace, and else an
// error that says what to do about it.
func Trusted(path string) error {
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(resolved)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file", resolved)
	case info.Mode().Perm()&0o111 == 0:
		return fmt.Errorf("%s is not executable: chmod +x %s", resolved, Quote(resolved))
	}
	if err := ours(resolved, false); err != nil {
		return err
	}
	// A link that others can replace leads wherever they like, so the directories above both count.
	for _, start := range []string{resolved, path} {
		abs, err := filepath.Abs(start)
		if err != nil {
			return err
		}
		for dir := filepath.Dir(abs); ; dir = filepath.Dir(dir) {
			if err := ours(dir, true); err != nil {
				return err
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return nil
}

// ours returns nil if no user but root and we can change a file, or what is in a directory.
func ours(path string, directory bool) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s: its owner is not known", path)
	}
	if directory && stat.Uid == 0 && info.Mode()&os.ModeSticky != 0 {
		return nil
	}
	switch {
	case stat.Uid != 0 && int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("%s belongs to user %d: chown root %s", path, stat.Uid, Quote(path))
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%s can be written by others: chmod go-w %s", path, Quote(path))
	}
	return nil
}
