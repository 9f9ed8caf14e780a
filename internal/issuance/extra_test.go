package issuance_test

import (
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/conoha/conohatest"
	"wildcard/internal/issuance"
	"wildcard/internal/testkit/pebbletest"
)

// anycast is a machine behind the name servers' addresses that the CA reaches and we do not: it has the records only once it
// caught up, and until then says what a name server without them says.
type anycast struct {
	caughtUp atomic.Bool
	before   func(*dns.Msg) *dns.Msg
}

// start lets the CA of a world ask the machine.
func (a *anycast) start(t *testing.T, w *world) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // Pebble asks over TCP
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(func(rw dns.ResponseWriter, q *dns.Msg) {
		if name := strings.ToLower(q.Question[0].Name); strings.HasPrefix(name, "_acme-challenge.") && !a.caughtUp.Load() {
			_ = rw.WriteMsg(a.before(q))
			return
		}
		client := dns.Client{Net: "tcp"}
		answer, _, err := client.Exchange(q, w.conoha.ValidationResolver())
		if err != nil {
			answer = new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
		}
		_ = rw.WriteMsg(answer)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown(); <-done })
	if w.pebble, err = pebbletest.Start(pebbletest.Options{Resolver: listener.Addr().String()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.pebble.Close)
	w.issuer = w.newIssuer(t)
}

// beforeCatchingUp are answers of a machine that lacks the record, by what it has in its place.
func beforeCatchingUp() map[string]func(*dns.Msg) *dns.Msg {
	return map[string]func(*dns.Msg) *dns.Msg{
		"NXDOMAIN": func(q *dns.Msg) *dns.Msg { return new(dns.Msg).SetRcode(q, dns.RcodeNameError) },
		"no data":  func(q *dns.Msg) *dns.Msg { return new(dns.Msg).SetReply(q) },
		"an older value": func(q *dns.Msg) *dns.Msg {
			m := new(dns.Msg).SetReply(q)
			m.Answer = []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60},
				Txt: []string{strings.Repeat("o", 43)}}}
			return m
		},
	}
}

func TestObtain_ExtraWait(t *testing.T) {
	t.Parallel()
	for name, before := range beforeCatchingUp() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, conohatest.Options{}, pebbletest.Options{})
			machine := &anycast{before: before}
			machine.start(t, w)

			_, err := w.issuer.Obtain(t.Context(), request(t, "example.com"))
			if err == nil || !strings.Contains(err.Error(), "--extra-wait SECONDS (now 0)") {
				t.Errorf("a machine that lags, and no extra wait: %v", err)
			}

			observe := w.issuer.Observe
			w.issuer.ExtraWait = 1100 * time.Millisecond
			w.issuer.Observe = func(e issuance.Event) {
				observe(e)
				if e.Step == issuance.StepExtraWait && e.State == issuance.Finished {
					machine.caughtUp.Store(true)
				}
			}
			w.events = nil
			if _, err := w.issuer.Obtain(t.Context(), request(t, "example.com")); err != nil {
				t.Fatal(err)
			}
			var steps []string
			countdown := 0
			for _, e := range w.events {
				if e.State == issuance.Started {
					steps = append(steps, string(e.Step))
				}
				if e.Step == issuance.StepExtraWait && e.State == issuance.Progress {
					countdown++
				}
			}
			i := slices.Index(steps, "extra-wait")
			if i < 1 || steps[i-1] != "publication" || i+1 >= len(steps) || steps[i+1] != "validation" || countdown < 2 {
				t.Errorf("steps %q, told %d times what is left", steps, countdown)
			}
		})
	}
}

// What has nothing to do with records is not helped by waiting.
func TestObtain_ExtraWaitIsNoAdviceForOtherFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{}, pebbletest.Options{})
	machine := &anycast{before: func(q *dns.Msg) *dns.Msg { return new(dns.Msg).SetRcode(q, dns.RcodeServerFailure) }}
	machine.start(t, w)
	_, err := w.issuer.Obtain(t.Context(), request(t, "example.com"))
	if err == nil || strings.Contains(err.Error(), "--extra-wait") {
		t.Errorf("the CA's resolver failed: %v", err)
	}
}
