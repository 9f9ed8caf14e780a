package propagation

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
)

// cutting answers over UDP no more than the client announces, as every server, and this one never more than most octets (BIND's
// max-udp-size is 1232); what does not fit is left out.
func (s *server) cutting(most int) dns.HandlerFunc {
	return func(w dns.ResponseWriter, r *dns.Msg) {
		m := s.answer(r)
		if !overTCP(w) {
			size := dns.MinMsgSize
			if opt := r.IsEdns0(); opt != nil {
				size = int(opt.UDPSize())
				m.SetEdns0(uint16(most), false)
			}
			m.Truncate(min(size, most))
		}
		w.WriteMsg(m)
	}
}

// withoutTCP ends a server's TCP.
func (s *server) withoutTCP() { s.tcp.Shutdown() }

func (w *world) leftBehind(n int) {
	for i := range n {
		w.publish(challenge, fmt.Sprintf("%043d", i))
	}
}

// Values of others need TCP, which is refused: the CA's resolver meets the same.
func TestTooManyValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		others, most int
		says         string
	}{
		{50, 65535, "there are 50 other values"},
		{30, 4096, "there are 30 other values"},
		{120, 1232, "other values"},
	} {
		t.Run(fmt.Sprint(c.others, " values, at most ", c.most), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			w.leftBehind(c.others)
			for _, s := range w.servers {
				s.set(s.cutting(c.most))
				s.withoutTCP()
			}
			_, err := w.Resolver().FollowCNAME(t.Context(), challenge, anyTarget)
			wantError(t, err, fault.CodeTooManyValues, fault.Misconfigured, challenge, c.says, "needs TCP", "ns1.test.", "delete the old values")
			w.publish(challenge, value1)
			wait, _ := w.wait()
			wait.Limit = MostLimit
			_, err = wait.Run(t.Context(), []Record{record(value1)})
			wantError(t, err, fault.CodeTooManyValues, fault.Misconfigured, challenge, c.says, "needs TCP", "ns2.test.", "the CA will see nothing either")
		})
	}
}

// With our own value the answer becomes too large.
func TestWait_TooManyValuesWithOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.leftBehind(20) // 20 × 56 octets and the rest are just below 1232
	w.servers[0].set(w.servers[0].cutting(65535))
	w.servers[0].withoutTCP()
	if _, err := w.Resolver().FollowCNAME(t.Context(), challenge, anyTarget); err != nil {
		t.Fatal(err)
	}
	w.publish(challenge, value1)
	wait, _ := w.wait()
	wait.Limit = MostLimit
	_, err := wait.Run(t.Context(), []Record{record(value1)})
	wantError(t, err, fault.CodeTooManyValues, fault.Misconfigured, "there are 20 other values")
}

// Many values are no fault as long as one server can tell them over TCP; and where TCP brings nothing from here, a large
// answer over UDP will do.
func TestWait_ManyValues(t *testing.T) {
	t.Parallel()
	t.Run("one server has TCP", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, 2)
		w.leftBehind(50)
		w.publish(challenge, value1)
		for _, s := range w.servers {
			s.set(s.cutting(1232))
		}
		w.servers[1].withoutTCP()
		wait, _ := w.wait()
		wait.DeadAfter = time.Millisecond
		report, err := wait.Run(t.Context(), []Record{record(value1)})
		if err != nil || len(report.SteppedOver) != 1 || !strings.Contains(report.SteppedOver[0], "truncated over UDP, over TCP connection refused") {
			t.Errorf("%+v, %v", report, err)
		}
	})
	t.Run("TCP brings nothing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, 1)
		w.leftBehind(50)
		w.publish(challenge, value1)
		s := w.servers[0]
		cut := s.cutting(65535)
		s.set(func(rw dns.ResponseWriter, r *dns.Msg) {
			if !overTCP(rw) {
				cut(rw, r)
			}
		})
		wait, _ := w.wait()
		wait.Resolver.Timeout = 400 * time.Millisecond
		if _, err := wait.Run(t.Context(), []Record{record(value1)}); err != nil {
			t.Error(err)
		}
	})
}

// A server that limits the rate of its answers sends an empty one that says "truncated" (BIND's slip) now and then: without TCP, that
// is no sign of too many values.
func TestWait_SlippedAnswer(t *testing.T) {
	t.Parallel()
	for others, fine := range map[int]bool{0: true, 10: true, 18: true, 30: false} {
		w := newWorld(t, 1)
		w.leftBehind(others)
		w.publish(challenge, value1)
		s := w.servers[0]
		s.set(func(rw dns.ResponseWriter, r *dns.Msg) {
			if opt := r.IsEdns0(); opt != nil && opt.UDPSize() == bufferSize && r.Question[0].Qtype == dns.TypeTXT {
				m := new(dns.Msg).SetReply(r)
				m.Authoritative, m.Truncated = true, true
				rw.WriteMsg(m)
				return
			}
			s.cutting(8192)(rw, r)
		})
		s.withoutTCP()
		wait, _ := w.wait()
		_, err := wait.Run(t.Context(), []Record{record(value1)})
		if got := fault.CodeOf(err); fine && err != nil || !fine && got != fault.CodeTooManyValues {
			t.Errorf("%d other values: %v", others, err)
		}
	}
}

// Addresses to which this machine has no way tell nothing of the values.
func TestTooManyValues_WithoutIPv6(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.leftBehind(50)
	w.address("ns1.test.", "2001:db8::1")
	w.servers[0].set(w.servers[0].cutting(65535))
	w.servers[0].withoutTCP()
	r := w.Resolver()
	r.control = noIPv6
	_, err := r.FollowCNAME(t.Context(), challenge, anyTarget)
	wantError(t, err, fault.CodeTooManyValues, fault.Misconfigured, "there are 50 other values")
}
