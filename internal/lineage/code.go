package lineage

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
)

// Codes of this package's errors.
const (
	CodeName      = "lineage.name"            // a name that cannot be a lineage's
	CodeNotFound  = "lineage.not-found"       // there is no lineage, version or account of that name
	CodeNotOwned  = "lineage.not-owned"       // the lineage is certbot's; "wildcard adopt" makes it ours
	CodeExists    = "lineage.exists"          // files of a lineage or account are there already
	CodeDamaged   = "lineage.damaged"         // files or links are missing, do not match, or lead elsewhere
	CodeBadSet    = "lineage.bad-certificate" // certificate, chain and key do not make a set that can be kept
	CodeConf      = "lineage.conf"            // a renewal/NAME.conf cannot be parsed, or a value cannot be written into it
	CodeStore     = "lineage.store"           // the configuration directory cannot be read or written
	CodeFull      = "lineage.no-space"        // no room, no inodes or no quota is left
	CodeLocked    = "lineage.locked"          // certbot, or another run of ours, is at work
	CodeAccount   = "lineage.account"         // an account's files cannot be used
	CodeAmbiguous = "lineage.account-choice"  // several accounts exist for the server
	CodeUnsafe    = "lineage.unsafe-path"     // another user could redirect what is written
)

// failed gives an error of the file system its code and class once; an error that has them already passes unchanged.
func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	code, class := CodeStore, fault.Failed
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		code, class = CodeFull, fault.Misconfigured
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS), errors.Is(err, unix.ELOOP),
		errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS),
		errors.Is(err, unix.ENOLCK):
		class = fault.Misconfigured
	case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ENOMEM):
		class = fault.Temporary
	}
	return fault.Errorf(code, class, "lineage: %s: %w", what, err)
}
