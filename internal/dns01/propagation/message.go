package propagation

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"wildcard/providers"
)

// bufferSize is the UDP payload we announce by EDNS0: the largest that crosses any network unfragmented (DNS flag day 2020).
const bufferSize = 1232

// largestBuffer is what is announced to see what is in an answer that cannot be had over TCP.
const largestBuffer = 8192

// question is what was asked, and what an answer must repeat.
type question struct {
	name  string // canonical
	qtype uint16

	signatures, unchecked bool // see [Query]
}

// query packs q with a random id. Recursion is desired of resolvers only: a name server that is asked for it might go and
// look for itself, and remember.
func (q question) query(recursion, edns bool) (id uint16, packet []byte, err error) {
	if !edns {
		return q.sized(recursion, 0)
	}
	return q.sized(recursion, bufferSize)
}

// sized is query with the size of answers over UDP that is announced; 0 announces none.
func (q question) sized(recursion bool, size uint16) (id uint16, packet []byte, err error) {
	var m dns.Msg
	m.SetQuestion(q.name, q.qtype)
	m.RecursionDesired, m.CheckingDisabled = recursion, q.unchecked
	if size > 0 {
		m.SetEdns0(size, q.signatures)
	}
	packet, err = m.Pack()
	return m.Id, packet, err
}

// parseAnswer returns the message in packet if it answers q under id, truncated or not. Anything else, from noise to an
// answer to another question, is an error: the reader goes on listening for the true answer.
func parseAnswer(packet []byte, id uint16, q question) (msg *dns.Msg, err error) {
	defer func() {
		if p := recover(); p != nil { // a defect of the DNS library must not be a way to crash us from outside
			msg, err = nil, fmt.Errorf("unreadable: %v", p)
		}
	}()
	const headerSize, flagQR, flagTC = 12, 0x80, 0x02
	switch {
	case len(packet) < headerSize:
		return nil, errors.New("too short")
	case uint16(packet[0])<<8|uint16(packet[1]) != id:
		return nil, errors.New("another id")
	case packet[2]&flagQR == 0:
		return nil, errors.New("not an answer")
	}
	msg = new(dns.Msg)
	if err := msg.Unpack(packet); err != nil {
		if packet[2]&flagTC != 0 { // cut in the middle of a record; TCP will have the whole
			return &dns.Msg{MsgHdr: dns.MsgHdr{Id: id, Response: true, Truncated: true}}, nil
		}
		return nil, err
	}
	if msg.Opcode != dns.OpcodeQuery {
		return nil, errors.New("another opcode")
	}
	if len(msg.Question) == 0 && len(msg.Answer) == 0 && complains(msg.Rcode) {
		return msg, nil // what a server does not understand it need not repeat
	}
	if len(msg.Question) != 1 || msg.Question[0].Qtype != q.qtype || msg.Question[0].Qclass != dns.ClassINET ||
		providers.CanonicalName(msg.Question[0].Name) != q.name {
		return nil, errors.New("another question")
	}
	return msg, nil
}

func complains(rcode int) bool {
	switch rcode {
	case dns.RcodeFormatError, dns.RcodeServerFailure, dns.RcodeNotImplemented, dns.RcodeRefused:
		return true
	}
	return false
}

// owned returns the records of type T in section that belong to name, whatever else stands there.
func owned[T dns.RR](section []dns.RR, name string) []T {
	var records []T
	for _, rr := range section {
		record, ok := rr.(T)
		if ok && rr.Header().Class == dns.ClassINET && providers.CanonicalName(rr.Header().Name) == name {
			records = append(records, record)
		}
	}
	return records
}

// texts returns the values of the TXT records of name, the strings of each put together (RFC 7208 §3.3 says how everybody
// reads them, the CAs included).
func texts(msg *dns.Msg, name string) []string {
	var values []string
	for _, txt := range owned[*dns.TXT](msg.Answer, name) {
		var b strings.Builder
		for _, s := range txt.Txt {
			unescape(&b, s)
		}
		values = append(values, b.String())
	}
	return values
}

// ttl is the longest TTL of the TXT records of name. They should all have one (RFC 2181 §5.2); resolvers that keep an answer keep no
// part of it for longer.
func ttl(msg *dns.Msg, name string) time.Duration {
	var most uint32
	for _, txt := range owned[*dns.TXT](msg.Answer, name) {
		most = max(most, txt.Hdr.Ttl)
	}
	return time.Duration(most) * time.Second
}

// unescape writes s without the escapes (\" \\ \DDD) with which the DNS library shows strings.
func unescape(b *strings.Builder, s string) {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\' || i+1 == len(s):
			b.WriteByte(s[i])
		case i+3 < len(s) && isDigit(s[i+1]) && isDigit(s[i+2]) && isDigit(s[i+3]):
			b.WriteByte((s[i+1]-'0')*100 + (s[i+2]-'0')*10 + s[i+3] - '0')
			i += 3
		default:
			b.WriteByte(s[i+1])
			i++
		}
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// referral returns the child zone to which msg, an answer of zone's servers about name, delegates name, and the host names
// of its servers; "" if it does not. A delegation of anything but a zone between the two is a mistake or worse.
func referral(msg *dns.Msg, name, zone string) (child string, hosts []string) {
	if msg.Authoritative || msg.Rcode != dns.RcodeSuccess || len(msg.Answer) > 0 || zone == "" {
		return "", nil
	}
	for _, rr := range msg.Ns {
		ns, ok := rr.(*dns.NS)
		if !ok {
			continue
		}
		owner := providers.CanonicalName(ns.Hdr.Name)
		if owner == zone || !providers.InZone(owner, zone) || !providers.InZone(name, owner) ||
			child != "" && owner != child {
			continue
		}
		child = owner
		hosts = append(hosts, ns.Ns)
	}
	return child, canonicalHosts(hosts)
}

// canonicalHosts returns hosts in canonical form, sorted, each once, without what is no host name, and no more than any
// zone has: a hostile answer must not make us knock at a thousand doors.
func canonicalHosts(hosts []string) []string {
	const most = 32
	var names []string
	for _, host := range hosts {
		if name := providers.CanonicalName(host); validName(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return names[:min(len(names), most)]
}

// validName reports whether a canonical name is made of letters, digits, hyphens and underscores, in labels and lengths of
// RFC 1035 §2.3.4.
func validName(name string) bool {
	if len(name) > 254 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// rcode names a response code the way dig does.
func rcode(code int) string {
	if name, ok := dns.RcodeToString[code]; ok {
		return name
	}
	return fmt.Sprintf("RCODE%d", code)
}
