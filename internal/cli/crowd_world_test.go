//go:build load

package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/clock"
	"wildcard/internal/testkit/pebbletest"
)

// crowd is a world with many certificates, and a true CA.
type crowd struct {
	*world
	pebble       *pebbletest.CA
	requests     *requests
	certificates []wanted
	serials      map[string]bool
	lost         int // certificates that Pebble does not find when an order is to replace them: it answers 500
}

// wanted is a certificate that is asked for.
type wanted struct {
	names       []string
	nameServers []string
}

const crowdZones = 50

// newCrowd has 1,000 names on 40 certificates, in 50 zones, every other one of them at the other generation of ConoHa.
func newCrowd(t *testing.T) *crowd {
	t.Helper()
	w := &crowd{world: &world{t: t, dir: t.TempDir(), time: clock.Running()}, requests: &requests{counts: counts{}}, serials: map[string]bool{}}
	var err error
	if w.conoha, err = conohatest.Start(conohatest.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.conoha.Close() })
	accounts := []conohatest.Account{w.conoha.AddAccount(conohatest.Account{Version: 2}), w.conoha.AddAccount(conohatest.Account{Version: 3})}
	for i := range crowdZones {
		zone := fmt.Sprintf("zone%02d.example", i)
		w.conoha.AddZone(accounts[i%len(accounts)].Tenant, zone)
		w.zones = append(w.zones, zone)
	}
	hosts := 0
	for range 4 {
		for i, n := range []int{25, 8, 15, 8, 15, 8, 15, 8, 15, 8} {
			var c wanted
			for range n {
				place := hosts * 2 % crowdZones // in a zone of Ver.2.0
				if i%2 == 1 || i == 0 && hosts%2 == 1 {
					place++
				}
				name := fmt.Sprintf("host%d.%s", hosts, w.zones[place])
				c.names = append(c.names, name, "*."+name)
				hosts++
			}
			switch {
			case i == 0:
				c.nameServers = w.conoha.NameServers()
			default:
				c.nameServers = w.conoha.NameServers(2 + i%2)
			}
			w.certificates = append(w.certificates, c)
		}
	}
	if w.pebble, err = pebbletest.Start(pebbletest.Options{
		Resolver: w.conoha.ValidationResolver(), Log: slog.New(w.requests),
		ValidationDelay: 2 * time.Second, AuthzRetryAfter: 3 * time.Second, OrderRetryAfter: time.Second,
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.pebble.Close)
	w.environ = slices.DeleteFunc(w.machine(w.conoha.Environ(accounts...), w.pebble.DirectoryURL(), w.pebble.RootPEM()),
		func(line string) bool { return strings.HasPrefix(line, "WILDCARD_NAMESERVERS=") }) // each certificate has its own
	return w
}

// name is the lineage of certificate i. In their order, each ten of them have as many names as the ten before.
func (w *crowd) name(i int) string { return fmt.Sprintf("crowd%02d", i) }

// issueAll obtains the first certificates, some side by side, as people might type them.
func (w *crowd) issueAll() {
	w.t.Helper()
	w.run("account", "register", "--agree-tos").exits(0)
	slots := make(chan struct{}, 4)
	var group sync.WaitGroup
	for i, c := range w.certificates {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			args := []string{"issue", "--quiet", "--cert-name", w.name(i), "--nameserver", strings.Join(c.nameServers, ",")}
			if got := w.start(append(args, c.names...)...).end(); got.code != 0 {
				w.t.Errorf("%s: exit status %d: %s", w.name(i), got.code, got.stderr)
			}
		})
	}
	group.Wait()
	w.areNew()
	w.nothingLeft()
}

// areNew fails the test unless each lineage is whole, with all its names and a certificate that was not there before. It
// returns the number of names.
func (w *crowd) areNew() (names int) {
	w.t.Helper()
	for i, want := range w.certificates {
		l := w.lineage(w.name(i))
		if got := slices.Sorted(slices.Values(l.Leaf.DNSNames)); !slices.Equal(got, slices.Sorted(slices.Values(want.names))) {
			w.t.Errorf("%s has %q", l.Name, got)
		}
		serial := l.Leaf.SerialNumber.String()
		if w.serials[serial] {
			w.t.Errorf("%s has the certificate of before", l.Name)
		}
		w.serials[serial] = true
		names += len(l.Leaf.DNSNames)
	}
	return names
}

// renewAtOnce makes the CA want all certificates renewed (RFC 9773 §4.2), and the program ask it.
func (w *crowd) renewAtOnce() {
	w.t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.pebble.RootPEM())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	window, err := json.Marshal(map[string]any{"suggestedWindow": map[string]time.Time{
		"start": time.Now().Add(-2 * time.Hour), "end": time.Now().Add(-time.Hour),
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range w.certificates {
		l := w.lineage(w.name(i))
		if l.Leaf.SerialNumber.BitLen()%8 == 0 { // one in 256: DER puts a zero before it, without which Pebble keeps it
			w.lost++
		}
		body, err := json.Marshal(map[string]string{"Certificate": w.read(l.Path("cert")), "ARIResponse": string(window)})
		if err != nil {
			w.t.Fatal(err)
		}
		reply, err := client.Post(w.pebble.ManagementURL()+"/set-renewal-info/", "application/json", bytes.NewReader(body))
		if err != nil {
			w.t.Fatal(err)
		}
		_ = reply.Body.Close()
		if reply.StatusCode != http.StatusOK {
			w.t.Fatal(reply.Status)
		}
	}
}

// requests counts what Pebble says it was asked. It is a [slog.Handler].
type requests struct {
	mu     sync.Mutex
	counts counts
}

// counts are numbers of requests, by path.
type counts map[string]int

func (c counts) total() (n int) {
	for _, count := range c {
		n += count
	}
	return n
}

func (r *requests) Enabled(context.Context, slog.Level) bool { return true }
func (r *requests) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *requests) WithGroup(string) slog.Handler            { return r }

func (r *requests) Handle(_ context.Context, record slog.Record) error {
	if words := strings.Fields(record.Message); len(words) > 2 && words[2] == "->" {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.counts[words[1]]++
	}
	return nil
}

func (r *requests) all() counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.counts)
}

func (r *requests) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.counts)
}
