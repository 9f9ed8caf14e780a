package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/system/safepath"
)

func storeKinds() []Kind {
	return []Kind{
		{
			Code: FoundStore, Severity: Error, Class: fault.Misconfigured,
			What: fault.Verbatim("%s"),
			Why:  "A certificate could not be stored.",
			Fix:  fault.Verbatim("ls -ld %s; df -h %s"),
		},
		{
			Code: FoundFolder, Severity: Error, Class: fault.Misconfigured,
			What: fault.Verbatim("%s %s"),
			Why:  "No program of ours starts without it.",
			Fix:  fault.Verbatim("%s"),
		},
		{
			Code: FoundHalf, Severity: Warning,
			What: "%s is there, but no renewal/%s.conf",
			Why:  "Nothing renews what is in it, and no new certificate can have that name.",
			Fix:  fault.Verbatim("mv %s %s"),
		},
		{
			Code: FoundUnsafe, Severity: Error, Class: fault.Misconfigured,
			What: fault.Verbatim("%s"),
			Why:  "Hooks in it are run as root, so nothing in it is run before that is changed.",
			Fix:  fault.Verbatim("%s"),
		},
		{
			Code: FoundUnreadable, Severity: Error, Class: fault.Misconfigured,
			What: fault.Verbatim("%s"),
			Why:  "It is neither listed nor renewed.",
			Fix:  "look at renewal/%s.conf",
		},
	}
}

// store looks at certbot's directory: whether certificates could be stored, who can read what is secret in it, and whether
// every lineage can be read.
func (v *visit) store(context.Context) {
	dir := v.Store.Dir()
	stored := v.Store.Preflight(nil)
	if stored == nil {
		v.good(dir, "certificates can be stored there")
	} else {
		v.notStored(dir, stored)
	}
	v.keys(dir)
	v.unitsFile()
	names, err := v.Store.Names()
	if err != nil {
		v.fail(FoundStore, dir, err, lineage.Quote(dir), lineage.Quote(dir))
	}
	v.half()
	for _, name := range names {
		l, err := v.Store.Lineage(name)
		if err != nil {
			v.fail(FoundUnreadable, name, err, name)
			continue
		}
		why := l.Unsafe()
		if why == nil && stored == nil && l.Owned() {
			if err := v.Store.Preflight(l); err != nil {
				v.notStored(filepath.Join(dir, "archive", name), err)
			}
		}
		if why == nil {
			continue
		}
		fix := fixOf(why, "ls -l "+lineage.Quote(filepath.Join(dir, "renewal", name+".conf")))
		if v.first("unsafe", fix) {
			v.fail(FoundUnsafe, name, why, fix)
		}
	}
}

// notStored tells that what storing does in a folder failed.
func (v *visit) notStored(dir string, err error) {
	if unsafe, ok := errors.AsType[*safepath.Error](err); ok {
		if v.first("unsafe", unsafe.Fix()) {
			v.fail(FoundUnsafe, dir, err, unsafe.Fix())
		}
		return
	}
	v.fail(FoundStore, dir, err, lineage.Quote(dir), lineage.Quote(dir))
}

// folders looks at our own directories. One that is not there is made by the next run.
func (v *visit) folders(context.Context) {
	for _, dir := range []string{v.Dirs.State, filepath.Join(v.Dirs.State, "journal"), v.Dirs.Run} {
		why, fix := unfit(dir)
		switch {
		case why != nil && ofRoot(dir):
			v.notRoot()
		case why != nil:
			v.find(FoundFolder, dir, []any{dir, *why}, fix)
		default:
			v.good(dir, "permissions are right (or not created yet)")
		}
	}
}

// ofRoot reports whether we are another user, and a directory is root's or cannot be looked at.
func ofRoot(dir string) bool {
	if os.Geteuid() == 0 {
		return false
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return errors.Is(err, fs.ErrPermission)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == 0
}

// unfit says why a directory is not one that is private to us, and what to do about it ([settings.PrivateDir], which makes
// it).
func unfit(dir string) (why *messages.Message, fix string) {
	info, err := os.Lstat(dir)
	switch {
	case missing(err):
		return nil, ""
	case err != nil:
		return because("cannot be looked at: %v", err), "ls -ld " + lineage.Quote(filepath.Dir(dir))
	case !info.IsDir():
		return because("is not a directory, nor may it be a link to one"),
			"mv " + lineage.Quote(dir) + " " + lineage.Quote(dir+".old")
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return because("belongs to another user"), fmt.Sprintf("chown %d %s", os.Geteuid(), lineage.Quote(dir))
	}
	switch perm := info.Mode().Perm(); {
	case perm&0o077 != 0:
		return because("is open to others (mode %04o)", perm), "chmod 700 " + lineage.Quote(dir)
	case perm != 0o700:
		return because("does not let us in (mode %04o)", perm), "chmod 700 " + lineage.Quote(dir)
	}
	if room, err := free(dir); err == nil && room < leastRoom {
		return because("has only %d KiB free", room>>10), "df -h " + lineage.Quote(dir)
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

// fixOf is the command that ends why others could change something, or another one where the error has none.
func fixOf(err error, otherwise string) string {
	if unsafe, ok := errors.AsType[*safepath.Error](err); ok {
		return unsafe.Fix()
	}
	return otherwise
}
