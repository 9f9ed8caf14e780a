package propagation

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// refusesIterative answers as unbound does to those who may not ask its cache: REFUSED without RA to a question without RD,
// and else what a resolver finds (unbound 1.17, access-control: allow; daemon/worker.c, deny_refuse).
func refusesIterative(w dns.ResponseWriter, r *dns.Msg) {
	if !r.RecursionDesired {
		w.WriteMsg(new(dns.Msg).SetRcode(r, dns.RcodeRefused))
		return
	}
	resolves(w, r)
}

// snooped answers as unbound does with access-control allow_snoop: SERVFAIL for what it does not have in its cache.
func snooped(w dns.ResponseWriter, r *dns.Msg) {
	if !r.RecursionDesired {
		m := new(dns.Msg).SetRcode(r, dns.RcodeServerFailure)
		m.RecursionAvailable = true
		w.WriteMsg(m)
		return
	}
	resolves(w, r)
}

// resolves answers as a resolver that passes every question on (dnsmasq): NOERROR, RA, no AA, and nothing of what is asked here.
func resolves(w dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg).SetReply(r)
	m.RecursionAvailable = true
	w.WriteMsg(m)
}

// knowsAll is a transparent resolver that has the value already, and tells it without authority.
func knowsAll(w dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg).SetReply(r)
	m.RecursionAvailable = true
	if r.Question[0].Qtype == dns.TypeTXT {
		m.Answer = []dns.RR{&dns.TXT{Hdr: header(challenge, dns.TypeTXT), Txt: []string{value1}}}
	}
	w.WriteMsg(m)
}

// empty is the address without a server at which something answers once it is intercepted.
func (w *world) empty() []netip.AddrPort {
	return []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("127.255.255.254"), uint16(w.port))}
}

// intercept lets answer speak at every address of the world but the resolver's: its name servers', and one at which there is no
// server.
func (w *world) intercept(answer dns.HandlerFunc) {
	w.t.Helper()
	w.everywhere(answer)
	s, err := newServer(w.empty()[0].String())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(s.close)
	s.set(answer)
}

// interceptors are those that public reports tell of, by name.
func interceptors() map[string]dns.HandlerFunc {
	return map[string]dns.HandlerFunc{
		"refuses": refusesIterative, "snooped": snooped, "passes on": resolves, "knows the value": knowsAll,
		"denies": func(w dns.ResponseWriter, r *dns.Msg) {
			m := new(dns.Msg).SetRcode(r, dns.RcodeNameError)
			m.RecursionAvailable = true
			w.WriteMsg(m)
		},
		"UDP alone": func(w dns.ResponseWriter, r *dns.Msg) {
			if overTCP(w) {
				w.Close()
				return
			}
			resolves(w, r)
		},
	}
}

// intercepted is a world in which something answers in the servers' place, with a resolver over HTTPS.
func intercepted(t *testing.T, by dns.HandlerFunc, answer func(http.ResponseWriter, *dns.Msg)) (*world, *overHTTPS, *Wait, *diary) {
	w, o, wait, diary := blocked(t, answer)
	w.intercept(by)
	wait.Resolver.Timeout = 2 * time.Second // all that is asked here answers
	return w, o, wait, diary
}

func TestWait_Port53Intercepted_ResolverOverHTTPS(t *testing.T) {
	t.Parallel()
	for name, by := range interceptors() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, o, wait, diary := intercepted(t, by, published)
			report, err := wait.Run(t.Context(), []Record{record(value1)})
			if err != nil {
				t.Fatal(err)
			}
			url := o.URL + "/dns-query"
			if !report.Unverified || report.Path != url || report.CutOff != Intercepted {
				t.Errorf("report = %+v", report)
			}
			diary.want(t, "", Intercepted)
			diary.want(t, url, Published)
			before := len(w.servers[0].asked())
			if n := count(w.servers[0].asked(), "TXT "+challenge+" udp"); n > 4 {
				t.Errorf("what answers in the servers' place was asked %d times of %d for the challenge, which it may remember", n, before)
			}
		})
	}
}

// Without a resolver over HTTPS, the one that finds the name servers stands in for them.
func TestWait_Port53Intercepted_OneResolver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.standsIn()
	w.intercept(refusesIterative)
	wait, diary := w.wait()
	wait.ResolverAfter, wait.ResolverEvery = time.Millisecond, 10*time.Millisecond
	w.resolver.publish(challenge, value1)
	report, err := wait.Run(t.Context(), []Record{record(value1)})
	if err != nil || !report.Unverified || report.Path != w.resolver.addr.String() {
		t.Errorf("%+v, %v", report, err)
	}
	diary.want(t, "", Intercepted)
}

// Packets are dropped but to one resolver.
func TestWait_Port53Closed_OneResolver(t *testing.T) {
	t.Parallel()
	for name, way := range map[string]func(*world){
		"silence": func(w *world) { w.everywhere(silent) },
		"refused": func(w *world) { w.servers[0].close(); w.servers[1].close(); w.registry.close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			w.standsIn()
			way(w)
			w.resolver.publish(challenge, value1)
			wait, diary := w.wait()
			wait.Resolver.Timeout = 200 * time.Millisecond
			wait.ResolverAfter, wait.ResolverEvery = time.Millisecond, 10*time.Millisecond
			report, err := wait.Run(t.Context(), []Record{record(value1)})
			if err != nil || !report.Unverified || report.Path != w.resolver.addr.String() || report.CutOff != Blocked {
				t.Errorf("%+v, %v", report, err)
			}
			diary.want(t, "", Blocked)
		})
	}
}

// The resolver is asked rarely, and not before the zone's usual delay, whatever it would say.
func TestWait_Port53Intercepted_NotAskedTooEarly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2) // whose end sees that the resolver was not asked for the challenge
	w.intercept(resolves)
	o := newOverHTTPS(t, published)
	wait, diary := w.wait()
	wait.Resolver.Servers = append(wait.Resolver.Servers, o.URL)
	wait.Resolver.RootCAs = o.roots()
	wait.ResolverAfter, wait.Limit = time.Hour, 40*time.Minute
	ctx, cancel := withCause(t)
	diary.react = func(e Event) {
		if e.State == Intercepted {
			cancel(errStop)
		}
	}
	if report, err := wait.Run(ctx, []Record{record(value1)}); err != errStop || report.Unverified {
		t.Errorf("%+v, %v", report, err)
	}
	if got := o.asked(); len(got) > 0 {
		t.Errorf("the resolver over HTTPS was asked %q", got)
	}
}

func TestWait_Port53Intercepted_NoResolverHasIt(t *testing.T) {
	t.Parallel()
	for name, by := range interceptors() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			w.standsIn()
			w.intercept(by)
			wait, _ := w.wait()
			wait.ResolverAfter, wait.ResolverEvery, wait.Limit = time.Millisecond, 10*time.Millisecond, 3*time.Second
			_, err := wait.Run(t.Context(), []Record{record(value1)})
			wantError(t, err, fault.CodeIntercepted, fault.Temporary, "in the place of the name servers", "--resolver https://")

			o := newOverHTTPS(t, func(w http.ResponseWriter, q *dns.Msg) { reply(w, new(dns.Msg).SetRcode(q, dns.RcodeNameError)) })
			wait.Resolver.Servers = append(wait.Resolver.Servers, o.URL)
			wait.Resolver.RootCAs = o.roots()
			_, err = wait.Run(t.Context(), []Record{record(value1)})
			wantError(t, err, fault.CodeIntercepted, fault.Temporary, o.URL+" does not show")
			if strings.Contains(err.Error(), "--resolver") {
				t.Errorf("advice that was taken already: %v", err)
			}
		})
	}
}

// Servers that were named have no resolver to stand in for them: there is nothing to wait for.
func TestWait_Port53Intercepted_NameServersOverride(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.intercept(refusesIterative)
	wait, diary := w.wait()
	wait.Limit = MostLimit
	wait.Resolver.NameServers, wait.Resolver.empty = []string{w.servers[0].addr.String()}, w.empty()
	_, err := wait.Run(t.Context(), []Record{record(value1)})
	wantError(t, err, fault.CodeIntercepted, fault.Temporary, "without --nameserver", "not to be seen")
	if strings.Contains(err.Error(), "within") {
		t.Errorf("nothing was waited for: %v", err)
	}
	diary.want(t, "", Intercepted)
}

// A server of this machine that was named and listens at all its addresses is no interceptor if it does not serve the zone; one that
// is down leaves port 53 as open as it was. Both are what the user is told.
func TestWait_NamedServerOfThisMachine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer dns.HandlerFunc // nil is down
		want   string
	}{
		"refuses":         {says(dns.RcodeRefused), "REFUSED"},
		"resolver":        {refusesIterative, "REFUSED"},
		"is snooped":      {snooped, "SERVFAIL"},
		"does not listen": {nil, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			if c.answer != nil {
				w.intercept(c.answer)
			} else {
				w.servers[0].close()
			}
			wait, diary := w.wait()
			wait.Limit = 2 * time.Second
			wait.Resolver.NameServers = []string{w.servers[0].addr.String()}
			_, err := wait.Run(t.Context(), []Record{record(value1)})
			if err == nil || fault.CodeOf(err) == fault.CodeIntercepted || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "port 53") {
				t.Errorf("[%s] %v", fault.CodeOf(err), err)
			}
			if told := diary.of(""); slices.Contains(told, Intercepted) || slices.Contains(told, Blocked) {
				t.Errorf("told of %v", told)
			}
			if state, err := wait.Resolver.CutOff(t.Context(), Delegation{Addrs: []Address{{Addr: w.servers[0].addr}}}, "example.test."); err != nil || state != "" {
				t.Errorf("cut off: %q, %v", state, err)
			}
		})
	}
}

// What is wrong lies with the servers: those of the zone above can be asked.
func TestCutOff_ServersLameOrDown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		own   dns.HandlerFunc
		above dns.HandlerFunc
		empty dns.HandlerFunc // at an address without a server
		want  State
	}{
		"down, zone above answers":          {own: silent, above: authoritative, want: ""},
		"down, zone above silent":           {own: silent, above: silent, want: Blocked},
		"down, nothing above":               {own: silent, want: Blocked},
		"refuse, zone above answers":        {own: says(dns.RcodeRefused), above: authoritative, want: ""},
		"refuse, nothing above":             {own: says(dns.RcodeRefused), want: ""},
		"lame resolver, zone above answers": {own: resolves, above: authoritative, want: ""},
		"resolver everywhere":               {own: resolves, above: resolves, want: Intercepted},
		"refuses everywhere":                {own: says(dns.RcodeRefused), above: says(dns.RcodeRefused), want: Intercepted},
		"resolver, nothing above":           {own: resolves, want: Intercepted},
		"snooped, nothing above":            {own: snooped, want: Intercepted},
		"empty address answers":             {own: says(dns.RcodeRefused), empty: says(dns.RcodeRefused), want: Intercepted},
		"closed, empty address silent":      {own: silent, empty: silent, want: Blocked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			d := Delegation{Zone: "example.test.", Addrs: []Address{{"ns1.test.", w.servers[0].addr}}}
			w.servers[0].set(c.own)
			if c.above != nil {
				w.registry.set(c.above)
			} else {
				w.hosts.set("ns.nic.test.")
			}
			if c.empty != nil {
				s, err := newServer(w.empty()[0].String())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(s.close)
				s.set(c.empty)
			}
			r := w.Resolver()
			r.Timeout = time.Second
			if got, err := r.CutOff(t.Context(), d, "example.test"); got != c.want || err != nil {
				t.Errorf("cut off = %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestCutOff_ServersAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.servers[0].set(silent)
	r := w.Resolver()
	r.Timeout = 200 * time.Millisecond
	d, err := r.Delegation(t.Context(), challenge)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.CutOff(t.Context(), d, d.Zone); got != "" || err != nil {
		t.Errorf("cut off = %q, %v", got, err)
	}
}

func TestEmptyAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ servers, want string }{
		{"198.51.100.7:53", "192.0.2.253:53 203.0.113.253:53"},
		{"198.51.100.7:53 10.1.2.3:5353", "192.0.2.253:53 203.0.113.253:53 192.0.2.253:5353 203.0.113.253:5353"},
		{"192.0.2.253:53", "203.0.113.253:53"},
		{"127.0.0.53:53", "127.255.255.254:53"},
		{"[2001:500:2::c]:53 [::1]:53 [fe80::1%eth0]:53", "[2001:db8:ffff::fd]:53"},
	} {
		var addrs []Address
		for text := range strings.FieldsSeq(c.servers) {
			addrs = append(addrs, Address{Addr: netip.MustParseAddrPort(text)})
		}
		var got []string
		for _, addr := range emptyAddresses(addrs, false) {
			got = append(got, addr.String())
		}
		if named := emptyAddresses(addrs, true); slices.ContainsFunc(named, func(a netip.AddrPort) bool { return a.Addr().IsLoopback() }) {
			t.Errorf("for %s that were named: %v", c.servers, named)
		}
		if !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("for %s: %q, want %s", c.servers, got, c.want)
		}
	}
}

// A CNAME at the challenge that only a resolver can see, once it may be asked.
func TestWait_Port53Closed_CNAMESeenByResolver(t *testing.T) {
	t.Parallel()
	to := func(values ...string) func(http.ResponseWriter, *dns.Msg) {
		return func(w http.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg).SetReply(q)
			m.Answer = []dns.RR{
				&dns.CNAME{Hdr: header(challenge, dns.TypeCNAME), Target: "y.auth.test."},
				&dns.CNAME{Hdr: header("y.auth.test.", dns.TypeCNAME), Target: "x.auth.test."},
			}
			for _, v := range values {
				m.Answer = append(m.Answer, &dns.TXT{Hdr: header("x.auth.test.", dns.TypeTXT), Txt: []string{v}})
			}
			reply(w, m)
		}
	}
	w, _, wait, _ := blocked(t, to(value2, value1))
	w.mayAskAll = true // a resolver over HTTPS that is slow is not waited for alone
	if report, err := wait.Run(t.Context(), []Record{record(value1)}); err != nil || !report.Unverified {
		t.Errorf("%+v, %v", report, err)
	}
	for _, values := range [][]string{nil, {value2}} {
		w, _, wait, _ = blocked(t, to(values...))
		w.mayAskAll = true
		wait.Limit = MostLimit
		_, err := wait.Run(t.Context(), []Record{record(value1)})
		wantError(t, err, fault.CodeCNAME, fault.Misconfigured, challenge, "leads to x.auth.test.")
	}
}

// With resolvers over HTTPS alone name servers are asked as ever, if they can be.
func TestFollowCNAME_OnlyResolversOverHTTPS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.servers[0].alias(challenge, "x.example.test.")
	o := newOverHTTPS(t, func(rw http.ResponseWriter, q *dns.Msg) { w.recurse(packets{w: rw}, q) })
	r := w.Resolver()
	r.Servers, r.RootCAs = []string{o.URL}, o.roots()
	if got, err := r.FollowCNAME(t.Context(), challenge, anyTarget); err != nil || got != "x.example.test." {
		t.Errorf("%q, %v", got, err)
	}
}

// Where no name server can be asked, a name of ours is taken as it is: a resolver would remember that it does not exist.
func TestFollowCNAME_CutOff(t *testing.T) {
	t.Parallel()
	ways := interceptors()
	ways["silent"] = silent
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			if name == "knows the value" {
				return // an answer that counts, as one of a server that never has authority does
			}
			w.intercept(way)
			r := w.Resolver()
			r.Timeout = 400 * time.Millisecond
			got, err := r.FollowCNAME(t.Context(), challenge, anyTarget)
			if err != nil || got != challenge {
				t.Errorf("%q, %v", got, err)
			}
			r.NameServers, r.empty = []string{w.servers[0].addr.String()}, w.empty()
			_, err = r.FollowCNAME(t.Context(), challenge, anyTarget)
			code := fault.CodeIntercepted
			if name == "silent" {
				code = fault.CodeNoAnswer
			}
			wantError(t, err, code, fault.Temporary, challenge, "without --nameserver")
		})
	}
}

// A CNAME at a challenge that only an account of its target can write is found by resolvers, over HTTPS or not, and the name
// to which it leads is not asked for.
func TestFollowCNAME_CutOff_ThroughResolvers(t *testing.T) {
	t.Parallel()
	const link, end = "a.elsewhere.test.", "b.auth.test."
	ours := func(_ context.Context, name string) (bool, error) { return providers.InZone(name, "auth.test."), nil }
	answer := func(q *dns.Msg) *dns.Msg {
		m := new(dns.Msg).SetReply(q)
		m.RecursionAvailable = true
		for from, to := range map[string]string{challenge: link, link: end} {
			if q.Question[0].Name == from && q.Question[0].Qtype == dns.TypeCNAME {
				m.Answer = []dns.RR{&dns.CNAME{Hdr: header(from, dns.TypeCNAME), Target: to}}
			}
		}
		return m
	}
	for name, way := range map[string]dns.HandlerFunc{"closed": silent, "intercepted": refusesIterative} {
		for _, https := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, over HTTPS %v", name, https), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, 1)
				w.delegate("auth.test.", "ns1.test.")
				w.delegate("elsewhere.test.", "ns1.test.")
				w.intercept(way)
				r := w.Resolver()
				r.Timeout = 400 * time.Millisecond
				asked := w.resolver.asked
				if https {
					o := newOverHTTPS(t, func(rw http.ResponseWriter, q *dns.Msg) { reply(rw, answer(q)) })
					r.Servers, r.RootCAs, asked = append(r.Servers, o.URL), o.roots(), o.asked
				} else {
					w.mayAskAll = true
					w.resolver.set(func(rw dns.ResponseWriter, q *dns.Msg) {
						if q.Question[0].Qtype == dns.TypeCNAME {
							rw.WriteMsg(answer(q))
							return
						}
						w.recurse(rw, q)
					})
				}
				got, err := r.FollowCNAME(t.Context(), challenge, ours)
				if err != nil || got != end {
					t.Errorf("%q, %v", got, err)
				}
				for _, q := range asked() {
					if strings.Contains(q, end) {
						t.Errorf("a resolver was asked for %s", q)
					}
				}
			})
		}
	}
}

// The servers are down or lame, and the network is not to blame.
func TestFollowCNAME_NotCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.servers[0].set(says(dns.RcodeServerFailure))
	w.servers[1].set(says(dns.RcodeRefused))
	_, err := w.Resolver().FollowCNAME(t.Context(), challenge, anyTarget)
	wantError(t, err, fault.CodeNoAnswer, fault.Temporary, "SERVFAIL", "REFUSED")
}
