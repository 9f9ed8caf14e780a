package doctor

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// front is a resolver before another one, which answers some questions itself.
type front struct {
	addr   string
	behind string

	mu     sync.Mutex
	own    map[dns.Question]func(q *dns.Msg) *dns.Msg
	server *dns.Server
}

func newFront(t testing.TB, behind string) *front {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{addr: conn.LocalAddr().String(), behind: behind, own: map[dns.Question]func(*dns.Msg) *dns.Msg{}}
	f.server = &dns.Server{PacketConn: conn, Handler: f}
	done := make(chan struct{})
	started := make(chan struct{})
	f.server.NotifyStartedFunc = func() { close(started) }
	go func() {
		defer close(done)
		_ = f.server.ActivateAndServe()
	}()
	<-started
	t.Cleanup(func() { _ = f.server.Shutdown(); <-done })
	return f
}

// answer makes the resolver answer a question itself.
func (f *front) answer(name string, kind uint16, with func(q *dns.Msg) *dns.Msg) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.own[dns.Question{Name: dns.Fqdn(name), Qtype: kind, Qclass: dns.ClassINET}] = with
}

// records makes it answer with these.
func (f *front) records(name string, kind uint16, records ...dns.RR) {
	f.answer(name, kind, func(q *dns.Msg) *dns.Msg {
		m := new(dns.Msg).SetReply(q)
		m.RecursionAvailable, m.Answer = true, records
		return m
	})
}

// host makes it know the address of a host.
func (f *front) host(name, ip string) {
	header := dns.RR_Header{Name: dns.Fqdn(name), Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}
	f.records(name, dns.TypeA, &dns.A{Hdr: header, A: net.ParseIP(ip)})
	f.records(name, dns.TypeAAAA)
}

// fails makes it answer with an error; one that validates does so unless it is told not to.
func (f *front) fails(name string, kind uint16, evenUnchecked bool) {
	f.answer(name, kind, func(q *dns.Msg) *dns.Msg {
		if q.CheckingDisabled && !evenUnchecked {
			return f.ask(q)
		}
		return new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
	})
}

func (f *front) ask(q *dns.Msg) *dns.Msg {
	client := dns.Client{Net: "tcp", Timeout: time.Minute}
	m, _, err := client.Exchange(q, f.behind)
	if err != nil {
		return new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
	}
	return m
}

// ServeDNS answers a question.
func (f *front) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	f.mu.Lock()
	own := f.own[q.Question[0]]
	f.mu.Unlock()
	if own == nil {
		own = f.ask
	}
	_ = w.WriteMsg(own(q))
}
