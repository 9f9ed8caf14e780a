package rfc2136

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/settings"
)

// FuzzKeyFile reads key files of BIND. No error shows anything of the file, and a key that is read is one that signs.
func FuzzKeyFile(f *testing.F) {
	const marker, placeholder = "Y2FuYXJ5LXNlY3JldA==", "SECRET"
	for _, text := range []string{
		"key \"wildcard-key\" {\n\talgorithm hmac-sha256;\n\tsecret \"SECRET\";\n};\n", "\ufeff# x\r\nkey SECRET { secret SECRET; algorithm HMAC-SHA512; };",
		`key k { algorithm SECRET; secret "x"; };`, `key "SECRET" {`, `key k { secret "SECRET`, "/* SECRET", `key k { algorithm hmac-md5; secret "SECRET"; };`, `key k { algorithm hmac-sha256; secret "SECRET="; };`,
		`key k{algorithm hmac-sha1;secret SECRET;};// x`, `key k { SECRET SECRET; };`, `key k { algorithm hmac-sha256; secret "SECRET"; secret "SECRET"; };`, "key k {};", "key", "", ";", `"`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := parseKeyFile(strings.ReplaceAll(text, placeholder, marker))
		if err != nil {
			if said := err.Error(); strings.Contains(said, marker) || len(said) > 300 || strings.ContainsFunc(said, func(r rune) bool { return r < ' ' }) {
				t.Errorf("%q", said)
			}
			return
		}
		if strings.Contains(fmt.Sprintf("%v %+v %#v", k, k, k), marker) {
			t.Errorf("the secret is shown: %+v", k)
		}
		again, err := parseKeyFile(fmt.Sprintf("key %q { algorithm %s; secret %q; };", k.name, strings.TrimSuffix(k.algorithm, "."), k.secret.Reveal()))
		if err != nil || again.name != k.name || again.algorithm != k.algorithm || again.secret.Reveal() != k.secret.Reveal() {
			t.Errorf("%v is read again as %v, %v", k, again, err)
		}
		m := new(dns.Msg).SetQuestion("example.com.", dns.TypeSOA)
		if _, _, err := k.sign(m, time.Unix(1_800_000_000, 0)); err != nil {
			t.Errorf("%v does not sign: %v", k, err)
		}
	})
}

// FuzzAnswers throws packets at what reads the primary's answers: nothing may panic, and what is not signed may only be a
// refusal.
func FuzzAnswers(f *testing.F) {
	k, err := newKey("key.", dns.HmacSHA256, settings.NewSecret("c2VjcmV0"))
	if err != nil {
		f.Fatal(err)
	}
	s := &server{address: "192.0.2.1:53", key: k, now: func() time.Time { return time.Unix(1_800_000_000, 0) }}
	const name = "_acme-challenge.example.com."
	asked := new(dns.Msg).SetQuestion(name, dns.TypeTXT)
	asked.Id = 0x1234
	answer := new(dns.Msg).SetReply(asked)
	answer.Authoritative = true
	add := func() {
		packet, err := answer.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packet)
		f.Add(packet[:len(packet)-1])
		signed, _, err := k.sign(answer.Copy(), s.now())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(signed)
		f.Add(slices.Concat(signed, signed[12:]))
	}
	add()
	answer.Answer = []dns.RR{
		&dns.TXT{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{"a", `\000\"`}},
		&dns.CNAME{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET}, Target: "x.example."},
	}
	add()
	answer.Answer, answer.Rcode = nil, dns.RcodeNotAuth
	answer.Ns = []dns.RR{&dns.SOA{Hdr: dns.RR_Header{Name: "example.com.", Rrtype: dns.TypeSOA, Class: dns.ClassINET}, Ns: "ns.", Mbox: "x."}}
	add()
	answer.Opcode = dns.OpcodeUpdate
	add()
	f.Fuzz(func(t *testing.T, packet []byte) {
		for _, opcode := range []int{dns.OpcodeQuery, dns.OpcodeUpdate} {
			m := asked.Copy()
			m.Opcode = opcode
			r, err := s.read(packet, request{Msg: m}, "")
			if err != nil {
				continue
			}
			if r.Id != m.Id || !r.Response || r.Opcode != opcode || !r.signed && !refuses(r.Rcode) {
				t.Errorf("%x is taken for an answer", packet)
			}
			_ = s.refusal(r, "")
			if child := referral(r, name); child != "" && !strings.HasSuffix(name, child) {
				t.Errorf("referred to %q", child)
			}
			if zone, err := s.apex(r, name); err == nil && zone != "" && !strings.HasSuffix(name, zone) {
				t.Errorf("the zone %q", zone)
			}
		}
	})
}
