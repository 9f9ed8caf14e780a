package propagation

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"wildcard/internal/fault"
	"wildcard/internal/testkit/parallel"
	"wildcard/providers"
)

func TestMain(m *testing.M) {
	parallel.Waiting()
	goleak.VerifyTestMain(m)
}

// world is a resolver at 127.0.0.1, name servers at 127.0.0.2 and up, and one of the top-level domain above them, test.,
// all on one port that was free on each.
type world struct {
	t        testing.TB
	port     int
	resolver *server
	registry *server
	servers  []*server

	mayAskAll bool // the resolver may be asked about challenges

	zones table // zone → host names
	hosts table // host name → addresses
	above table // what the registry delegates otherwise than the resolver knows: zone → host names
	glue  table // what the registry knows otherwise: host name → addresses
}

// newWorld starts count name servers, ns1.test. and up, which serve example.test. and are delegated it. When the test
// ends, it is an error if the resolver was ever asked about a challenge name: fault 96.
func newWorld(t testing.TB, count int) *world {
	w := &world{t: t}
	w.zones.set("test.", "ns.nic.test.")
	for range 100 {
		if w.listen(count) {
			break
		}
	}
	if w.resolver == nil {
		t.Fatal("no port is free on all addresses")
	}
	w.resolver.set(w.recurse)
	w.registry.set(w.refer)
	w.address("ns.nic.test.", w.registry.addr.Addr().String())
	for i := range w.servers {
		host := "ns" + strconv.Itoa(i+1) + ".test."
		w.delegate("example.test.", host)
		w.address(host, w.servers[i].addr.Addr().String())
	}
	t.Cleanup(func() {
		if w.mayAskAll {
			return
		}
		for _, q := range w.resolver.asked() {
			if strings.Contains(strings.ToLower(q), "_acme-challenge") {
				t.Errorf("fault 96: the resolver was asked for %s", q)
			}
		}
	})
	return w
}

func (w *world) listen(count int) bool {
	resolver, err := newServer("127.0.0.1:0")
	if err != nil {
		return false
	}
	w.port = int(resolver.addr.Port())
	servers := []*server{resolver}
	for i := range count + 1 {
		s, err := newServer(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, byte(2 + i)}), uint16(w.port)).String())
		if err != nil {
			for _, s := range servers {
				s.close()
			}
			return false
		}
		s.lists = w.nameServersOf
		s.set(s.authority)
		servers = append(servers, s)
	}
	for _, s := range servers {
		w.t.Cleanup(s.close)
	}
	w.resolver, w.servers, w.registry = servers[0], servers[1:count+1], servers[count+1]
	return true
}

func (w *world) delegate(zone string, hosts ...string) { w.zones.add(zone, hosts...) }

// redelegate delegates a zone to other hosts than before.
func (w *world) redelegate(zone string, hosts ...string) { w.zones.set(zone, hosts...) }

func (w *world) address(host string, addrs ...string) { w.hosts.add(host, addrs...) }

// everywhere lets answer speak for all name servers, those of the top-level domain too.
func (w *world) everywhere(answer dns.HandlerFunc) {
	for _, s := range append(slices.Clone(w.servers), w.registry) {
		s.set(answer)
	}
}

// standsIn lets the resolver be asked for challenges too: it then has what was published to it.
func (w *world) standsIn() {
	w.mayAskAll = true
	w.resolver.set(func(rw dns.ResponseWriter, r *dns.Msg) {
		if !strings.HasPrefix(strings.ToLower(r.Question[0].Name), "_acme-challenge.") {
			w.recurse(rw, r)
			return
		}
		m := w.resolver.answer(r)
		m.Authoritative, m.RecursionAvailable = false, true
		rw.WriteMsg(m)
	})
}

// nameServersOf is what a zone's servers list, unless they are told otherwise: what it is delegated to.
func (w *world) nameServersOf(zone string) []string {
	if hosts, ok := w.above.get(zone); ok {
		return hosts
	}
	return w.zones.of(zone)
}

// list lets a server list hosts for a zone itself.
func (s *server) list(zone string, hosts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ns[zone] = hosts
}

// recurse answers as a resolver does.
func (w *world) recurse(rw dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg).SetReply(r)
	m.RecursionAvailable = true
	q := r.Question[0]
	name := providers.CanonicalName(q.Name)
	known := false
	for _, zone := range w.zones.names() {
		known = known || zone == name || providers.InZone(zone, name)
	}
	switch hosts, ok := w.hosts.get(name); {
	case ok:
		known = true
		for _, addr := range hosts {
			ip := net.ParseIP(addr)
			if ip.To4() != nil && q.Qtype == dns.TypeA {
				m.Answer = append(m.Answer, &dns.A{Hdr: header(q.Name, dns.TypeA), A: ip})
			}
			if ip.To4() == nil && q.Qtype == dns.TypeAAAA {
				m.Answer = append(m.Answer, &dns.AAAA{Hdr: header(q.Name, dns.TypeAAAA), AAAA: ip})
			}
		}
	case q.Qtype == dns.TypeNS:
		m.Answer = nameServers(q.Name, w.zones.of(name)...)
	}
	if !known {
		m.Rcode = dns.RcodeNameError
	}
	if rw.LocalAddr().Network() == "udp" {
		m.Truncate(bufferSize)
	}
	rw.WriteMsg(m)
}

// refer answers as the servers of a top-level domain do: with referrals, with the addresses of hosts below it.
func (w *world) refer(rw dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg).SetReply(r)
	q := r.Question[0]
	zone := ""
	for _, known := range []*table{&w.zones, &w.above} {
		for _, name := range known.names() {
			if strings.Count(name, ".") == 2 && providers.InZone(q.Name, name) {
				zone = name
			}
		}
	}
	hosts, moved := w.above.get(zone)
	if !moved {
		hosts = w.zones.of(zone)
	}
	switch {
	case providers.CanonicalName(q.Name) == "test.":
		m.Authoritative = true
	case len(hosts) == 0:
		m.Authoritative, m.Rcode = true, dns.RcodeNameError
	default:
		m.Ns = nameServers(zone, hosts...)
	}
	for _, host := range hosts {
		for _, addr := range append(w.glue.of(host), w.hosts.of(host)...) {
			if ip := net.ParseIP(addr); ip.To4() != nil {
				m.Extra = append(m.Extra, &dns.A{Hdr: header(host, dns.TypeA), A: ip})
			} else {
				m.Extra = append(m.Extra, &dns.AAAA{Hdr: header(host, dns.TypeAAAA), AAAA: ip})
			}
		}
	}
	if rw.LocalAddr().Network() == "udp" {
		m.Truncate(bufferSize)
	}
	rw.WriteMsg(m)
}

func header(name string, rrtype uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: rrtype, Class: dns.ClassINET, Ttl: 3600}
}

func nameServers(owner string, hosts ...string) []dns.RR {
	var rrs []dns.RR
	for _, host := range hosts {
		rrs = append(rrs, &dns.NS{Hdr: header(owner, dns.TypeNS), Ns: host})
	}
	return rrs
}

// Resolver returns settings that look at this world, with time-outs that a test can wait for.
func (w *world) Resolver() *Resolver {
	return &Resolver{Servers: []string{w.resolver.addr.String()}, Port: w.port, Timeout: 2 * time.Second}
}

// publish gives value to the given servers, or to all.
func (w *world) publish(fqdn, value string, servers ...int) {
	for i, s := range w.servers {
		if len(servers) == 0 || slices.Contains(servers, i) {
			s.publish(fqdn, value)
		}
	}
}

// server is a scripted DNS server on UDP and TCP of one address.
type server struct {
	addr     netip.AddrPort
	udp, tcp *dns.Server

	mu      sync.Mutex
	handler dns.HandlerFunc
	log     []string            // "TYPE name. network"
	ns      map[string][]string // what it lists for a zone itself, where that is not what the resolver knows
	lists   func(zone string) []string
	txt     map[string][]string
	cname   map[string]string // "*." names are wildcards
	oneOnly bool              // its wildcards hold for names of one label more alone, as no name server's should
	changed chan struct{}     // closed and made anew at every question
}

func newServer(addr string) (*server, error) {
	packets, stream, err := bind(addr)
	for range 100 {
		if err == nil || !strings.HasSuffix(addr, ":0") {
			break
		}
		packets, stream, err = bind(addr) // the port that UDP got was taken for TCP
	}
	if err != nil {
		return nil, err
	}
	s := &server{
		addr:    packets.LocalAddr().(*net.UDPAddr).AddrPort(),
		ns:      map[string][]string{},
		txt:     map[string][]string{},
		cname:   map[string]string{},
		changed: make(chan struct{}),
	}
	// What a fuzzer or a fault sends is to reach the handler, not be refused by the library.
	accept := func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }
	var started sync.WaitGroup
	started.Add(2)
	s.udp = &dns.Server{PacketConn: packets, Handler: s, MsgAcceptFunc: accept, NotifyStartedFunc: started.Done}
	s.tcp = &dns.Server{Listener: stream, Handler: s, MsgAcceptFunc: accept, NotifyStartedFunc: started.Done}
	go s.udp.ActivateAndServe()
	go s.tcp.ActivateAndServe()
	started.Wait()
	return s, nil
}

func bind(addr string) (net.PacketConn, net.Listener, error) {
	packets, err := net.ListenPacket("udp", addr)
	if err != nil {
		return nil, nil, err
	}
	stream, err := net.Listen("tcp", packets.LocalAddr().String())
	if err != nil {
		packets.Close()
	}
	return packets, stream, err
}

func (s *server) close() {
	s.udp.Shutdown()
	s.tcp.Shutdown()
}

func (s *server) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	s.mu.Lock()
	handler := s.handler
	for _, q := range r.Question {
		s.log = append(s.log, dns.TypeToString[q.Qtype]+" "+q.Name+" "+w.LocalAddr().Network())
	}
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()
	handler(w, r)
}

func (s *server) set(handler dns.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = handler
}

func (s *server) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// awaitQuestions returns when the server has been asked count times in all.
func (s *server) awaitQuestions(t testing.TB, count int) {
	t.Helper()
	for {
		s.mu.Lock()
		n, changed := len(s.log), s.changed
		s.mu.Unlock()
		if n >= count {
			return
		}
		select {
		case <-changed:
		case <-time.After(time.Minute):
			t.Errorf("asked %d times, want %d", n, count)
			return
		}
	}
}

func (s *server) publish(fqdn, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.txt[fqdn] = append(s.txt[fqdn], value)
}

func (s *server) withdraw(fqdn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.txt, fqdn)
	delete(s.cname, fqdn)
}

func (s *server) alias(fqdn, target string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cname[fqdn] = target
}

// authority answers as a name server does that was given every zone.
func (s *server) authority(w dns.ResponseWriter, r *dns.Msg) { w.WriteMsg(s.answer(r)) }

func (s *server) answer(r *dns.Msg) *dns.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := new(dns.Msg).SetReply(r)
	m.Authoritative = true
	q := r.Question[0]
	name := providers.CanonicalName(q.Name)
	if target := s.cname[s.source(name)]; target != "" {
		m.Answer = append(m.Answer, &dns.CNAME{Hdr: header(q.Name, dns.TypeCNAME), Target: target})
		return m
	}
	if hosts, ok := s.ns[name]; q.Qtype == dns.TypeNS {
		if !ok && s.lists != nil {
			hosts = s.lists(name)
		}
		if m.Answer = nameServers(name, hosts...); len(hosts) > 0 {
			return m
		}
	}
	if q.Qtype == dns.TypeTXT {
		for _, value := range s.txt[name] {
			m.Answer = append(m.Answer, &dns.TXT{Hdr: header(q.Name, dns.TypeTXT), Txt: []string{value}})
		}
	}
	if len(s.txt[name]) == 0 {
		m.Rcode = dns.RcodeNameError
	}
	return m
}

// source is the name whose records answer for name: itself, or the wildcard at the closest name above that there is, if name
// is not there (RFC 4592 §3.3.1), which is how BIND, NSD, Knot and PowerDNS do it.
func (s *server) source(name string) string {
	for above := name; above != "" && !s.exists(above); above = parent(above) {
		if _, ok := s.cname["*."+parent(above)]; ok && (s.exists(parent(above)) || s.oneOnly) && (above == name || !s.oneOnly) {
			return "*." + parent(above)
		}
	}
	return name
}

// exists reports whether there is a record at name or below (RFC 8020).
func (s *server) exists(name string) bool {
	below := func(key string) bool { return providers.InZone(key, name) }
	return slices.ContainsFunc(slices.Collect(maps.Keys(s.txt)), below) || slices.ContainsFunc(slices.Collect(maps.Keys(s.cname)), below)
}

// authoritative answers with authority that there is nothing.
func authoritative(w dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg).SetReply(r)
	m.Authoritative = true
	w.WriteMsg(m)
}

// withCause is t's context with a way to end it.
func withCause(t *testing.T) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	return ctx, cancel
}

// silent never answers.
func silent(dns.ResponseWriter, *dns.Msg) {}

// says answers everything with a response code.
func says(code int) dns.HandlerFunc {
	return func(w dns.ResponseWriter, r *dns.Msg) { w.WriteMsg(new(dns.Msg).SetRcode(r, code)) }
}

func overTCP(w dns.ResponseWriter) bool { return w.LocalAddr().Network() == "tcp" }

func wantError(t *testing.T, err error, code string, class fault.Class, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", code)
	}
	if fault.CodeOf(err) != code || fault.ClassOf(err) != class {
		t.Errorf("error %q has code %q and class %v, want %q and %v", err, fault.CodeOf(err), fault.ClassOf(err), code, class)
	}
	if text := err.Error(); len(text) > 4000 || strings.ContainsAny(text, "\n\r") {
		t.Errorf("error is not one line of bounded length: %q", text)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
}

func anyTarget(context.Context, string) (bool, error) { return true, nil }

func noTarget(context.Context, string) (bool, error) { return false, nil }

var errStop = errors.New("stopped by the test")

// noIPv6 makes sockets fail as they do on a machine that has IPv4 only.
func noIPv6(network, _ string, _ syscall.RawConn) error {
	if strings.HasSuffix(network, "6") {
		return syscall.ENETUNREACH
	}
	return nil
}
