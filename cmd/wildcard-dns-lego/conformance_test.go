package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/providers"
	"wildcard/providers/conformance/conformancetest"
)

// folder is a service that is a folder, and the script that lego:exec runs for it.
type folder struct {
	t   testing.TB
	dir string
}

// script returns the script's path. Each name is a file with its values.
func (f folder) script() string {
	return write(f.t, filepath.Join(f.dir, "script.sh"), `#!/bin/sh
set -eu
exec 9>>'`+f.dir+`/.lock'
flock 9
file='`+f.dir+`'/$2
echo "$1 $2"
touch "$file"
grep -vxFe "$3" "$file" >"$file.new" || :
[ "$1" = cleanup ] || printf '%s\n' "$3" >>"$file.new"
mv "$file.new" "$file"
`, 0o700)
}

func (f folder) texts(fqdn string) []string {
	text, err := os.ReadFile(filepath.Join(f.dir, fqdn))
	if err != nil {
		return nil
	}
	return strings.Fields(string(text))
}

func (f folder) foreign(t testing.TB, fqdn, value string) func() {
	set := func(values []string) {
		write(t, filepath.Join(f.dir, fqdn), strings.Join(append(values, ""), "\n"), 0o600)
	}
	set(append(f.texts(fqdn), value))
	return func() { set(slices.DeleteFunc(f.texts(fqdn), func(v string) bool { return v == value })) }
}

func TestExec(t *testing.T) {
	t.Parallel()
	f := folder{t, private(t)}
	h := host{pluginDir(t), "exec", []string{"EXEC_PATH=" + f.script()}}
	conformancetest.Run(t, conformancetest.Config{
		Zone:         "example.com.",
		Open:         func(t testing.TB) providers.Provider { return h.must(t) },
		Records:      func(_ testing.TB, fqdn string) []string { return f.texts(fqdn) },
		Foreign:      f.foreign,
		NeedsKeyAuth: true,
	})
}

// A program that others can change is not run, as with exec:.
func TestExecOfOthers(t *testing.T) {
	t.Parallel()
	f := folder{t, private(t)}
	h := host{pluginDir(t), "exec", []string{"EXEC_PATH=" + f.script()}}
	if err := os.Chmod(filepath.Join(f.dir, "script.sh"), 0o777); err != nil {
		t.Fatal(err)
	}
	r := request("present", "", "example.com", "1")
	c := providers.Challenge{Domain: r.Domain, FQDN: r.FQDN, Value: r.Value, Token: r.Token, KeyAuth: r.KeyAuthorization}
	_, err := h.must(t).Present(t.Context(), c)
	fails(t, err, providers.CodeBadSettings, providers.Misconfigured, "lego:exec: present", "EXEC_PATH", "chmod go-w")
}

// requests is a strict service of lego's httpreq.
type requests struct {
	*httptest.Server
	t testing.TB

	mu      sync.Mutex
	values  map[string][]string
	lose    bool
	stalled chan struct{} // closed when it goes on; nil if it is not stalled
}

func startRequests(t testing.TB) *requests {
	s := &requests{t: t, values: map[string][]string{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *requests) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	stalled := s.stalled
	s.mu.Unlock()
	if stalled != nil {
		select {
		case <-stalled:
		case <-r.Context().Done():
			return
		}
	}
	var message struct {
		FQDN  string `json:"fqdn"`
		Value string `json:"value"`
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	user, password, _ := r.BasicAuth()
	switch {
	case r.Method != http.MethodPost, r.Header.Get("Content-Type") != "application/json":
		http.Error(w, "want a POST of JSON", http.StatusBadRequest)
		return
	case user != "user" || password != "canary-password":
		http.Error(w, "who are you, with "+password+"?", http.StatusUnauthorized)
		return
	case decoder.Decode(&message) != nil || !strings.HasPrefix(message.FQDN, "_acme-challenge.") || !strings.HasSuffix(message.FQDN, ".") || len(message.Value) != 43:
		http.Error(w, "not a challenge", http.StatusUnprocessableEntity)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := slices.DeleteFunc(s.values[message.FQDN], func(v string) bool { return v == message.Value })
	switch r.URL.Path {
	case "/api/present":
		s.values[message.FQDN] = append(kept, message.Value)
	case "/api/cleanup":
		s.values[message.FQDN] = kept
	default:
		http.NotFound(w, r)
		return
	}
	if s.lose {
		s.lose = false
		panic(http.ErrAbortHandler)
	}
}

func (s *requests) texts(fqdn string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.values[fqdn])
}

func (s *requests) stall(testing.TB) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	stalled := make(chan struct{})
	s.stalled = stalled
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stalled = nil
		close(stalled)
	}
}

func TestHTTPReq(t *testing.T) {
	t.Parallel()
	s := startRequests(t)
	h := host{pluginDir(t), "httpreq", []string{"HTTPREQ_ENDPOINT=" + s.URL + "/api", "HTTPREQ_USERNAME=user", "HTTPREQ_PASSWORD=canary-password"}}
	conformancetest.Run(t, conformancetest.Config{
		Zone:    "example.com.",
		Open:    func(t testing.TB) providers.Provider { return h.must(t) },
		Records: func(_ testing.TB, fqdn string) []string { return s.texts(fqdn) },
		Stall:   s.stall,
		LoseReply: func(testing.TB) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.lose = true
		},
		NeedsKeyAuth: true,
	})
}

// What goes wrong is told in our classes, and never with a secret in it.
func TestFailures(t *testing.T) {
	t.Parallel()
	s := startRequests(t)
	dir := pluginDir(t)
	r := request("present", "", "example.com", "1")
	c := providers.Challenge{Domain: r.Domain, FQDN: r.FQDN, Value: r.Value, Token: r.Token, KeyAuth: r.KeyAuthorization}
	try := func(environ ...string) error {
		a, err := host{dir, "httpreq", environ}.open(t)
		if err != nil {
			return err
		}
		defer func() { _ = a.Provider.(providers.Closer).Close() }()
		_, err = a.Present(t.Context(), c)
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v", err)
		}
		return err
	}
	fails(t, try(), providers.CodeMissing, providers.Misconfigured, "HTTPREQ_ENDPOINT must be set")
	fails(t, try("HTTPREQ_ENDPOINT="+s.URL+"/api", "HTTPREQ_USERNAME=user", "HTTPREQ_PASSWORD=canary-wrong"),
		providers.CodeCredentials, providers.Refused, "lego:httpreq: present _acme-challenge.example.com.: ", "401", "with ***?")
	fails(t, try("HTTPREQ_ENDPOINT="+s.URL+"/elsewhere", "HTTPREQ_USERNAME=user", "HTTPREQ_PASSWORD=canary-password"),
		providers.CodeService, providers.Failed, "404")
	notFound := httptest.NewServer(nil)
	notFound.Close()
	fails(t, try("HTTPREQ_ENDPOINT="+notFound.URL), providers.CodeUnavailable, providers.Temporary, "refused")
	_, err := host{dir, "nonsense", nil}.open(t)
	fails(t, err, providers.CodeUnknownProvider, providers.Usage, `no DNS service "nonsense"`)
	elsewhere := c
	elsewhere.FQDN = "elsewhere.example.com."
	_, err = host{dir, "httpreq", []string{"HTTPREQ_ENDPOINT=" + s.URL}}.must(t).Present(t.Context(), elsewhere)
	fails(t, err, providers.CodeCNAME, providers.Misconfigured, "_acme-challenge")
}

// startConoHaProxy leads programs whose addresses of ConoHa cannot be set to the fake.
func startConoHaProxy(t testing.TB, fake *conohatest.Service, a conohatest.Account) *proxy {
	t.Helper()
	base := func(url string) string { return strings.TrimSuffix(strings.TrimSuffix(url, "/v2.0"), "/v3") }
	return startProxy(t, map[string]string{
		"identity." + a.Region + ".conoha.io:443":    base(fake.IdentityURL(a.Version)),
		"dns-service." + a.Region + ".conoha.io:443": base(fake.DNSURL(a.Version)),
	})
}

// legoVariables are the variables with which lego logs in.
func legoVariables(a conohatest.Account) []string {
	prefix, user := "CONOHA_", "API_USERNAME="+a.User
	if a.Version == 3 {
		prefix, user = "CONOHAV3_", "API_USER_ID="+a.UserID
	}
	return []string{prefix + "REGION=" + a.Region, prefix + "TENANT_ID=" + a.Tenant, prefix + user, prefix + "API_PASSWORD=" + a.Password}
}

// lego's own providers for ConoHa, unchanged: their addresses cannot be set, so a proxy leads them to the fake.
func TestConoHa(t *testing.T) {
	t.Parallel()
	for version, service := range map[int]string{2: "conoha", 3: "conohav3"} {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			// Of ConoHa's quota for a name lego knows nothing.
			fake, err := conohatest.Start(conohatest.Options{Switches: conohatest.Switches{RecordsPerSet: -1}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = fake.Close() })
			account := fake.AddAccount(conohatest.Account{Version: version})
			fake.AddZone(account.Tenant, "example.com")
			p := startConoHaProxy(t, fake, account)
			h := host{pluginDir(t), service, append(p.environ(), legoVariables(account)...)}
			conformancetest.Run(t, conformancetest.Config{
				Zone: "example.com.",
				Open: func(t testing.TB) providers.Provider { return h.must(t) },
				Records: func(_ testing.TB, fqdn string) (values []string) {
					for _, r := range fake.Records("example.com") {
						if r.Type == "TXT" && providers.CanonicalName(r.Name) == fqdn {
							values = append(values, r.Data)
						}
					}
					return values
				},
				Foreign: func(_ testing.TB, fqdn, value string) func() {
					fake.PutRecord("example.com", fqdn, "TXT", value)
					return func() { fake.DeleteRecord("example.com", fqdn, "TXT", value) }
				},
				NeedsKeyAuth: true,
			})
			account.Password = "canary-wrong"
			wrong := host{h.dir, service, append(p.environ(), legoVariables(account)...)}
			r := request("present", "", "example.com", "1")
			_, err = wrong.must(t).Present(t.Context(), providers.Challenge{Domain: r.Domain, FQDN: r.FQDN, Value: r.Value, Token: r.Token, KeyAuth: r.KeyAuthorization})
			fails(t, err, providers.CodeCredentials, providers.Refused, "failed to log in", "401")
		})
	}
}
