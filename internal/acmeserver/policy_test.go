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
	"wildcard/internal/settings"
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

// TestQueue_Fair gives a client that wants one its turn before one that wants many.
func TestQueue_Fair(t *testing.T) {
	t.Parallel()
	q := newQueue(1)
	release, err := q.enter(t.Context(), "many")
	if err != nil {
		t.Fatal(err)
	}
	turns := make(chan string, 10)
	enter := func(client string, waiting int) {
		go func() {
			release, err := q.enter(context.Background(), client)
			if err != nil {
				turns <- err.Error()
				return
			}
			turns <- client
			release()
		}()
		for q.length() != waiting {
			runtime.Gosched()
		}
	}
	for i := range 4 {
		enter("many", i+1)
	}
	enter("one", 5)
	release()
	var got []string
	for range 5 {
		got = append(got, <-turns)
	}
	if slices.Index(got, "one") > 1 {
		t.Errorf("turns %v", got)
	}
	// Who gives up leaves no gap.
	hold, err := q.enter(t.Context(), "many")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := q.enter(ctx, "one"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	hold()
	if next, err := q.enter(t.Context(), "one"); err != nil || q.length() != 0 {
		t.Error(err)
	} else {
		next()
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
