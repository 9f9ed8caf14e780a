package boulder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// process is a program that runs for the CA. What it says is kept in a file.
type process struct {
	name    string
	argv    []string
	log     string
	address string // where it listens when it is ready

	restarting sync.Mutex // held from a stop to the start after it

	mu      sync.Mutex
	cmd     *exec.Cmd
	ended   chan struct{} // closed when cmd is over
	clients int           // that were connected before it was last restarted
}

// start starts it, without waiting until it is ready.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.argv[0], p.argv[1:]...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8"}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	ended := make(chan struct{})
	p.cmd, p.ended = cmd, ended
	go func() {
		_ = cmd.Wait() // that it is over shows in ready
		close(ended)
	}()
	return nil
}

// ready waits until it listens.
func (p *process) ready(ctx context.Context) error {
	p.mu.Lock()
	ended := p.ended
	p.mu.Unlock()
	for {
		conn, err := net.DialTimeout("tcp", p.address, time.Second)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ended:
			return fmt.Errorf("%s has ended; it said:\n%s", p.name, p.said())
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen on %s: %w; it said:\n%s", p.name, p.address, ctx.Err(), p.said())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends it: with SIGTERM it may finish what it does, for at most half a minute.
func (p *process) stop(signal syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill() // it may have ended just now
		<-p.ended
	}
	p.cmd = nil
	return nil
}

// said is the end of what it said.
func (p *process) said() string {
	file, err := os.Open(p.log)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	const most = 16 << 10
	if info, err := file.Stat(); err == nil && info.Size() > most {
		_, _ = file.Seek(-most, io.SeekEnd)
	}
	text, _ := io.ReadAll(file)
	return string(text)
}
