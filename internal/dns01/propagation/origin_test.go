package propagation

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// copyOf is a server's copy of example.test.: what its SOA and NS records say.
type copyOf struct {
	primary string
	serial  uint32
	hosts   []string
	signed  bool
	lame    bool // REFUSED to everything
}

// serve lets a server answer with its copy, and with the TXT records that are published to it.
func (s *server) serve(c copyOf) {
	s.set(func(w dns.ResponseWriter, r *dns.Msg) {
		m := s.answer(r)
		q := r.Question[0]
		if providers.CanonicalName(q.Name) == "example.test." {
			m.Rcode = dns.RcodeSuccess
			switch q.Qtype {
			case dns.TypeSOA:
				m.Answer = []dns.RR{&dns.SOA{Hdr: header("example.test.", dns.TypeSOA), Ns: c.primary, Mbox: "hostmaster.example.test.", Serial: c.serial}}
				if c.signed {
					m.Answer = append(m.Answer, &dns.RRSIG{Hdr: header("example.test.", dns.TypeRRSIG), TypeCovered: dns.TypeSOA, SignerName: "example.test."})
				}
			case dns.TypeNS:
				m.Answer = nameServers("example.test.", c.hosts...)
			}
		}
		if c.lame {
			m = new(dns.Msg).SetRcode(r, dns.RcodeRefused)
		}
		w.WriteMsg(m)
	})
}

// written is what the server written to has, which none asks but those with the credential.
func written(server string, texts ...string) providers.OriginView {
	return providers.OriginView{Server: server, Texts: texts, Zone: "example.test.", NameServers: []string{"ns1.public.test."},
		Primary: "ns1.public.test.", Mail: "hostmaster.example.test.", Serial: 100}
}

func constant(view providers.OriginView) Origin {
	return func(context.Context) (providers.OriginView, error) { return view, nil }
}

// others are copies of servers that never will have what was written, by kind.
func others() map[string]copyOf {
	return map[string]copyOf{
		"split horizon":                       {primary: "dc1.test.", serial: 7, hosts: []string{"ns1.test."}},
		"old company's copy":                  {primary: "ns1.oldhost.test.", serial: 2026010101, hosts: []string{"ns1.oldhost.test.", "ns1.test."}},
		"stale copy of the same zone":         {primary: "ns1.public.test.", serial: 99, hosts: []string{"ns1.test."}},
		"lame":                                {lame: true},
		"same zone, written to independently": {primary: "ns1.public.test.", serial: 250, hosts: []string{"ns1.public.test."}},
	}
}

func TestWait_OtherServersAwaited(t *testing.T) {
	t.Parallel()
	for name, c := range others() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.registry.set(denies) // the name servers are what a resolver of our own network knows
			w.servers[0].serve(c)
			wait, _ := w.wait()
			wait.Limit, wait.CompareAfter = MostLimit, time.Millisecond
			r := record(value1)
			r.Origin = constant(written("192.0.2.53:53", value1))
			if name != "lame" {
				if err := wait.Resolver.Foresee(t.Context(), Delegation{Zone: "example.test.", Addrs: []Address{{"ns1.test.", w.servers[0].addr}}}, r.Origin); fault.CodeOf(err) != fault.CodeOtherServers {
					t.Errorf("not foreseen: %v", err)
				}
			}
			_, err := wait.Run(t.Context(), []Record{r})
			wantError(t, err, fault.CodeOtherServers, fault.Misconfigured, challenge, "192.0.2.53:53, to which it was written, has it",
				"ns1.public.test.", "ns1.test.", w.resolver.addr.String(), "--nameserver 192.0.2.53 ", "--resolver")
		})
	}
}

// Where the parent itself delegates the zone to the awaited servers, no resolver leads elsewhere, and the CA asks them too.
func TestWait_OtherServersDelegated(t *testing.T) {
	t.Parallel()
	for name, c := range others() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.servers[0].serve(c)
			wait, _ := w.wait()
			wait.Limit, wait.CompareAfter = MostLimit, time.Millisecond
			r := record(value1)
			r.Origin = constant(written("192.0.2.53:53", value1))
			_, err := wait.Run(t.Context(), []Record{r})
			wantError(t, err, fault.CodeOtherServers, fault.Misconfigured, "the parent delegates example.test. to ns1.test.: write there",
				"RFC2136_NAMESERVER", "change the delegation")
			if strings.Contains(err.Error(), "--resolver") {
				t.Errorf("a resolver changes nothing: %v", err)
			}
			d, err := w.Resolver().Delegation(t.Context(), challenge)
			if err != nil {
				t.Fatal(err)
			}
			err = w.Resolver().Foresee(t.Context(), d, r.Origin)
			wantError(t, err, fault.CodeOtherServers, fault.Misconfigured, "the parent delegates example.test.")
		})
	}
}

// The zone is written to all the time: what a server has is later than what was read of the server written to a moment before, and
// not later than what is read of it then.
func TestForesee_SerialMovesOn(t *testing.T) {
	t.Parallel()
	for name, hosts := range map[string][]string{"listed": {"ns1.test."}, "not listed, same zone": {"ns1.public.test."}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for later, want := range map[uint32]string{105: "", 140: "", 104: fault.CodeOtherServers, 100: fault.CodeOtherServers} {
				w := newWorld(t, 1)
				w.servers[0].serve(copyOf{primary: "ns1.public.test.", serial: 105, hosts: hosts})
				asked := 0
				origin := func(context.Context) (providers.OriginView, error) {
					view := written("192.0.2.53:53")
					view.NameServers = hosts
					if asked++; asked > 1 {
						view.Serial = later
					}
					return view, nil
				}
				d := Delegation{Zone: "example.test.", Addrs: []Address{{"ns1.test.", w.servers[0].addr}}}
				if err := w.Resolver().Foresee(t.Context(), d, origin); fault.CodeOf(err) != want {
					t.Errorf("then serial %d: %v, want %q", later, err, want)
				}
			}
		})
	}
}

// A server that gains the value while it is compared is one of the zone.
func TestWait_GainsWhileCompared(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	s := w.servers[0]
	s.serve(others()["split horizon"])
	copied := s.handler
	seen := make(chan struct{})
	var once sync.Once
	s.set(func(rw dns.ResponseWriter, r *dns.Msg) {
		if r.Question[0].Qtype == dns.TypeSOA && providers.CanonicalName(r.Question[0].Name) == "example.test." {
			s.publish(challenge, value1)
			<-seen
		}
		copied(rw, r)
	})
	wait, diary := w.wait()
	wait.CompareAfter = time.Millisecond
	wait.Resolver.Timeout = time.Minute
	diary.react = func(e Event) {
		if e.State == Published {
			once.Do(func() { close(seen) })
		}
	}
	r := record(value1)
	r.Origin = constant(written("192.0.2.53:53", value1))
	if _, err := wait.Run(t.Context(), []Record{r}); err != nil {
		t.Error(err)
	}
}

// Servers of the zone that only lag are waited for.
func TestWait_OwnServersLag(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]copyOf{
		"secondary":                  {primary: "ns1.public.test.", serial: 99, hosts: []string{"ns1.public.test."}},
		"secondary, unsigned serial": {primary: "ns1.public.test.", serial: 100, hosts: []string{"ns1.public.test."}},
		"signer on the way":          {primary: "ns1.public.test.", serial: 2026112801, hosts: []string{"ns1.public.test."}, signed: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.servers[0].serve(c)
			wait, _ := w.wait()
			wait.CompareAfter = time.Millisecond
			r := record(value1)
			var asked atomic.Int64
			r.Origin = func(context.Context) (providers.OriginView, error) {
				if asked.Add(1) == 4 {
					w.servers[0].publish(challenge, value1)
				}
				return written("192.0.2.53:53", value1), nil
			}
			if _, err := wait.Run(t.Context(), []Record{r}); err != nil {
				t.Error(err)
			}
		})
	}
}

// As long as the server written to lacks the value too, or cannot be asked, nothing is certain.
func TestWait_OriginLags(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]Origin{
		"nothing there yet": constant(written("192.0.2.53:53")),
		"another value":     constant(written("192.0.2.53:53", value2)),
		"cannot be asked": func(context.Context) (providers.OriginView, error) {
			return providers.OriginView{}, errors.New("refused")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.servers[0].serve(others()["split horizon"])
			wait, _ := w.wait()
			wait.CompareAfter = time.Millisecond
			r := record(value1)
			var asked atomic.Int64
			r.Origin = func(ctx context.Context) (providers.OriginView, error) {
				if asked.Add(1) == 4 {
					w.servers[0].publish(challenge, value1)
				}
				return first(ctx)
			}
			if _, err := wait.Run(t.Context(), []Record{r}); err != nil {
				t.Error(err)
			}
		})
	}
}

// One address, two views: who signs sees the value, and everybody else does not.
func TestWait_View(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.redelegate("example.test.", "ns1.public.test.")
	w.address("ns1.public.test.", w.servers[0].addr.Addr().String())
	w.servers[0].serve(copyOf{primary: "ns1.public.test.", serial: 99, hosts: []string{"ns1.public.test."}})
	wait, _ := w.wait()
	wait.Limit, wait.CompareAfter = MostLimit, time.Millisecond
	r := record(value1)
	r.Origin = constant(written(w.servers[0].addr.String(), value1))
	_, err := wait.Run(t.Context(), []Record{r})
	wantError(t, err, fault.CodeOtherServers, fault.Misconfigured, "another view", "--nameserver", "--resolver")
}

// One address, two machines: by turns the one that has the value answers, and the other.
func TestWait_TwoMachinesBehindOneAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.redelegate("example.test.", "ns1.public.test.")
	w.address("ns1.public.test.", w.servers[0].addr.Addr().String())
	w.servers[0].serve(copyOf{primary: "ns1.public.test.", serial: 99, hosts: []string{"ns1.public.test."}})
	wait, _ := w.wait()
	wait.CompareAfter = time.Millisecond
	r := record(value1)
	var asked atomic.Int64
	r.Origin = func(context.Context) (providers.OriginView, error) {
		n := asked.Add(1)
		if n == 12 {
			w.servers[0].publish(challenge, value1)
		}
		if n%3 == 0 {
			return written(w.servers[0].addr.String()), nil
		}
		return written(w.servers[0].addr.String(), value1), nil
	}
	if _, err := wait.Run(t.Context(), []Record{r}); err != nil {
		t.Error(err)
	}
}

// Name servers that were named, and are others: what helps is something else than to name them.
func TestWait_OtherServersNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.servers[0].serve(others()["split horizon"])
	wait, _ := w.wait()
	wait.Limit, wait.CompareAfter = MostLimit, time.Millisecond
	wait.Resolver.NameServers = []string{w.servers[0].addr.String()}
	r := record(value1)
	r.Origin = constant(written("192.0.2.53:53", value1))
	_, err := wait.Run(t.Context(), []Record{r})
	wantError(t, err, fault.CodeOtherServers, fault.Misconfigured, "leave it out, or name 192.0.2.53")
	if strings.Contains(err.Error(), "--resolver") {
		t.Errorf("a resolver is not asked for name servers here: %v", err)
	}
}

// A service that publishes on name servers of its own tells which, and these are asked.
func TestOriginOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.redelegate("example.test.", "ns1.test.")
	w.servers[0].serve(others()["split horizon"])
	w.servers[1].serve(copyOf{primary: "ns2.test.", serial: 5, hosts: []string{"ns2.test."}})
	w.servers[1].publish(challenge, value1)
	r := w.Resolver()
	hosts := func(context.Context) ([]string, error) { return []string{"NS2.test"}, nil }
	origin := r.OriginOf(hosts, "example.test", challenge)
	view, err := origin(t.Context())
	if err != nil || view.Server != w.servers[1].addr.String() || len(view.Texts) != 1 || view.Primary != "ns2.test." || view.Serial != 5 {
		t.Errorf("%+v, %v", view, err)
	}
	wait, _ := w.wait()
	wait.Limit, wait.CompareAfter = MostLimit, time.Millisecond
	rec := record(value1)
	rec.Origin = origin
	_, err = wait.Run(t.Context(), []Record{rec})
	wantError(t, err, fault.CodeOtherServers, fault.Misconfigured, "ns2.test.", "ns1.test.")
	hosts = func(context.Context) ([]string, error) { return []string{"ns.nic.test"}, nil }
	if _, err := r.OriginOf(hosts, "example.test", challenge)(t.Context()); err == nil {
		t.Error("hosts without an address have told something")
	}
}

// A zone of the challenge alone is delegated to servers of its own, which no resolver is asked for; that those of the zone above it do not
// serve it says nothing. Of any other zone it does.
func TestForesee_ZoneOfTheChallenge(t *testing.T) {
	t.Parallel()
	for zone, want := range map[string]string{
		challenge: "", "_acme-challenge.host.example.test.": "", "_x._acme-challenge.example.test.": "", "sub.example.test.": fault.CodeOtherServers, "example.test.": fault.CodeOtherServers,
	} {
		w := newWorld(t, 1)
		w.servers[0].serve(copyOf{primary: "ns1.oldhost.test.", serial: 7, hosts: []string{"ns1.test."}})
		view := written("192.0.2.53:53")
		view.Zone, view.NameServers = zone, []string{"ns1.challenges.test."}
		d := Delegation{Zone: "example.test.", Addrs: []Address{{"ns1.test.", w.servers[0].addr}}}
		if err := w.Resolver().Foresee(t.Context(), d, constant(view)); fault.CodeOf(err) != want {
			t.Errorf("%s: %v, want %q", zone, err, want)
		}
	}
}
