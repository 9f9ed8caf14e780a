package issuance_test

import (
	"context"
	"crypto/x509"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"wildcard/conoha/conohatest"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/settings"
	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/clock"
	"wildcard/providers"
	"wildcard/providers/builtin"
)

// scripted is an offline ConoHa with its name servers, a CA that does what a test says, and an issuer with an account.
type scripted struct {
	*world
	ca    *acmetest.Server
	clock *clock.Clock // the CA's and the issuer's
	t     testing.TB
}

func newScripted(t testing.TB, o acmetest.Options) *scripted {
	t.Helper()
	w := &scripted{world: &world{state: t.TempDir()}, clock: clock.Running(), t: t}
	if o.Now == nil {
		o.Now = w.clock.Now
	}
	return w.start(o, conohatest.Options{})
}

// start starts CA and DNS service. Without a clock of the test's it is the machine's that counts.
func (w *scripted) start(o acmetest.Options, dns conohatest.Options) *scripted {
	t := w.t
	t.Helper()
	var err error
	if w.conoha, err = conohatest.Start(dns); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.conoha.Close() })
	w.account = w.conoha.AddAccount(conohatest.Account{Version: 2})
	w.conoha.AddZone(w.account.Tenant, "example.com")
	w.conoha.AddZone(w.account.Tenant, "example.net")
	if o.Look == nil {
		o.Look = w.texts
	}
	if o.ValidationTime == nil {
		o.ValidationTime = acmetest.Takes(0)
	}
	if w.ca, err = acmetest.Start(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.ca.Close)
	if w.clock != nil {
		w.clock.Waited = w.ca.Validate
	}
	client := w.dialTo(issuance.Options{})
	account, err := client.Register(t.Context(), nil, issuance.Registration{AgreeToTerms: true, EABKeyID: "kid", EABKey: eabKey})
	if err != nil {
		t.Fatal(err)
	}
	environ := w.conoha.Environ(w.account)
	spec, err := providers.ParseSpec("conoha")
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := builtin.Registry().Open([]providers.Spec{spec}, builtin.Config{
		Settings: settings.FromProcess("", environ, "", filepath.Join(w.state, "etc")), UserAgent: "wildcard/test",
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(w.state, "journal")
	if err := settings.PrivateDir(dir); err != nil {
		t.Fatal(err)
	}
	records, err := journal.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.issuer = &issuance.Issuer{
		CA: client, Account: account, Router: providers.Router{Accounts: accounts},
		Resolver: &propagation.Resolver{Servers: []string{w.conoha.Resolver()}, NameServers: w.nameServers(environ)},
		Journal:  records,
		Observe:  w.observed,
	}
	t.Cleanup(func() {
		w.clean(t)
		if violations := w.ca.Violations(); len(violations) > 0 {
			t.Errorf("requests that no client may send: %q", violations)
		}
	})
	return w
}

// eabKey is what acmetest's EABKeys are tried with; a CA that wants no binding passes over it.
const eabKey = "c2VjcmV0LWNhbmFyeS1rZXktZm9yLXRoZS1obWFjLW9mLWFuLWFjY291bnQ"

// texts is what the CA finds in the DNS.
func (w *world) texts(fqdn string) (values []string) {
	for _, zone := range []string{"example.com", "example.net"} {
		for _, r := range w.conoha.Records(zone) {
			if r.Type == "TXT" && strings.TrimSuffix(r.Name, ".")+"." == fqdn {
				values = append(values, r.Data)
			}
		}
	}
	return values
}

// dialTo reads the scripted CA's directory.
func (w *scripted) dialTo(o issuance.Options) *issuance.CA {
	w.t.Helper()
	ca, err := w.tryDial(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return ca
}

func (w *scripted) tryDial(o issuance.Options) (*issuance.CA, error) {
	if o.Server == "" {
		o.Server = w.ca.DirectoryURL()
	}
	if o.RootCAs == nil {
		o.RootCAs = x509.NewCertPool()
		o.RootCAs.AppendCertsFromPEM(w.ca.RootPEM())
	}
	o.UserAgent = "wildcard/test"
	if o.Now == nil && w.clock != nil {
		o.Now, o.Sleep = w.clock.Now, w.clock.Sleep
	}
	ca, err := issuance.Dial(w.t.Context(), o)
	if ca != nil {
		w.t.Cleanup(ca.Close)
	}
	return ca, err
}

// impatient is the same issuer with requests that may take no longer than a moment.
func (w *scripted) impatient(limit time.Duration) {
	w.issuer.CA = w.dialTo(issuance.Options{RequestTimeout: limit})
}

// obtain runs a request for names; base and wildcard of example.com if none are given.
func (w *scripted) obtain(names ...string) (issuance.Result, error) {
	w.t.Helper()
	if len(names) == 0 {
		names = []string{"*.example.com", "example.com"}
	}
	return w.issuer.Obtain(w.t.Context(), request(w.t, names...))
}

// succeeds fails the test unless a certificate is obtained.
func (w *scripted) succeeds(names ...string) issuance.Result {
	w.t.Helper()
	result, err := w.obtain(names...)
	if err != nil {
		w.t.Fatalf("not obtained: %v", err)
	}
	if result.Leaf == nil || result.CleanUp != nil {
		w.t.Errorf("result %+v", result)
	}
	return result
}

// fails fails the test unless obtaining a certificate ends with this code, class and text.
func (w *scripted) fails(code string, class fault.Class, text string, names ...string) error {
	w.t.Helper()
	_, err := w.obtain(names...)
	failedWith(w.t, err, code, class, text)
	return err
}

func failedWith(t testing.TB, err error, code string, class fault.Class, text string) {
	t.Helper()
	if err == nil || fault.CodeOf(err) != code || fault.ClassOf(err) != class || !strings.Contains(err.Error(), text) {
		t.Errorf("error is [%s], exit %d: %v; want [%s], exit %d and %q", fault.CodeOf(err), fault.ClassOf(err).ExitCode(), err, code, class.ExitCode(), text)
	}
	if err != nil && (len(err.Error()) > 900 || strings.ContainsFunc(err.Error(), func(r rune) bool { return r != '\n' && unicode.IsControl(r) })) {
		t.Errorf("an error that no terminal should see, %d bytes: %.1000q", len(err.Error()), err.Error())
	}
}

// untouched fails the test if a record was created.
func (w *scripted) untouched() {
	w.t.Helper()
	if n := w.conoha.Calls().Creates; n > 0 {
		w.t.Errorf("%d records were created", n)
	}
}

// saver keeps what a request saves.
func saver(saved *issuance.Checkpoint) func(issuance.Checkpoint) error {
	return func(c issuance.Checkpoint) error { *saved = c; return nil }
}

// noted reports whether the run told of something.
func (w *world) noted(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.State == issuance.Noted && strings.Contains(e.Text.String(), text) {
			return true
		}
	}
	return false
}

var errStopped = errors.New("stopped by the test")

// stopping returns a context that a script may end, as a signal would.
func stopping(t testing.TB) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	return ctx, func() { cancel(errStopped) }
}
