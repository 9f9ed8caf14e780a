package journal

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Client returns the certbot that called us: the nearest ancestor whose environment lacks CERTBOT_VALIDATION, which the
// shell between certbot and its hook has. Where environments cannot be read, it is the nearest ancestor that is no shell.
// When certbot has died already, what is left is process 1, of which nobody can tell whether it is certbot.
func Client() (Process, error) { return clientOf(os.Getpid()) }

func clientOf(pid int) (Process, error) {
	ancestors, err := ancestorsOf(pid)
	if err != nil {
		return Process{}, err
	}
	for _, ancestor := range ancestors {
		has, err := environHas(ancestor, "CERTBOT_VALIDATION")
		if err != nil {
			break
		}
		if !has {
			return Find(ancestor)
		}
	}
	for _, ancestor := range ancestors {
		if !isShell(ancestor) {
			return Find(ancestor)
		}
	}
	return Find(ancestors[len(ancestors)-1])
}

// ancestorsOf returns the parent, its parent, and so on; never none.
func ancestorsOf(pid int) ([]int, error) {
	var ancestors []int
	const deepest = 1000 // a chain cannot be longer than this unless it changes while we look
	for range deepest {
		status, err := readStat(pid)
		if err != nil || status.parent == 0 {
			break
		}
		pid = status.parent
		ancestors = append(ancestors, pid)
	}
	if len(ancestors) == 0 {
		return nil, fmt.Errorf("journal: process %d has no parent that can be seen", pid)
	}
	return ancestors, nil
}

// environHas looks at the environment that a process was started with.
func environHas(pid int, name string) (bool, error) {
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(bytes.Split(environ, []byte{0}), func(kv []byte) bool {
		return bytes.HasPrefix(kv, []byte(name+"="))
	}), nil
}

func isShell(pid int) bool {
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	name := strings.TrimPrefix(strings.TrimSpace(string(comm)), "-")
	return err == nil && slices.Contains([]string{"sh", "dash", "bash", "rbash", "ash", "busybox", "ksh", "mksh", "zsh", "fish", "sudo", "env"}, name)
}
