package propagation

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"wildcard/providers"
)

// FuzzParseAnswer throws packets at everything that reads answers (fault 98): nothing may panic, and only an answer to the
// question, under its id, may come through.
func FuzzParseAnswer(f *testing.F) {
	const id = 0x1234
	m := new(dns.Msg).SetQuestion(challenge, dns.TypeTXT)
	m.Id, m.Response, m.Authoritative = id, true, true
	pack := func() {
		packet, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packet)
		f.Add(packet[:len(packet)-1])
	}
	pack()
	m.Answer = []dns.RR{
		&dns.TXT{Hdr: header(challenge, dns.TypeTXT), Txt: []string{value1, `\"\\\000\255`}},
		&dns.CNAME{Hdr: header(challenge, dns.TypeCNAME), Target: "x.example.test."},
	}
	m.Compress = true
	m.SetEdns0(bufferSize, false)
	pack()
	m.Answer, m.Ns, m.Authoritative = nil, nameServers("example.test.", "ns1.test.", "."), false
	pack()
	m.Truncated = true
	pack()
	m.Question, m.Rcode = nil, dns.RcodeFormatError
	pack()
	for _, packet := range noise(id) {
		f.Add(packet)
	}
	q := question{name: challenge, qtype: dns.TypeTXT}
	f.Fuzz(func(t *testing.T, packet []byte) {
		msg, err := parseAnswer(packet, id, q)
		if err != nil {
			return
		}
		if msg.Id != id || !msg.Response {
			t.Errorf("%x is taken for an answer", packet)
		}
		if len(msg.Question) > 0 && providers.CanonicalName(msg.Question[0].Name) != challenge {
			t.Errorf("an answer to %v is taken for one to %v", msg.Question, q)
		}
		for _, text := range texts(msg, challenge) {
			if len(text) > dns.MaxMsgSize {
				t.Errorf("a text of %d bytes", len(text))
			}
		}
		observe(msg, nil, "example.test.", challenge)
		child, hosts := referral(msg, challenge, "test.")
		if child != "" && (!providers.InZone(challenge, child) || child == "test.") {
			t.Errorf("referred to %q", child)
		}
		if len(hosts) > 32 || slices.ContainsFunc(hosts, func(h string) bool { return !validName(h) }) {
			t.Errorf("hosts %q", hosts)
		}
		addressesIn(msg.Extra, challenge)
	})
}

func TestTexts_Fault098_OwnerAndClass(t *testing.T) {
	t.Parallel()
	chaos := header(challenge, dns.TypeTXT)
	chaos.Class = dns.ClassCHAOS
	m := &dns.Msg{Answer: []dns.RR{
		&dns.TXT{Hdr: header("_ACME-challenge.Example.test.", dns.TypeTXT), Txt: []string{"a", "b"}},
		&dns.TXT{Hdr: header("example.test.", dns.TypeTXT), Txt: []string{"c"}},
		&dns.TXT{Hdr: chaos, Txt: []string{"d"}},
	}, Extra: []dns.RR{&dns.TXT{Hdr: header(challenge, dns.TypeTXT), Txt: []string{"e"}}}}
	if got := texts(m, challenge); !slices.Equal(got, []string{"ab"}) {
		t.Errorf("texts = %q", got)
	}
}

func TestTexts_AnyBytes(t *testing.T) {
	t.Parallel()
	raw := make([]byte, 256)
	for i := range raw {
		raw[i] = byte(i)
	}
	packet := append([]byte{0x12, 0x34, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0}, "\x01a\x04test\x00\x00\x10\x00\x01"...)
	packet = append(packet, "\xc0\x0c\x00\x10\x00\x01\x00\x00\x00\x00\x01\x02"...)
	packet = append(append(packet, 255), raw[:255]...)
	packet = append(packet, 1, raw[255])
	msg, err := parseAnswer(packet, 0x1234, question{name: "a.test.", qtype: dns.TypeTXT})
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(msg, "a.test."); len(got) != 1 || got[0] != string(raw) {
		t.Errorf("texts = %q, want every byte once", got)
	}
}

func TestValidName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"a.test.": true, "_acme-challenge.xn--bcher-kva.test.": true, "1.2.3.test.": true, "ns.": true,
		"": false, ".": false, "a..test.": false, "A.test.": false, `a\.b.test.`: false, "a b.": false, "*.test.": false,
		strings.Repeat("a", 63) + ".test.": true, strings.Repeat("a", 64) + ".test.": false,
		strings.Repeat("a.", 127): true, strings.Repeat("a.", 128): false,
	} {
		if got := validName(name); got != want {
			t.Errorf("validName(%.40q) = %v", name, got)
		}
	}
}
