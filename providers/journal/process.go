package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Process is one process for good: its number may be given to another one, but not together with its start time.
type Process struct {
	PID          int    `json:"pid"`
	StartTime    uint64 `json:"start_time"`    // clock ticks after boot, field 22 of proc_pid_stat(5)
	PIDNamespace string `json:"pid_namespace"` // in which PID counts, such as "pid:[4026531836]"
	BootID       string `json:"boot_id"`       // since which start of the machine StartTime counts
}

// Self returns the process we are.
func Self() (Process, error) { return Find(os.Getpid()) }

// Find returns the process that has the number now.
func Find(pid int) (Process, error) {
	status, err := readStat(pid)
	if err != nil {
		return Process{}, fmt.Errorf("journal: look up process %d: %w", pid, err)
	}
	namespace, boot, err := here()
	if err != nil {
		return Process{}, fmt.Errorf("journal: look up process %d: %w", pid, err)
	}
	return Process{PID: pid, StartTime: status.start, PIDNamespace: namespace, BootID: boot}, nil
}

// here returns the pid namespace we are in and the boot we are after.
func here() (namespace, boot string, err error) {
	if namespace, err = os.Readlink("/proc/self/ns/pid"); err != nil {
		return "", "", err
	}
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return namespace, strings.TrimSpace(string(id)), err
}

// mostUnknown is the age up to which an entry whose owner cannot be judged counts as somebody's.
const mostUnknown = 3 * time.Hour

// Dead reports whether the owner of an entry of that age is dead, by the rules of the package comment.
func (p Process) Dead(age time.Duration) bool {
	switch p.state() {
	case dead:
		return true
	case unknown:
		return age > mostUnknown
	}
	return false
}

type life int

const (
	unknown life = iota
	alive
	dead
)

func (p Process) state() life {
	namespace, boot, err := here()
	switch {
	case err != nil, p.PID <= 1, p.BootID == "", p.PIDNamespace != namespace:
		return unknown
	case p.BootID != boot:
		return dead
	}
	status, err := readStat(p.PID)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ESRCH):
		// With hidepid (proc(5)) other users' processes are not there to see, but they are there to signal.
		if errors.Is(unix.Kill(p.PID, 0), unix.ESRCH) {
			return dead
		}
		return unknown
	case err != nil:
		return unknown
	case status.start != p.StartTime, status.state == 'Z', status.state == 'X':
		return dead
	}
	return alive
}

// stat is what we need of /proc/PID/stat.
type stat struct {
	state  byte // 'Z' for one that has ended and was not waited for yet
	parent int
	start  uint64
}

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	return parseStat(text)
}

// parseStat reads fields 3, 4 and 22. The second one, the program's name, may hold anything, so counting starts after the
// last parenthesis.
func parseStat(text []byte) (stat, error) {
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 || len(fields[0]) != 1 {
		return stat{}, errors.New("its status cannot be read")
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return stat{}, errors.New("its parent cannot be read")
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return stat{}, errors.New("its start time cannot be read")
	}
	return stat{state: fields[0][0], parent: parent, start: start}, nil
}
