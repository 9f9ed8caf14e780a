// Package zonetest is a name server for tests, whose zones are a folder: a file for each name, a line for each of its TXT values.
// So scripts can write to it with what every machine has, and tests can read it. It answers with authority on a loopback port,
// over UDP and TCP, and takes updates that are signed with its key (RFC 2136, RFC 8945) of one TXT record each. All else is
// refused, and an update that no careful client sends is a violation. It does not know *testing.T.
package zonetest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"wildcard/providers"
)

const (
	key    = "zonetest-key."
	secret = "em9uZXRlc3QtY2FuYXJ5LTAxMjM0NTY3ODlhYmNkZWY=" // a marker for tests that look for secrets
)

// Server is a running name server.
type Server struct {
	dir     string
	zones   []string // canonical
	address string
	servers []*dns.Server

	mu         sync.Mutex
	updates    int
	violations []string
}

// Start starts a server of zones whose records are in a folder.
func Start(dir string, zones ...string) (*Server, error) {
	s := &Server{dir: dir}
	for _, zone := range zones {
		s.zones = append(s.zones, providers.CanonicalName(zone))
	}
	stream, packets, err := Listen()
	if err != nil {
		return nil, fmt.Errorf("zonetest: start: %w", err)
	}
	s.address = stream.Addr().String()
	for _, server := range []*dns.Server{{Listener: stream}, {PacketConn: packets, UDPSize: dns.MaxMsgSize}} {
		server.Handler, server.TsigSecret = s, map[string]string{key: secret}
		server.MsgAcceptFunc = func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		go func() { _ = server.ActivateAndServe() }() // ends with Close
		<-started
		s.servers = append(s.servers, server)
	}
	return s, nil
}

// Listen opens one free loopback port for TCP and UDP. Tests of real name servers close both and hand it on.
func Listen() (net.Listener, net.PacketConn, error) {
	for range 100 {
		stream, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, nil, err
		}
		if packets, err := net.ListenPacket("udp", stream.Addr().String()); err == nil {
			return stream, packets, nil
		}
		_ = stream.Close()
	}
	return nil, nil, errors.New("no port is free for both TCP and UDP")
}

// Close ends the server.
func (s *Server) Close() {
	for _, server := range s.servers {
		_ = server.Shutdown() // it was started
	}
}

// Address is the server's ip:port.
func (s *Server) Address() string { return s.address }

// Environ are the variables with which the provider rfc2136 writes to the server.
func (s *Server) Environ() []string {
	return []string{"RFC2136_NAMESERVER=" + s.address, "RFC2136_TSIG_KEY=" + key, "RFC2136_TSIG_SECRET=" + secret,
		"RFC2136_TSIG_ALGORITHM=hmac-sha256"}
}

// Texts are the TXT values at a name.
func (s *Server) Texts(fqdn string) []string {
	text, err := os.ReadFile(s.file(fqdn))
	if err != nil {
		return nil
	}
	return strings.Fields(string(text))
}

// All are the values at all names.
func (s *Server) All() (values []string) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".") {
			values = append(values, s.Texts(entry.Name())...)
		}
	}
	return values
}

// Updates is how many updates were carried out.
func (s *Server) Updates() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.updates
}

// Violations are the updates that no careful client sends.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}

func (s *Server) file(fqdn string) string {
	return filepath.Join(s.dir, strings.ReplaceAll(providers.CanonicalName(fqdn), "/", "_"))
}

// ServeDNS implements [dns.Handler].
func (s *Server) ServeDNS(w dns.ResponseWriter, request *dns.Msg) {
	reply := new(dns.Msg).SetReply(request)
	t := request.IsTsig()
	switch {
	case t != nil && w.TsigStatus() != nil:
		reply.Rcode = dns.RcodeNotAuth
	case request.Opcode == dns.OpcodeUpdate && t == nil:
		reply.Rcode = dns.RcodeRefused
	case request.Opcode == dns.OpcodeUpdate:
		reply.Rcode = s.update(request)
	case request.Opcode == dns.OpcodeQuery && len(request.Question) == 1:
		s.answer(request.Question[0], reply)
	default:
		reply.Rcode = dns.RcodeNotImplemented
	}
	if t != nil && w.TsigStatus() == nil {
		reply.SetTsig(t.Hdr.Name, t.Algorithm, 300, time.Now().Unix())
	}
	_ = w.WriteMsg(reply) // the client has ended then
}

func (s *Server) answer(q dns.Question, reply *dns.Msg) {
	zone := providers.LongestZone(q.Name, s.zones)
	if zone == "" {
		reply.Rcode = dns.RcodeRefused
		return
	}
	reply.Authoritative = true
	soa := &dns.SOA{
		Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 60}, Ns: "ns." + zone,
		Mbox: "root." + zone, Serial: 1, Refresh: 60, Retry: 60, Expire: 3600, Minttl: 60,
	}
	texts := s.Texts(q.Name)
	if q.Qtype == dns.TypeTXT {
		for _, text := range texts {
			header := dns.RR_Header{Name: q.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60}
			reply.Answer = append(reply.Answer, &dns.TXT{Hdr: header, Txt: []string{text}})
		}
	}
	apex := providers.CanonicalName(q.Name) == zone
	switch {
	case apex && q.Qtype == dns.TypeSOA:
		reply.Answer = append(reply.Answer, soa)
	case len(reply.Answer) == 0:
		reply.Ns = []dns.RR{soa}
		if len(texts) == 0 && !apex {
			reply.Rcode = dns.RcodeNameError
		}
	}
}

// update carries out an update of one TXT record (RFC 2136 §3).
func (s *Server) update(m *dns.Msg) (rcode int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	zone := ""
	if len(m.Question) == 1 && m.Question[0].Qtype == dns.TypeSOA {
		zone = providers.CanonicalName(m.Question[0].Name)
	}
	switch {
	case !slices.Contains(s.zones, zone):
		return dns.RcodeNotAuth
	case len(m.Ns) != 1:
		s.violations = append(s.violations, fmt.Sprintf("an update changes %d records", len(m.Ns)))
		return dns.RcodeRefused
	}
	for _, rr := range m.Answer {
		h := rr.Header()
		there := h.Rrtype == dns.TypeTXT && len(s.Texts(h.Name)) > 0
		switch {
		case h.Class == dns.ClassANY && !there:
			return dns.RcodeNXRrset
		case h.Class == dns.ClassNONE && there:
			return dns.RcodeYXRrset
		}
	}
	txt, ok := m.Ns[0].(*dns.TXT)
	if !ok || len(txt.Txt) != 1 || txt.Hdr.Class != dns.ClassINET && txt.Hdr.Class != dns.ClassNONE ||
		!providers.InZone(txt.Hdr.Name, zone) {
		s.violations = append(s.violations, "an update changes "+m.Ns[0].String())
		return dns.RcodeRefused
	}
	values := slices.DeleteFunc(s.Texts(txt.Hdr.Name), func(v string) bool { return v == txt.Txt[0] })
	if txt.Hdr.Class == dns.ClassINET {
		values = append(values, txt.Txt[0])
	}
	if err := os.WriteFile(s.file(txt.Hdr.Name), []byte(strings.Join(append(values, ""), "\n")), 0o600); err != nil {
		return dns.RcodeServerFailure
	}
	s.updates++
	return dns.RcodeSuccess
}
