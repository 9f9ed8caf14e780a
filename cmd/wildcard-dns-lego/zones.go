package main

import (
	"net"
	"sync"

	"github.com/miekg/dns"

	"wildcard/providers"
)

// zones is the resolver that lego's services ask where a name's zone begins. It knows the zones of the requests, and nothing else.
type zones struct {
	server *dns.Server

	mu    sync.Mutex
	known map[string]bool
}

// startZones listens on a loopback port.
func startZones() (*zones, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	z := &zones{known: map[string]bool{}}
	z.server = &dns.Server{PacketConn: conn, Handler: z}
	started := make(chan struct{})
	z.server.NotifyStartedFunc = func() { close(started) }
	go func() { _ = z.server.ActivateAndServe() }() // ends with close; lego tells when no server answers
	<-started
	return z, nil
}

func (z *zones) address() string { return z.server.PacketConn.LocalAddr().String() }

func (z *zones) close() { _ = z.server.Shutdown() }

func (z *zones) add(zone string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.known[providers.CanonicalName(zone)] = true
}

// ServeDNS says of a known zone's name that the zone begins there, and of names below it that it does not.
func (z *zones) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	reply := new(dns.Msg).SetRcode(query, dns.RcodeRefused)
	if len(query.Question) == 1 && query.Question[0].Qclass == dns.ClassINET {
		name := providers.CanonicalName(query.Question[0].Name)
		zone := z.zoneOf(name)
		soa := &dns.SOA{
			Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeSOA, Class: dns.ClassINET},
			Ns:  zone, Mbox: zone, Serial: 1, Refresh: 86400, Retry: 3600, Expire: 604800, Minttl: 0,
		}
		switch {
		case zone == "":
		case name == zone && query.Question[0].Qtype == dns.TypeSOA:
			reply.SetReply(query)
			reply.Answer = []dns.RR{soa}
		case name == zone:
			reply.SetReply(query)
			reply.Ns = []dns.RR{soa}
		default:
			reply.SetRcode(query, dns.RcodeNameError)
			reply.Ns = []dns.RR{soa}
		}
	}
	_ = w.WriteMsg(reply) // who asked has a time limit
}

// zoneOf is the longest known zone that a name lies in, or "".
func (z *zones) zoneOf(name string) (longest string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for zone := range z.known {
		if providers.InZone(name, zone) && len(zone) > len(longest) {
			longest = zone
		}
	}
	return longest
}
