package rfc2136

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"wildcard/providers"
	"wildcard/providers/zonetest"
)

// secondary is a public secondary that does not know the key: it answers what is not signed with a copy of the zone that lags, and
// passes updates on to the primary word for word, with an id of its own, as BIND does with allow-update-forwarding
// (lib/dns/zone.c, dns_zone_forwardupdate).
type secondary struct {
	address string
	primary string
	forward bool

	mu   sync.Mutex
	copy map[string][]string // TXT by name
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
		for {
			conn, err := tcp.Accept()
			if err != nil {
				return
			}
			s.serve(&dns.Conn{Conn: conn})
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
		reply.Rcode = dns.RcodeNotAuth
		reply.Extra = []dns.RR{&dns.TSIG{Hdr: dns.RR_Header{Name: t.Hdr.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY}, Algorithm: t.Algorithm,
			TimeSigned: t.TimeSigned, Fudge: t.Fudge, OrigId: m.Id, Error: dns.RcodeBadKey}}
	default:
		reply.Authoritative = true
		q := m.Question[0]
		s.mu.Lock()
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
