package propagation

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
)

// overHTTPS is a DNS over HTTPS resolver (RFC 8484).
type overHTTPS struct {
	*httptest.Server

	mu     sync.Mutex
	answer func(http.ResponseWriter, *dns.Msg)
	log    []string
}

func newOverHTTPS(t *testing.T, answer func(http.ResponseWriter, *dns.Msg)) *overHTTPS {
	o := &overHTTPS{answer: answer}
	o.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the wait is over
		}
		q := new(dns.Msg)
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/dns-message" || q.Unpack(body) != nil || !q.RecursionDesired {
			t.Errorf("%s %s is not a query of RFC 8484", r.Method, r.URL)
			return
		}
		o.mu.Lock()
		o.log = append(o.log, dns.TypeToString[q.Question[0].Qtype]+" "+q.Question[0].Name)
		answer := o.answer
		o.mu.Unlock()
		answer(w, q)
	}))
	o.Config.ErrorLog = log.New(io.Discard, "", 0)
	o.EnableHTTP2 = true
	o.StartTLS()
	t.Cleanup(o.Close)
	return o
}

func (o *overHTTPS) asked() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.log)
}

func (o *overHTTPS) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(o.Certificate())
	return pool
}

func reply(w http.ResponseWriter, m *dns.Msg) {
	packet, _ := m.Pack()
	w.Header().Set("Content-Type", "application/dns-message")
	w.Write(packet)
}

// packets writes a DNS message where a dns.ResponseWriter is wanted, so that world.recurse can answer over HTTPS.
type packets struct {
	dns.ResponseWriter
	w http.ResponseWriter
}

func (p packets) LocalAddr() net.Addr { return new(net.TCPAddr) }

func (p packets) WriteMsg(m *dns.Msg) error { reply(p.w, m); return nil }

// blocked returns a world whose name servers are silent, and a wait that may ask a resolver over HTTPS.
func blocked(t *testing.T, answer func(http.ResponseWriter, *dns.Msg)) (*world, *overHTTPS, *Wait, *diary) {
	w := newWorld(t, 2)
	w.everywhere(silent)
	o := newOverHTTPS(t, answer)
	wait, diary := w.wait()
	wait.Resolver.Servers = append(wait.Resolver.Servers, o.URL+"/dns-query")
	wait.Resolver.RootCAs = o.roots()
	wait.Resolver.Timeout = 100 * time.Millisecond
	wait.ResolverAfter, wait.ResolverEvery = time.Millisecond, 10*time.Millisecond
	return w, o, wait, diary
}

func published(w http.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	m.Answer = []dns.RR{&dns.TXT{Hdr: header(challenge, dns.TypeTXT), Txt: []string{value1}}}
	reply(w, m)
}

func TestWait_Port53Blocked(t *testing.T) {
	t.Parallel()
	turn := 0
	_, o, wait, diary := blocked(t, func(w http.ResponseWriter, q *dns.Msg) {
		if turn++; turn < 3 {
			reply(w, new(dns.Msg).SetRcode(q, dns.RcodeNameError))
			return
		}
		published(w, q)
	})
	wait.Resolver.Timeout = time.Second // of which the first answer over HTTPS gets three
	dir := t.TempDir()
	wait.HistoryDir = dir
	report, err := wait.Run(t.Context(), []Record{record(value1)})
	if err != nil {
		t.Fatal(err)
	}
	url := o.URL + "/dns-query"
	if !report.Unverified || report.Path != url || report.Servers[0].State != Silent {
		t.Errorf("report = %+v", report)
	}
	if got := o.asked(); !slices.Equal(got, slices.Repeat([]string{"TXT " + challenge}, 3)) {
		t.Errorf("the resolver over HTTPS was asked %q", got)
	}
	diary.want(t, "", Blocked)
	diary.want(t, url, Pending, Published)
	if h := readHistory(dir, "example.test."); len(h.Seconds) != 0 {
		t.Errorf("an unverified wait is remembered: %+v", h)
	}
}

func TestWait_Port53Blocked_NotAskedTooEarly(t *testing.T) {
	t.Parallel()
	w, o, wait, diary := blocked(t, published)
	wait.ResolverAfter, wait.Limit = time.Hour, 40*time.Minute
	diary.react = func(e Event) {
		if e.State == Blocked { // the servers come back
			w.publish(challenge, value1)
			w.servers[0].set(w.servers[0].authority)
			w.servers[1].set(w.servers[1].authority)
		}
	}
	report, err := wait.Run(t.Context(), []Record{record(value1)})
	if err != nil || report.Unverified || report.Path != PathDirect {
		t.Errorf("%+v, %v", report, err)
	}
	if got := o.asked(); len(got) > 0 {
		t.Errorf("the resolver over HTTPS was asked %q", got)
	}
}

func TestWait_Port53Open_ResolverNotAsked(t *testing.T) {
	t.Parallel()
	w, o, wait, diary := blocked(t, published)
	w.servers[0].set(says(dns.RcodeServerFailure))
	wait.Resolver.Timeout = time.Second
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		w.servers[0].awaitQuestions(t, 6)
		w.servers[1].awaitQuestions(t, 4)
		cancel(errStop)
	}()
	report, err := wait.Run(ctx, []Record{record(value1)})
	if !errors.Is(err, errStop) || report.Unverified {
		t.Errorf("%+v, %v", report, err)
	}
	if got := o.asked(); len(got) > 0 {
		t.Errorf("the resolver over HTTPS was asked %q", got)
	}
	diary.want(t, "")
}

// Name servers that the user named have none to stand in for them.
func TestWait_Port53Blocked_NameServersOverride(t *testing.T) {
	t.Parallel()
	w, o, wait, diary := blocked(t, published)
	wait.Resolver.NameServers = []string{w.servers[0].addr.String()}
	ctx, cancel := context.WithCancelCause(t.Context())
	diary.react = func(e Event) {
		if e.State == Blocked {
			before := len(w.servers[0].asked())
			go func() {
				w.servers[0].awaitQuestions(t, before+4)
				cancel(errStop)
			}()
		}
	}
	if _, err := wait.Run(ctx, []Record{record(value1)}); !errors.Is(err, errStop) {
		t.Error(err)
	}
	_, err := wait.Resolver.FollowCNAME(t.Context(), challenge, anyTarget)
	wantError(t, err, fault.CodeNoAnswer, fault.Temporary)
	if got := o.asked(); len(got) > 0 {
		t.Errorf("the resolver over HTTPS was asked %q", got)
	}
}

func TestWait_Port53Blocked_HostileResolver(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(http.ResponseWriter, *dns.Msg){
		"other value": func(w http.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg).SetReply(q)
			m.Answer = []dns.RR{&dns.TXT{Hdr: header(challenge, dns.TypeTXT), Txt: []string{value2}}}
			reply(w, m)
		},
		"other owner": func(w http.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg).SetReply(q)
			m.Answer = []dns.RR{&dns.TXT{Hdr: header("other.example.test.", dns.TypeTXT), Txt: []string{value1}}}
			reply(w, m)
		},
		"other question": func(w http.ResponseWriter, q *dns.Msg) {
			q.Question[0].Name = "other.example.test."
			published(w, q)
		},
		"redirect": func(w http.ResponseWriter, q *dns.Msg) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
		"status": func(w http.ResponseWriter, q *dns.Msg) {
			w.Header().Set("Content-Type", "application/dns-message")
			w.WriteHeader(http.StatusBadGateway)
			published(w, q)
		},
		"HTML": func(w http.ResponseWriter, q *dns.Msg) {
			w.Header().Set("Content-Type", "text/html")
			published(fixed{w}, q)
		},
		"huge": func(w http.ResponseWriter, q *dns.Msg) {
			w.Header().Set("Content-Type", "application/dns-message")
			w.Write(bytes.Repeat([]byte{0}, 1<<20))
		},
		"empty": func(w http.ResponseWriter, q *dns.Msg) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			var turn atomic.Int64
			w, o, wait, diary := blocked(t, func(w http.ResponseWriter, q *dns.Msg) {
				answer(w, q)
				if turn.Add(1) == 3 {
					cancel(errStop)
				}
			})
			w.standsIn() // what the one over HTTPS does not tell the other may
			wait.Resolver.Timeout = 400 * time.Millisecond
			report, err := wait.Run(ctx, []Record{record(value1)})
			if !errors.Is(err, errStop) || report.Unverified {
				t.Errorf("%+v, %v", report, err)
			}
			if states := diary.of(o.URL + "/dns-query"); slices.Contains(states, Published) {
				t.Errorf("the resolver went through %q", states)
			}
		})
	}
}

// fixed is a response whose headers cannot be changed any more.
type fixed struct{ http.ResponseWriter }

func (f fixed) Header() http.Header { return http.Header{} }

func TestDelegation_OverHTTPS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	o := newOverHTTPS(t, func(rw http.ResponseWriter, q *dns.Msg) { w.recurse(packets{w: rw}, q) })
	r := w.Resolver()
	r.RootCAs = o.roots()
	r.Servers = []string{o.URL + "/dns-query"}
	d, err := r.Delegation(t.Context(), challenge)
	if err != nil || d.Zone != "example.test." || len(d.Addrs) != 1 {
		t.Errorf("%+v, %v", d, err)
	}

	before := len(o.asked())
	r.Servers = append(r.Servers, w.resolver.addr.String()) // preferred, though it comes last
	if _, err := r.Delegation(t.Context(), challenge); err != nil || len(o.asked()) != before {
		t.Errorf("the resolver over HTTPS was asked %q, %v", o.asked(), err)
	}

	w.resolver.set(silent)
	r.Timeout = 400 * time.Millisecond
	if _, err := r.Delegation(t.Context(), challenge); err != nil || len(o.asked()) == before {
		t.Errorf("the resolver over HTTPS was asked %q, %v", o.asked(), err)
	}

	r.RootCAs = x509.NewCertPool() // a certificate of a CA we do not know
	r.Servers = r.Servers[:1]
	_, err = r.Delegation(t.Context(), challenge)
	wantError(t, err, fault.CodeNoAnswer, fault.Temporary, o.URL, "certificate")
	if strings.Count(err.Error(), o.URL) > 2 {
		t.Errorf("%q repeats itself", err)
	}
}
