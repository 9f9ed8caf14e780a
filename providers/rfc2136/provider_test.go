package rfc2136

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/settings"
	"wildcard/providers"
)

// A run costs one query and one update for a record, and one update for its deletion.
func TestRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open()
	c := challenge("example.com", 1)
	h := w.present(p, c)
	w.sent("tcp TXT _acme-challenge.example.com.", "tcp UPDATE example.com.")
	w.holds(c.FQDN, c.Value)
	w.cleanUp(p, c, h)
	w.sent("tcp UPDATE example.com.")
	w.holds(c.FQDN)
	w.cleanUp(p, c, h) // one that is not there any more is deleted
	w.asked()
	w.cleanUp(p, c, "") // and without a handle the server is asked
	w.sent("tcp TXT _acme-challenge.example.com.")
}

// A challenge that says in which zone it is saves the search that a name with records needs, but for the ZONE= of the spec, within
// which there may be several.
func TestPresent_ZoneGiven(t *testing.T) {
	t.Parallel()
	searched := []string{"tcp TXT _acme-challenge.www.example.com.", "tcp SOA _acme-challenge.www.example.com.", "tcp UPDATE www.example.com."}
	for zone, want := range map[string][]string{
		"": searched, "example.com.": searched, "www.example.com.": {searched[0], searched[2]},
	} {
		w := &world{fake: newFake(t, "hmac-sha256.", "www.example.com."), t: t, log: &buffer{}}
		p := w.open()
		c := challenge("www.example.com", 1)
		c.Zone = zone
		w.put(c.FQDN + ` 60 IN TXT "another"`)
		w.present(p, c)
		w.sent(want...)
		w.holds(c.FQDN, "another", c.Value)
	}
	w := newWorld(t)
	c := challenge("www.example.com", 1)
	c.Zone = "www.example.com."
	_, err := w.openAs("rfc2136", "RFC2136_ZONE=example.com").Present(t.Context(), c)
	w.fails(err, providers.CodeNoZone, providers.Misconfigured)
}

// A record that joins others leaves them their TTL (RFC 2181 §5.2), and the others stay when it goes.
func TestRecordsOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open("RFC2136_TTL=17")
	w.put(`_acme-challenge.example.com. 4321 IN TXT "another-program"`)
	w.put(`_acme-challenge.example.com. 4321 IN TXT "two" "strings"`)
	c := challenge("example.com", 1)
	h := w.present(p, c)
	w.holds(c.FQDN, "another-program", "twostrings", c.Value)
	_, ttls := w.texts(c.FQDN)
	if !slices.Equal(ttls, []uint32{4321, 4321, 4321}) {
		t.Errorf("TTLs %v", ttls)
	}
	w.cleanUp(p, c, h)
	w.holds(c.FQDN, "another-program", "twostrings")
	other := challenge("sub.example.com", 2)
	w.present(p, other)
	if _, ttls := w.texts(other.FQDN); !slices.Equal(ttls, []uint32{17}) {
		t.Errorf("TTLs %v", ttls)
	}
}

// When a reply is lost it is not known what happened, so the server is asked before anything is sent once more.
func TestPresent_ReplyLost(t *testing.T) {
	t.Parallel()
	for name, met := range map[string]*fault{
		"carried out": {silent: true}, "not carried out": {silent: true, skip: true},
		"garbage":            {bytes: func([]byte) [][]byte { return [][]byte{{1, 2, 3}} }},
		"another id":         {bytes: func(p []byte) [][]byte { p = slices.Clone(p); p[0]++; return [][]byte{p} }},
		"changed on the way": {bytes: func(p []byte) [][]byte { p = slices.Clone(p); p[len(p)-20]++; return [][]byte{p} }},
		"unsigned":           {bare: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.open()
			c := challenge("example.com", 1)
			w.once(dns.OpcodeUpdate, met)
			h := w.present(p, c)
			w.holds(c.FQDN, c.Value)
			if sent := w.asked(); len(sent) < 3 || sent[2] != "tcp TXT _acme-challenge.example.com." {
				t.Errorf("sent %q", sent)
			}
			w.once(dns.OpcodeUpdate, met)
			w.cleanUp(p, c, h)
			w.holds(c.FQDN)
		})
	}
	w := newWorld(t)
	w.always(dns.OpcodeUpdate, &fault{silent: true, skip: true})
	_, err := w.open().Present(t.Context(), challenge("example.com", 1))
	w.fails(err, providers.CodeUnavailable, providers.Temporary, w.address)
}

// Another program's record may come between our look and our update.
func TestPresent_SetChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open()
	c := challenge("example.com", 1)
	put := false
	w.on(func(request *dns.Msg, _ string) *fault {
		if request.Opcode == dns.OpcodeUpdate && !put {
			put = true
			go w.put(`_acme-challenge.example.com. 99 IN TXT "meanwhile"`)
			time.Sleep(50 * time.Millisecond)
		}
		return nil
	})
	// The hook runs under the server's lock, so the record comes right after; what counts is that nothing is lost.
	w.present(p, c)
	waitFor(t, func() bool { have, _ := w.texts(c.FQDN); return len(have) == 2 })
	w.holds(c.FQDN, "meanwhile", c.Value)
}

func waitFor(t *testing.T, is func() bool) {
	t.Helper()
	for range 500 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("waited in vain")
}

// What a server or its administrator has to be asked about is said in a line that tells what to do.
func TestRefusals(t *testing.T) {
	t.Parallel()
	c := challenge("example.com", 1)
	try := func(w *world, p *Provider, c providers.Challenge) error {
		_, err := p.Present(w.t.Context(), c)
		return err
	}
	t.Run("unknown key", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.fails(try(w, w.open("RFC2136_TSIG_KEY=other-key"), c), providers.CodeCredentials, providers.Refused, "other-key.")
	})
	t.Run("wrong secret", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.fails(try(w, w.open("RFC2136_TSIG_SECRET=d3Jvbmc="), c), providers.CodeCredentials, providers.Refused, testKey)
	})
	t.Run("wrong algorithm", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.fails(try(w, w.open("RFC2136_TSIG_ALGORITHM=hmac-sha512"), c), providers.CodeCredentials, providers.Refused, "hmac-sha512")
	})
	t.Run("wrong clock", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p := w.open()
		p.server.now = func() time.Time { return time.Now().Add(-time.Hour) }
		w.fails(try(w, p, c), CodeClock, providers.Misconfigured, "clock")
	})
	t.Run("no zone named", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.fails(try(w, w.openAs("rfc2136"), c), providers.CodeNoZone, providers.Misconfigured, "example.com=rfc2136", "RFC2136_ZONE")
		w.sent()
	})
	t.Run("another zone", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.fails(try(w, w.open(), challenge("example.net", 1)), providers.CodeNoZone, providers.Misconfigured, "example.com.")
		w.fails(try(w, w.openAs("example.org=rfc2136"), challenge("example.org", 1)), providers.CodeNoZone, providers.Misconfigured, "holds no zone")
	})
	t.Run("delegated", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.put("sub.example.com. 300 IN NS ns.elsewhere.example.")
		w.fails(try(w, w.open(), challenge("sub.example.com", 1)), providers.CodeDelegatedElsewhere, providers.Misconfigured, "sub.example.com.")
	})
	t.Run("CNAME", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.put("_acme-challenge.example.com. 300 IN CNAME elsewhere.example.")
		w.fails(try(w, w.open(), c), providers.CodeCNAME, providers.Misconfigured, "elsewhere.example.")
	})
	t.Run("not a challenge", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, bad := range []providers.Challenge{
			{FQDN: "_acme-challenge.example.com.", Value: ""}, {FQDN: "", Value: "v"}, {FQDN: "*.example.com.", Value: "v"},
			{FQDN: "_acme-challenge.example.com.", Value: "a\"b"}, {FQDN: "_acme-challenge.example.com.", Value: strings.Repeat("x", 300)},
		} {
			w.fails(try(w, w.open(), bad), providers.CodeBadChallenge, providers.Usage)
		}
		w.sent()
	})
	t.Run("no server", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.fails(try(w, w.open("RFC2136_NAMESERVER=127.0.0.1:1"), c), providers.CodeUnavailable, providers.Temporary, "127.0.0.1:1", "refused")
	})
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		hang := make(chan struct{})
		defer close(hang)
		w.always(dns.OpcodeUpdate, &fault{hang: hang})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := w.open().Present(ctx, c); err == nil || ctx.Err() == nil {
			t.Errorf("%v", err)
		}
	})
}

// A handle that was damaged in a journal deletes nothing but the challenge's own record.
func TestCleanUp_HostileHandles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open()
	w.put(`other.example.com. 300 IN TXT "precious"`)
	for _, h := range []providers.Handle{
		"", "|", "||", "other|example.com.|precious", "_acme-challenge|example.net.|" + providers.Handle(challenge("", 1).Value), "x\n", "a|b|c|d",
		"_acme-challenge|com.|" + providers.Handle(challenge("", 1).Value), providers.Handle(strings.Repeat("x", 10_000)),
	} {
		c := challenge("example.com", 1)
		w.present(p, c)
		w.cleanUp(p, c, h)
		w.holds(c.FQDN)
		w.holds("other.example.com.", "precious")
	}
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "wildcard.key")
	write := func(text string, mode os.FileMode) {
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	open := func() (providers.Account, error) {
		spec, err := providers.ParseSpec("example.com=rfc2136")
		if err != nil {
			t.Fatal(err)
		}
		accounts, err := Open(spec, settings.Sources{Environ: []string{"RFC2136_NAMESERVER=" + w.address, "RFC2136_TSIG_FILE=" + path}}, Options{})
		if err != nil {
			return providers.Account{}, err
		}
		return accounts[0], nil
	}
	good := "# made by tsig-keygen\nkey \"" + strings.TrimSuffix(testKey, ".") + "\" {\n\talgorithm hmac-sha256; // comment\n\tsecret \"" + testSecret + "\";\n};\n"
	write(good, 0o600)
	a, err := open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Provider.Present(t.Context(), challenge("example.com", 1)); err != nil {
		t.Error(err)
	}
	write(good, 0o644)
	if _, err := open(); providers.CodeOf(err) != providers.CodeUnsafeFile || !strings.Contains(err.Error(), "chmod") {
		t.Errorf("%v", err)
	}
	for _, text := range []string{"", "key", "key x {", "key x { secret \"canary\"; };", good + good, "/* " + good, "key \"x\" { algorithm hmac-md5; secret \"Y2FuYXJ5\"; };",
		strings.Replace(good, testSecret, "not-base64-canary", 1), "options { directory \"/\"; };"} {
		write(text, 0o600)
		if _, err := open(); providers.CodeOf(err) != providers.CodeBadSettings || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), testSecret) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spec, err := providers.ParseSpec("example.com=rfc2136")
	if err != nil {
		t.Fatal(err)
	}
	for line, code := range map[string]string{
		"RFC2136_NAMESERVER=":                providers.CodeMissing,
		"RFC2136_TSIG_SECRET=":               providers.CodeMissing,
		"RFC2136_TSIG_KEY=":                  providers.CodeMissing,
		"RFC2136_NAMESERVER=a b":             providers.CodeBadSettings,
		"RFC2136_NAMESERVER=192.0.2.1:0":     providers.CodeBadSettings,
		"RFC2136_NAMESERVER=http://x":        providers.CodeBadSettings,
		"RFC2136_TSIG_ALGORITHM=hmac-md5":    providers.CodeBadSettings,
		"RFC2136_TSIG_ALGORITHM=rot13":       providers.CodeBadSettings,
		"RFC2136_TSIG_SECRET=canary?":        providers.CodeBadSettings,
		"RFC2136_ZONE=*.example.com":         providers.CodeBadSettings,
		"RFC2136_TTL=0":                      providers.CodeBadSettings,
		"RFC2136_TTL=much":                   providers.CodeBadSettings,
		"RFC2136_DNS_TIMEOUT=-1":             providers.CodeBadSettings,
		"RFC2136_PROPAGATION_TIMEOUT=100000": providers.CodeBadSettings,
	} {
		name, _, _ := strings.Cut(line, "=")
		environ := slices.DeleteFunc(w.environ(), func(s string) bool { return strings.HasPrefix(s, name+"=") })
		_, err := Open(spec, settings.Sources{Environ: append(environ, line)}, Options{})
		if providers.CodeOf(err) != code || providers.ClassOf(err) != providers.Misconfigured || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", line, err)
		}
	}
	for given, want := range map[string]string{
		"192.0.2.1": "192.0.2.1:53", "192.0.2.1:5353": "192.0.2.1:5353", "2001:db8::1": "[2001:db8::1]:53", "[2001:db8::1]:54": "[2001:db8::1]:54", "NS1.example.com.": "ns1.example.com:53",
	} {
		if got, err := parseAddress(given); err != nil || got != want {
			t.Errorf("%s is %s, %v", given, got, err)
		}
	}
	if _, err := Open(providers.Spec{Name: "rfc2136", Arg: "x"}, settings.Sources{}, Options{}); providers.CodeOf(err) != providers.CodeBadSpec {
		t.Errorf("%v", err)
	}
}
