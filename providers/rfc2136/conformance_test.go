package rfc2136

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"wildcard/providers"
	"wildcard/providers/conformance/conformancetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ networks, algorithm, spec, zones string }{
		"SHA-256":          {"tcp udp", "hmac-sha256.", "example.com=rfc2136", ""},
		"SHA-512":          {"tcp udp", "hmac-sha512.", "example.com=rfc2136", ""},
		"configured zones": {"tcp udp", "hmac-sha256.", "rfc2136", "example.net,example.com"},
		"over UDP":         {"udp", "hmac-sha512.", "example.com=rfc2136", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{fake: newFakeOn(t, test.networks, test.algorithm, "example.com.", "example.net."), t: t, log: &buffer{}}
			conformancetest.Run(t, conformancetest.Config{
				Zone: "example.com.",
				Open: func(testing.TB) providers.Provider {
					return w.account(test.spec, "RFC2136_ZONE="+test.zones).Provider
				},
				Records: func(_ testing.TB, fqdn string) []string { values, _ := w.texts(fqdn); return values },
				Foreign: func(_ testing.TB, fqdn, value string) func() {
					w.put(fqdn + ` 300 IN TXT "` + value + `"`)
					return func() {
						w.drop(func(rr dns.RR) bool {
							txt, ok := rr.(*dns.TXT)
							return ok && strings.Join(txt.Txt, "") == value
						})
					}
				},
				Stall: func(testing.TB) func() {
					hang := make(chan struct{})
					w.on(func(*dns.Msg, string) *fault { return &fault{hang: hang} })
					return func() { w.on(nil); close(hang) }
				},
				LoseReply: func(testing.TB) { w.once(dns.OpcodeUpdate, &fault{silent: true}) },
			})
		})
	}
}
