package cli

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/acmetest"
)

const challengeName = "_acme-challenge.example.com."

// moment is when something happens to a run between the creation of its records and the end of their validation.
type moment struct {
	name string
	arm  func(w *world, strike func())
}

// moments are twenty of them. Those that the world is watched for come a few milliseconds late.
func moments() []moment {
	var all []moment
	add := func(arm func(w *world, strike func()), format string, args ...any) {
		all = append(all, moment{fmt.Sprintf(format, args...), arm})
	}
	watch := func(is func(w *world) bool, format string, args ...any) {
		add(func(w *world, strike func()) {
			go func() {
				for w.t.Context().Err() == nil && !is(w) {
					time.Sleep(2 * time.Millisecond)
				}
				strike()
			}()
		}, format, args...)
	}
	for _, n := range []int{1, 2} {
		for _, lost := range []bool{true, false} {
			add(func(w *world, strike func()) {
				creates := counter(n)
				w.conoha.Fault(conohatest.Fault{Drop: true, Match: conohatest.Match{Func: func(r conohatest.Request) bool {
					if !r.Create() || !creates() {
						return false
					}
					strike()
					return lost
				}}})
			}, "creation %d arrives, lost %v", n, lost)
		}
		watch(func(w *world) bool { return len(w.texts(challengeName)) >= n }, "%d records are there", n)
		lose := func(e acmetest.Endpoint, count int) func(w *world, strike func()) {
			return func(w *world, strike func()) {
				requests := counter(count)
				w.ca.On(e, func(r *acmetest.Request) *acmetest.Reply {
					if !requests() {
						return r.Next()
					}
					strike()
					r.Next() // it has arrived
					return &acmetest.Reply{Drop: true}
				})
			}
		}
		add(lose(acmetest.Challenge, n), "answer %d arrives and is lost", n)
		add(lose(acmetest.Authorization, 2+n), "look %d for the outcome is lost", n) // two were fetched first
		add(func(w *world, strike func()) {
			requests := counter(n)
			w.ca.On(acmetest.Challenge, func(r *acmetest.Request) *acmetest.Reply {
				reply := r.Next()
				if requests() {
					strike()
				}
				return reply
			})
		}, "answer %d is taken", n)
	}
	for _, n := range []int{1, 2, 3, 4, 6} {
		watch(func(w *world) bool { return w.asked() >= n }, "name servers were asked %d times", n)
	}
	for i := range 3 {
		watch(func(w *world) bool { return len(w.shownBy(w.conoha.NameServers(2)[i], challengeName)) == 2 }, "name server %d has both values", i+1)
	}
	return all
}

// counter returns a function that is true at its n-th call.
func counter(n int) func() bool {
	var mu sync.Mutex
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		n--
		return n == 0
	}
}

// asked is how often name servers were asked for the challenge's records.
func (w *world) asked() (n int) {
	for _, q := range w.conoha.Questions() {
		if q.Type == "TXT" && strings.EqualFold(q.Name, challengeName) {
			n++
		}
	}
	return n
}

// shownBy are the values that a name server has at a name.
func (w *world) shownBy(server, fqdn string) (values []string) {
	m := new(dns.Msg)
	m.SetQuestion(fqdn, dns.TypeTXT)
	reply, err := dns.Exchange(m, server)
	if err != nil {
		return nil
	}
	for _, rr := range reply.Answer {
		if txt, is := rr.(*dns.TXT); is {
			values = append(values, strings.Join(txt.Txt, ""))
		}
	}
	return values
}

// shownByAll are the values that every name server has: the CA may ask any of them.
func (w *world) shownByAll(fqdn string) []string {
	servers := w.conoha.NameServers(2)
	values := w.shownBy(servers[0], fqdn)
	for _, server := range servers[1:] {
		shown := w.shownBy(server, fqdn)
		values = slices.DeleteFunc(values, func(v string) bool { return !slices.Contains(shown, v) })
	}
	return values
}

// newLaggingWorld is a world whose name servers publish what is written at once, after half the lag and after all of it, and whose CA
// may ask any of them, at the end of a validation that takes as long: when a server that had not heard of a deletion has.
func newLaggingWorld(t *testing.T, lag time.Duration) *world {
	var w *world
	w = newWorldOf(t, acmetest.Options{
		ValidationTime: acmetest.Takes(lag + 50*time.Millisecond), Deviations: unproven,
		Look: func(fqdn string) []string { return w.shownByAll(fqdn) },
	})
	w.conoha.SetPublicationDelay(0, lag/2, lag)
	return w
}

// interrupted runs "issue" until the moment, when it gets a signal.
func (w *world) interrupted(m moment, signal syscall.Signal) {
	w.t.Helper()
	started := make(chan *child, 1)
	ended := make(chan struct{})
	m.arm(w, sync.OnceFunc(func() {
		c := <-started
		_ = c.Process.Signal(signal) // one that has ended is past all harm
		if signal == syscall.SIGKILL {
			<-ended // it does nothing more
		}
	}))
	c := w.start("issue", "--agree-tos", "*.example.com", "example.com")
	started <- c
	got := c.end()
	close(ended)
	if got.code != 0 && got.code != -int(signal) && got.code != 128+int(signal) {
		w.t.Errorf("exit status %d: %s", got.code, got.stderr)
	}
	w.ca.On(acmetest.Authorization, nil)
	w.ca.On(acmetest.Challenge, nil)
	w.conoha.ClearFaults()
}

// creations and deletions are how many records were made and deleted.
func (w *world) creations() int { return w.conoha.Count(carriedOut(conohatest.Request.Create)) }
func (w *world) deletions() int { return w.conoha.Count(carriedOut(conohatest.Request.Delete)) }

func carriedOut(is func(conohatest.Request) bool) func(conohatest.Request) bool {
	return func(r conohatest.Request) bool {
		return is(r) && r.Status < http.StatusMultipleChoices && r.Status != 0
	}
}

// resumes runs "issue" once more, which takes the order up: the CA is asked when every server has what was made last, finds all
// values at all servers, and nothing is left.
func (w *world) resumes() {
	w.t.Helper()
	w.ca.On(acmetest.Challenge, func(r *acmetest.Request) *acmetest.Reply {
		for _, value := range w.texts(challengeName) {
			for i, server := range w.conoha.NameServers(2) {
				if _, ok := w.conoha.PublishedAt(server, challengeName, value); !ok && len(r.Payload) > 0 {
					w.t.Errorf("the CA is asked while name server %d has not heard of the record", i+1)
				}
			}
		}
		return r.Next()
	})
	w.start("issue", "--agree-tos", "*.example.com", "example.com").end().exits(0)
	w.nothingLeft()
	w.orders(1)
}

// killed is what holds after kill -9 at a moment: the next run takes over the records, makes and deletes none besides, and answers
// no challenge that was answered.
func (w *world) killed(m moment) {
	w.t.Helper()
	w.interrupted(m, syscall.SIGKILL)
	w.resumes()
	if made, deleted := w.creations(), w.deletions(); made != 2 || deleted != 2 {
		w.t.Errorf("%d records were made and %d deleted, want 2", made, deleted)
	}
	w.answeredOnce(2)
}

// Issue 15, point 6: an order that is taken up again takes up its records.
func TestResume_Killed(t *testing.T) {
	t.Parallel()
	lags := []time.Duration{0, 200 * time.Millisecond, 500 * time.Millisecond}
	for i, m := range moments() {
		lag := lags[i%len(lags)]
		t.Run(fmt.Sprintf("%s, servers lag %v", m.name, lag), func(t *testing.T) {
			t.Parallel()
			newLaggingWorld(t, lag).killed(m)
		})
	}
}

// momentNamed is one of the moments.
func momentNamed(t testing.TB, name string) moment {
	t.Helper()
	all := moments()
	i := slices.IndexFunc(all, func(m moment) bool { return m.name == name })
	if i < 0 {
		t.Fatalf("no moment %q", name)
	}
	return all[i]
}

// unanswered is when all records are published and no answer comes to the CA.
func unanswered() moment {
	return moment{"no answer arrives", func(w *world, strike func()) {
		w.ca.On(acmetest.Challenge, func(*acmetest.Request) *acmetest.Reply {
			strike()
			return &acmetest.Reply{Drop: true}
		})
	}}
}

// What was deleted meanwhile, by the run itself or another program, is made anew only when no server shows the old record any
// more: a value that all seem to have would be missing at some a moment later.
func TestResume_Deleted(t *testing.T) {
	t.Parallel()
	const lag = time.Second
	unanswered := unanswered()
	for name, between := range map[string]func(w *world){
		"by the run, which was told to end": func(w *world) {
			w.interrupted(unanswered, syscall.SIGTERM)
		},
		"by another program": func(w *world) {
			w.interrupted(unanswered, syscall.SIGKILL)
			w.start("clean").end().exits(0)
		},
		"by the operator": func(w *world) {
			w.interrupted(momentNamed(w.t, "name servers were asked 1 times"), syscall.SIGKILL)
			for _, value := range w.texts(challengeName) {
				w.conoha.DeleteRecord("example.com", challengeName, "TXT", value)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLaggingWorld(t, lag)
			between(w)
			if left := w.texts(challengeName); len(left) > 0 {
				t.Fatalf("left: %q", left)
			}
			w.resumes()
		})
	}
}

// An order that cannot be taken up leaves its records to the sweep; so does a run that fails before it comes to them.
func TestResume_OrderLost(t *testing.T) {
	t.Parallel()
	unanswered := unanswered()
	kill := func(w *world) {
		w.interrupted(unanswered, syscall.SIGKILL)
		if n := len(w.texts(challengeName)); n != 2 {
			w.t.Fatalf("%d records", n)
		}
	}
	t.Run("invalid at the CA", func(t *testing.T) {
		t.Parallel()
		w := newLaggingWorld(t, 0)
		kill(w)
		w.ca.Change(1, func(o *acmetest.OrderState) { o.Status = "invalid" })
		w.issue("*.example.com", "example.com")
		w.nothingLeft()
		w.orders(2)
	})
	t.Run("the CA is down", func(t *testing.T) {
		t.Parallel()
		w := newLaggingWorld(t, 0)
		kill(w)
		w.ca.On(acmetest.Directory, func(*acmetest.Request) *acmetest.Reply {
			return &acmetest.Reply{Status: http.StatusNotFound}
		})
		if got := w.run("issue", "--agree-tos", "*.example.com", "example.com"); got.code == 0 {
			t.Error("issued without a CA")
		}
		w.nothingLeft()
	})
	t.Run("another certificate's", func(t *testing.T) {
		t.Parallel()
		w := newLaggingWorld(t, 0)
		kill(w)
		w.issue("example.net")
		w.nothingLeft()
	})
}

// "renew" leaves to the lineages that it renews what they may take over, and sweeps the rest.
func TestResume_Renew(t *testing.T) {
	t.Parallel()
	w := newLaggingWorld(t, 200*time.Millisecond)
	w.issue("*.example.com", "example.com")
	w.issue("example.net")
	made, deleted := w.creations(), w.deletions()
	started := make(chan *child, 1)
	m := momentNamed(t, "answer 2 arrives and is lost")
	ended := make(chan struct{})
	m.arm(w, sync.OnceFunc(func() { _ = (<-started).Process.Kill(); <-ended }))
	c := w.start("renew", "--force", "--cert-name", "example.com")
	started <- c
	c.end()
	close(ended)
	w.ca.On(acmetest.Challenge, nil)
	w.run("renew", "--force", "--no-jitter").exits(0)
	w.nothingLeft()
	if n := w.ca.Failed(); n > 0 {
		t.Errorf("%d validations failed", n)
	}
	if made, deleted := w.creations()-made, w.deletions()-deleted; made != 3 || deleted != 3 {
		t.Errorf("%d records were made and %d deleted, want 3", made, deleted)
	}
}
