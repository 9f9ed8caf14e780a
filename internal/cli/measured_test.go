package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"wildcard/internal/settings"
	"wildcard/internal/system/signals"

	"go.uber.org/goleak"
)

// errand is one command line for a measured process.
type errand struct {
	Args    []string  `json:"args"`
	Environ []string  `json:"environ"`
	Now     time.Time `json:"now,omitzero"` // by the process's clock, when the command begins; zero is the real time
}

// figures are what a process holds at one moment.
type figures struct {
	Descriptors int    `json:"descriptors"`
	Goroutines  int    `json:"goroutines"`
	Heap        uint64 `json:"heap"` // bytes that were reachable at the last garbage collection
}

func (f figures) String() string {
	return fmt.Sprintf("%d descriptors, %d goroutines, %.1f MiB of heap", f.Descriptors, f.Goroutines, float64(f.Heap)/(1<<20))
}

// outcome is what came of an errand.
type outcome struct {
	Code     int       `json:"code"`
	Stdout   string    `json:"stdout"`
	Stderr   string    `json:"stderr"`
	Before   figures   `json:"before"`
	During   []figures `json:"during"` // every few milliseconds
	After    figures   `json:"after"`  // when all has come to rest
	Left     string    `json:"left"`   // goroutines that never ended; "" if all did
	Resident uint64    `json:"resident"`
}

// measuredMain is a program that carries out errands, one after the other, and says how many file descriptors, goroutines and
// bytes that took: wildcard itself, by any clock, without the fakes it speaks to, watched from within, since no other process may
// look into it (harden).
func measuredMain() {
	settings.Harden()
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	// What a process begins once and never ends is there before it is measured: the poller, and who waits for signals.
	r, w, err := os.Pipe()
	must(errors.Join(err, r.Close(), w.Close()))
	_, stop := signals.Context(context.Background())
	stop()
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var e errand
		err := in.Decode(&e)
		if errors.Is(err, io.EOF) {
			return
		}
		must(err)
		done, err := e.carryOut()
		must(err)
		must(out.Encode(done))
	}
}

func (e errand) carryOut() (done outcome, err error) {
	stdin, err := os.Open(os.DevNull)
	if err != nil {
		return done, err
	}
	defer stdin.Close()
	stdout, err := os.CreateTemp("", "wildcard-stdout-")
	if err != nil {
		return done, err
	}
	defer os.Remove(stdout.Name())
	defer stdout.Close()
	stderr, err := os.CreateTemp("", "wildcard-stderr-")
	if err != nil {
		return done, err
	}
	defer os.Remove(stderr.Name())
	defer stderr.Close()

	began := time.Now()
	p := &program{environ: append(os.Environ(), e.Environ...), stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now}
	if !e.Now.IsZero() {
		p.now = func() time.Time { return e.Now.Add(time.Since(began)) }
	}
	known := goleak.IgnoreCurrent()
	if done.Before, err = atRest(); err != nil {
		return done, err
	}
	end, moments := make(chan struct{}), make(chan []figures)
	go func() { moments <- watch(end) }()
	done.Code = p.main(append([]string{"wildcard"}, e.Args...))
	close(end)
	done.During = <-moments
	for range 20 { // connections end in the background; goleak has some patience, too
		done.Left = ""
		if err := goleak.Find(known); err != nil {
			done.Left = err.Error()
		}
		if done.After, err = atRest(); err != nil {
			return done, err
		}
		if done.Left == "" && done.After.Descriptors <= done.Before.Descriptors {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	for path, text := range map[string]*string{stdout.Name(): &done.Stdout, stderr.Name(): &done.Stderr} {
		all, err := os.ReadFile(path)
		if err != nil {
			return done, err
		}
		*text = string(all)
	}
	done.Resident, err = resident()
	return done, err
}

// watch looks at the process until end is closed.
func watch(end <-chan struct{}) (moments []figures) {
	ticks := time.NewTicker(20 * time.Millisecond)
	defer ticks.Stop()
	for {
		if f, err := look(); err == nil {
			moments = append(moments, f)
		} // with too few descriptors to look, the command itself fails
		select {
		case <-ticks.C:
		case <-end:
			return moments
		}
	}
}

// look counts without stopping any of them.
func look() (figures, error) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	entries, err := os.ReadDir("/proc/self/fd")
	return figures{Descriptors: len(entries) - 1, Goroutines: runtime.NumGoroutine(), Heap: live[0].Value.Uint64()}, err // the folder is open, too
}

// atRest collects garbage before it looks; what has a finalizer goes at the second time.
func atRest() (figures, error) {
	runtime.GC()
	runtime.GC()
	return look()
}

// resident is the most memory, in bytes, that the process has had so far (proc(5), VmHWM).
func resident() (uint64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			var kB uint64
			_, err := fmt.Sscan(rest, &kB)
			return kB << 10, err
		}
	}
	return 0, errors.New("no VmHWM in /proc/self/status")
}

// measuredProcess is a running [measuredMain].
type measuredProcess struct {
	*exec.Cmd
	t      testing.TB
	input  io.WriteCloser
	in     *json.Encoder
	out    *json.Decoder
	end    func() // ends it; the test fails if the process does, as by a data race
	stderr bytes.Buffer
	struck atomic.Bool // by kill
	atRest figures     // after the last errand
}

// measure starts one, which ends with the test at the latest.
func (w *world) measure() *measuredProcess {
	w.t.Helper()
	m := &measuredProcess{Cmd: exec.CommandContext(context.Background(), "wildcard-measured"), t: w.t}
	m.Env, m.Stderr = w.environ, &m.stderr
	var err error
	if m.input, err = m.StdinPipe(); err != nil {
		w.t.Fatal(err)
	}
	out, err := m.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := m.Start(); err != nil {
		w.t.Fatal(err)
	}
	m.in, m.out = json.NewEncoder(m.input), json.NewDecoder(out)
	m.end = sync.OnceFunc(func() {
		_ = m.input.Close()
		if err := m.Wait(); err != nil && !m.struck.Load() {
			w.t.Errorf("%v\n%s", err, &m.stderr)
		}
	})
	w.t.Cleanup(m.end)
	return m
}

// run has an errand carried out, which fails the test if it leaves anything behind in the process.
func (m *measuredProcess) run(e errand) (outcome, said) {
	m.t.Helper()
	m.begin(e)
	var done outcome
	if err := m.out.Decode(&done); err != nil {
		m.t.Fatalf("%v\n%s", err, &m.stderr)
	}
	if done.Left != "" {
		m.t.Errorf("%v: goroutines that do not end: %s", e.Args, done.Left)
	}
	if done.After.Descriptors > done.Before.Descriptors {
		m.t.Errorf("%v: %d file descriptors before, %d after", e.Args, done.Before.Descriptors, done.After.Descriptors)
	}
	m.atRest = done.After
	return done, said{m.t, done.Code, done.Stdout, done.Stderr}
}

// begin gives it an errand.
func (m *measuredProcess) begin(e errand) {
	m.t.Helper()
	if err := m.in.Encode(e); err != nil {
		m.t.Fatal(err)
	}
}

// kill kills it, from whatever goroutine.
func (m *measuredProcess) kill() {
	m.struck.Store(true)
	_ = m.Process.Kill() // it may have ended
}

// dies waits until it was killed in the middle of an errand.
func (m *measuredProcess) dies() {
	m.t.Helper()
	var done outcome
	if err := m.out.Decode(&done); err == nil {
		m.t.Errorf("%s was carried out and not killed:\n%s", done.Stdout, done.Stderr)
	}
}
