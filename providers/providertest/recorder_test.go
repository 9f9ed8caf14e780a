package providertest

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// recorder is the testing.TB that a check gets when the check itself is under test: it keeps failures instead of
// reporting them.
type recorder struct {
	testing.TB // of the test that examines the check

	mu       sync.Mutex
	failures []string
	cleanups []func()
}

// record runs f as a test of its own and returns its failures. FailNow ends the goroutine it is called in, so f gets one.
func record(t testing.TB, f func(testing.TB)) []string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer r.cleanUp()
		f(r)
	}()
	<-done
	return r.failures
}

// cleanUp runs the last function registered first, each in a way that lets it end the goroutine, as the testing package does.
func (r *recorder) cleanUp() {
	for len(r.cleanups) > 0 {
		last := len(r.cleanups) - 1
		f := r.cleanups[last]
		r.cleanups = r.cleanups[:last]
		func() {
			defer r.cleanUp()
			f()
		}()
	}
}

func (r *recorder) add(failure string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, strings.TrimSpace(failure))
}

func (r *recorder) Cleanup(f func())                  { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Helper()                           {}
func (r *recorder) Log(...any)                        {}
func (r *recorder) Logf(string, ...any)               {}
func (r *recorder) Error(args ...any)                 { r.add(fmt.Sprintln(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.add(fmt.Sprintf(format, args...)) }
func (r *recorder) Fail()                             { r.add("Fail") }
func (r *recorder) FailNow()                          { r.add("FailNow"); runtime.Goexit() }
func (r *recorder) Fatal(args ...any)                 { r.Error(args...); runtime.Goexit() }
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...); runtime.Goexit() }
func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failures) > 0
}

func TestRecorder(t *testing.T) {
	t.Parallel()
	var order []string
	failures := record(t, func(tb testing.TB) {
		tb.Cleanup(func() { order = append(order, "first in") })
		tb.Cleanup(func() { order = append(order, "last in"); tb.Fatal("in cleanup") })
		tb.Errorf("%d", 1)
		tb.Fatal("two")
		order = append(order, "after Fatal")
	})
	if got, want := strings.Join(failures, ","), "1,two,in cleanup"; got != want {
		t.Errorf("failures %q, want %q", got, want)
	}
	if got, want := strings.Join(order, ","), "last in,first in"; got != want {
		t.Errorf("order %q, want %q", got, want)
	}
}
