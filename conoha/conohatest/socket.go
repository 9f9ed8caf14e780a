package conohatest

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/miekg/dns"
)

// socket is a UDP and a TCP port of the same address and number.
type socket struct {
	addr    string
	udp     net.PacketConn
	tcp     net.Listener
	servers []*dns.Server
	ended   chan error
}

// listenDNS opens one port, the same number everywhere, at each of the addresses. A number that is free for TCP at one
// may be taken for UDP or at another; then it tries the next.
func listenDNS(ips []string) (sockets []*socket, err error) {
	for range 100 {
		if sockets, err = listenDNSOnce(ips); err == nil {
			return sockets, nil
		}
	}
	return nil, err
}

func listenDNSOnce(ips []string) (sockets []*socket, err error) {
	defer func() {
		if err != nil {
			for _, s := range sockets {
				s.close()
			}
			sockets = nil
		}
	}()
	port := "0"
	for _, ip := range ips {
		tcp, err := net.Listen("tcp", net.JoinHostPort(ip, port))
		if err != nil {
			return sockets, err
		}
		port = strconv.Itoa(tcp.Addr().(*net.TCPAddr).Port)
		s := &socket{addr: tcp.Addr().String(), tcp: tcp, ended: make(chan error, 2)}
		sockets = append(sockets, s)
		if s.udp, err = net.ListenPacket("udp", s.addr); err != nil {
			return sockets, err
		}
	}
	return sockets, nil
}

// serve begins to answer.
func (s *socket) serve(handler dns.Handler) error {
	for _, server := range []*dns.Server{
		{PacketConn: s.udp, UDPSize: dns.DefaultMsgSize},
		{Listener: s.tcp, MaxTCPQueries: -1},
	} {
		started := make(chan struct{})
		server.Handler = handler
		server.NotifyStartedFunc = func() { close(started) }
		go func() { s.ended <- server.ActivateAndServe() }()
		select {
		case <-started:
			s.servers = append(s.servers, server)
		case err := <-s.ended:
			return fmt.Errorf("serve DNS at %s: %w", s.addr, err)
		}
	}
	return nil
}

// close stops answering, and waits until nothing of it is left.
func (s *socket) close() error {
	var errs []error
	for _, server := range s.servers {
		errs = append(errs, server.Shutdown(), <-s.ended)
	}
	if len(s.servers) < 2 { // it never got so far
		s.tcp.Close()
		if s.udp != nil {
			s.udp.Close()
		}
	}
	return errors.Join(errs...)
}

// respond sends a reply, cut to what the asker can take (RFC 1035 §4.2.1, RFC 6891).
func respond(w dns.ResponseWriter, query, m *dns.Msg) {
	size := dns.MaxMsgSize
	if network(w) == "udp" {
		size = dns.MinMsgSize
	}
	if opt := query.IsEdns0(); opt != nil {
		const most = 1232 // as name servers are set up today, against fragments
		if size == dns.MinMsgSize {
			size = min(max(int(opt.UDPSize()), size), most)
		}
		m.SetEdns0(most, false)
		if opt.Version() != 0 {
			m.Answer, m.Ns, m.Extra = nil, nil, m.Extra[len(m.Extra)-1:]
			m.Rcode = dns.RcodeBadVers
		}
	}
	m.Compress = true
	m.Truncate(size)
	_ = w.WriteMsg(m) // an asker that has ended does not matter
}

func network(w dns.ResponseWriter) string { return w.LocalAddr().Network() }
