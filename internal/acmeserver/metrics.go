package acmeserver

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// metrics are counted since the start.
type metrics struct {
	issued, failed, revoked atomic.Int64

	mu      sync.Mutex
	answers map[string]int64 // by the problem's type; "" is none
}

func newMetrics() *metrics { return &metrics{answers: map[string]int64{}} }

func (m *metrics) answered(_ string, problem *Problem) {
	kind := ""
	if problem != nil {
		kind = problem.kind()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers[kind]++
}

// Status answers at / with a page for people, at /healthz and at /metrics. It is for this machine alone.
func Status(s *Server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", status{s}.page)
	mux.HandleFunc("GET /healthz", status{s}.healthy)
	mux.HandleFunc("GET /metrics", status{s}.measurements)
	return mux
}

type status struct{ of *Server }

func (s status) healthy(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	work := s.of.work
	work.mu.Lock()
	runs := work.ctx != nil
	work.mu.Unlock()
	if !runs {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("stopping\n"))
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}

// measurements are in the text format of Prometheus.
func (s status) measurements(w http.ResponseWriter, _ *http.Request) {
	var b strings.Builder
	gauge := func(name, kind, help string) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
	}
	m := s.of.metrics
	m.mu.Lock()
	answers := maps.Clone(m.answers)
	m.mu.Unlock()
	gauge("wildcard_serve_answers_total", "counter", "Answers by problem type; empty for those without.")
	for _, kind := range slices.Sorted(maps.Keys(answers)) {
		fmt.Fprintf(&b, "wildcard_serve_answers_total{problem=%q} %d\n", kind, answers[kind])
	}
	for _, one := range []struct {
		name, help string
		value      int64
	}{
		{"wildcard_serve_issued_total", "Certificates that were issued.", m.issued.Load()},
		{"wildcard_serve_failed_total", "Orders that failed.", m.failed.Load()},
		{"wildcard_serve_revoked_total", "Certificates that were revoked.", m.revoked.Load()},
	} {
		gauge(one.name, "counter", one.help)
		fmt.Fprintf(&b, "%s %d\n", one.name, one.value)
	}
	counts := map[string]int{statusReady: 0, statusProcessing: 0, statusValid: 0, statusInvalid: 0}
	for _, o := range s.of.store.ordersWhere(func(*Order) bool { return true }) {
		counts[s.of.statusOf(o)]++
	}
	gauge("wildcard_serve_orders", "gauge", "Orders that are kept, by status.")
	for _, status := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "wildcard_serve_orders{status=%q} %d\n", status, counts[status])
	}
	gauge("wildcard_serve_waiting", "gauge", "Orders that wait for their turn at the CA.")
	fmt.Fprintf(&b, "wildcard_serve_waiting %d\n", s.of.queue.length())
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write([]byte(b.String()))
}
