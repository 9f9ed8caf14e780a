package propagation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
	"wildcard/providers"
)

const (
	value1 = "gfj9Xq-Rg85nM_DhHy2PpLZ5Dp0eW4VrU2yXiKqTb4s"
	value2 = "LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo"
)

// diary keeps the events of a wait, one line each: "server state" or, where several names matter, more.
type diary struct {
	events []Event
	react  func(Event)
}

func (d *diary) observe(e Event) {
	d.events = append(d.events, e)
	if d.react != nil {
		d.react(e)
	}
}

// of returns the states that server went through.
func (d *diary) of(server string) []State {
	var states []State
	for _, e := range d.events {
		if e.Server == server {
			states = append(states, e.State)
		}
	}
	return states
}

func (d *diary) want(t *testing.T, server string, states ...State) {
	t.Helper()
	if got := d.of(server); !slices.Equal(got, states) {
		t.Errorf("%s went through %q, want %q", server, got, states)
	}
}

func record(value string) Record { return Record{Zone: "example.test.", FQDN: challenge, Value: value} }

// wait returns a Wait for w, and the diary of its events.
func (w *world) wait() (*Wait, *diary) {
	d := new(diary)
	return &Wait{Resolver: w.Resolver(), Limit: time.Minute, DeadAfter: time.Minute, Observe: d.observe}, d
}

func TestWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	wait, diary := w.wait()
	w.publish(challenge, value1)
	w.publish(challenge, value2)
	w.publish("_acme-challenge.sub.example.test.", value1)
	report, err := wait.Run(t.Context(), []Record{
		record(value1), record(value2), record(value1),
		{FQDN: "_Acme-challenge.sub.example.test", Value: value1}, // of an account that cannot tell its zone
	})
	if err != nil {
		t.Fatal(err)
	}
	if report.Path != PathDirect || report.Unverified || len(report.SteppedOver) != 0 || len(report.Servers) != 3 {
		t.Errorf("report = %+v", report)
	}
	for i, s := range report.Servers {
		if s.Name != fmt.Sprintf("ns%d.test.", i+1) || s.Addr != w.servers[i].addr.String() || s.Zone != "example.test." || s.State != Published {
			t.Errorf("server %d = %+v", i, s)
		}
	}
	if got, want := len(diary.events), 2*3*3; got != want {
		t.Errorf("%d events, want %d: pending and published for three values at three servers", got, want)
	}
	for i, s := range w.servers {
		want := "TXT " + challenge + " udp"
		if n := count(s.asked(), want); n < 2 || n > 3 { // once, once more to confirm, and one of them in case of a referral
			t.Errorf("server %d was asked %d times for two values of one name: %q", i, n, s.asked())
		}
	}
}

func count(list []string, item string) int {
	n := 0
	for _, s := range list {
		if s == item {
			n++
		}
	}
	return n
}

func TestWait_NothingToWaitFor(t *testing.T) {
	t.Parallel()
	report, err := (&Wait{Resolver: new(Resolver)}).Run(t.Context(), nil)
	if err != nil || len(report.Servers) != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestWait_Fault090_ResolversSilent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.resolver.set(silent)
	wait, _ := w.wait()
	wait.Resolver.Timeout = 50 * time.Millisecond
	_, err := wait.Run(t.Context(), []Record{record(value1)})
	wantError(t, err, fault.CodeNoAnswer, fault.Temporary, w.resolver.addr.String())

	wait.Resolver.Timeout, wait.Limit = time.Hour, 50*time.Millisecond
	_, err = wait.Run(t.Context(), []Record{record(value1)})
	wantError(t, err, fault.CodeNoAnswer, fault.Temporary, challenge, "50ms")
}

func TestWait_Fault095_RefusedByOneOfThree(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]dns.HandlerFunc{
		"REFUSED":           says(dns.RcodeRefused),
		"SERVFAIL":          says(dns.RcodeServerFailure),
		"not authoritative": says(dns.RcodeNameError),
	} {
		w := newWorld(t, 3)
		w.servers[1].set(handler)
		w.publish(challenge, value1)
		wait, diary := w.wait()
		wait.DeadAfter = 50 * time.Millisecond
		report, err := wait.Run(t.Context(), []Record{record(value1)})
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("ns2.test. (%s): %s", w.servers[1].addr, name)
		if !slices.Equal(report.SteppedOver, []string{want}) || report.Servers[1].State != SteppedOver {
			t.Errorf("stepped over %q, want %q; %+v", report.SteppedOver, want, report.Servers)
		}
		diary.want(t, "ns2.test.", Pending, Lame, SteppedOver)
		diary.want(t, "ns3.test.", Pending, Published)
	}
}

func TestWait_DeadServers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.servers[1].set(silent)
	w.delegate("example.test.", "refusing.test.", "gone.test.")
	w.address("refusing.test.", "127.0.0.250") // no server listens there
	w.publish(challenge, value1)
	wait, diary := w.wait()
	wait.DeadAfter, wait.Resolver.Timeout = 50*time.Millisecond, 200*time.Millisecond
	report, err := wait.Run(t.Context(), []Record{record(value1)})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ns2.test. (", "refusing.test. (", "gone.test.: has no address"} {
		if !strings.Contains(strings.Join(report.SteppedOver, "\n"), want) {
			t.Errorf("stepped over %q, want %q among them", report.SteppedOver, want)
		}
	}
	diary.want(t, "ns2.test.", Pending, Silent, SteppedOver)
	diary.want(t, "refusing.test.", Pending, Unreachable, SteppedOver)
	diary.want(t, "gone.test.", Unreachable)
}

// A server that hangs for ever does not delay the news from the others.
func TestWait_ServerDead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.servers[0].set(silent)
	wait, diary := w.wait()
	wait.Resolver.Timeout = time.Hour
	ctx, cancel := context.WithCancelCause(t.Context())
	diary.react = func(e Event) {
		switch {
		case e.Server == "ns2.test." && e.State == Pending:
			w.publish(challenge, value1, 1)
		case e.Server == "ns2.test." && e.State == Published:
			cancel(errStop)
		}
	}
	report, err := wait.Run(ctx, []Record{record(value1)})
	if !errors.Is(err, errStop) {
		t.Errorf("error = %v, want the cause", err)
	}
	if len(report.Servers) != 2 || report.Servers[0].State != Pending || report.Servers[1].State != Published {
		t.Errorf("report = %+v", report)
	}
}

func TestWait_Fault096_NegativeCacheDoesNotMatter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	var denied atomic.Bool // by the resolver, for the next hour
	w.resolver.set(func(rw dns.ResponseWriter, r *dns.Msg) {
		if strings.HasPrefix(r.Question[0].Name, "_acme-challenge") {
			denied.Store(true)
			rw.WriteMsg(new(dns.Msg).SetRcode(r, dns.RcodeNameError))
			return
		}
		w.recurse(rw, r)
	})
	w.publish(challenge, value1)
	w.publish("_acme-challenge.a.example.test.", value1)
	wait, _ := w.wait()
	if _, err := wait.Run(t.Context(), []Record{record(value1), {FQDN: "_acme-challenge.a.example.test.", Value: value1}}); err != nil {
		t.Fatal(err)
	}
	if asked := w.resolver.asked(); denied.Load() || !slices.Contains(asked, "NS example.test. udp") {
		t.Errorf("the resolver was asked %q", asked)
	}
}

func TestWait_Fault097_Truncated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.publish(challenge, value1)
	w.servers[0].set(func(rw dns.ResponseWriter, r *dns.Msg) {
		m := w.servers[0].answer(r)
		if !overTCP(rw) {
			m.Answer, m.Truncated = nil, true
		}
		rw.WriteMsg(m)
	})
	wait, _ := w.wait()
	if _, err := wait.Run(t.Context(), []Record{record(value1)}); err != nil {
		t.Fatal(err)
	}
	if n := count(w.servers[0].asked(), "TXT "+challenge+" tcp"); n < 2 {
		t.Errorf("asked over TCP %d times", n)
	}
}

func TestWait_Fault097_SilentOverUDP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.publish(challenge, value1)
	w.servers[0].set(func(rw dns.ResponseWriter, r *dns.Msg) {
		if overTCP(rw) {
			w.servers[0].authority(rw, r)
		}
	})
	wait, _ := w.wait()
	wait.Resolver.Timeout = 400 * time.Millisecond
	if _, err := wait.Run(t.Context(), []Record{record(value1)}); err != nil {
		t.Fatal(err)
	}
}

func TestWait_Fault098_NoiseAndForgeries(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.servers[0].set(func(rw dns.ResponseWriter, r *dns.Msg) {
		for _, packet := range noise(r.Id) {
			rw.Write(packet)
		}
		forged := new(dns.Msg).SetReply(r)
		forged.Authoritative = true
		forged.Answer = []dns.RR{&dns.TXT{Hdr: header(challenge, dns.TypeTXT), Txt: []string{value2}}}
		forged.Id++
		rw.WriteMsg(forged)
		forged.Id--
		forged.Response = false
		rw.WriteMsg(forged)
		forged.Response = true
		forged.Question[0].Name = "other.example.test."
		rw.WriteMsg(forged)
		w.servers[0].authority(rw, r)
	})
	w.publish(challenge, value1)
	wait, diary := w.wait()
	if _, err := wait.Run(t.Context(), []Record{record(value1)}); err != nil {
		t.Fatal(err)
	}
	diary.want(t, "ns1.test.", Pending, Published)

	wait, diary = w.wait()
	wait.Limit = time.Second
	_, err := wait.Run(t.Context(), []Record{record(value2)})
	wantError(t, err, fault.CodeNotPublished, fault.Temporary, challenge, "ns1.test.")
	diary.want(t, "ns1.test.", Pending)
}

func TestWait_Fault098_NothingButNoise(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.servers[0].set(func(rw dns.ResponseWriter, r *dns.Msg) {
		for _, packet := range noise(r.Id) {
			rw.Write(packet)
		}
	})
	w.publish(challenge, value1)
	wait, diary := w.wait()
	wait.DeadAfter, wait.Resolver.Timeout = 50*time.Millisecond, 200*time.Millisecond
	report, err := wait.Run(t.Context(), []Record{record(value1)})
	if err != nil || len(report.SteppedOver) != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	diary.want(t, "ns1.test.", Pending, Silent, SteppedOver)
}

func TestWait_Fault099_ThousandStrings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.servers[0].set(func(rw dns.ResponseWriter, r *dns.Msg) {
		m := w.servers[0].answer(r)
		m.Rcode = dns.RcodeSuccess
		if !overTCP(rw) {
			m.Truncated = true
			rw.WriteMsg(m)
			return
		}
		strs := make([]string, 1000)
		for i := range strs {
			strs[i] = strings.Repeat("x", 63)
		}
		m.Answer = []dns.RR{
			&dns.TXT{Hdr: header(challenge, dns.TypeTXT), Txt: strs},
			// Strings of one record are put together, those of two are not.
			&dns.TXT{Hdr: header(challenge, dns.TypeTXT), Txt: []string{value1[:10], "", value1[10:]}},
			&dns.TXT{Hdr: header(challenge, dns.TypeTXT), Txt: []string{value2[:10]}},
			&dns.TXT{Hdr: header(challenge, dns.TypeTXT), Txt: []string{value2[10:]}},
		}
		m.Answer = append(m.Answer, &dns.TXT{Hdr: header(challenge, dns.TypeTXT), Txt: slices.Repeat([]string{"y"}, (dns.MaxMsgSize-m.Len()-50)/2)})
		if got := m.Len(); got < dns.MaxMsgSize-100 || got > dns.MaxMsgSize {
			t.Errorf("the answer has %d bytes", got)
		}
		rw.WriteMsg(m)
	})
	wait, _ := w.wait()
	if _, err := wait.Run(t.Context(), []Record{record(value1)}); err != nil {
		t.Fatal(err)
	}
	wait.Limit = time.Second
	_, err := wait.Run(t.Context(), []Record{record(value2)})
	wantError(t, err, fault.CodeNotPublished, fault.Temporary)
}

func TestWait_Fault100_IPv6OnlyServerWithoutIPv6(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.delegate("example.test.", "a6.test.")
	w.address("a6.test.", "2001:db8::1")
	w.publish(challenge, value1)
	wait, diary := w.wait()
	wait.Resolver.control = noIPv6
	report, err := wait.Run(t.Context(), []Record{record(value1)})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.SteppedOver) != 0 || len(report.Servers) != 2 || report.Servers[0].State != Unreachable || report.Servers[1].State != Published {
		t.Errorf("report = %+v", report)
	}
	diary.want(t, "a6.test.", Pending, Unreachable, SteppedOver)
	for _, e := range diary.events {
		if e.Server == "a6.test." && level(e) >= 0 {
			t.Errorf("%s of %s would be shown to users", e.State, e.Server)
		}
	}
}

func TestWait_Fault100_IPv6Loopback(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.address("ns1.test.", "::1")
	w.publish(challenge, value1)
	six, err := newServer(fmt.Sprintf("[::1]:%d", w.port))
	present := err == nil
	if present {
		t.Cleanup(six.close)
		six.set(six.authority)
	}
	wait, _ := w.wait()
	if present { // its value comes when it has been asked a few times
		go func() {
			six.awaitQuestions(t, 3)
			six.publish(challenge, value1)
		}()
	} else {
		wait.DeadAfter = 50 * time.Millisecond
	}
	report, err := wait.Run(t.Context(), []Record{record(value1)})
	if err != nil || len(report.Servers) != 2 || (report.Servers[1].State == Published) != present {
		t.Errorf("IPv6 present: %v; report = %+v, %v", present, report, err)
	}
}

func TestWait_Fault101_LateOnOneOfTwo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	wait, diary := w.wait()
	wait.DeadAfter = time.Nanosecond // is not for servers that answer
	w.publish(challenge, value1, 0)
	asked := make(chan int, 1)
	go func() {
		w.servers[1].awaitQuestions(t, 6)
		asked <- len(w.servers[1].asked())
		w.publish(challenge, value1, 1)
	}()
	report, err := wait.Run(t.Context(), []Record{record(value1)})
	if err != nil || len(report.SteppedOver) != 0 || report.Servers[1].State != Published {
		t.Fatalf("%+v, %v", report, err)
	}
	if before := <-asked; before < 6 {
		t.Errorf("the late server was asked only %d times before it had the value", before)
	}
	diary.want(t, "ns1.test.", Pending, Published)
	diary.want(t, "ns2.test.", Pending, Published)
}

func TestWait_Fault102_OnlyAnOldValue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.publish(challenge, value2)
	w.publish(challenge, strings.ToLower(value1))
	w.publish(challenge, value1+"x")
	w.publish(challenge, value1[1:])
	w.publish(challenge, `"`+value1+`"`)
	w.publish(challenge, value1, 0)
	wait, _ := w.wait()
	wait.Limit, wait.DeadAfter = time.Second, time.Nanosecond
	report, err := wait.Run(t.Context(), []Record{record(value1)})
	wantError(t, err, fault.CodeNotPublished, fault.Temporary, challenge, "ns2.test. ("+w.servers[1].addr.String()+") has 0 of 1 values, and 5 others")
	if strings.Contains(err.Error(), "ns1.test.") {
		t.Errorf("%q names a server that has the value", err)
	}
	if report.Servers[0].State != Published || report.Servers[1].State != Pending {
		t.Errorf("report = %+v", report)
	}
}

// A server that had the value and then has it no more is waited for.
func TestWait_ValueLostAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	wait, diary := w.wait()
	w.publish(challenge, value1)
	diary.react = func(e Event) {
		if e.Server == "ns2.test." && e.State == Published && len(diary.of("ns2.test.")) == 2 {
			w.servers[1].withdraw(challenge) // before the confirming look, which comes later than this call
			before := len(w.servers[1].asked())
			go func() {
				w.servers[1].awaitQuestions(t, before+2)
				w.publish(challenge, value1, 1)
			}()
		}
	}
	if _, err := wait.Run(t.Context(), []Record{record(value1)}); err != nil {
		t.Fatal(err)
	}
	diary.want(t, "ns2.test.", Pending, Published, Pending, Published)
}

// Two values of one name count only when they come in one answer.
func TestWait_ValuesInTurns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	var turn atomic.Int64
	w.servers[0].set(func(rw dns.ResponseWriter, r *dns.Msg) {
		m := w.servers[0].answer(r)
		m.Rcode = dns.RcodeSuccess
		n := turn.Add(1)
		if n%2 == 0 || n > 6 {
			m.Answer = append(m.Answer, &dns.TXT{Hdr: header(challenge, dns.TypeTXT), Txt: []string{value1}})
		}
		if n%2 == 1 || n > 6 {
			m.Answer = append(m.Answer, &dns.TXT{Hdr: header(challenge, dns.TypeTXT), Txt: []string{value2}})
		}
		rw.WriteMsg(m)
	})
	wait, _ := w.wait()
	if _, err := wait.Run(t.Context(), []Record{record(value1), record(value2)}); err != nil {
		t.Fatal(err)
	}
	if n := turn.Load(); n < 8 { // the seventh had both, the eighth confirmed it
		t.Errorf("done after %d answers", n)
	}
}

func TestWait_AllServersDead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.standsIn() // shortly before the end
	w.everywhere(silent)
	wait, diary := w.wait()
	wait.Resolver.Timeout, wait.Limit, wait.DeadAfter = 100*time.Millisecond, 3*time.Second, time.Nanosecond
	report, err := wait.Run(t.Context(), []Record{record(value1)})
	wantError(t, err, fault.CodeNoAnswer, fault.Temporary, challenge, "ns1.test.", "ns2.test.", "no answer", "--resolver https://")
	diary.want(t, "ns1.test.", Pending, Silent)
	if blocked := diary.of(""); !slices.Equal(blocked, []State{Blocked}) {
		t.Errorf("port 53 went through %q", blocked)
	}
	if report.Unverified || report.Servers[0].State != Silent {
		t.Errorf("report = %+v", report)
	}
}

func TestWait_NameServersOverride(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.publish(challenge, value1)
	w.publish("_acme-challenge.other.test.", value2)
	only := func(i int, fqdn string, other dns.HandlerFunc) {
		w.servers[i].set(func(rw dns.ResponseWriter, r *dns.Msg) {
			if r.Question[0].Name == fqdn {
				w.servers[i].authority(rw, r)
			} else {
				other(rw, r)
			}
		})
	}
	only(0, challenge, says(dns.RcodeRefused))
	only(1, "_acme-challenge.other.test.", says(dns.RcodeNotAuth))
	only(2, challenge, says(dns.RcodeNameError)) // without AA
	wait, _ := w.wait()
	for _, s := range w.servers {
		wait.Resolver.NameServers = append(wait.Resolver.NameServers, s.addr.String())
	}
	wait.DeadAfter = time.Hour
	report, err := wait.Run(t.Context(), []Record{record(value1), {Zone: "other.test.", FQDN: "_acme-challenge.other.test.", Value: value2}})
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]State{}
	for _, s := range report.Servers {
		states[s.Zone+" "+s.Name] = s.State
	}
	want := map[string]State{}
	for i, s := range w.servers {
		want["example.test. "+s.addr.String()] = []State{Published, SteppedOver, Published}[i]
		want["other.test. "+s.addr.String()] = []State{SteppedOver, Published, SteppedOver}[i]
	}
	if !maps.Equal(states, want) {
		t.Errorf("states = %v, want %v", states, want)
	}
	if asked := w.resolver.asked(); len(asked) > 0 {
		t.Errorf("the resolver was asked %q", asked)
	}
}

// A server that was named and serves none of many zones is reported once.
func TestWait_ServesNoZone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.servers[1].set(says(dns.RcodeRefused))
	wait, _ := w.wait()
	wait.Resolver.NameServers = []string{w.servers[0].addr.String(), w.servers[1].addr.String()}
	var records []Record
	for i := range 20 {
		zone := fmt.Sprintf("zone%d.test.", i)
		records = append(records, Record{Zone: zone, FQDN: "_acme-challenge." + zone, Value: value1})
		w.publish("_acme-challenge."+zone, value1)
	}
	report, err := wait.Run(t.Context(), records)
	if err != nil {
		t.Fatal(err)
	}
	if want := w.servers[1].addr.String() + ": REFUSED"; !slices.Equal(report.SteppedOver, []string{want}) {
		t.Errorf("stepped over %q, want %q", report.SteppedOver, want)
	}
}

func TestWait_Cancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	for name, first := range map[string]*server{"while looking up": w.resolver, "while asking": w.servers[0]} {
		ctx, cancel := context.WithCancelCause(t.Context())
		first.set(func(dns.ResponseWriter, *dns.Msg) { cancel(errStop) })
		w.servers[1].set(silent)
		wait, _ := w.wait()
		wait.Resolver.Timeout, wait.Resolver.LookupLimit = time.Hour, time.Hour
		if _, err := wait.Run(ctx, []Record{record(value1)}); !errors.Is(err, errStop) {
			t.Errorf("%s: error = %v, want the cause", name, err)
		}
		w.resolver.set(w.recurse)
	}
}

func TestWait_ZoneNotDelegated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.address("ns.nic.test.", "127.0.0.2")
	wait, _ := w.wait()
	_, err := wait.Run(t.Context(), []Record{{Zone: "unregistered.test.", FQDN: "_acme-challenge.unregistered.test.", Value: value1}})
	wantError(t, err, fault.CodeDelegatedElsewhere, fault.Misconfigured, "unregistered.test.", "test.", "ns.nic.test.")
}

func TestWait_ChallengeNameDelegatedAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.zones.set("example.test.", "ns1.test.")
	w.servers[0].set(refer(challenge, "ns2.test."))
	w.publish(challenge, value1, 1)
	for _, zone := range []string{challenge, ""} {
		wait, diary := w.wait()
		report, err := wait.Run(t.Context(), []Record{{Zone: zone, FQDN: challenge, Value: value1}})
		if err != nil || len(report.Servers) != 1 || report.Servers[0].Zone != challenge {
			t.Errorf("zone %q: %+v, %v", zone, report, err)
		}
		diary.want(t, "ns2.test.", Pending, Published)
	}
}

func TestWait_HostileRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	for _, r := range []Record{{FQDN: ""}, {FQDN: "a\nb.test."}, {FQDN: challenge, Zone: "other.test."}, {FQDN: challenge, Zone: "xample.test."}} {
		wait, _ := w.wait()
		_, err := wait.Run(t.Context(), []Record{r})
		wantError(t, err, fault.CodeBadChallenge, fault.Usage)
	}
}

func TestWait_FiftyNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	var underWay, most atomic.Int64
	for i, s := range w.servers {
		s.set(func(rw dns.ResponseWriter, r *dns.Msg) {
			if n := underWay.Add(1); i == 0 && n > most.Load() {
				most.Store(n)
			}
			s.authority(rw, r)
			underWay.Add(-1)
		})
	}
	w.servers[1].set(silent)
	var records []Record
	for i := range 50 {
		fqdn := fmt.Sprintf("_acme-challenge.n%d.example.test.", i)
		w.publish(fqdn, value1)
		records = append(records, Record{Zone: "example.test.", FQDN: fqdn, Value: value1})
	}
	wait, _ := w.wait()
	wait.Resolver.Timeout, wait.DeadAfter = time.Second, 100*time.Millisecond
	report, err := wait.Run(t.Context(), records)
	if err != nil || len(report.Servers) != 3 || report.Servers[1].State != SteppedOver {
		t.Fatalf("%+v, %v", report, err)
	}
	if n := most.Load(); n > 2*abreast {
		t.Errorf("%d queries were under way to two servers at once", n)
	}
	if n := count(w.resolver.asked(), "NS example.test. udp"); n != 1 {
		t.Errorf("the resolver was asked %d times for the zone", n)
	}
}

func TestWait_LongErrorsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	var records []Record
	for i := range 50 {
		records = append(records, Record{Zone: "example.test.", FQDN: fmt.Sprintf("_acme-challenge.%s.n%d.example.test.", strings.Repeat("x", 60), i), Value: value1})
	}
	wait, _ := w.wait()
	wait.Limit = time.Second
	_, err := wait.Run(t.Context(), records)
	wantError(t, err, fault.CodeNotPublished, fault.Temporary, "47 more names")
}

// Servers that have both a zone and the one above it refer no resolver to it: it is theirs all the same.
func TestWait_ZoneBesideTheOneAbove(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	zone := "_acme-challenge.example.test."
	for _, s := range w.servers {
		s.set(func(rw dns.ResponseWriter, r *dns.Msg) {
			m := s.answer(r)
			if q := r.Question[0]; q.Qtype == dns.TypeSOA && providers.CanonicalName(q.Name) == zone {
				m.Rcode = dns.RcodeSuccess
				m.Answer = []dns.RR{&dns.SOA{Hdr: header(zone, dns.TypeSOA), Ns: "ns1.test.", Mbox: "hostmaster.test."}}
			}
			_ = rw.WriteMsg(m)
		})
	}
	w.publish(zone, value1)
	wait, _ := w.wait()
	report, err := wait.Run(t.Context(), []Record{{Zone: zone, FQDN: zone, Value: value1}})
	if err != nil || len(report.Servers) != 2 || report.Servers[0].Zone != zone {
		t.Errorf("%+v, %v", report, err)
	}
}
