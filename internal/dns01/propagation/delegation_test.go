package propagation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
	"wildcard/providers"
)

func TestDelegation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.address("ns2.test.", "::1")
	d, err := w.Resolver().Delegation(t.Context(), "_ACME-challenge.a.b.Example.test")
	if err != nil {
		t.Fatal(err)
	}
	if d.Zone != "example.test." || !slices.Equal(d.NameServers, []string{"ns1.test.", "ns2.test."}) || len(d.Unresolved) != 0 {
		t.Errorf("delegation = %+v", d)
	}
	var addrs []string
	for _, a := range d.Addrs {
		addrs = append(addrs, a.Host+" "+a.Addr.Addr().String())
	}
	if want := []string{"ns1.test. 127.0.0.2", "ns2.test. 127.0.0.3", "ns2.test. ::1"}; !slices.Equal(addrs, want) {
		t.Errorf("addresses = %q, want %q", addrs, want)
	}
	if asked := w.resolver.asked(); asked[0] != "NS a.b.example.test. udp" || asked[1] != "NS b.example.test. udp" || asked[2] != "NS example.test. udp" {
		t.Errorf("the walk was %q", asked)
	}
}

func TestDelegation_Fault090_ResolversSilent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	w.resolver.set(silent)
	r := w.Resolver()
	r.Servers = append(r.Servers, "127.0.0.250:9") // no server there
	r.Timeout = 50 * time.Millisecond
	_, err := r.Delegation(t.Context(), "_acme-challenge.example.test.")
	wantError(t, err, fault.CodeNoAnswer, fault.Temporary, "_acme-challenge.example.test.", w.resolver.addr.String(), "no answer")
	if got := len(w.resolver.asked()); got != 2 {
		t.Errorf("the silent resolver was asked %d times, want 2", got)
	}
}

func TestDelegation_Fault090_Bounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	w.resolver.set(silent)
	r := w.Resolver()
	r.Timeout, r.LookupLimit = time.Hour, 50*time.Millisecond
	_, err := r.Delegation(t.Context(), "_acme-challenge.example.test.")
	wantError(t, err, fault.CodeNoAnswer, fault.Temporary, "within 50ms")
}

func TestDelegation_Fault090_SecondResolverAnswers(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]dns.HandlerFunc{
		"silent": silent, "SERVFAIL": says(dns.RcodeServerFailure), "REFUSED": says(dns.RcodeRefused),
	} {
		w := newWorld(t, 1)
		dead, err := newServer("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(dead.close)
		dead.set(first)
		r := w.Resolver()
		r.Servers = []string{dead.addr.String(), w.resolver.addr.String()}
		r.Timeout = time.Second
		d, err := r.Delegation(t.Context(), "_acme-challenge.example.test.")
		if err != nil || d.Zone != "example.test." {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
		if got := len(dead.asked()); got != 1 {
			t.Errorf("%s: the resolver that failed was asked %d times, want once", name, got)
		}
	}
}

func TestDelegation_ServerFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.resolver.set(says(dns.RcodeServerFailure))
	_, err := w.Resolver().Delegation(t.Context(), "_acme-challenge.example.test.")
	wantError(t, err, fault.CodeNoAnswer, fault.Temporary, "SERVFAIL")
}

func TestDelegation_Fault091_OwnerIsAnotherZone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.resolver.set(func(rw dns.ResponseWriter, r *dns.Msg) {
		if q := r.Question[0]; q.Name == "www.example.test." {
			m := new(dns.Msg).SetReply(r)
			m.Answer = append(nameServers("evil.example.", "ns.evil.example."), nameServers("test.", "ns.evil.example.")...)
			m.Ns = nameServers("www.example.test.", "ns.evil.example.")
			m.Extra = append(m.Extra, &dns.A{Hdr: header("ns.evil.example.", dns.TypeA), A: net.IPv4(192, 0, 2, 66)})
			rw.WriteMsg(m)
			return
		}
		w.recurse(rw, r)
	})
	d, err := w.Resolver().Delegation(t.Context(), "_acme-challenge.www.example.test.")
	if err != nil || d.Zone != "example.test." || !slices.Equal(d.NameServers, []string{"ns1.test."}) {
		t.Errorf("delegation = %+v, %v", d, err)
	}
}

func TestDelegation_Fault098_WrongQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.resolver.set(func(rw dns.ResponseWriter, r *dns.Msg) {
		forged := r.Copy()
		forged.Question[0].Name = "evil.example."
		m := new(dns.Msg).SetReply(forged)
		m.Answer = nameServers("example.test.", "ns.evil.example.")
		rw.WriteMsg(m)
		m = new(dns.Msg).SetReply(r)
		m.Id++
		m.Answer = nameServers("example.test.", "ns.evil.example.")
		rw.WriteMsg(m)
		w.recurse(rw, r) // the true answer comes last
	})
	d, err := w.Resolver().Delegation(t.Context(), "_acme-challenge.example.test.")
	if err != nil || !slices.Equal(d.NameServers, []string{"ns1.test."}) {
		t.Errorf("delegation = %+v, %v", d, err)
	}
}

func TestDelegation_Fault097_TruncatedAnswerOverTCP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.resolver.set(func(rw dns.ResponseWriter, r *dns.Msg) {
		if overTCP(rw) {
			w.recurse(rw, r)
			return
		}
		m := new(dns.Msg).SetReply(r)
		m.Truncated = true
		rw.WriteMsg(m)
	})
	d, err := w.Resolver().Delegation(t.Context(), "_acme-challenge.example.test.")
	if err != nil || d.Zone != "example.test." || len(d.Addrs) != 1 {
		t.Errorf("delegation = %+v, %v", d, err)
	}
}

func TestDelegation_Fault096_NeverAsksForAChallenge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	// A name below a challenge name, and a name server's host below one.
	w.delegate("example.test.", "ns._acme-challenge.example.test.")
	d, err := w.Resolver().Delegation(t.Context(), "x.y._acme-challenge.example.test.")
	if err != nil || d.Zone != "example.test." || !slices.Equal(d.Unresolved, []string{"ns._acme-challenge.example.test."}) {
		t.Errorf("delegation = %+v, %v", d, err)
	}
	// newWorld looks into the resolver's log.
}

func TestDelegation_OldServerWithoutEDNS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.resolver.set(func(rw dns.ResponseWriter, r *dns.Msg) {
		if r.IsEdns0() != nil {
			rw.WriteMsg(&dns.Msg{MsgHdr: dns.MsgHdr{Id: r.Id, Response: true, Rcode: dns.RcodeFormatError}})
			return
		}
		w.recurse(rw, r)
	})
	d, err := w.Resolver().Delegation(t.Context(), "_acme-challenge.example.test.")
	if err != nil || d.Zone != "example.test." {
		t.Errorf("delegation = %+v, %v", d, err)
	}
}

func TestDelegation_HostsWithoutAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.delegate("example.test.", "gone.test.", "odd.test.", "bad label.test.")
	w.address("odd.test.", "0.0.0.0", "224.0.0.1", "ff02::1")
	d, err := w.Resolver().Delegation(t.Context(), "_acme-challenge.example.test.")
	if err != nil || len(d.Addrs) != 1 || !slices.Equal(d.Unresolved, []string{"gone.test.", "odd.test."}) {
		t.Errorf("delegation = %+v, %v", d, err)
	}
	w.delegate("other.test.", "gone.test.")
	_, err = w.Resolver().Delegation(t.Context(), "_acme-challenge.other.test.")
	wantError(t, err, fault.CodeNoAnswer, fault.Temporary, "gone.test.", "address")
}

func TestDelegation_ThousandHosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	for i := range 400 {
		w.delegate("example.test.", fmt.Sprintf("n%d.test.", i))
	}
	_, err := w.Resolver().Delegation(t.Context(), challenge)
	wantError(t, err, fault.CodeNoAnswer, fault.Temporary, "and 26 more has an address")
	if got := len(w.resolver.asked()); got > 100 {
		t.Errorf("the resolver was asked %d times", got)
	}
}

func TestDelegation_Nowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	_, err := w.Resolver().Delegation(t.Context(), "_acme-challenge.example.invalid.")
	wantError(t, err, fault.CodeUnknownZone, fault.Misconfigured, "the resolver "+w.resolver.addr.String()+" says NXDOMAIN for example.invalid.",
		"says NXDOMAIN for invalid.")
	if strings.Contains(err.Error(), "regist") {
		t.Errorf("one resolver's word is taken for the registry's: %v", err)
	}
	for _, q := range w.resolver.asked() {
		if strings.HasPrefix(q, "NS . ") {
			t.Error("the root was asked for")
		}
	}
}

func TestDelegation_NameServersOverrideLookups(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	r := w.Resolver()
	r.NameServers = []string{"192.0.2.1:5300", "2001:db8::1"}
	d, err := r.Delegation(t.Context(), "_acme-challenge.example.test.")
	if err != nil || d.Zone != "" || len(d.NameServers) != 0 {
		t.Errorf("delegation = %+v, %v", d, err)
	}
	if len(d.Addrs) != 2 || d.Addrs[0].String() != "192.0.2.1:5300" || d.Addrs[1].String() != "[2001:db8::1]:53" {
		t.Errorf("addresses = %v", d.Addrs)
	}
	if asked := w.resolver.asked(); len(asked) > 0 {
		t.Errorf("the resolver was asked %q", asked)
	}
}

func TestDelegation_HostileNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	for _, name := range []string{"", ".", "com.", "_acme-challenge", "a..test.", "-a.test.", "a b.test.", "a\n.test.", "*.example.test.",
		strings.Repeat("a", 64) + ".test.", strings.Repeat("a.", 130) + "test.", "ü.test."} {
		_, err := w.Resolver().Delegation(t.Context(), name)
		wantError(t, err, fault.CodeBadChallenge, fault.Usage)
	}
	if asked := w.resolver.asked(); len(asked) > 0 {
		t.Errorf("the resolver was asked %q", asked)
	}
}

func TestDelegation_Cancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	ctx, cancel := context.WithCancelCause(t.Context())
	w.resolver.set(func(dns.ResponseWriter, *dns.Msg) { cancel(errStop) })
	r := w.Resolver()
	r.Timeout, r.LookupLimit = time.Hour, time.Hour
	if _, err := r.Delegation(ctx, "_acme-challenge.example.test."); !errors.Is(err, errStop) {
		t.Errorf("error = %v, want the cause", err)
	}
}

func TestResolver_BadSettings(t *testing.T) {
	t.Parallel()
	for _, r := range []Resolver{{}, {Servers: []string{"ns.example"}}, {NameServers: []string{"https://dns.example/"}}, {Servers: []string{"192.0.2.1"}, Port: 70000}} {
		_, err := r.Delegation(t.Context(), "_acme-challenge.example.test.")
		wantError(t, err, fault.CodeBadSettings, fault.Misconfigured)
	}
}

func TestDelegation_NoiseIsIgnored_Fault098(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.resolver.set(func(rw dns.ResponseWriter, r *dns.Msg) {
		for _, packet := range noise(r.Id) {
			rw.Write(packet)
		}
		w.recurse(rw, r)
	})
	d, err := w.Resolver().Delegation(t.Context(), "_acme-challenge.example.test.")
	if err != nil || d.Zone != "example.test." {
		t.Errorf("delegation = %+v, %v", d, err)
	}
}

// noise is what an answer with the right id must survive: nothing, a bare header, a name that points at itself, a count of
// records that are not there, and bytes without sense.
func noise(id uint16) [][]byte {
	head := []byte{byte(id >> 8), byte(id), 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0}
	return [][]byte{
		{0},
		head[:11],
		head,
		append(bytes.Clone(head), 0xc0, 12, 0, 16, 0, 1),
		append(bytes.Clone(head), 0xc0, 14, 0xc0, 12, 0, 16, 0, 1),
		append(bytes.Clone(head), bytes.Repeat([]byte{63}, 500)...),
		append(bytes.Clone(head[:4]), bytes.Repeat([]byte{0xff}, 500)...),
	}
}

// A zone whose delegated servers do not serve it: resolvers say SERVFAIL, but the parent's servers tell where it is
// delegated to, also for a name further down.
func TestDelegation_LameZone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"_acme-challenge.example.test.", "_acme-challenge.www.example.test."} {
		w := newWorld(t, 2)
		w.servers[0].set(says(dns.RcodeRefused))
		w.servers[1].set(says(dns.RcodeRefused))
		w.resolver.set(func(rw dns.ResponseWriter, r *dns.Msg) {
			if providers.InZone(r.Question[0].Name, "example.test.") {
				rw.WriteMsg(new(dns.Msg).SetRcode(r, dns.RcodeServerFailure))
				return
			}
			w.recurse(rw, r)
		})
		d, err := w.Resolver().Delegation(t.Context(), name)
		if err != nil || d.Zone != "example.test." || !slices.Equal(d.NameServers, []string{"ns1.test.", "ns2.test."}) {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
}

// Where the parent's servers cannot be asked either, what the resolver said stands.
func TestDelegation_LameZone_ParentSilent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.registry.set(silent)
	w.resolver.set(func(rw dns.ResponseWriter, r *dns.Msg) {
		if providers.InZone(r.Question[0].Name, "example.test.") {
			rw.WriteMsg(new(dns.Msg).SetRcode(r, dns.RcodeServerFailure))
			return
		}
		w.recurse(rw, r)
	})
	r := w.Resolver()
	r.Timeout = 100 * time.Millisecond
	_, err := r.Delegation(t.Context(), "_acme-challenge.example.test.")
	wantError(t, err, fault.CodeNoAnswer, fault.Temporary, "SERVFAIL")
}
