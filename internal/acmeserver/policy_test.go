package acmeserver

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/settings"
	"wildcard/internal/state"
)

func TestParseAllowed(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"a.example.com": "a.example.com", "A.Example.com": "a.example.com", "*.a.example.com": "*.a.example.com",
		".example.com": ".example.com", "*..example.com": "*..example.com", "bücher.example": "xn--bcher-kva.example",
		"": "", "*": "", "*.": "", ".": "", "*.*.example.com": "", "a.*.example.com": "", "com": "", "..example.com": "",
		"a.example.com.": "", "*...example.com": "", "192.0.2.1": "",
	} {
		got, err := ParseAllowed([]string{given})
		if err == nil && got[0] != want || (err != nil) != (want == "") {
			t.Errorf("%s: %v, %v, want %s", given, got, err, want)
		}
	}
}

// TestPolicy_WrittenAndRead has a policy come back as it was, and half of one is none.
func TestPolicy_WrittenAndRead(t *testing.T) {
	t.Parallel()
	p := Policy{Names: []string{"a.example.com", "*..example.com"}, From: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Quota: 7}
	got, err := parsePolicy(string(p.text()))
	if err != nil || !slices.Equal(got.Names, p.Names) || !slices.Equal(got.From, p.From) || got.Quota != 7 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, text := range []string{
		"", "names =", "names = a.example.com\nnames = b.example.com", "names = a.example.com\nform = 192.0.2.0/24",
		"names = a.example.com\nfrom = x", "names = a.example.com\norders_per_hour = 0", "names = a.example.com\norders_per_hour = x",
		"names a.example.com", "names = a.*.example.com",
	} {
		if p, err := parsePolicy(text); fault.CodeOf(err) != CodePolicy || len(p.Names) > 0 {
			t.Errorf("%q: %+v, %v", text, p, err)
		}
	}
}

// TestClients_FileUnsafe gives a client nothing whose policy others may change, is damaged or is not there.
func TestClients_FileUnsafe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dirs := settings.Directories{Config: filepath.Join(dir, "config"), State: filepath.Join(dir, "state")}
	s, err := OpenState(dirs)
	if err != nil {
		t.Fatal(err)
	}
	c := NewClients(dirs, s)
	client, _, err := c.Add("web1", Policy{Names: []string{"web1.example.com"}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if got, key, err := c.byKeyID(client.KeyID); got.Name != "web1" || len(key) != 32 || err != nil {
		t.Fatal(got)
	}
	for what, damage := range map[string]func(path string) error{
		"open to all":      func(path string) error { return os.Chmod(path, 0o666) },
		"with a typo":      func(path string) error { return os.WriteFile(path, []byte("name = web1.example.com\n"), 0o600) },
		"a folder":         func(path string) error { return os.Mkdir(path, 0o700) },
		"not there":        func(string) error { return nil },
		"a link elsewhere": func(path string) error { return os.Symlink("/nowhere", path) },
	} {
		path := c.Path("web1")
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if what == "open to all" {
			if err := c.writePolicy("web1", client.Policy); err != nil {
				t.Fatal(err)
			}
		}
		if err := damage(path); err != nil {
			t.Fatal(err)
		}
		missing := what == "not there" || what == "a link elsewhere"
		if got, key, err := c.byKeyID(client.KeyID); key != nil || got.Name != "" || (err == nil) != missing {
			t.Errorf("%s: it may have %v, %v", what, got.Names, err)
		}
		if _, err := c.Get("web1"); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if err := os.RemoveAll(c.Path("web1")); err != nil {
		t.Fatal(err)
	}
	if err := c.Remove("web1"); err != nil {
		t.Error(err)
	}
	if err := c.Remove("web1"); fault.CodeOf(err) != CodeClient {
		t.Errorf("removed twice: %v", err)
	}
}

// TestClientKey_ForCertbot has no key begin with "-", which certbot takes for an option (reference: clients of others).
func TestClientKey_ForCertbot(t *testing.T) {
	t.Parallel()
	for range 500 {
		if key := newClientKey("web1", time.Now()); key.Key[0]>>2 == 62 || !strings.HasPrefix(key.KeyID, "web1.") {
			t.Fatalf("%x %s", key.Key, key.KeyID)
		}
	}
}

func TestNonces(t *testing.T) {
	t.Parallel()
	now := time.Now()
	n := newNonces()
	nonce := n.fresh(now)
	if n.redeem(nonce, now.Add(2*time.Hour)) {
		t.Error("one that is too old was taken")
	}
	if !n.redeem(nonce, now.Add(time.Minute)) || n.redeem(nonce, now.Add(time.Minute)) {
		t.Error("it is not good just once")
	}
	if newNonces().redeem(n.fresh(now), now) {
		t.Error("one of another server was taken")
	}
	for range mostUsed + 10 { // more than are remembered: the older ones are given up, none is taken twice
		n.redeem(n.fresh(now), now)
	}
	if len(n.used) > mostUsed {
		t.Errorf("%d are remembered", len(n.used))
	}
	if n.redeem(nonce, now) {
		t.Error("one that was used is good again")
	}
	if later := n.fresh(now.Add(time.Minute)); !n.redeem(later, now.Add(time.Minute)) {
		t.Error("a new one is not taken any more")
	}
}

// takes enters a queue many times for one client and domain, and returns what each turn that comes is ended by.
func takes(t *testing.T, q *queue, client, domain string, times int) chan func() {
	t.Helper()
	turns := make(chan func(), times)
	for range times {
		before := q.length()
		done := make(chan struct{})
		go func() {
			defer close(done)
			if release, err := q.enter(t.Context(), client, domain); err == nil {
				turns <- release
			}
		}()
		for waits := false; !waits; waits = waits || q.length() > before {
			select {
			case <-done:
				waits = true
			default:
				runtime.Gosched()
			}
		}
	}
	return turns
}

// TestQueue_OneWantsAll leaves the others turns although one client asked first for more than there are, and none of its own ends.
func TestQueue_OneWantsAll(t *testing.T) {
	t.Parallel()
	for _, atOnce := range []int{4, 32} {
		q := newQueue(atOnce)
		many := takes(t, q, "many", "example.com", 2*atOnce)
		if len(many) != atOnce/4 {
			t.Errorf("of %d turns one client has %d", atOnce, len(many))
		}
		for _, client := range []string{"a", "b", "c"} {
			if got := takes(t, q, client, "example.com", 1); len(got) != 1 {
				t.Errorf("%s has no turn of %d", client, atOnce)
			}
		}
		(<-many)()
		<-many // the next one of its own
	}
}

// TestQueue_DomainsByTurns gives the next turn to the domain and the client that have fewest, though others asked first.
func TestQueue_DomainsByTurns(t *testing.T) {
	t.Parallel()
	q := newQueue(4)
	var ends []func()
	for _, client := range []string{"a", "b", "c", "d"} {
		ends = append(ends, <-takes(t, q, client, "example.com", 1))
	}
	crowd := takes(t, q, "e", "example.com", 3)
	late := takes(t, q, "f", "example.com", 1)
	other := takes(t, q, "g", "example.org", 1)
	for i, want := range []chan func(){other, crowd, late} {
		ends[i]()
		select {
		case <-want:
		case <-t.Context().Done():
		}
	}
}

// TestQueue_GivenUp has one that gives up leave no gap, also where its turn comes at that moment.
func TestQueue_GivenUp(t *testing.T) {
	t.Parallel()
	q := newQueue(1)
	hold, err := q.enter(t.Context(), "many", "example.com")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := q.enter(ctx, "one", "example.com"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	hold()
	for range 50 {
		if next, err := q.enter(ctx, "one", "example.com"); err == nil { // both are there: either may be seen
			next()
		}
	}
	if next, err := q.enter(t.Context(), "one", "example.com"); err != nil || q.length() != 0 {
		t.Error(err)
	} else {
		next()
	}
}

// TestLimits_OfWhat believes a CA for what it speaks of, and no longer than it ever says.
func TestLimits_OfWhat(t *testing.T) {
	t.Parallel()
	s, err := state.Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	said := func(detail string, after time.Duration) error {
		return fault.Errorf(issuance.CodeRateLimited, fault.Temporary, "%w", &issuance.Problem{
			Type: "rateLimited", Detail: detail, RetryAfter: now.Add(after)})
	}
	for _, c := range []struct {
		detail        string
		names         string
		free, limited string // other orders
	}{
		{`too many certificates (50) already issued for "example.com" in the last 168h0m0s`, "a.example.com b.example.com",
			"a.example.org", "*.x.example.com"},
		{`too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s`, "a.example.com",
			"a.example.com b.example.com", "a.example.com"},
		{`too many failed authorizations (5) for "a.example.com" in the last 1h0m0s`, "a.example.com b.example.com",
			"b.example.com", "a.example.com x.example.org"},
		{`too many new orders (300) from this account in the last 3h0m0s`, "a.example.com", "", "a.example.net"},
		{`slow down`, "a.example.com", "b.example.com", "a.example.com"},
	} {
		l := &limits{files: s.Documents("server"), until: map[string]limit{}}
		if err := l.heard(strings.Fields(c.names), said(c.detail, 100*time.Hour), now); err != nil {
			t.Fatal(err)
		}
		again, err := openLimits(s) // after a crash
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range []*limits{l, again} {
			met, ok := l.on(strings.Fields(c.limited), false, now)
			if !ok || met.Until.Sub(now) > longestLimit || met.Detail != c.detail {
				t.Errorf("%s: %s: %v %v", c.detail, c.limited, ok, met)
			}
			if _, ok := l.on(strings.Fields(c.free), false, now); c.free != "" && ok {
				t.Errorf("%s: %s is limited", c.detail, c.free)
			}
			for _, then := range []time.Time{now.Add(longestLimit), now.Add(-1000 * time.Hour)} { // later, or the clock was wrong
				if _, ok := l.on(strings.Fields(c.limited), false, then); ok {
					t.Errorf("%s: at %s", c.detail, then)
				}
			}
		}
		if err := l.heard([]string{"z.example.com"}, said("over", -time.Hour), now); err != nil || len(l.until) != 1 {
			t.Errorf("a limit of the past: %v %v", l.until, err)
		}
	}
}

// FuzzJWS has no text crash the reader, nor one that was not signed be verified.
func FuzzJWS(f *testing.F) {
	f.Add([]byte(`{"protected":"eyJhbGciOiJFUzI1NiJ9","payload":"","signature":""}`))
	f.Add([]byte(`{"protected":"","payload":"","signature":"","header":{}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if m, problem := parseJWS(body, signatures()); problem == nil && m.header.Algorithm == "" {
			t.Errorf("without an algorithm: %s", body)
		}
	})
}

// FuzzCSR has no text crash the reader of CSRs.
func FuzzCSR(f *testing.F) {
	f.Add([]byte{0x30, 0x00})
	f.Fuzz(func(t *testing.T, der []byte) {
		if key, problem := checkCSR(der, []string{"a.example.com"}, &Account{}); problem == nil && key == "" {
			t.Error("a CSR without a key")
		}
	})
}
