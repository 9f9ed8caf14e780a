package acmeserver_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// spent is the CPU time of the process.
func spent(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkServe_Crowd has 200 machines, with a name each in ten zones, get a certificate at once at a CA that issues at once. It reports the
// CPU time of a request, that of machines and CA included (the server is to need less than 20 ms), and the live memory, likewise (64 MiB).
func BenchmarkServe_Crowd(b *testing.B) {
	const requests = 8 // of a certificate: order, CSR, order, certificate, and a nonce for each
	w := newWorld(b, held)
	all := map[string]*machine{}
	for i := range 200 {
		name := fmt.Sprintf("m%d.zone%d.example", i, i%10)
		all[name] = w.client(fmt.Sprintf("m%d", i), name)
	}
	before, certificates := spent(b), 0
	for b.Loop() {
		var done sync.WaitGroup
		for name, m := range all {
			done.Go(func() { m.certificate(newKey(b), name) })
		}
		done.Wait()
		certificates += len(all)
	}
	b.ReportMetric((spent(b)-before).Seconds()*1000/float64(requests*certificates), "cpu-ms/request")
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	b.ReportMetric(float64(memory.HeapAlloc)/(1<<20), "MiB")
	runtime.KeepAlive(w)
}

// BenchmarkServe_Garbage is what a request costs that is refused, of an address that sends nothing else: 10,000 a minute of them are to leave
// the server to the others.
func BenchmarkServe_Garbage(b *testing.B) {
	w := newWorld(b)
	body := []byte(`{"protected":"eyJhbGciOiJFUzI1NiJ9","payload":"e30","signature":"AAAA"}`)
	before := spent(b)
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/acme/new-order", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/jose+json")
		r.RemoteAddr = "192.0.2.9:1234"
		got := httptest.NewRecorder()
		if w.server.ServeHTTP(got, r); got.Code < http.StatusBadRequest {
			b.Fatal(got.Code)
		}
	}
	b.ReportMetric((spent(b)-before).Seconds()*1e6/float64(b.N), "cpu-µs/request")
}
