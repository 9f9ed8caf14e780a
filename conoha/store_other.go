//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package conoha

import (
	"errors"
	"os"
)

// locking is false: where owners and locks of files are not known, nothing is kept.
const locking = false

func readOwn(string, int64) ([]byte, error) { return nil, errors.ErrUnsupported }

func openLock(string) (*os.File, error) { return nil, errors.ErrUnsupported }

func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }
