package acmednstest

import (
	"net"
	"strings"

	"github.com/miekg/dns"

	"wildcard/internal/testkit/zonetest"
)

// serveDNS answers on one port, by UDP and TCP.
func (s *Server) serveDNS() error {
	tcp, udp, err := zonetest.Listen()
	if err != nil {
		return err
	}
	s.addr = tcp.Addr().String()
	for _, server := range []*dns.Server{{Listener: tcp}, {PacketConn: udp}} {
		started := make(chan struct{})
		server.Handler = dns.HandlerFunc(s.answer)
		server.NotifyStartedFunc = func() { close(started) }
		s.dns = append(s.dns, server)
		go func() { _ = server.ActivateAndServe() }()
		<-started
	}
	return nil
}

func (s *Server) answer(w dns.ResponseWriter, query *dns.Msg) {
	var m dns.Msg
	m.SetReply(query)
	q := query.Question[0]
	name := strings.ToLower(q.Name)
	header := dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET, Ttl: 1}
	m.Authoritative = dns.IsSubDomain(s.domain, name)
	switch {
	case name == s.domain && q.Qtype == dns.TypeNS:
		m.Answer = append(m.Answer, &dns.NS{Hdr: header, Ns: s.domain})
	case name == s.domain && q.Qtype == dns.TypeA:
		m.Answer = append(m.Answer, &dns.A{Hdr: header, A: net.IPv4(127, 0, 0, 1)})
	case name == s.domain && q.Qtype == dns.TypeSOA:
		m.Answer = append(m.Answer, s.soa())
	case m.Authoritative && q.Qtype == dns.TypeTXT:
		for _, value := range s.Texts(name) {
			m.Answer = append(m.Answer, &dns.TXT{Hdr: header, Txt: []string{value}})
		}
	}
	if len(m.Answer) == 0 && name != s.domain {
		m.Rcode = dns.RcodeNameError
		if m.Authoritative {
			m.Ns = append(m.Ns, s.soa())
		}
	}
	if query.IsEdns0() != nil {
		m.SetEdns0(512, false)
	}
	_ = w.WriteMsg(&m)
}

func (s *Server) soa() *dns.SOA {
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: s.domain, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 1}, Ns: s.domain,
		Mbox: "admin." + s.domain, Serial: 1, Refresh: 28800, Retry: 7200, Expire: 604800, Minttl: 86400,
	}
}
