package designate

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wildcard/providers"
	"wildcard/providers/providertest"
	"wildcard/providers/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type world struct {
	*fake
	t   testing.TB
	dir string
	log *buffer
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return &world{fake: newFake(t, "example.org.", "example.net.", "example.com.", "sub.example.com.", "other.example."), t: t, dir: filepath.Join(t.TempDir(), "run"), log: &buffer{}}
}

// credentials are those of an application credential.
func (w *world) credentials() []string {
	return []string{"OS_AUTH_URL=" + w.url + "/identity/v3", "OS_APPLICATION_CREDENTIAL_ID=" + testCred, "OS_APPLICATION_CREDENTIAL_SECRET=" + testSecret, "OS_REGION_NAME=RegionOne"}
}

func (w *world) try(spec string, src settings.Sources) ([]providers.Account, error) {
	parsed, err := providers.ParseSpec(spec)
	if err != nil {
		w.t.Fatal(err)
	}
	return Open(parsed, src, Options{RunDir: w.dir, UserAgent: "wildcard-test", Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
}

func (w *world) open(with ...string) *Provider {
	w.t.Helper()
	accounts, err := w.try("designate", settings.Sources{Environ: append(with, w.credentials()...)})
	if err != nil {
		w.t.Fatal(err)
	}
	p := accounts[0].Provider.(*Provider)
	p.session.pause = time.Millisecond
	w.t.Cleanup(func() { _ = p.Close() })
	return p
}

func challenge(domain string, n int) providers.Challenge {
	return providers.Challenge{Domain: domain, FQDN: "_acme-challenge." + domain + ".", Value: fmt.Sprintf("%043d", n)}
}

func (w *world) holds(fqdn string, want ...string) {
	w.t.Helper()
	have := w.texts(fqdn)
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		w.t.Errorf("%s holds %q, want %q", fqdn, have, want)
	}
}

func (w *world) requests(want ...string) {
	w.t.Helper()
	if have := w.sent(); !slices.Equal(have, want) {
		w.t.Errorf("requests:\n%s\nwant:\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
}

func (w *world) present(p *Provider, c providers.Challenge) providers.Handle {
	w.t.Helper()
	h, err := p.Present(w.t.Context(), c)
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

func (w *world) cleanUp(p *Provider, c providers.Challenge, h providers.Handle) {
	w.t.Helper()
	if err := p.CleanUp(w.t.Context(), c, h); err != nil {
		w.t.Fatal(err)
	}
}

// fails checks an error's code and class, that its text has all parts, and that it tells nobody a secret.
func (w *world) fails(err error, code string, class providers.Class, parts ...string) {
	w.t.Helper()
	if providers.CodeOf(err) != code || providers.ClassOf(err) != class {
		w.t.Errorf("%v (%s, %d), want %s, %d", err, providers.CodeOf(err), providers.ClassOf(err), code, class)
	}
	if err == nil {
		return
	}
	text := err.Error()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			w.t.Errorf("%q does not say %q", text, part)
		}
	}
	for _, said := range []string{text, w.log.String()} {
		if strings.Contains(said, testSecret) || strings.Contains(said, testPassword) {
			w.t.Errorf("a secret is told in %q", said)
		}
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	providertest.Run(t, providertest.Config{
		Zone:    "example.com.",
		Open:    func(t testing.TB) providers.Provider { return (&world{w.fake, t, w.dir, w.log}).open() },
		Records: func(_ testing.TB, fqdn string) []string { return w.texts(fqdn) },
		Foreign: func(_ testing.TB, fqdn, value string) func() {
			w.locked(func() { w.put(fqdn, `"`+value+`"`) })
			return func() { w.locked(func() { w.drop(fqdn, `"`+value+`"`) }) }
		},
		Stall: func(testing.TB) func() {
			hang := make(chan struct{})
			w.on(func(*http.Request) *fault { return &fault{hang: hang} })
			return func() { w.on(nil); close(hang) }
		},
		LoseReply: func(testing.TB) { w.once("POST", &fault{lose: true}) },
	})
}

const (
	login  = "POST /identity/v3/auth/tokens"
	list   = "GET /dns/v2/zones"
	look   = "GET /dns/v2/zones/ID/recordsets"
	create = "POST /dns/v2/zones/ID/recordsets"
	update = "PUT /dns/v2/zones/ID/recordsets/ID"
	remove = "DELETE /dns/v2/zones/ID/recordsets/ID"
)

// A value costs a look, a change and a look; five zones come in three pages.
func TestRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open()
	first, second := challenge("example.com", 1), challenge("example.com", 2)
	h1 := w.present(p, first)
	w.requests(login, list, list, list, look, create, look)
	h2 := w.present(p, second)
	w.requests(look, update, look)
	w.holds(first.FQDN, first.Value, second.Value)
	w.cleanUp(p, first, h1)
	w.requests(look, look, update, look)
	other := w.open()
	w.cleanUp(other, second, h2)
	w.requests(login, look, look, remove, look)
	w.holds(first.FQDN)
	if !strings.HasPrefix(string(h1), w.zones[2].ID+"|") {
		t.Errorf("handle %q", h1)
	}
}

// Whatever others have in the set stays as they wrote it, with its TTL.
func TestRecordsOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open("DESIGNATE_TTL=77")
	c := challenge("example.com", 1)
	w.locked(func() { w.put(c.FQDN, `"somebody else"`) })
	h := w.present(p, c)
	w.holds(c.FQDN, "somebody else", c.Value)
	w.cleanUp(p, c, h)
	w.holds(c.FQDN, "somebody else")
	w.locked(func() {
		if *w.sets[0].TTL != 4321 {
			t.Errorf("TTL %d", *w.sets[0].TTL)
		}
	})
	own := challenge("www.example.com", 2)
	w.present(p, own)
	w.locked(func() {
		if *w.sets[1].TTL != 77 {
			t.Errorf("TTL %d", *w.sets[1].TTL)
		}
	})
}

// Somebody else writes between our look and our change: nothing of ours is lost, and what can be kept of theirs is.
func TestSomebodyElseIsQuicker(t *testing.T) {
	t.Parallel()
	c := challenge("example.com", 1)
	for name, test := range map[string]struct {
		there  string
		method string
		before func(*fake)
		want   []string
	}{
		"creates the set":          {"", "POST", func(f *fake) { f.put(c.FQDN, `"theirs"`) }, []string{"theirs", c.Value}},
		"deletes the set":          {"old", "PUT", func(f *fake) { f.drop(c.FQDN, `"old"`) }, []string{c.Value}},
		"makes the set anew":       {"old", "PUT", func(f *fake) { f.drop(c.FQDN, `"old"`); f.put(c.FQDN, `"theirs"`) }, []string{"theirs", c.Value}},
		"creates ours in our name": {"", "POST", func(f *fake) { f.put(c.FQDN, quoted(c.Value)) }, []string{c.Value}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if test.there != "" {
				w.locked(func() { w.put(c.FQDN, `"`+test.there+`"`) })
			}
			p := w.open()
			w.once(test.method, &fault{before: test.before})
			w.present(p, c)
			w.holds(c.FQDN, test.want...)
		})
	}
}

// A change that somebody writes over is made again; one that is written over for ever is given up.
func TestWrittenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open()
	c := challenge("example.com", 1)
	overs, most := 0, 2
	w.on(func(r *http.Request) *fault {
		if r.Method != "GET" || overs >= most || len(w.sets) == 0 {
			return nil
		}
		overs++
		return &fault{before: func(f *fake) { f.sets[0].Records = []string{`"theirs"`} }}
	})
	w.present(p, c)
	w.holds(c.FQDN, "theirs", c.Value)
	w.locked(func() { most = 1000 })
	_, err := p.Present(t.Context(), challenge("example.com", 2))
	w.fails(err, providers.CodeUnavailable, providers.Temporary, "designate: create TXT "+c.FQDN, "change under our hands")
}

// Processes keep from each other by a lock for each name.
func TestProcesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var all sync.WaitGroup
	for i := range 8 {
		p := w.open()
		all.Go(func() {
			if _, err := p.Present(t.Context(), challenge("example.com", i)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if have := w.texts("_acme-challenge.example.com."); len(have) != 8 {
		t.Errorf("%q", have)
	}
	p := w.open()
	err := p.locked(t.Context(), "_acme-challenge.example.com.", func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := w.open().Present(ctx, challenge("example.com", 9))
		return err
	})
	w.fails(err, providers.CodeUnavailable, providers.Temporary, "another process")
}

// Replies that are lost, a token that ends, a service out of order for a while.
func TestTransientFaults(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"POST", "PUT", "DELETE", "GET"} {
		for name, met := range map[string]*fault{
			"lost":        {lose: true},
			"503":         {status: 503, body: "<html>busy</html>"},
			"429":         {status: 429, body: `{"message":"slow down"}`},
			"401":         {status: 401, body: `{"error":{"message":"expired"}}`},
			"409 changed": {status: 409, body: `{"type":"duplicate_recordset"}`},
		} {
			if method == "GET" && name == "409 changed" {
				continue
			}
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				p := w.open()
				first, second := challenge("example.com", 1), challenge("example.com", 2)
				w.once(method, met)
				h := w.present(p, first)
				w.present(p, second)
				w.holds(first.FQDN, first.Value, second.Value)
				w.cleanUp(p, first, h)
				w.cleanUp(p, second, "")
				w.holds(first.FQDN)
			})
		}
	}
	w := newWorld(t)
	p := w.open()
	w.present(p, challenge("example.com", 1))
	w.locked(func() { clear(w.tokens) }) // all tokens end
	w.present(p, challenge("example.com", 2))
	w.on(func(r *http.Request) *fault { return &fault{status: 500, body: `{"message":"database is locked"}`} })
	_, err := p.Present(t.Context(), challenge("example.com", 3))
	w.fails(err, providers.CodeUnavailable, providers.Temporary, "500", "database is locked")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := challenge("example.com", 1)
	try := func(environ ...string) error {
		w.t.Helper()
		accounts, err := w.try("designate", settings.Sources{Environ: environ})
		if err != nil {
			return err
		}
		p := accounts[0].Provider.(*Provider)
		defer func() { _ = p.Close() }()
		p.session.pause = time.Millisecond
		_, err = p.Present(t.Context(), c)
		return err
	}
	user := []string{"OS_AUTH_URL=" + w.url + "/identity", "OS_USERNAME=" + testUser, "OS_PASSWORD=" + testPassword, "OS_PROJECT_NAME=demo", "OS_REGION_NAME=RegionOne"}
	if err := try(user...); err != nil {
		t.Errorf("user name and password: %v", err)
	}
	if err := try("OS_AUTH_URL="+w.url+"/identity/v3/", "OS_USERNAME="+testUser, "OS_PASSWORD="+testPassword, "OS_TENANT_ID=p1", "OS_USER_DOMAIN_ID=default", "OS_REGION_NAME=RegionOne"); err != nil {
		t.Errorf("tenant: %v", err)
	}
	w.fails(try("OS_AUTH_URL="+w.url+"/identity", "OS_USERNAME="+testPassword, "OS_PASSWORD="+testPassword, "OS_PROJECT_NAME=demo"),
		providers.CodeCredentials, providers.Refused, "log in to "+w.url+"/identity/v3/", "401")
	w.fails(try("OS_AUTH_URL="+w.url+"/nowhere", "OS_USERNAME=u", "OS_PASSWORD=p", "OS_PROJECT_NAME=demo"), providers.CodeCredentials, providers.Refused)
	w.fails(try(append([]string{"OS_REGION_NAME=RegionThree"}, w.credentials()...)...), providers.CodeBadSettings, providers.Misconfigured, "no service dns", "RegionThree", "OS_DNS_ENDPOINT_OVERRIDE")
	w.fails(try(append([]string{"OS_INSECURE=true"}, user...)...), providers.CodeBadSettings, providers.Misconfigured, "OS_CACERT")
	w.fails(try("OS_AUTH_URL=http://192.0.2.1/identity", "OS_USERNAME=u", "OS_PASSWORD=p", "OS_PROJECT_NAME=demo"), providers.CodeBadSettings, providers.Misconfigured, "OS_AUTH_URL", "https")
	w.fails(try("OS_AUTH_URL="+w.url+"/identity/v2.0", "OS_USERNAME=u", "OS_PASSWORD=p", "OS_PROJECT_NAME=demo"), providers.CodeBadSettings, providers.Misconfigured, "/v3")
	w.fails(try(), providers.CodeMissing, providers.Misconfigured, "OS_CLOUD", "OS_APPLICATION_CREDENTIAL_ID", "OS_PASSWORD")
	w.fails(try("OS_AUTH_URL="+w.url, "OS_USERNAME=u"), providers.CodeMissing, providers.Misconfigured, "OS_PASSWORD", "OS_PROJECT_NAME or OS_PROJECT_ID")
	w.fails(try("OS_AUTH_URL="+w.url, "OS_APPLICATION_CREDENTIAL_ID=x"), providers.CodeMissing, providers.Misconfigured, "OS_APPLICATION_CREDENTIAL_SECRET")

	// A service that is not ours to believe.
	p := w.open()
	w.locked(func() { w.catalog = "http://192.0.2.1/dns" })
	_, err := w.open().Present(t.Context(), c)
	w.fails(err, providers.CodeBadSettings, providers.Misconfigured, "https")
	w.locked(func() { w.catalog = w.url + "/dns" })
	for _, met := range []*fault{{status: 200, body: "no JSON"}, {status: 302, body: ""}, {status: 400, body: `{"type":"invalid_object","message":"` + testSecret + `"}`}, {status: 403, body: `{"message":"forbidden"}`}, {status: 413, body: `{"type":"over_quota"}`}} {
		w.once("POST", met)
		_, err := p.Present(t.Context(), challenge(fmt.Sprintf("s%d.example.com", met.status), 1))
		class := map[int]providers.Class{403: providers.Refused, 413: providers.Misconfigured}[met.status]
		code := providers.CodeService
		if met.status == 403 {
			code = providers.CodeCredentials
		}
		w.fails(err, code, class, fmt.Sprint(met.status))
	}
	w.zones = nil
	_, err = w.open().Present(t.Context(), c)
	w.fails(err, providers.CodeNoZone, providers.Misconfigured, "no zone")
}

func TestClouds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	write := func(path, text string) string {
		t.Helper()
		path = filepath.Join(t.TempDir(), path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const form = "clouds:\n  mine:\n    auth_type: v3applicationcredential\n    auth: {auth_url: %s/identity, application_credential_id: %s, application_credential_secret: %q}\n    region_name: RegionOne\n" +
		"  user:\n    region_name: RegionOne\n    auth: {auth_url: %s/identity, username: wildcard, project_name: demo}\n    verify: true\n  lax:\n    verify: false\n    auth: {auth_url: https://x/, username: u, password: p, project_name: d}\n  far: {profile: rackspace, auth: {username: u, password: p, project_name: d}}\n"
	path := write("openstack/clouds.yaml", fmt.Sprintf(form, w.url, testCred, testSecret, w.url))
	dir := filepath.Dir(path)
	open := func(cloud string, src settings.Sources) error {
		src.Environ = append(src.Environ, "OS_CLOUD="+cloud)
		accounts, err := w.try("designate", src)
		if err != nil {
			return err
		}
		p := accounts[0].Provider.(*Provider)
		defer func() { _ = p.Close() }()
		_, err = p.Zones(t.Context(), false)
		return err
	}
	named := settings.Sources{Environ: []string{"OS_CLIENT_CONFIG_FILE=" + path}}
	if err := open("mine", named); err != nil {
		t.Error(err)
	}
	w.fails(open("user", named), providers.CodeMissing, providers.Misconfigured, `cloud "user"`, "lacks auth.password")
	if err := os.WriteFile(filepath.Join(dir, "secure.yaml"), []byte("clouds: {user: {auth: {password: \""+testPassword+"\"}}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open("user", named); err != nil {
		t.Error(err)
	}
	w.fails(open("none", named), providers.CodeBadSettings, providers.Misconfigured, `no cloud "none"`)
	w.fails(open("lax", named), providers.CodeBadSettings, providers.Misconfigured, "OS_CACERT")
	w.fails(open("far", named), providers.CodeBadSettings, providers.Misconfigured, `profile "rackspace"`)
	w.fails(open("mine", settings.Sources{Environ: []string{"OS_CLIENT_CONFIG_FILE=" + path + ".not"}}), providers.CodeMissing, providers.Misconfigured)

	home := filepath.Join(t.TempDir(), ".config")
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, filepath.Join(home, "openstack")); err != nil {
		t.Fatal(err)
	}
	if err := open("mine", settings.Sources{Environ: []string{"HOME=" + filepath.Dir(home)}}); err != nil {
		t.Error(err)
	}
	clouds := filepath.Join(home, "openstack", "clouds.yaml")
	if err := os.Chmod(clouds, 0o644); err != nil {
		t.Fatal(err)
	}
	w.fails(open("mine", settings.Sources{Environ: []string{"HOME=" + filepath.Dir(home)}}), providers.CodeUnsafeFile, providers.Misconfigured, "chmod")
	broken := write("clouds.yaml", "clouds: {mine: "+testSecret+"\n\t")
	w.fails(open("mine", settings.Sources{Environ: []string{"OS_CLIENT_CONFIG_FILE=" + broken}}), providers.CodeBadSettings, providers.Misconfigured, "YAML")
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
