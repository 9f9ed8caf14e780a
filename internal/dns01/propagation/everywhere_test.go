package propagation

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
)

// Each address answers for itself, whatever the others say.
func TestEverywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4)
	w.publish(challenge, "one", 0, 1)
	w.publish(challenge, "two", 1)
	w.servers[3].set(says(dns.RcodeRefused))
	r := w.Resolver()
	d, err := r.Delegation(t.Context(), challenge)
	if err != nil {
		t.Fatal(err)
	}
	answers, err := r.Everywhere(t.Context(), d, challenge)
	if err != nil || len(answers) != 4 {
		t.Fatalf("%+v, %v", answers, err)
	}
	for _, a := range answers {
		i := slices.IndexFunc(w.servers, func(s *server) bool { return s.addr == a.Server.Addr })
		slices.Sort(a.Texts)
		if want := [][]string{{"one"}, {"one", "two"}, {}, {}}[i]; !slices.Equal(a.Texts, want) || (a.Err != nil) != (i == 3) || a.NotServed != (i == 3) {
			t.Errorf("%s: %+v", a.Server, a)
		}
		if i == 3 {
			wantError(t, a.Err, fault.CodeNoAnswer, fault.Temporary, "REFUSED", a.Server.Host)
		}
	}
}

// Names that cannot be asked for, addresses without a way to them, and the end of the time.
func TestEverywhere_Nowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	r := w.Resolver()
	r.control = noIPv6
	d := Delegation{Addrs: []Address{{Host: "ns6.test.", Addr: netip.MustParseAddrPort("[2001:db8::1]:53")}, {Host: "ns1.test.", Addr: w.servers[0].addr}}}
	if answers, err := r.Everywhere(t.Context(), d, challenge); err != nil || len(answers) != 1 || answers[0].Server.Host != "ns1.test." {
		t.Errorf("%+v, %v", answers, err)
	}
	_, err := r.Everywhere(t.Context(), d, "a name.")
	wantError(t, err, fault.CodeBadChallenge, fault.Usage, "a name")
	w.servers[0].set(silent)
	errLate := errors.New("late")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errLate)
	defer cancel()
	if _, err := r.Everywhere(ctx, d, challenge); !errors.Is(err, errLate) {
		t.Errorf("%v", err)
	}
}
