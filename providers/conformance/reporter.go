package conformance

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
)

// Reporter is whom a check tells what it finds: a test (testing.TB is one), or what [Try] makes.
type Reporter interface {
	// Context ends before the functions run that Cleanup was given.
	Context() context.Context
	// Cleanup has f called when the check is over, the last one first.
	Cleanup(f func())
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	// Fatalf ends the goroutine, which must be the check's own, after telling like Errorf.
	Fatalf(format string, args ...any)
}

// Try runs a check outside of a test and returns its failures, none if the provider keeps the rule. A panic is a failure, too.
func Try(ctx context.Context, check func(Reporter)) (failures []string) {
	r := &recorder{}
	var cancel context.CancelFunc
	r.ctx, cancel = context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() { // of its own, since Fatalf ends it
		defer close(done)
		defer r.cleanUp()
		defer cancel()
		defer r.recover()
		check(r)
	}()
	<-done
	return r.failures
}

// recorder keeps failures.
type recorder struct {
	ctx context.Context //nolint:containedctx // it stands for the check's course, as testing.T does

	mu       sync.Mutex
	failures []string
	cleanups []func()
}

// cleanUp runs the function registered last first, each in a way that lets it end the goroutine.
func (r *recorder) cleanUp() {
	for {
		f := r.last()
		if f == nil {
			return
		}
		func() {
			defer r.cleanUp()
			defer r.recover()
			f()
		}()
	}
}

// last takes the function that was registered last; nil if there is none left.
func (r *recorder) last() func() {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.cleanups)
	if n == 0 {
		return nil
	}
	f := r.cleanups[n-1]
	r.cleanups = r.cleanups[:n-1]
	return f
}

func (r *recorder) recover() {
	if p := recover(); p != nil {
		r.Errorf("panic: %v", p)
	}
}

func (r *recorder) Context() context.Context { return r.ctx }

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *recorder) Helper()             {}
func (r *recorder) Logf(string, ...any) {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, strings.TrimSpace(fmt.Sprintf(format, args...)))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}
