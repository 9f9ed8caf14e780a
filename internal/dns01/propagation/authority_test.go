package propagation

import (
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
)

// modest answers as s does, and never claims authority.
func modest(s *server, change ...func(*dns.Msg)) dns.HandlerFunc {
	return func(rw dns.ResponseWriter, r *dns.Msg) {
		m := s.answer(r)
		m.Authoritative = false
		for _, f := range change {
			f(m)
		}
		rw.WriteMsg(m)
	}
}

func withSOA(m *dns.Msg) {
	if len(m.Answer) == 0 {
		m.Ns = []dns.RR{&dns.SOA{Hdr: header("example.test.", dns.TypeSOA), Ns: "ns1.test.", Mbox: "root.example.test.", Serial: 1}}
	}
}

// P19: servers that never set the AA bit are taken at their word when each has the value, also one that has it later than a dead
// server is waited for.
func TestWait_ServersWithoutAuthority(t *testing.T) {
	t.Parallel()
	for subject, change := range map[string][]func(*dns.Msg){"bare": nil, "with SOA": {withSOA}} {
		w := newWorld(t, 2)
		for _, s := range w.servers {
			s.set(modest(s, change...))
		}
		if got, err := w.Resolver().FollowCNAME(t.Context(), challenge, within("example.test.")); err != nil || got != challenge {
			t.Errorf("%s: %q, %v", subject, got, err)
		}
		w.publish(challenge, value1, 0)
		wait, _ := w.wait()
		wait.DeadAfter, wait.Limit = time.Nanosecond, 700*time.Millisecond
		_, err := wait.Run(t.Context(), []Record{record(value1)})
		wantError(t, err, fault.CodeNotPublished, fault.Temporary, "ns2.test.")
		w.publish(challenge, value1, 1)
		wait.Limit = time.Minute
		report, err := wait.Run(t.Context(), []Record{record(value1)})
		if err != nil || report.Unverified || len(report.SteppedOver) > 0 {
			t.Errorf("%s: %+v, %v", subject, report, err)
		}
		w.servers[0].withdraw(challenge)
		w.servers[0].alias(challenge, "x.example.test.")
		if got, err := w.Resolver().FollowCNAME(t.Context(), challenge, within("example.test.")); err != nil || got != "x.example.test." {
			t.Errorf("%s, with a CNAME: %q, %v", subject, got, err)
		}
	}
}

// Beside a server with authority, one without it that has nothing is lame, and stepped over.
func TestWait_OneServerWithoutAuthority(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.servers[1].set(modest(w.servers[1]))
	w.publish(challenge, value1, 0)
	wait, _ := w.wait()
	wait.DeadAfter = time.Nanosecond
	report, err := wait.Run(t.Context(), []Record{record(value1)})
	if err != nil || len(report.SteppedOver) != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}

// A server that answers without authority, with the SOA record of another zone, is lame beside one that has the value.
func TestWait_OneServerLame(t *testing.T) {
	t.Parallel()
	for _, owner := range []string{".", "test.", "other.test.", "www.example.test."} {
		w := newWorld(t, 2)
		w.servers[1].set(func(rw dns.ResponseWriter, r *dns.Msg) {
			m := new(dns.Msg).SetReply(r)
			m.Ns = []dns.RR{&dns.SOA{Hdr: header(owner, dns.TypeSOA), Ns: "a.test.", Mbox: "root.test."}}
			rw.WriteMsg(m)
		})
		w.publish(challenge, value1, 0)
		wait, _ := w.wait()
		wait.DeadAfter, wait.Limit = time.Nanosecond, 10*time.Second
		report, err := wait.Run(t.Context(), []Record{record(value1)})
		if err != nil || len(report.SteppedOver) != 1 {
			t.Errorf("SOA of %s: %+v, %v", owner, report, err)
		}
	}
}
