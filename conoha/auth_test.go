package conoha

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/providers"
)

func TestUserAgentAndHeaders(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		p := w.open("")
		c := challenge("example.com", 1)
		w.cleanUp(p, c, w.present(p, c))
		for _, r := range w.Log() {
			if !strings.HasPrefix(r.Header.Get("User-Agent"), "wildcard/test") || r.Header.Get("Accept") != "application/json" {
				t.Errorf("%s %s: %v", r.Method, r.Path, r.Header)
			}
			if r.Refused != "" {
				t.Errorf("%s %s: refused, %s", r.Method, r.Path, r.Refused)
			}
		}
	})
}

func TestLoginByNameInVer3(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.Switch(func(s *conohatest.Switches) { s.V3CheckDomain = true })
	environ := slices.DeleteFunc(w.environ(), func(kv string) bool { return strings.HasPrefix(kv, "CONOHA_API_USER_ID=") })
	for _, user := range []string{w.account.User, w.account.UserID} {
		p := w.openWith(append(environ, "CONOHA_API_USERNAME="+user), "")
		c := challenge("example.com", 1)
		w.cleanUp(p, c, w.present(p, c))
	}
	w.holds(challenge("example.com", 1).FQDN)
}

// Odd replies to a login: errors, not crashes, and not what gophercloud says of them.
func TestLogin_OddReplies(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		token := `{"access":{"token":{"id":"x","expires":"2099-01-01T00:00:00Z"},"serviceCatalog":"odd"},"token":{"expires_at":"2099-01-01T00:00:00Z","catalog":7}}`
		header := map[string][]string{"X-Subject-Token": {"x"}}
		for name, c := range map[string]struct {
			fault conohatest.Fault
			code  string
		}{
			"odd catalogue":     {conohatest.Fault{Status: 200, Body: token, Header: header}, providers.CodeCredentials}, // by the DNS service, which does not know it
			"no zone in a date": {conohatest.Fault{Status: 200, Body: strings.ReplaceAll(token, "Z\"", "\""), Header: header}, providers.CodeCredentials},
			"no date":           {conohatest.Fault{Status: 200, Body: strings.ReplaceAll(token, "2099", "soon"), Header: header}, providers.CodeCredentials},
			"no token":          {conohatest.Fault{Status: 200, Body: `{}`}, providers.CodeService},
			"token with spaces": {conohatest.Fault{Status: 200, Body: strings.ReplaceAll(token, `"x"`, `"a b"`), Header: map[string][]string{"X-Subject-Token": {"a b"}}}, providers.CodeService},
			"null":              {conohatest.Fault{Status: 200, Body: `null`}, providers.CodeService},
			"a list":            {conohatest.Fault{Status: 200, Body: `[]`, Header: header}, providers.CodeService},
			"HTML":              {conohatest.Fault{Status: 200, HTML: true, Header: header}, providers.CodeService},
			"empty":             {conohatest.Fault{Status: 200, NoBody: true, Header: header}, providers.CodeService},
			"other success":     {conohatest.Fault{Status: 206, Body: token, Header: header}, providers.CodeService},
			"300":               {conohatest.Fault{Status: 300, Body: token, Header: header}, providers.CodeService},
			"huge":              {conohatest.Fault{Status: 200, Huge: 2 << 20, Header: header}, providers.CodeService},
			"huge refusal":      {conohatest.Fault{Status: 401, Huge: 2 << 20}, providers.CodeService},
			"404":               {conohatest.Fault{Status: 404, HTML: true}, providers.CodeCredentials},
			"408":               {conohatest.Fault{Status: 408}, providers.CodeUnavailable},
			"truncated":         {conohatest.Fault{Truncated: true}, providers.CodeUnavailable},
			"dropped":           {conohatest.Fault{Drop: true}, providers.CodeUnavailable},
		} {
			c.fault.Match, c.fault.Times = login(), -1
			active := w.Fault(c.fault)
			p := w.open("")
			_, err := p.Present(t.Context(), challenge("example.com", 1))
			if providers.CodeOf(err) != c.code {
				t.Errorf("%s: %v (%s), want %s", name, err, providers.CodeOf(err), c.code)
			}
			if err != nil && (strings.Contains(err.Error(), "Expected HTTP") || len(err.Error()) > 600) {
				t.Errorf("%s: %v", name, err)
			}
			active.Remove()
		}
	})
}

// Who gives up while the login of all is under way ends alone.
func TestLogin_OneCallerGivesUp(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		slow := w.Fault(conohatest.Fault{Match: login(), Hang: true})
		p := w.open("")
		impatient, cancel := context.WithCancel(t.Context())
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() {
			_, err := p.Present(impatient, challenge("example.com", 0))
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v does not wrap the context's error", err)
			}
		})
		for slow.Hits() == 0 {
			time.Sleep(time.Millisecond)
		}
		for n := range 5 {
			all.Go(func() {
				if _, err := p.Present(t.Context(), challenge("example.com", n+1)); err != nil {
					t.Error(err)
				}
			})
		}
		cancel()
		all.Wait()
		w.calls(conohatest.Calls{Logins: 2, ZoneLists: 1, Creates: 5})
	})
}

// DESIGN §5: gophercloud's types stay in auth.go. What else this package imports is checked by internal/repotest.
func TestImports_Gophercloud(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if file != "auth.go" && !strings.HasSuffix(file, "_test.go") && strings.Contains(string(text), `"github.com/gophercloud/`) {
			t.Errorf("%s imports gophercloud", file)
		}
	}
}
