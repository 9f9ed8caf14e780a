//go:build boulder

package boulder

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/boulder"
)

// answer has every question of one type about the zone answered from some perspectives.
func (w *world) answer(kind uint16, perspectives []string, reply func(name string) *dns.Msg) {
	w.ca.Answer(w.zone, func(perspective string, q dns.Question) *dns.Msg {
		if q.Qtype != kind || !slices.Contains(perspectives, perspective) {
			return nil
		}
		return reply(q.Name)
	})
}

// caa is a reply with CAA records of these values (RFC 8659).
func caa(values ...string) func(string) *dns.Msg {
	return func(name string) *dns.Msg {
		reply := new(dns.Msg)
		for _, value := range values {
			rr, err := dns.NewRR(fmt.Sprintf("%s 60 IN CAA 0 %s", name, value))
			if err != nil {
				panic(err)
			}
			reply.Answer = append(reply.Answer, rr)
		}
		return reply
	}
}

// code is a reply with nothing but an error.
func code(rcode int) func(string) *dns.Msg {
	return func(string) *dns.Msg { return &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: rcode}} }
}

// What the CA does not accept at its look is told as it is, tried once, and leaves nothing.
func TestIssue_CARefuses(t *testing.T) {
	t.Parallel()
	everyone, remote := boulder.Perspectives(), boulder.Perspectives()[1:]
	for _, test := range []struct {
		name         string
		kind         uint16
		perspectives []string
		reply        func(string) *dns.Msg
		exit         int
		says         []string
	}{
		{"CAA of another CA", dns.TypeCAA, everyone, caa(`issue "other.example.net"`), 78, []string{"acme.caa", "prevents issuance"}},
		{"CAA of none for wildcards", dns.TypeCAA, everyone, caa(`issue "ca.example.net"`, `issuewild ";"`), 78, []string{"acme.caa", "prevents issuance"}},
		{"CAA of another account", dns.TypeCAA, everyone, caa(`issue "ca.example.net; accounturi=https://ca.example.net/acct/1"`), 78, []string{"acme.caa"}},
		{"CAA of another method", dns.TypeCAA, everyone, caa(`issue "ca.example.net; validationmethods=http-01"`), 78, []string{"acme.caa"}},
		{"CAA seen from afar alone", dns.TypeCAA, remote, caa(`issue "other.example.net"`), 78, []string{"acme.caa", "During secondary validation"}},
		{"no answer about CAA", dns.TypeCAA, everyone, code(dns.RcodeServerFailure), 75, []string{"SERVFAIL looking up CAA"}},
		{"no record seen", dns.TypeTXT, everyone, code(dns.RcodeNameError), 1, []string{"acme.validation-failed", "NXDOMAIN looking up TXT"}},
		{"no record seen from afar", dns.TypeTXT, remote[:2], code(dns.RcodeNameError), 1, []string{"During secondary validation"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				w.answer(test.kind, test.perspectives, test.reply)
				w.run("wildcard", "issue", "--agree-tos", "*."+w.zone).exits(test.exit, test.says...)
				w.answeredOnce(1)
				w.nothingLeft()
				if n := w.posts("/acme/new-order"); n != 1 {
					w.t.Errorf("%d orders", n)
				}
			})
		})
	}
}

// One perspective may differ, and a CAA record may name the CA, the account's way to prove and no wildcards of others.
func TestIssue_CAAccepts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name         string
		kind         uint16
		perspectives []string
		reply        func(string) *dns.Msg
	}{
		{"CAA of this CA", dns.TypeCAA, boulder.Perspectives(), caa(`issue ";"`, `issuewild "ca.example.net; validationmethods=dns-01"`)},
		{"one perspective sees nothing", dns.TypeTXT, boulder.Perspectives()[3:], code(dns.RcodeNameError)},
		{"one perspective gets no answer", dns.TypeCAA, boulder.Perspectives()[1:2], code(dns.RcodeServerFailure)},
	} {
		t.Run(test.name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				w.answer(test.kind, test.perspectives, test.reply)
				w.issue(1)
				w.certificate(1)
				w.answeredOnce(1)
				w.nothingLeft()
			})
		})
	}
}

// A value that one of the servers does not have yet is waited for before the CA looks.
func TestIssue_ServersLag(t *testing.T) {
	everywhereWith(t, conohatest.Options{PublicationDelay: []time.Duration{0, time.Second, 2 * time.Second}}, func(w *world) {
		w.issue(2)
		w.certificate(2)
		w.answeredOnce(2)
		w.nothingLeft()
	})
}
