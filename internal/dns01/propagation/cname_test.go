package propagation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
	"wildcard/providers"
)

const challenge = "_acme-challenge.example.test."

func TestFollowCNAME(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	r := w.Resolver()
	if got, err := r.FollowCNAME(t.Context(), "_ACME-challenge.example.test", noTarget); err != nil || got != challenge {
		t.Errorf("without a CNAME: %q, %v", got, err)
	}
	w.delegate("acme.test.", "ns1.test.")
	w.servers[0].alias(challenge, "A1.Acme.test.")
	w.servers[0].alias("a1.acme.test.", "a2.acme.test.")
	var asked []string
	ours := func(_ context.Context, target string) (bool, error) {
		asked = append(asked, target)
		return true, nil
	}
	got, err := r.FollowCNAME(t.Context(), challenge, ours)
	if err != nil || got != "a2.acme.test." {
		t.Errorf("two CNAMEs: %q, %v", got, err)
	}
	if last := asked[len(asked)-1]; last != "a2.acme.test." {
		t.Errorf("ours was asked for %q, and not for the end", asked)
	}
	for _, q := range w.resolver.asked() {
		if strings.Contains(q, "a1.acme.test.") || strings.Contains(q, "a2.acme.test.") {
			t.Errorf("the resolver was asked for a link of the chain: %s", q)
		}
	}
}

func TestFollowCNAME_Fault092_TargetNotOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.servers[0].alias(challenge, "victim.example.org.")
	_, err := w.Resolver().FollowCNAME(t.Context(), challenge, noTarget)
	wantError(t, err, fault.CodeCNAME, fault.Misconfigured, challenge, "victim.example.org.", "--provider", "remove the CNAME")

	_, err = w.Resolver().FollowCNAME(t.Context(), challenge, func(context.Context, string) (bool, error) { return false, errStop })
	if !errors.Is(err, errStop) {
		t.Errorf("error of ours came back as %v", err)
	}
}

func TestFollowCNAME_Fault092_ForgedOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.servers[0].set(func(rw dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetReply(r)
		m.Authoritative = true
		m.Answer = append(m.Answer, &dns.CNAME{Hdr: header("other.example.test.", dns.TypeCNAME), Target: "evil.example."})
		rw.WriteMsg(m)
	})
	got, err := w.Resolver().FollowCNAME(t.Context(), challenge, anyTarget)
	if err != nil || got != challenge {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFollowCNAME_Fault093_Loop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.servers[0].alias(challenge, "a.example.test.")
	w.servers[0].alias("a.example.test.", "B.example.test.")
	w.servers[0].alias("b.example.test.", "a.example.test.")
	_, err := w.Resolver().FollowCNAME(t.Context(), challenge, anyTarget)
	wantError(t, err, fault.CodeCNAME, fault.Misconfigured, "circle", "a.example.test.")

	w.servers[0].alias(challenge, challenge)
	_, err = w.Resolver().FollowCNAME(t.Context(), challenge, anyTarget)
	wantError(t, err, fault.CodeCNAME, fault.Misconfigured, "circle", challenge)
}

func TestFollowCNAME_Fault093_SixtyHops(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	name := func(i int) string { return fmt.Sprintf("h%d.example.test.", i) }
	w.servers[0].alias(challenge, name(1))
	for i := 1; i < 60; i++ {
		w.servers[0].alias(name(i), name(i+1))
	}
	_, err := w.Resolver().FollowCNAME(t.Context(), challenge, noTarget)
	wantError(t, err, fault.CodeCNAME, fault.Misconfigured, "8")
	if got := len(w.servers[0].asked()); got != 9 {
		t.Errorf("the name server was asked %d times, want 9", got)
	}

	// Eight are followed.
	w.servers[0].withdraw(name(8))
	got, err := w.Resolver().FollowCNAME(t.Context(), challenge, anyTarget)
	if err != nil || got != name(8) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFollowCNAME_Fault094_NoAnswerIsNotNoCNAME(t *testing.T) {
	t.Parallel()
	lame := func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetRcode(r, dns.RcodeNameError)
		m.RecursionAvailable = true // a client that would look for the answer elsewhere
		w.WriteMsg(m)
	}
	for name, c := range map[string]struct {
		handler dns.HandlerFunc
		says    string
	}{
		"SERVFAIL":   {says(dns.RcodeServerFailure), "SERVFAIL"},
		"REFUSED":    {says(dns.RcodeRefused), "REFUSED"},
		"NOTAUTH":    {says(dns.RcodeNotAuth), "NOTAUTH"},
		"silent":     {silent, "no answer"},
		"a resolver": {lame, "not authoritative"},
	} {
		w := newWorld(t, 3)
		w.redelegate("example.test.", "ns1.test.", "ns2.test.")
		w.servers[0].set(c.handler)
		w.servers[1].set(c.handler)
		r := w.Resolver()
		if name == "silent" {
			r.Timeout = 500 * time.Millisecond
			w.address("ns.nic.test.", w.servers[2].addr.Addr().String()) // the zone above answers: the network is not to blame
		}
		got, err := r.FollowCNAME(t.Context(), challenge, anyTarget)
		if got != "" {
			t.Errorf("%s: %q", name, got)
		}
		wantError(t, err, fault.CodeNoAnswer, fault.Temporary, challenge, c.says, "ns1.test.", "ns2.test.")
	}
}

func TestFollowCNAME_Fault095_OneOfThreeAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.servers[0].set(says(dns.RcodeRefused))
	w.servers[1].set(silent)
	w.servers[2].alias(challenge, "x.example.test.")
	got, err := w.Resolver().FollowCNAME(t.Context(), challenge, anyTarget)
	if err != nil || got != "x.example.test." {
		// x itself is not there on the third server, which says so.
		t.Errorf("%q, %v", got, err)
	}
}

func TestFollowCNAME_Fault100_NoIPv6(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.delegate("example.test.", "a6.test.")
	w.address("a6.test.", "2001:db8::1")
	w.servers[0].alias(challenge, "x.example.test.")
	r := w.Resolver()
	r.control = noIPv6
	got, err := r.FollowCNAME(t.Context(), challenge, anyTarget)
	if err != nil || got != "x.example.test." {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFollowCNAME_Fault103_CNAMEGoneBetween(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	r := w.Resolver()
	w.servers[0].alias(challenge, "x.example.test.")
	if got, err := r.FollowCNAME(t.Context(), challenge, anyTarget); err != nil || got != "x.example.test." {
		t.Errorf("before: %q, %v", got, err)
	}
	w.servers[0].withdraw(challenge)
	if got, err := r.FollowCNAME(t.Context(), challenge, anyTarget); err != nil || got != challenge {
		t.Errorf("after: %q, %v", got, err)
	}
}

func TestFollowCNAME_HostileTargets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	for _, target := range []string{".", "com.", `a\.b.example.test.`, `a\010b.example.test.`, `\255.example.test.`, "*.example.test.", `a\032b.example.test.`, "-x.example.test."} {
		w.servers[0].alias(challenge, target)
		_, err := w.Resolver().FollowCNAME(t.Context(), challenge, anyTarget)
		wantError(t, err, fault.CodeCNAME, fault.Misconfigured, "no record of yours")
	}
	w.servers[0].set(func(rw dns.ResponseWriter, r *dns.Msg) {
		m := w.servers[0].answer(r)
		m.Answer = []dns.RR{
			&dns.CNAME{Hdr: header(challenge, dns.TypeCNAME), Target: "a.example.test."},
			&dns.CNAME{Hdr: header(challenge, dns.TypeCNAME), Target: "b.example.test."},
		}
		rw.WriteMsg(m)
	})
	_, err := w.Resolver().FollowCNAME(t.Context(), challenge, anyTarget)
	wantError(t, err, fault.CodeCNAME, fault.Misconfigured, "only one")
}

func TestFollowCNAME_NameServersOverrideLookups(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.servers[0].set(says(dns.RcodeNotAuth)) // serves another zone
	w.servers[1].alias(challenge, "x.example.test.")
	r := w.Resolver()
	r.NameServers = []string{w.servers[0].addr.String(), w.servers[1].addr.String()}
	got, err := r.FollowCNAME(t.Context(), challenge, anyTarget)
	if err != nil || got != "x.example.test." {
		t.Errorf("%q, %v", got, err)
	}
	if asked := w.resolver.asked(); len(asked) > 0 {
		t.Errorf("the resolver was asked %q", asked)
	}
}

// The parent's servers refer to those to whom the challenge name itself is delegated, and which resolvers are not asked for.
func TestFollowCNAME_ChallengeNameDelegatedAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.zones.set("example.test.", "ns1.test.")
	w.servers[0].set(refer(challenge, "ns2.test."))
	w.servers[1].alias(challenge, "x.example.test.")
	got, err := w.Resolver().FollowCNAME(t.Context(), challenge, anyTarget)
	if err != nil || got != "x.example.test." {
		t.Errorf("%q, %v", got, err)
	}
}

// refer answers with a referral of child, and denies with authority what is outside.
func refer(child string, hosts ...string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetReply(r)
		if providers.InZone(r.Question[0].Name, child) {
			m.Ns = nameServers(child, hosts...)
		} else {
			m.Authoritative, m.Rcode = true, dns.RcodeNameError
		}
		w.WriteMsg(m)
	}
}

func TestFollowCNAME_ReferralUpwardsIsLame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	for _, owner := range []string{".", "test.", "example.test.", "other.example.test.", "sub._acme-challenge.example.test."} {
		w.servers[0].set(func(rw dns.ResponseWriter, r *dns.Msg) {
			m := new(dns.Msg).SetReply(r)
			m.Ns = nameServers(owner, "evil.example.")
			rw.WriteMsg(m)
		})
		_, err := w.Resolver().FollowCNAME(t.Context(), challenge, anyTarget)
		wantError(t, err, fault.CodeNoAnswer, fault.Temporary, "not authoritative")
	}
}

func TestFollowCNAME_Cancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	ctx, cancel := context.WithCancelCause(t.Context())
	w.servers[0].set(func(dns.ResponseWriter, *dns.Msg) { cancel(errStop) })
	r := w.Resolver()
	r.Timeout, r.LookupLimit = time.Hour, time.Hour
	if _, err := r.FollowCNAME(ctx, challenge, anyTarget); !errors.Is(err, errStop) {
		t.Errorf("error = %v, want the cause", err)
	}
}
