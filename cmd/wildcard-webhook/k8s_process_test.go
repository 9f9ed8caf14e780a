//go:build k8s

package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// long is how long anything may take here: the ring runs on machines that are busy with other things.
const long = 8 * time.Minute

// process is a program that runs until the test ends.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string // path of what it prints

	once   sync.Once
	exited chan struct{}
}

// start starts a program; what it prints is shown if the test fails.
func start(t *testing.T, environ []string, name string, args ...string) *process {
	t.Helper()
	out, err := os.CreateTemp(t.TempDir(), filepath.Base(name)+"-*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p := &process{name: filepath.Base(name), cmd: exec.Command(name, args...), log: out.Name(), exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env = out, out, environ
	// Nothing is left when the test itself is killed.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			text, _ := os.ReadFile(p.log)
			t.Logf("%s said last:\n%s", p.name, text[max(0, len(text)-6000):])
		}
	})
	return p
}

// kill is kill -9.
func (p *process) kill() {
	p.once.Do(func() { _ = p.cmd.Process.Kill() })
	<-p.exited
}

// said is what the program has printed.
func (p *process) said(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(p.log)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// over is the end of the program, if it has ended.
func (p *process) over() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// peak is the most memory that the process has had, in KiB: VmHWM.
func (p *process) peak(t *testing.T) string {
	t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(status) {
		if value, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			return string(bytes.TrimSpace(value))
		}
	}
	t.Fatal("the kernel tells no VmHWM")
	return ""
}

// until waits until what is asked for is so. why says what is missing.
func until(t *testing.T, what string, so func() (ok bool, why string)) {
	t.Helper()
	deadline := time.Now().Add(long)
	for {
		ok, why := so()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after %v: %s", what, long, why)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// freePort is a port of 127.0.0.1 on which no program listens.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
