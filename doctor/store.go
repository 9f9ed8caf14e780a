package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"wildcard/lineage"
	"wildcard/messages"
	"wildcard/providers"
)

// store looks at certbot's directory: whether certificates could be stored, who can read what is secret in it, and whether
// every lineage can be read.
func (v *visit) store(context.Context) {
	dir := v.Store.Dir()
	if err := v.Store.Check(); err != nil {
		v.fail(FoundStore, dir, err, dir, dir)
	} else {
		v.good(dir, "certificates can be stored there")
	}
	v.keys(dir)
	names, err := v.Store.Names()
	if err != nil {
		v.fail(FoundStore, dir, err, dir, dir)
	}
	for _, name := range names {
		if _, err := v.Store.Lineage(name); err != nil {
			v.fail(FoundUnreadable, name, err, name)
		}
	}
}

// folders looks at our own directories. One that is not there is made by the next run.
func (v *visit) folders(context.Context) {
	for _, dir := range []string{v.Dirs.State, filepath.Join(v.Dirs.State, "journal"), v.Dirs.Run} {
		why, fix := unfit(dir)
		switch {
		case why != nil:
			v.find(FoundFolder, dir, []any{dir, *why}, fix)
		default:
			v.good(dir, "the directory is ours alone, or not there yet")
		}
	}
}

// unfit says why a directory is not one that is private to us, and what to do about it ([settings.PrivateDir], which makes
// it).
func unfit(dir string) (why *messages.Message, fix string) {
	info, err := os.Lstat(dir)
	switch {
	case missing(err):
		return nil, ""
	case err != nil:
		return because("cannot be looked at: %v", err), "ls -ld " + filepath.Dir(dir)
	case !info.IsDir():
		return because("is not a directory, nor may it be a link to one"), "mv " + dir + " " + dir + ".old"
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return because("belongs to somebody else"), fmt.Sprintf("chown %d %s", os.Geteuid(), dir)
	}
	switch perm := info.Mode().Perm(); {
	case perm&0o077 != 0:
		return because("is open to others (mode %04o)", perm), "chmod 700 " + dir
	case perm != 0o700:
		return because("does not let us in (mode %04o)", perm), "chmod 700 " + dir
	}
	if room, err := free(dir); err == nil && room < leastRoom {
		return because("has only %d KiB free", room>>10), "df -h " + dir
	}
	return nil, ""
}

// leastRoom is what the journal, the ledger and an order under way may need, in bytes.
const leastRoom = 1 << 20

func free(dir string) (uint64, error) {
	var fsys syscall.Statfs_t
	if err := syscall.Statfs(dir, &fsys); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return fsys.Bavail * uint64(fsys.Bsize), nil
}

// repair puts the files of our own lineages in order, and the mark with which certbot passes them over, each under its order
// lock and certbot's, and returns the cases as they are then.
func (v *visit) repair(ctx context.Context, cases []Case) []Case {
	for i, c := range cases {
		if !c.ours() || !c.Lineage.NeedsRepair() && passedOver(c.Lineage) {
			continue
		}
		repaired, err := v.mend(ctx, c.Lineage.Name)
		if err != nil {
			v.fail(FoundUnrepaired, c.Lineage.Name, err, c.Lineage.Name)
			continue
		}
		cases[i].Lineage = repaired
		v.report.Repaired = append(v.report.Repaired, c.Lineage.Name)
	}
	return cases
}

func (v *visit) mend(ctx context.Context, name string) (*lineage.Lineage, error) {
	lock, err := v.Store.LockOrder(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Unlock() }()
	l, err := v.Store.Lineage(name)
	if err != nil {
		return nil, err
	}
	if l.NeedsRepair() {
		if l, err = l.Repair(ctx); err != nil {
			return nil, err
		}
	}
	if !passedOver(l) {
		return l.Adopt(ctx, nil)
	}
	return l, nil
}

// passedOver reports whether certbot's own renewals leave a lineage alone. What is not there is True to certbot (storage.py,
// autorenewal_is_enabled).
func passedOver(l *lineage.Lineage) bool {
	value, _ := l.Conf.Get("renewalparams", "autorenew")
	return strings.EqualFold(value, "false")
}

// lineage looks at the files of a certificate that is there, and at its dates.
func (v *visit) lineage(_ context.Context, c Case) {
	l := c.Lineage
	switch {
	case l.Damage != nil:
		fix := "wildcard doctor --fix " + l.Name
		if !l.Owned() {
			fix = "certbot certificates; certbot renew --force-renewal --cert-name " + l.Name
		}
		v.fail(FoundDamaged, l.Name, providers.Errorf(lineage.CodeDamaged, providers.Misconfigured, "its files are not as they should be: %w", l.Damage), fix)
		return
	case l.Owned() && l.NeedsRepair():
		v.find(FoundUnfinished, l.Name, nil, l.Name)
	}
	const day = "2006-01-02"
	now, until := v.now(), l.Leaf.NotAfter
	renew := "certbot renew --cert-name " + l.Name
	if l.Owned() {
		renew = "wildcard renew --cert-name " + l.Name
	}
	if !now.Before(until) {
		v.find(FoundExpired, l.Name, []any{until.UTC().Format(day)}, renew)
		return
	}
	v.good(l.Name, "files complete; valid until %s", until.UTC().Format(day))
	if !l.Owned() {
		return
	}
	if at := dueSince(l); now.Sub(at) > overdue(l) {
		v.find(FoundOverdue, l.Name, []any{at.UTC().Format(day), until.UTC().Format(day)}, l.Name)
	}
	if c.Settings.Deploy {
		v.find(FoundDeploy, l.Name, nil, l.Name)
	}
}

// quote writes a word for a POSIX shell.
func quote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
