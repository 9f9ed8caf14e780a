package conohatest_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a Service with one account of each generation and a zone in each.
type world struct {
	*conohatest.Service
	t          *testing.T
	clock      *clock.Clock
	http       *http.Client
	v2, v3     conohatest.Account
	zone2      string // id of two.example.
	zone3      string // id of three.example.
	tokenCache map[int]string
}

func newWorld(t *testing.T, o conohatest.Options) *world {
	t.Helper()
	w := &world{t: t, clock: clock.New(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), tokenCache: map[int]string{}}
	if o.Now == nil {
		o.Now = w.clock.Now
	}
	s, err := conohatest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	w.Service = s
	transport := &http.Transport{}
	w.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w.v2 = s.AddAccount(conohatest.Account{Version: 2})
	w.v3 = s.AddAccount(conohatest.Account{Version: 3})
	w.zone2 = s.AddZone(w.v2.Tenant, "two.example")
	w.zone3 = s.AddZone(w.v3.Tenant, "three.example")
	return w
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// at reads a member of a JSON body: at("error", "code").
func (a answer) at(path ...string) any {
	var v any
	if json.Unmarshal([]byte(a.body), &v) != nil {
		return nil
	}
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

// list reads a list of objects.
func (a answer) list(member string) []map[string]any {
	var out []map[string]any
	items, _ := a.at(member).([]any)
	for _, item := range items {
		out = append(out, item.(map[string]any))
	}
	return out
}

var errNoReply = errors.New("no reply")

// try sends a request and returns what came back, or an error.
func (w *world) try(method, url, body string, header ...string) (answer, error) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i+1] != "" {
			r.Header.Set(header[i], header[i+1])
		}
	}
	resp, err := w.http.Do(r)
	if err != nil {
		return answer{}, errors.Join(errNoReply, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b)}, err
}

func (w *world) send(method, url, body string, header ...string) answer {
	w.t.Helper()
	a, err := w.try(method, url, body, header...)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, url, err)
	}
	return a
}

const (
	login2 = `{"auth":{"passwordCredentials":{"username":"USER","password":"PASSWORD"},"tenantId":"TENANT"}}`
	login3 = `{"auth":{"identity":{"methods":["password"],"password":{"user":{"id":"USER","password":"PASSWORD"}}},"scope":{"project":{"id":"TENANT"}}}}`
)

func loginBody(a conohatest.Account) string {
	if a.Version == 3 {
		return strings.NewReplacer("USER", a.UserID, "PASSWORD", a.Password, "TENANT", a.Tenant).Replace(login3)
	}
	return strings.NewReplacer("USER", a.User, "PASSWORD", a.Password, "TENANT", a.Tenant).Replace(login2)
}

func (w *world) login(version int, body string) answer {
	w.t.Helper()
	path := "/tokens"
	if version == 3 {
		path = "/auth/tokens"
	}
	return w.send("POST", w.IdentityURL(version)+path, body, "Content-Type", "application/json", "Accept", "application/json")
}

// newToken logs an account in.
func (w *world) newToken(a conohatest.Account) string {
	w.t.Helper()
	got := w.login(a.Version, loginBody(a))
	value := got.header.Get("X-Subject-Token")
	if a.Version == 2 {
		value, _ = got.at("access", "token", "id").(string)
	}
	if value == "" {
		w.t.Fatalf("no token: %+v", got)
	}
	return value
}

func (w *world) token(version int) string {
	w.t.Helper()
	if w.tokenCache[version] == "" {
		w.tokenCache[version] = w.newToken(map[int]conohatest.Account{2: w.v2, 3: w.v3}[version])
	}
	return w.tokenCache[version]
}

// dns calls the DNS service as our programs do.
func (w *world) dns(version int, method, path, body string) answer {
	w.t.Helper()
	contentType := ""
	if method == "POST" || method == "PUT" {
		contentType = "application/json"
	}
	return w.send(method, w.DNSURL(version)+path, body, "X-Auth-Token", w.token(version), "Accept", "application/json", "Content-Type", contentType)
}

// records is the path of the records of the world's zone of a generation.
func (w *world) records(version int) string {
	return "/v1/domains/" + map[int]string{2: w.zone2, 3: w.zone3}[version] + "/records"
}

func txt(name, value string) string {
	return `{"name":"` + name + `","type":"TXT","data":"` + value + `","ttl":60}`
}

// create makes a TXT record and returns its id.
func (w *world) create(version int, name, value string) string {
	w.t.Helper()
	a := w.dns(version, "POST", w.records(version), txt(name, value))
	id, _ := a.at(map[int]string{2: "id", 3: "uuid"}[version]).(string)
	if a.status != 200 || id == "" {
		w.t.Fatalf("create: %d %s", a.status, a.body)
	}
	return id
}

const (
	name2 = "_acme-challenge.two.example."
	name3 = "_acme-challenge.three.example."
	value = "AAAA_first_value_43_characters_long_AAAAAAA"
)
