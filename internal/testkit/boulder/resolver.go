package boulder

import (
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// longestMemory is how long the resolvers of Let's Encrypt keep an answer at most (their Unbound's cache-max-ttl and
// cache-max-negative-ttl; github.com/jsha/unboundtest has the configuration).
const longestMemory = 60 * time.Second

// resolver is what one validation authority asks over HTTPS (RFC 8484). It remembers what it was told.
type resolver struct {
	perspective string
	zones       *zones

	mu     sync.Mutex
	memory map[dns.Question]remembered
}

type remembered struct {
	reply   *dns.Msg
	expires time.Time
}

func newResolver(perspective string, zones *zones) *resolver {
	return &resolver{perspective: perspective, zones: zones, memory: map[dns.Question]remembered{}}
}

// ServeHTTP answers one question.
func (r *resolver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(io.LimitReader(request.Body, dns.MaxMsgSize))
	query := new(dns.Msg)
	if err != nil || query.Unpack(body) != nil || len(query.Question) != 1 {
		http.Error(w, "no question", http.StatusBadRequest)
		return
	}
	q := query.Question[0]
	q.Name = dns.CanonicalName(q.Name)
	found, known, above := r.zones.find(q.Name)
	reply := new(dns.Msg)
	switch {
	case known:
		time.Sleep(found.delays[r.perspective]) // the client has a limit of its own
		reply = r.ask(found, q)
	case !above:
		reply.Rcode = dns.RcodeNameError
	}
	reply.SetRcode(query, reply.Rcode)
	reply.RecursionAvailable = true
	wire, err := reply.Pack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/dns-message")
	_, _ = w.Write(wire) // the client has closed by then
}

// ask returns a reply of its own to a question about a name in a zone.
func (r *resolver) ask(z zone, q dns.Question) *dns.Msg {
	if z.answer != nil {
		if reply := z.answer(r.perspective, q); reply != nil {
			return reply.Copy()
		}
	}
	r.mu.Lock()
	kept, ok := r.memory[q]
	r.mu.Unlock()
	if ok && time.Now().Before(kept.expires) {
		return kept.reply.Copy()
	}
	query := new(dns.Msg).SetQuestion(q.Name, q.Qtype)
	reply, err := dns.Exchange(query, z.resolver)
	if err == nil && reply.Truncated {
		reply, _, err = (&dns.Client{Net: "tcp"}).Exchange(query, z.resolver)
	}
	if err != nil {
		return &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: dns.RcodeServerFailure}}
	}
	if reply.Rcode == dns.RcodeSuccess || reply.Rcode == dns.RcodeNameError {
		r.mu.Lock()
		r.memory[q] = remembered{reply.Copy(), time.Now().Add(memoryOf(reply))}
		r.mu.Unlock()
	}
	return reply
}

// memoryOf is how long a reply is kept: the least TTL of an answer, and for "no" what its SOA says (RFC 2308 §5).
func memoryOf(reply *dns.Msg) time.Duration {
	least := longestMemory
	for _, rr := range append(reply.Answer, reply.Ns...) {
		ttl := rr.Header().Ttl
		if soa, is := rr.(*dns.SOA); is {
			ttl = min(ttl, soa.Minttl)
		}
		least = min(least, time.Duration(ttl)*time.Second)
	}
	return least
}

// names answers where the nonce services are (RFC 2782), which is the only thing that Boulder looks up in DNS here.
type names struct{ ip string }

// ServeDNS answers one question.
func (n names) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	reply := new(dns.Msg).SetReply(query)
	reply.Authoritative = true
	q := query.Question[0]
	header := dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET, Ttl: 60}
	hosts := map[string]uint16{"a." + srvDomain + ".": portNonceA, "b." + srvDomain + ".": portNonceB}
	_, host := hosts[dns.CanonicalName(q.Name)]
	switch {
	case q.Qtype == dns.TypeSRV && dns.CanonicalName(q.Name) == "_nonces._tcp."+srvDomain+".":
		for target, port := range hosts {
			reply.Answer = append(reply.Answer, &dns.SRV{Hdr: header, Priority: 1, Weight: 1, Port: port, Target: target})
		}
	case q.Qtype == dns.TypeA && host:
		reply.Answer = append(reply.Answer, &dns.A{Hdr: header, A: parseIP(n.ip)})
	case !host:
		reply.Rcode = dns.RcodeNameError
	}
	_ = w.WriteMsg(reply) // the client has closed by then
}
