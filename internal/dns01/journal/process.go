package journal

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Process is one process for good: its number may be given to another one, but not together with its start time. What is
// zero is not known.
type Process struct {
	PID          int    `json:"pid"`
	StartTime    uint64 `json:"start_time"`    // clock ticks after boot, field 22 of proc_pid_stat(5)
	PIDNamespace string `json:"pid_namespace"` // in which PID counts, such as "pid:[4026531836]"
	BootID       string `json:"boot_id"`       // since which start of the machine StartTime counts
}

// Self returns the process we are. Errors are those of [Find].
func Self() (Process, error) { return Find(os.Getpid()) }

// Find returns the process that has the number now. Errors are CodeState: there is none that can be seen, or no /proc.
func Find(pid int) (Process, error) {
	if err := proc.usable(); err != nil {
		return Process{}, err
	}
	p, err := proc.process(pid)
	if err != nil {
		return Process{}, err
	}
	return p, nil
}

// mostUnknown is the age up to which an entry whose owner cannot be judged counts as a living process's.
const mostUnknown = 3 * time.Hour

// Dead reports whether the owner of an entry of that age is dead, by the rules of the package comment.
func (p Process) Dead(age time.Duration) bool {
	switch proc.life(p) {
	case dead:
		return true
	case unknown:
		return age > mostUnknown
	}
	return false
}

// Alive reports whether the process is proven to be alive.
func (p Process) Alive() bool { return proc.life(p) == alive }

type life int

const (
	unknown life = iota
	alive
	dead
)

// life judges a process. Only what is certain is not unknown.
func (pfs procfs) life(p Process) life {
	namespace, boot, _ := pfs.here() // what cannot be read is not known
	switch {
	case pfs.usable() != nil, boot == "", p.BootID == "", namespace == "", p.PIDNamespace != namespace:
		return unknown
	case p.BootID != boot:
		return dead
	case p.PID <= 1:
		return unknown
	}
	status, err := pfs.stat(p.PID)
	switch {
	case missing(err):
		// With hidepid (proc(5)) other users' processes are not there to see, but they are there to signal.
		if errors.Is(unix.Kill(p.PID, 0), unix.ESRCH) {
			return dead
		}
		return unknown
	case err != nil:
		return unknown
	case status.state == 'Z', status.state == 'X', status.state == 'x':
		return dead // whether this is the one or has only got its number
	case p.StartTime == 0:
		return unknown
	case status.start != p.StartTime:
		return dead
	}
	return alive
}

// missing reports whether a file of a process could not be read because there is no such process, or none to be seen.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH)
}
