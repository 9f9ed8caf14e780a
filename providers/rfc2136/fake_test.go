package rfc2136

import (
	"encoding/hex"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/testkit/zonetest"
	"wildcard/providers"
)

// fake is a strict primary name server: every request must be signed, an update may change TXT records only, one at a time,
// and what RFC 2136 §3 says of the rest holds. It signs and verifies with the DNS library's code, not with ours.
type fake struct {
	t       testing.TB
	address string
	secrets map[string]string // by canonical key name
	methods map[string]string // algorithms, likewise

	mu       sync.Mutex
	zones    map[string][]dns.RR
	hook     func(request *dns.Msg, network string) *fault
	requests []string
	ended    chan struct{}
}

// fault is how one request is treated.
type fault struct {
	skip   bool                                // it is not carried out
	silent bool                                // there is no reply
	hang   <-chan struct{}                     // the reply, and the work unless skip is set, wait for this
	change func(m *dns.Msg)                    // before the reply is signed
	bare   bool                                // the reply is not signed
	bytes  func(packet []byte) (sent [][]byte) // what is sent in place of the signed reply
}

const (
	testKey    = "wildcard-key."
	testSecret = "c2VjcmV0LWNhbmFyeS0wMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OQ==" // a marker is in it
)

// newFake starts a server of zones that knows one key.
func newFake(t testing.TB, algorithm string, zones ...string) *fake {
	t.Helper()
	return newFakeOn(t, "tcp udp", algorithm, zones...)
}

func newFakeOn(t testing.TB, networks, algorithm string, zones ...string) *fake {
	t.Helper()
	f := &fake{
		t: t, secrets: map[string]string{testKey: testSecret}, methods: map[string]string{testKey: algorithm},
		zones: map[string][]dns.RR{}, ended: make(chan struct{}),
	}
	for _, zone := range zones {
		f.zone(zone)
	}
	tcp, udp, err := zonetest.Listen()
	if err != nil {
		t.Fatal(err)
	}
	f.address = tcp.Addr().String()
	serve := func(server *dns.Server) {
		server.Handler = f
		server.TsigSecret = f.secrets
		server.MsgAcceptFunc = func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		done := make(chan struct{})
		go func() { defer close(done); _ = server.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = server.Shutdown(); <-done })
	}
	if strings.Contains(networks, "tcp") {
		serve(&dns.Server{Listener: tcp})
	} else {
		_ = tcp.Close()
		reserve(t, tcp.Addr().(*net.TCPAddr).Port)
	}
	if strings.Contains(networks, "udp") {
		serve(&dns.Server{PacketConn: udp, UDPSize: 65535})
	} else {
		_ = udp.Close()
	}
	t.Cleanup(func() { close(f.ended) })
	return f
}

// reserve keeps a TCP port of 127.0.0.1 without listening on it: who connects is refused, and no other process answers there.
func reserve(t testing.TB, port int) {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(socket) })
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
}

func (f *fake) zone(name string) {
	name = dns.CanonicalName(name)
	f.zones[name] = []dns.RR{
		rr(f.t, name+" 300 IN SOA ns1.example.net. root.example.net. 1 2 3 4 5"),
		rr(f.t, name+" 300 IN NS ns1.example.net."),
	}
}

func rr(t testing.TB, text string) dns.RR {
	t.Helper()
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return rr
}

// put adds a record as another program does.
func (f *fake) put(text string) {
	record := rr(f.t, text)
	f.mu.Lock()
	defer f.mu.Unlock()
	zone := f.holding(record.Header().Name)
	f.zones[zone] = append(f.zones[zone], record)
}

func (f *fake) drop(match func(dns.RR) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for zone := range f.zones {
		f.zones[zone] = slices.DeleteFunc(f.zones[zone], match)
	}
}

// on sets how requests are treated from now on; nil ends it.
func (f *fake) on(hook func(request *dns.Msg, network string) *fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = hook
}

// once lets the next update, or query, meet a fault.
func (f *fake) once(opcode int, met *fault) {
	var done bool
	f.on(func(request *dns.Msg, _ string) *fault {
		if done || request.Opcode != opcode {
			return nil
		}
		done = true
		return met
	})
}

// always lets all updates, or queries, meet a fault.
func (f *fake) always(opcode int, met *fault) {
	f.on(func(request *dns.Msg, _ string) *fault {
		if request.Opcode != opcode {
			return nil
		}
		return met
	})
}

// asked returns the requests since the last call.
func (f *fake) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	requests := f.requests
	f.requests = nil
	return requests
}

// texts are the TXT records at a name, and their TTLs.
func (f *fake) texts(fqdn string) (values []string, ttls []uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, records := range f.zones {
		for _, rr := range records {
			if txt, ok := rr.(*dns.TXT); ok && dns.CanonicalName(rr.Header().Name) == dns.CanonicalName(fqdn) {
				values, ttls = append(values, strings.Join(txt.Txt, "")), append(ttls, rr.Header().Ttl)
			}
		}
	}
	return values, ttls
}

// ServeDNS implements [dns.Handler].
func (f *fake) ServeDNS(w dns.ResponseWriter, request *dns.Msg) {
	network := w.RemoteAddr().Network()
	f.mu.Lock()
	var met *fault
	if f.hook != nil {
		met = f.hook(request, network)
	}
	f.requests = append(f.requests, network+" "+describe(request))
	f.mu.Unlock()
	if met == nil {
		met = &fault{}
	}
	if met.hang != nil {
		select {
		case <-met.hang:
		case <-f.ended:
		}
	}
	reply := new(dns.Msg).SetReply(request)
	signed := f.authenticate(w, request, reply)
	if reply.Rcode == dns.RcodeSuccess && !met.skip {
		f.mu.Lock()
		if request.Opcode == dns.OpcodeUpdate {
			reply.Rcode = f.update(request)
		} else {
			f.answer(request, reply)
		}
		f.mu.Unlock()
	}
	if met.silent {
		if network == "tcp" {
			_ = w.Close()
		}
		return
	}
	if met.change != nil {
		met.change(reply)
	}
	packet := f.pack(request, reply, signed && !met.bare)
	packets := [][]byte{packet}
	if met.bytes != nil {
		packets = met.bytes(packet)
	}
	for _, packet := range packets {
		_, _ = w.Write(packet)
	}
	if network == "tcp" {
		_ = w.Close()
	}
}

// authenticate verifies the request's signature (RFC 8945 §5.2) and reports whether the reply is to be signed.
func (f *fake) authenticate(w dns.ResponseWriter, request, reply *dns.Msg) (signed bool) {
	t := request.IsTsig()
	if t == nil {
		reply.Rcode = dns.RcodeRefused
		return false
	}
	name := dns.CanonicalName(t.Hdr.Name)
	refuse := func(tsigError uint16) {
		reply.Rcode = dns.RcodeNotAuth
		reply.SetTsig(t.Hdr.Name, t.Algorithm, fudge, int64(t.TimeSigned))
		reply.IsTsig().Error = tsigError
	}
	status := w.TsigStatus()
	switch {
	case f.methods[name] != t.Algorithm:
		refuse(dns.RcodeBadKey)
	case errors.Is(status, dns.ErrSig):
		refuse(dns.RcodeBadSig)
	case errors.Is(status, dns.ErrTime):
		refuse(dns.RcodeBadTime)
		reply.IsTsig().OtherLen = 6
		reply.IsTsig().OtherData = hex.EncodeToString(six(time.Now()))
	case status != nil:
		f.t.Errorf("the server cannot verify %s: %v", describe(request), status)
	default:
		reply.SetTsig(t.Hdr.Name, t.Algorithm, fudge, time.Now().Unix())
	}
	return true
}

// six is a time in 48 bits.
func six(at time.Time) []byte {
	n := uint64(at.Unix())
	return []byte{byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
}

func (f *fake) pack(request, reply *dns.Msg, signed bool) []byte {
	if t := reply.IsTsig(); t != nil && !signed {
		reply.Extra = nil
	}
	var packet []byte
	var err error
	if t := reply.IsTsig(); t != nil {
		packet, _, err = dns.TsigGenerate(reply, f.secrets[dns.CanonicalName(t.Hdr.Name)], request.IsTsig().MAC, false)
	} else {
		packet, err = reply.Pack()
	}
	if err != nil {
		f.t.Errorf("pack: %v", err)
	}
	return packet
}

// holding returns the longest zone that holds a name.
func (f *fake) holding(name string) string {
	var zones []string
	for zone := range f.zones {
		zones = append(zones, zone)
	}
	return providers.LongestZone(name, zones)
}

func (f *fake) answer(request, reply *dns.Msg) {
	q := request.Question[0]
	name := dns.CanonicalName(q.Name)
	zone := f.holding(name)
	if zone == "" {
		reply.Rcode = dns.RcodeRefused
		return
	}
	exists := false
	for _, rr := range f.zones[zone] {
		owner := dns.CanonicalName(rr.Header().Name)
		if rr.Header().Rrtype == dns.TypeNS && owner != zone && providers.InZone(name, owner) {
			reply.Ns = append(reply.Ns, dns.Copy(rr))
			return
		}
		exists = exists || providers.InZone(owner, name)
		if owner == name && (rr.Header().Rrtype == q.Qtype || rr.Header().Rrtype == dns.TypeCNAME) {
			reply.Answer = append(reply.Answer, dns.Copy(rr))
		}
	}
	reply.Authoritative = true
	if !exists {
		f.synthesize(reply, zone, name, q.Qtype)
	}
	if len(reply.Answer) == 0 {
		reply.Ns = []dns.RR{dns.Copy(f.zones[zone][0])}
		if !exists {
			reply.Rcode = dns.RcodeNameError
		}
	}
}

// synthesize answers for a name that is not there from the wildcard at the zone's apex (RFC 4592), as BIND does also while it takes
// updates: these see what is there.
func (f *fake) synthesize(reply *dns.Msg, zone, name string, qtype uint16) {
	for _, rr := range f.zones[zone] {
		if dns.CanonicalName(rr.Header().Name) == "*."+zone && (rr.Header().Rrtype == qtype || rr.Header().Rrtype == dns.TypeCNAME) {
			made := dns.Copy(rr)
			made.Header().Name = name
			reply.Answer = append(reply.Answer, made)
		}
	}
}

// update carries out an update (RFC 2136 §3).
func (f *fake) update(m *dns.Msg) (rcode int) {
	if len(m.Question) != 1 || m.Question[0].Qtype != dns.TypeSOA || m.Question[0].Qclass != dns.ClassINET {
		return dns.RcodeFormatError
	}
	zone := dns.CanonicalName(m.Question[0].Name)
	if f.zones[zone] == nil {
		return dns.RcodeNotAuth
	}
	if len(m.Ns) != 1 {
		f.t.Errorf("an update changes %d records", len(m.Ns))
	}
	for _, rr := range m.Answer {
		h := rr.Header()
		if h.Ttl != 0 || h.Rdlength != 0 {
			return dns.RcodeFormatError
		}
		if !providers.InZone(h.Name, zone) {
			return dns.RcodeNotZone
		}
		there := slices.ContainsFunc(f.zones[zone], func(have dns.RR) bool {
			return have.Header().Rrtype == h.Rrtype && dns.CanonicalName(have.Header().Name) == dns.CanonicalName(h.Name)
		})
		switch {
		case h.Class == dns.ClassANY && !there:
			return dns.RcodeNXRrset
		case h.Class == dns.ClassNONE && there:
			return dns.RcodeYXRrset
		case h.Class != dns.ClassANY && h.Class != dns.ClassNONE:
			return dns.RcodeFormatError
		}
	}
	for _, rr := range m.Ns {
		if rcode := f.change(zone, rr); rcode != dns.RcodeSuccess {
			return rcode
		}
	}
	return dns.RcodeSuccess
}

// change adds or deletes one TXT record.
func (f *fake) change(zone string, rr dns.RR) (rcode int) {
	h := rr.Header()
	txt, ok := rr.(*dns.TXT)
	name := dns.CanonicalName(h.Name)
	switch {
	case !providers.InZone(name, zone):
		return dns.RcodeNotZone
	case !ok:
		f.t.Errorf("an update changes %s", rr)
		return dns.RcodeRefused
	}
	same := func(have dns.RR) bool {
		other, ok := have.(*dns.TXT)
		return ok && dns.CanonicalName(have.Header().Name) == name && slices.Equal(other.Txt, txt.Txt)
	}
	switch h.Class {
	case dns.ClassNONE:
		if h.Ttl != 0 {
			return dns.RcodeFormatError
		}
		f.zones[zone] = slices.DeleteFunc(f.zones[zone], same)
	case dns.ClassINET:
		for _, have := range f.zones[zone] {
			if dns.CanonicalName(have.Header().Name) != name {
				continue
			}
			switch have.Header().Rrtype {
			case dns.TypeCNAME:
				return dns.RcodeSuccess // and nothing is done
			case dns.TypeTXT:
				have.Header().Ttl = h.Ttl
			}
		}
		if !slices.ContainsFunc(f.zones[zone], same) {
			f.zones[zone] = append(f.zones[zone], dns.Copy(rr))
		}
	default:
		f.t.Errorf("an update deletes more than one record: %s", rr)
		return dns.RcodeRefused
	}
	return dns.RcodeSuccess
}
