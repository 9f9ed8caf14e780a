package issuance_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/memory"
	"wildcard/internal/testkit/acmetest"
)

// dies runs a request that is killed at its n-th answer, which arrives at the CA or not: the journal is as the dead leave it,
// and the records stay.
func (w *scripted) dies(n int, arrives bool, names ...string) {
	w.t.Helper()
	ctx, stop := stopping(w.t)
	undeleted := w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Method: http.MethodDelete}, Status: http.StatusForbidden, Times: -1})
	w.ca.On(acmetest.Challenge, func(r *acmetest.Request) *acmetest.Reply {
		w.mu.Lock()
		defer w.mu.Unlock()
		if n--; n > 0 {
			return r.Next()
		}
		stop()
		if arrives {
			r.Next()
		}
		return &acmetest.Reply{Drop: true}
	})
	first := *w.issuer
	if _, err := first.Obtain(ctx, request(w.t, names...)); err == nil {
		w.t.Fatal("it lives on")
	}
	w.ca.On(acmetest.Challenge, nil)
	undeleted.Remove()
	entries, _, err := w.issuer.Journal.Entries()
	if err != nil || len(entries) != len(names) {
		w.t.Fatalf("entries %+v, %v", entries, err)
	}
	for _, e := range entries {
		e.CleaningUp, e.Owner = false, journal.Process{PID: 1 << 20, StartTime: 1, PIDNamespace: e.Owner.PIDNamespace, BootID: "another start"}
		if err := w.issuer.Journal.Update(e); err != nil {
			w.t.Fatal(err)
		}
	}
}

// A run that takes the order of a killed one up does not answer what was answered, whether the CA still looks or has done so; and what
// is given back because the names are the same counts as taken up. Only an answer that never arrived is sent again, after 40 s.
func TestAnswer_RunWasKilled(t *testing.T) {
	t.Parallel()
	for _, way := range []acmetest.WhileValidating{acmetest.StaysPending, acmetest.TurnsProcessing} {
		for name, c := range map[string]struct {
			takes   time.Duration
			n       int
			arrives bool
			waits   time.Duration
		}{
			"CA looks for 8 s":         {8 * time.Second, 1, true, 0},
			"CA looks for 35 s":        {35 * time.Second, 1, true, 0},
			"CA is done":               {0, 1, true, 0},
			"second answer":            {8 * time.Second, 2, true, 0},
			"answer does not arrive":   {8 * time.Second, 1, false, 40 * time.Second},
			"second one does not":      {2 * time.Second, 2, false, 40 * time.Second},
			"neither does, fast CA":    {0, 1, false, 40 * time.Second},
			"third of three, slow one": {30 * time.Second, 3, false, 40 * time.Second},
		} {
			t.Run(fmt.Sprint(name, ", ", way), func(t *testing.T) {
				t.Parallel()
				w := newScripted(t, acmetest.Options{ValidationTime: acmetest.Takes(c.takes), Deviations: acmetest.Deviations{WhileValidating: way}})
				names := []string{"*.example.com", "example.com", "example.net"}[:c.n]
				w.dies(c.n, c.arrives, names...)
				began := w.clock.Now()
				result := w.succeeds(names...)
				w.answeredOnce()
				if _, err := w.issuer.Journal.Sweep(t.Context(), w.issuer.Router.Accounts, nil); err != nil { // what needed no proof any more
					t.Error(err)
				}
				if took := w.clock.Now().Sub(began); took > c.waits+c.takes+20*time.Second || took < c.waits-5*time.Second {
					t.Errorf("took %v", took)
				}
				if len(result.Spent) > 0 || w.ca.Failed() > 0 {
					t.Errorf("spent %v, %d failed", result.Spent, w.ca.Failed())
				}
				if got := len(w.ca.Orders()); got != 1 {
					t.Errorf("%d orders", got)
				}
			})
		}
	}
}

// What was not answered yet is answered at once, and an answer from the future, by a clock that was put right, now.
func TestAnswer_RunWasKilledBefore(t *testing.T) {
	t.Parallel()
	for name, answered := range map[string]time.Duration{"never": 0, "long ago": -time.Hour, "in the future": 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			w.dies(1, false, "example.com")
			entries, _, err := w.issuer.Journal.Entries()
			if err != nil {
				t.Fatal(err)
			}
			e := entries[0]
			if e.Answered.IsZero() {
				t.Error("the answer is not in the journal")
			}
			if e.Answered = time.Now().Add(answered); answered == 0 {
				e.Answered = time.Time{}
			}
			if err := w.issuer.Journal.Update(e); err != nil {
				t.Fatal(err)
			}
			began := w.clock.Now()
			w.succeeds("example.com")
			w.answeredOnce()
			if took := w.clock.Now().Sub(began); (took > 30*time.Second) != (answered > 0) || took > time.Minute {
				t.Errorf("took %v", took)
			}
		})
	}
}

// A run that was ended while the CA looked has deleted the records, so that look fails. The next one does not answer for it: it waits
// for the outcome, and has a new order at once.
func TestAnswer_RunWasEnded(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{ValidationTime: acmetest.Takes(8 * time.Second)})
	w.issuer.Memory = memory.Open(filepath.Join(w.state, "memory"), nil)
	w.issuer.Memory.Now, w.issuer.Memory.Sleep = w.clock.Now, w.clock.Sleep
	ctx, stop := stopping(t)
	w.ca.On(acmetest.Challenge, func(r *acmetest.Request) *acmetest.Reply {
		reply := r.Next()
		stop()
		return reply
	})
	if _, err := w.issuer.Obtain(ctx, request(t, "example.com")); err == nil {
		t.Fatal("not ended")
	}
	w.ca.On(acmetest.Challenge, nil)
	result := w.succeeds("example.com")
	if got := w.ca.Answers()["example.com"]; !slices.Equal(got, []int{1, 1}) {
		t.Errorf("answered %v times", got)
	}
	if !slices.Equal(result.Spent, []string{"example.com"}) || w.ca.Failed() != 1 || len(w.ca.Orders()) != 2 {
		t.Errorf("spent %v, %d failed, %d orders", result.Spent, w.ca.Failed(), len(w.ca.Orders()))
	}
}
