package journal

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
)

// Watch returns a channel that is closed when the process has ended. One that cannot be judged (package comment) is taken
// to go on for ever. Watching ends with ctx, after which the channel says nothing. Errors are CodeState.
func Watch(ctx context.Context, p Process) (<-chan struct{}, error) {
	ended := make(chan struct{})
	switch proc.life(p) {
	case unknown:
		return ended, nil
	case dead:
		close(ended)
		return ended, nil
	case alive:
	}
	fd, err := unix.PidfdOpen(p.PID, unix.PIDFD_NONBLOCK)
	switch {
	case errors.Is(err, unix.ESRCH):
		close(ended)
		return ended, nil
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EPERM):
		// An older kernel, or a sandbox that does not know the call.
		go pollProcess(ctx, p, ended)
		return ended, nil
	case err != nil:
		return nil, fault.Errorf(fault.CodeState, fault.Failed, "journal: watch process %d: %w", p.PID, err)
	}
	// Only now is it sure which process the descriptor stands for.
	if proc.life(p) == dead {
		_ = unix.Close(fd)
		close(ended)
		return ended, nil
	}
	file := os.NewFile(uintptr(fd), "pidfd")
	conn, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return nil, fault.Errorf(fault.CodeState, fault.Failed, "journal: watch process %d: %w", p.PID, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = file.SetReadDeadline(time.Unix(1, 0)) })
	go func() {
		defer file.Close()
		defer stop()
		// A pidfd is readable once its process has ended (pidfd_open(2)).
		err := conn.Read(func(fd uintptr) bool {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
			return n > 0 && err == nil
		})
		switch {
		case err == nil:
			close(ended)
		case ctx.Err() == nil: // a sandbox in which descriptors of this kind cannot be waited for
			pollProcess(ctx, p, ended)
		}
	}()
	return ended, nil
}

// pollProcess is Watch for where there is no pidfd.
func pollProcess(ctx context.Context, p Process, ended chan<- struct{}) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if proc.life(p) == dead {
				close(ended)
				return
			}
		}
	}
}
