package conohatest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// The names of the resolvers in Question.Server, and the host that stands for all name servers outside ConoHa.
const (
	ResolverName           = "resolver"
	ValidationResolverName = "validation"
	OutsideName            = "ns.outside.example."
)

// NameServer is one authoritative server.
type NameServer struct {
	service *Service
	host    string // canonical
	ip      string
	version int // 2 or 3; 0 for the outside one
	index   int // among those of its generation
	socket  *socket

	publication time.Duration // guarded by Service.mu, like behaviour
	behaviour   Behaviour
}

// Behaviour is how a name server misbehaves. The zero value is that of a good one.
type Behaviour struct {
	Silent    bool          // no answer at all; TCP connections are accepted
	SilentUDP bool          // no answer over UDP
	Refuse    bool          // REFUSED
	ServFail  bool          // SERVFAIL
	Lame      bool          // the AA bit is not set
	Truncate  bool          // over UDP, TC and no records
	Delay     time.Duration // real time before every answer
}

// works reports whether a resolver gets an answer that it can use.
func (b Behaviour) works() bool { return !b.Silent && !b.Refuse && !b.ServFail && !b.Lame }

func (s *Service) startNameServers(o Options) error {
	for _, generation := range []struct {
		version int
		hosts   []string
		firstIP int
	}{
		{2, []string{"ns-a1.conoha.io.", "ns-a2.conoha.io.", "ns-a3.conoha.io."}, 11},
		{3, []string{"a.conoha-dns.com.", "b.conoha-dns.org."}, 21},
		{0, []string{OutsideName}, 31},
	} {
		for i, host := range generation.hosts {
			n := &NameServer{service: s, host: host, version: generation.version, index: i, ip: "127.0.0.1"}
			if o.CommonPort {
				n.ip = fmt.Sprintf("127.0.0.%d", generation.firstIP+i)
			}
			if len(o.PublicationDelay) > 0 && n.version != 0 {
				n.publication = o.PublicationDelay[i%len(o.PublicationDelay)]
			}
			s.servers = append(s.servers, n)
		}
	}
	if err := s.listenNameServers(o.CommonPort); err != nil {
		return err
	}
	for _, n := range s.servers {
		if err := n.socket.serve(n); err != nil {
			return err
		}
	}
	return nil
}

// listenNameServers opens the ports of all name servers, or none.
func (s *Service) listenNameServers(common bool) error {
	var sockets []*socket
	if common {
		var ips []string
		for _, n := range s.servers {
			ips = append(ips, n.ip)
		}
		var err error
		if sockets, err = listenDNS(ips); err != nil {
			s.servers = nil
			return err
		}
	}
	for i, n := range s.servers {
		if common {
			n.socket = sockets[i]
			continue
		}
		one, err := listenDNS([]string{n.ip})
		if err != nil {
			s.servers = s.servers[:i]
			return err
		}
		n.socket = one[0]
	}
	return nil
}

// generation returns the name servers of a generation.
func (s *Service) generation(version int) []*NameServer {
	var out []*NameServer
	for _, n := range s.servers {
		if n.version == version {
			out = append(out, n)
		}
	}
	return out
}

func hosts(servers []*NameServer) []string {
	var out []string
	for _, n := range servers {
		out = append(out, n.host)
	}
	return out
}

// NameServers are the addresses, IP:PORT for UDP and TCP, of the authoritative servers of the given generations, or of both.
func (s *Service) NameServers(versions ...int) []string {
	var out []string
	for _, n := range s.servers {
		if n.version != 0 && (len(versions) == 0 || slices.Contains(versions, n.version)) {
			out = append(out, n.socket.addr)
		}
	}
	return out
}

// NameServer returns the authoritative server of a host name (ns-a1.conoha.io., a.conoha-dns.com., OutsideName, …) or
// address. It panics if there is none.
func (s *Service) NameServer(host string) *NameServer {
	for _, n := range s.servers {
		if n.host == canonical(host) || n.socket.addr == host {
			return n
		}
	}
	panic("conohatest: there is no name server " + host)
}

// Host is the server's name, with a trailing dot.
func (n *NameServer) Host() string { return n.host }

// Addr is the server's address, IP:PORT for UDP and TCP.
func (n *NameServer) Addr() string { return n.socket.addr }

// Set makes the server misbehave, or behave again.
func (n *NameServer) Set(b Behaviour) {
	n.service.mu.Lock()
	defer n.service.mu.Unlock()
	n.behaviour = b
}

// SetPublicationDelay changes how long after a change made over HTTP the server serves it. What is on its way by now is
// served when the new delay since it was written is over, at once if it is; what is served stays so.
func (n *NameServer) SetPublicationDelay(d time.Duration) {
	s := n.service
	s.mu.Lock()
	defer s.mu.Unlock()
	n.publication = d
	now := s.now()
	reschedule := func(p *published) {
		if p.at[n.index].After(now) {
			p.at[n.index] = latest(now, p.written.Add(d))
		}
	}
	for _, z := range s.zones {
		if z.version != n.version {
			continue
		}
		reschedule(&z.zone)
		for i := range z.serials {
			reschedule(&z.serials[i])
		}
		for _, r := range z.records {
			reschedule(&r.serve)
		}
		for _, r := range z.deleted {
			reschedule(&r.serve)
			reschedule(r.hide)
		}
	}
}

// SetPublicationDelay changes the publication delays of all name servers of both generations, as Options.PublicationDelay
// and NameServer.SetPublicationDelay say.
func (s *Service) SetPublicationDelay(delays ...time.Duration) {
	for _, n := range s.servers {
		if n.version != 0 && len(delays) > 0 {
			n.SetPublicationDelay(delays[n.index%len(delays)])
		}
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// ask logs a question.
func (s *Service) ask(server string, w dns.ResponseWriter, q dns.Question) {
	s.questions = append(s.questions, Question{
		Server: server, Name: q.Name, Type: dns.Type(q.Qtype).String(), Network: network(w), At: s.now(),
	})
}

// ServeDNS answers one question.
func (n *NameServer) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	s, q := n.service, query.Question[0]
	s.mu.Lock()
	s.ask(n.host, w, q)
	b := n.behaviour
	s.mu.Unlock()
	udp := network(w) == "udp"
	if b.Silent || b.SilentUDP && udp || !s.sleep(context.Background(), b.Delay) {
		return
	}
	m := new(dns.Msg).SetReply(query)
	switch {
	case b.Refuse || q.Qclass != dns.ClassINET:
		m.Rcode = dns.RcodeRefused
	case b.ServFail:
		m.Rcode = dns.RcodeServerFailure
	case b.Truncate && udp:
		m.Truncated, m.Authoritative = true, true
		_ = w.WriteMsg(m)
		return
	default:
		s.mu.Lock()
		a := n.lookup(q.Name, q.Qtype)
		s.mu.Unlock()
		m.Rcode, m.Authoritative = a.rcode, a.authoritative && !b.Lame
		m.Answer, m.Ns, m.Extra = a.answer, a.authority, a.extra
	}
	respond(w, query, m)
}
