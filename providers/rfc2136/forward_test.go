package rfc2136

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"wildcard/internal/testkit/zonetest"
	"wildcard/providers"
)

// secondary is a public secondary that does not know the key: it answers what is not signed with a copy of the zone that lags, and
// passes updates on to the primary word for word, with an id of its own, as BIND does with allow-update-forwarding
// (lib/dns/zone.c, dns_zone_forwardupdate).
type secondary struct {
	address string
	primary string
	forward bool

	mu       sync.Mutex
	copy     map[string][]string // TXT by name
	hides    bool                // it refuses questions without a key (allow-query)
	together *sync.WaitGroup     // so many questions must have come with the key before one of them is refused; nil: none
}

func newSecondary(t *testing.T, primary string) *secondary {
	t.Helper()
	s := &secondary{primary: primary, forward: true, copy: map[string][]string{}}
	tcp, udp, err := zonetest.Listen()
	if err != nil {
		t.Fatal(err)
	}
	_ = udp.Close()
	s.address = tcp.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		var served sync.WaitGroup
		defer served.Wait()
		for {
			conn, err := tcp.Accept()
			if err != nil {
				return
			}
			served.Go(func() { s.serve(&dns.Conn{Conn: conn}) })
		}
	}()
	t.Cleanup(func() { _ = tcp.Close(); <-done })
	return s
}

func (s *secondary) serve(conn *dns.Conn) {
	defer conn.Close()
	packet, err := conn.ReadMsgHeader(nil)
	if err != nil {
		return
	}
	var m dns.Msg
	if m.Unpack(packet) != nil {
		return
	}
	reply := new(dns.Msg).SetReply(&m)
	switch t := m.IsTsig(); {
	case m.Opcode == dns.OpcodeUpdate && s.forward:
		up, err := net.Dial("tcp", s.primary)
		if err != nil {
			return
		}
		primary := &dns.Conn{Conn: up}
		defer primary.Close()
		if _, err := primary.Write(packet); err != nil {
			return
		}
		answer, err := primary.ReadMsgHeader(nil)
		if err != nil {
			return
		}
		_, _ = conn.Write(answer)
		return
	case t != nil:
		if s.together != nil {
			s.together.Done()
			s.together.Wait()
		}
		reply.Rcode = dns.RcodeNotAuth
		reply.Extra = []dns.RR{&dns.TSIG{Hdr: dns.RR_Header{Name: t.Hdr.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY}, Algorithm: t.Algorithm,
			TimeSigned: t.TimeSigned, Fudge: t.Fudge, OrigId: m.Id, Error: dns.RcodeBadKey}}
	default:
		reply.Authoritative = true
		q := m.Question[0]
		s.mu.Lock()
		if s.hides {
			s.mu.Unlock()
			reply.Authoritative, reply.Rcode = false, dns.RcodeRefused
			break
		}
		for _, value := range s.copy[dns.CanonicalName(q.Name)] {
			reply.Answer = append(reply.Answer, &dns.TXT{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60}, Txt: []string{value}})
		}
		s.mu.Unlock()
		if len(reply.Answer) == 0 {
			reply.Ns = []dns.RR{&dns.SOA{Hdr: dns.RR_Header{Name: "example.com.", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 60}, Ns: "ns1.example.net.", Mbox: "root.example.net."}}
		}
	}
	_ = conn.WriteMsg(reply)
}

func TestForwardingSecondary(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSecondary(t, w.fake.address)
	w.fake.address = s.address // as the settings have it
	p := w.open()
	first, second := challenge("example.com", 1), challenge("example.com", 2)
	h := w.present(p, first)
	w.present(p, second) // of which the secondary shows neither yet
	w.present(p, second)
	w.holds(first.FQDN, first.Value, second.Value)
	s.mu.Lock()
	s.copy[first.FQDN] = []string{first.Value} // it has got the first
	s.mu.Unlock()
	w.present(p, first)
	w.cleanUp(p, first, h)
	w.holds(first.FQDN, second.Value)
	w.cleanUp(w.open(), second, "") // in another process, without a handle, and the secondary does not show it
	w.holds(first.FQDN)
}

// Several records are made at once: each question that goes out with the key is asked again without it.
func TestForwardingSecondary_AtOnce(t *testing.T) {
	t.Parallel()
	for range 10 {
		w := newWorld(t)
		s := newSecondary(t, w.fake.address)
		w.fake.address = s.address
		p := w.open()
		const many = 4
		s.together = new(sync.WaitGroup)
		s.together.Add(many)
		var ended sync.WaitGroup
		var want []string
		for n := range many {
			c := challenge("example.com", n)
			want = append(want, c.Value)
			ended.Go(func() {
				if _, err := p.Present(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		ended.Wait()
		w.holds("_acme-challenge.example.com.", want...)
	}
}

// A server that shows nothing without a key does not pass updates on, whatever it did before: its word on the key is told.
func TestForwardingSecondary_Hides(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSecondary(t, w.fake.address)
	w.fake.address = s.address
	p := w.open()
	c := challenge("example.com", 1)
	w.present(p, c)
	s.mu.Lock()
	s.hides = true
	s.mu.Unlock()
	_, err := p.Present(t.Context(), challenge("example.com", 2))
	w.fails(err, providers.CodeCredentials, providers.Refused, "BADKEY")
	w.fails(p.CleanUp(t.Context(), c, ""), providers.CodeCredentials, providers.Refused, "BADKEY")
	if p.server.forwards.Load() {
		t.Error("it still counts as one that passes updates on")
	}
	s.mu.Lock()
	s.hides = false
	s.mu.Unlock()
	w.cleanUp(p, c, "")
	w.holds(c.FQDN)
}

// The key's name is misspelt, and what the server says without a key is no answer about the zone.
func TestPresent_UnknownKey(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*dns.Msg){
		"refused (allow-query)":   func(*dns.Msg) {},
		"not its zone":            func(m *dns.Msg) { m.Rcode = dns.RcodeNotAuth },
		"a view with a resolver":  func(m *dns.Msg) { m.Rcode, m.RecursionAvailable = dns.RcodeNameError, true },
		"root servers are named":  func(m *dns.Msg) { m.Rcode, m.Ns = dns.RcodeSuccess, []dns.RR{rr(t, ". 9 IN NS a.root-servers.net.")} },
		"takes no such questions": func(m *dns.Msg) { m.Rcode = dns.RcodeNotImplemented },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.on(func(request *dns.Msg, _ string) *fault {
				if request.IsTsig() != nil {
					return nil
				}
				return &fault{change: change}
			})
			p := w.open("RFC2136_TSIG_KEY=other-key")
			for range 2 {
				_, err := p.Present(t.Context(), challenge("example.com", 1))
				w.fails(err, providers.CodeCredentials, providers.Refused, "BADKEY", "other-key.")
				if !providers.IsUnmade(err) || p.server.forwards.Load() {
					t.Errorf("unmade %v, forwards %v", providers.IsUnmade(err), p.server.forwards.Load())
				}
				w.sent("tcp TXT _acme-challenge.example.com.", "tcp TXT _acme-challenge.example.com.")
			}
		})
	}
}

// Without a key the server has a fault, which may pass, or sends us on: that is what is told.
func TestPresent_UnknownKeyElsewhere(t *testing.T) {
	t.Parallel()
	for code, change := range map[string]func(*dns.Msg){
		providers.CodeService: func(m *dns.Msg) { m.Rcode = dns.RcodeServerFailure },
		providers.CodeDelegatedElsewhere: func(m *dns.Msg) {
			m.Rcode, m.Ns = dns.RcodeSuccess, []dns.RR{rr(t, "sub.example.com. 9 IN NS ns.elsewhere.example.")}
		},
	} {
		w := newWorld(t)
		w.on(func(request *dns.Msg, _ string) *fault {
			if request.IsTsig() != nil {
				return nil
			}
			return &fault{change: change}
		})
		_, err := w.open("RFC2136_TSIG_KEY=other-key").Present(t.Context(), challenge("sub.example.com", 1))
		if providers.CodeOf(err) != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
}

// The server is given by its host name: the address that answered is told.
func TestOrigin_HostName(t *testing.T) {
	t.Parallel()
	for _, networks := range []string{"tcp udp", "udp"} {
		w := &world{fake: newFakeOn(t, networks, "hmac-sha256.", "example.com."), t: t, log: &buffer{}}
		_, port, _ := net.SplitHostPort(w.address)
		p := w.open("RFC2136_NAMESERVER=localhost:" + port)
		c := challenge("example.com", 1)
		w.present(p, c)
		for _, fqdn := range []string{c.FQDN, "_acme-challenge.www.example.com."} {
			if view, err := p.Origin(t.Context(), fqdn); err != nil || view.Server != w.address {
				t.Errorf("%s: %+v, %v; want %s", networks, view, err, w.address)
			}
		}
	}
}

// The server does not know the key, and passes nothing on, or the primary does not know it either: refused, and nothing to clean up.
func TestForwardingSecondary_KeyRefused(t *testing.T) {
	t.Parallel()
	for _, forward := range []bool{false, true} {
		w := newWorld(t)
		s := newSecondary(t, w.fake.address)
		s.forward = forward
		w.fake.address = s.address
		delete(w.fake.methods, testKey)
		t.Cleanup(func() {})
		p := w.openAs("example.com=rfc2136", "RFC2136_TSIG_ALGORITHM=hmac-sha256")
		_, err := p.Present(t.Context(), challenge("example.com", 1))
		w.fails(err, providers.CodeCredentials, providers.Refused, "BADKEY")
		if !providers.IsUnmade(err) {
			t.Errorf("forwarding %v: something is left to clean up: %v", forward, err)
		}
	}
}

// What was certainly not made leaves nothing to clean up; what may have been made does.
func TestPresent_Unmade(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opcode int
		met    fault
		unmade bool
	}{
		"look refused":         {dns.OpcodeQuery, fault{skip: true, change: func(m *dns.Msg) { m.Rcode = dns.RcodeRefused }}, true},
		"no answer to look":    {dns.OpcodeQuery, fault{silent: true}, true},
		"update refused":       {dns.OpcodeUpdate, fault{skip: true, change: func(m *dns.Msg) { m.Rcode = dns.RcodeRefused }}, true},
		"no answer to update":  {dns.OpcodeUpdate, fault{silent: true, skip: true}, false},
		"update done in vain?": {dns.OpcodeUpdate, fault{skip: true, change: func(m *dns.Msg) { m.Rcode = dns.RcodeServerFailure }}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.always(c.opcode, &c.met)
			_, err := w.open("RFC2136_DNS_TIMEOUT=1").Present(t.Context(), challenge("example.com", 1))
			if err == nil || providers.IsUnmade(err) != c.unmade {
				t.Errorf("unmade %v, want %v: %v", providers.IsUnmade(err), c.unmade, err)
			}
		})
	}
}

// Origin tells what the primary has, of the record and of the zone.
func TestOrigin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open()
	c := challenge("example.com", 1)
	w.present(p, c)
	view, err := p.Origin(t.Context(), c.FQDN)
	if err != nil || view.Server != w.address || view.Zone != "example.com." || view.Primary != "ns1.example.net." || view.Mail != "root.example.net." ||
		view.Serial != 1 || view.Signed || strings.Join(view.NameServers, " ") != "ns1.example.net." || strings.Join(view.Texts, " ") != c.Value {
		t.Errorf("%+v, %v", view, err)
	}
	w.always(dns.OpcodeQuery, &fault{skip: true, change: func(m *dns.Msg) { m.Rcode = dns.RcodeRefused }})
	if _, err := p.Origin(t.Context(), c.FQDN); providers.CodeOf(err) != providers.CodeNoZone {
		t.Error(err)
	}
}
