package acmeserver_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wildcard/internal/acmeserver"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
)

// leaps is a clock that each pause moves on, so that hours pass at once.
func leaps(w *world) *atomic.Int64 {
	ahead := &atomic.Int64{}
	w.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	w.sleep = func(ctx context.Context, d time.Duration) error {
		if d >= time.Hour { // the one between two clean-ups
			<-ctx.Done()
			return ctx.Err()
		}
		ahead.Add(int64(d))
		return ctx.Err()
	}
	return ahead
}

// TestOrder_CADownForAnHour has the CA away when the names are to be proven, and for an hour: the order becomes valid then, and a machine
// that gave up and repeats its request gets its certificate. Each is issued once.
func TestOrder_CADownForAnHour(t *testing.T) {
	t.Parallel()
	for _, code := range []string{issuance.CodeUnreachable, issuance.CodeUnavailable, fault.CodeUnavailable} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			var ahead *atomic.Int64
			w := newWorld(t, func(w *world) { ahead = leaps(w) })
			down := func(context.Context, acmeserver.Wanted) error {
				if ahead.Load() < int64(time.Hour) {
					return fault.Errorf(code, fault.Temporary, "acme: no route")
				}
				return nil
			}
			w.up.mu.Lock()
			w.up.onProve, w.up.onIssue = down, down
			w.up.mu.Unlock()
			m, other := w.client("web1", "web1.example.com"), w.client("web2", "web2.example.com")
			for _, m := range []*machine{m, other} {
				m.certificate(newKey(t), m.name+".example.com")
			}
			m.certificate(newKey(t), "web1.example.com") // as one that gave up
			w.stop()                                     // after which nothing is at work any more
			if ahead.Load() < int64(time.Hour) || len(w.up.issued) != 3 || len(w.up.chains) != 0 {
				t.Errorf("%v later: %d certificates, %d remembered", time.Duration(ahead.Load()), len(w.up.issued), len(w.up.chains))
			}
		})
	}
}

// TestOrder_DiskFull has the disk fail beneath what is done at the CA: the order goes on when there is room.
func TestOrder_DiskFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) { leaps(w) })
	m := w.client("web1", ".example.com")
	for i, failure := range []error{
		fault.Errorf(fault.CodeState, fault.Misconfigured, "state: pending: %w", syscall.ENOSPC),
		fault.Errorf(issuance.CodeRefused, fault.Failed, "journal: %w", syscall.EIO),
		fmt.Errorf("accept: %w", syscall.EMFILE),
	} {
		var tries atomic.Int64
		w.up.mu.Lock()
		w.up.onIssue = func(context.Context, acmeserver.Wanted) error {
			if tries.Add(1) < 4 {
				return failure
			}
			return nil
		}
		w.up.mu.Unlock()
		if m.certificate(newKey(t), fmt.Sprintf("n%d.example.com", i)); tries.Load() != 4 {
			t.Errorf("%v: %d tries", failure, tries.Load())
		}
	}
}

// TestOrder_FailedIsForgotten has nothing remembered at the CA for an order that has failed for good, also where the server ended before it
// was forgotten.
func TestOrder_FailedIsForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.client("web1", "web1.example.com")
	w.up.mu.Lock()
	w.up.onIssue = func(_ context.Context, wanted acmeserver.Wanted) error {
		w.up.mu.Lock()
		defer w.up.mu.Unlock()
		w.up.chains[string(wanted.CSR)] = []byte("begun")
		return fault.Errorf(issuance.CodeCAA, fault.Misconfigured, "acme: CAA")
	}
	w.up.mu.Unlock()
	order := m.order("web1.example.com")
	m.finalize(order, newKey(t), "web1.example.com")
	if got := m.final(order.header.Get("Location")); got.text(t, "status") != "invalid" {
		t.Fatalf("%s", got.body)
	}
	w.stop()
	if len(w.up.chains) != 0 {
		t.Errorf("%d remembered", len(w.up.chains))
	}
}

// TestOrder_SameRequest has two orders with one request for a certificate, as of machines that share a key: what is remembered of it at the
// CA stays until the second has its certificate, though the first has failed.
func TestOrder_SameRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m, again := w.client("web1", "web1.example.com"), w.client("web2", "web1.example.com")
	key, err := rsa.GenerateKey(rand.Reader, 2048) // which signs the same twice
	if err != nil {
		t.Fatal(err)
	}
	begin, failed := make(chan struct{}), make(chan struct{})
	calls, kept := 0, false
	w.up.mu.Lock()
	w.up.onIssue = func(_ context.Context, wanted acmeserver.Wanted) error {
		w.up.mu.Lock()
		defer w.up.mu.Unlock()
		wait := map[int]chan struct{}{0: begin, 1: failed}[calls]
		calls++
		w.up.mu.Unlock()
		<-wait
		w.up.mu.Lock()
		if wait == failed {
			kept = w.up.chains[string(wanted.CSR)] != nil
			delete(w.up.chains, string(wanted.CSR)) // what was put there is no certificate
			return nil
		}
		w.up.chains[string(wanted.CSR)] = []byte("begun")
		return fault.Errorf(issuance.CodeCAA, fault.Misconfigured, "acme: CAA")
	}
	w.up.mu.Unlock()
	first := m.order("web1.example.com")
	m.finalize(first, key, "web1.example.com")
	second := again.order("web1.example.com")
	again.finalize(second, key, "web1.example.com")
	close(begin)
	for w.clientsOrder(first) == "ready" && t.Context().Err() == nil { // the audit has it last
		runtime.Gosched()
	}
	close(failed)
	statuses := m.final(first.header.Get("Location")).text(t, "status") + " " + again.final(second.header.Get("Location")).text(t, "status")
	w.stop()
	if !kept || len(w.up.chains) != 0 || statuses != "invalid valid" {
		t.Errorf("kept %v, remembered then: %d, orders %s", kept, len(w.up.chains), statuses)
	}
}

// TestServer_ClockSetBack has the clock go back by days in the midst of an order: it becomes valid, and no client waits for those days.
func TestServer_ClockSetBack(t *testing.T) {
	t.Parallel()
	for _, back := range []time.Duration{2 * time.Hour, 30 * day} {
		t.Run(back.String(), func(t *testing.T) {
			t.Parallel()
			var ahead *atomic.Int64
			w := newWorld(t, func(w *world) { ahead = leaps(w) })
			ahead.Store(int64(back))
			w.up.window = issuance.Window{Start: time.Now(), End: time.Now().Add(time.Hour), RetryAfter: 1000 * day}
			m := w.client("web1", ".example.com")
			_, chain := m.certificate(newKey(t), "a.example.com")
			info := w.url("/acme/renewal-info/") + certificateID(leafOf(t, chain.body))
			m.get(info)
			order := m.order("b.example.com")
			for i := range 58 { // all of its quota
				if got := m.order(fmt.Sprintf("n%d.example.com", i)); got.status != http.StatusCreated {
					t.Fatalf("%d %s", got.status, got.body)
				}
			}
			ahead.Store(0)
			fresh := m.nonce() // what a client does when it is told that its nonce is not known
			if fresh == "" {
				t.Error("no nonce")
			}
			m.finalize(order, newKey(t), "b.example.com")
			if got := m.final(order.header.Get("Location")); got.text(t, "status") != "valid" {
				t.Errorf("%s", got.body)
			}
			m.certificate(newKey(t), "c.example.com")
			got := m.get(info)
			w.up.mu.Lock()
			defer w.up.mu.Unlock()
			if back > day && (got.status != http.StatusOK || w.up.asked != 2) {
				t.Errorf("renewal information: %d %s, asked %d times", got.status, got.body, w.up.asked)
			}
		})
	}
}
