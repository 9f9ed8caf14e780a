//go:build failpoint

package failpoint

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Hit is a point. Its error is what has to come of the step that the point is before or after.
func Hit(name string) error { return points.hit(name) }

// Do makes a step, with a point before and one after it: "before subject verb" and "after subject verb".
func Do(subject, verb string, step func() error) error {
	if err := Hit("before " + subject + " " + verb); err != nil {
		return err
	}
	if err := step(); err != nil {
		return err
	}
	return Hit("after " + subject + " " + verb)
}

// points counts this process's points.
var points counter

type counter struct {
	mu      sync.Mutex
	count   int
	counted int // of those that were asked for
}

func (c *counter) hit(name string) error {
	action, log := os.Getenv("WILDCARD_FAILPOINT"), os.Getenv("WILDCARD_FAILPOINT_LOG")
	if action == "" && log == "" {
		return nil
	}
	at, action, _ := strings.Cut(action, ":")
	action, parts, _ := strings.Cut(action, ":")
	asked := slices.ContainsFunc(strings.Split(parts, "|"), func(part string) bool { return strings.Contains(name, part) })
	c.mu.Lock()
	c.count++
	if asked {
		c.counted++
	}
	n := c.counted
	if log != "" {
		write(log, fmt.Sprintf("%d %s\n", c.count, name))
	}
	c.mu.Unlock()
	if asked && at == strconv.Itoa(n) {
		return act(action)
	}
	return nil
}

// act does what was asked for. A test that asks for something else, or whose log cannot be written, has to be told.
func act(action string) error {
	switch action {
	case "kill":
		signal(syscall.SIGKILL)
		select {} // until it arrives
	case "term":
		signal(syscall.SIGTERM)
		time.Sleep(20 * time.Millisecond) // for the program to take notice, if it goes on
	case "ENOSPC":
		return syscall.ENOSPC
	case "EIO":
		return syscall.EIO
	default:
		panic("failpoint: no action " + action)
	}
	return nil
}

func signal(s syscall.Signal) {
	if err := syscall.Kill(os.Getpid(), s); err != nil {
		panic(err)
	}
}

func write(path, line string) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err == nil {
		_, err = f.WriteString(line)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		panic(err)
	}
}
