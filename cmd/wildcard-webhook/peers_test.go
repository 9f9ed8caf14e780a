package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"wildcard/conoha/conohatest"
	"wildcard/internal/settings"
	"wildcard/providers/builtin"
)

// with is a request whose Issuer has plain settings of its own, and more.
func (w *world) with(secret string, plain map[string]string, more map[string]any) *v1alpha1.ChallengeRequest {
	r := w.request(v1alpha1.ChallengeActionPresent, "example.com", secret, value)
	config := map[string]any{}
	if err := json.Unmarshal(r.Config.Raw, &config); err != nil {
		w.t.Fatal(err)
	}
	config["settings"] = plain
	for name, value := range more {
		config[name] = value
	}
	raw, err := json.Marshal(config)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Config = &apiextensions.JSON{Raw: raw}
	return r
}

// listener is a server of the Issuer's author, and how often it was asked.
func listener(t *testing.T, reply func(http.ResponseWriter, *http.Request)) (url string, asked *int) {
	t.Helper()
	var mu sync.Mutex
	asked = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		*asked++
		mu.Unlock()
		if reply != nil {
			reply(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

// Who makes an Issuer, and cannot read its Secret, does not have its password sent to a place of his own.
func TestSettings_BelongToTheSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rogue, asked := listener(t, nil)
	for name, want := range map[string]string{
		"CONOHA_IDENTITY_URL": "says where the password goes", "CONOHA_DNS_URL": "says where the password goes",
		"CONOHAV3_IDENTITY_URL": "says where the password goes", "CONOHA_API_PASSWORD": "put it into the Secret",
		"HTTPS_PROXY": "put it into the Secret", "CONOHA_SOMETHING_NEW": "put it into the Secret",
	} {
		err := w.solver.Present(w.with("com", map[string]string{name: rogue + "/v2.0"}, nil))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), rogue) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if *asked > 0 {
		t.Errorf("%d requests", *asked)
	}
	if err := w.solver.Present(w.with("com", map[string]string{"CONOHA_TTL": "120"}, nil)); err != nil {
		t.Errorf("a plain setting: %v", err)
	}
}

// No variable that says where secrets go, of any kind, is a plain setting; and each that is none may be.
func TestSettings_EveryKind(t *testing.T) {
	t.Parallel()
	for name, kind := range builtin.Registry() {
		check := func(variable string, v settings.Variable) {
			c := parsed{Config: Config{Settings: map[string]string{variable: "x"}}}
			if err := refuseSettings(c, kind); (err == nil) != (!v.Peer && !v.Secret) {
				t.Errorf("%s: %s: %v", name, variable, err)
			}
		}
		for _, v := range variablesOf(kind) {
			for _, variable := range append(slices.Clone(v.Aliases), v.Name) {
				check(variable, v)
			}
		}
	}
}

// An Issuer and its Secret lead the pod to no address that is the cluster's alone.
func TestEndpoints_NotListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rogue, asked := listener(t, nil)
	environ := func(url string) []string {
		return []string{"CONOHA_TENANT_ID=t", "CONOHA_API_USERNAME=gncu1", "CONOHA_API_PASSWORD=canary-password", "CONOHA_IDENTITY_URL=" + url}
	}
	solver := &Solver{name: "conoha", accounts: newAccounts(builtin.Registry(), nil, slog.New(slog.DiscardHandler)), memory: w.solver.memory, log: slog.New(slog.DiscardHandler)}
	solver.client, solver.stopped = w.cluster, t.Context()
	for i, url := range []string{rogue + "/v2.0", "https://169.254.169.254/v3", "https://10.96.0.1/v3", "https://kubernetes.default.svc/v3", "https://evil.example/v3",
		"https://conoha.io.evil.example/v3", "https://[fd00::1]/v3"} {
		w.secret("issuers", "rogue", environ(url), string(rune('a'+i)))
		r := w.request(v1alpha1.ChallengeActionPresent, "example.com", "rogue", value)
		r.Config = &apiextensions.JSON{Raw: []byte(`{"secretRef": {"name": "rogue"}}`)}
		if err := solver.Present(r); err == nil || !strings.Contains(err.Error(), "not one that Issuers may name") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", url, err)
		}
	}
	w.secret("issuers", "rogue", environ("https://identity.tyo1.conoha.io/v2.0"), "own")
	for field, servers := range map[string]string{"resolvers": "10.96.0.10", "nameServers": "127.0.0.1:53"} {
		r := w.request(v1alpha1.ChallengeActionPresent, "example.com", "rogue", value)
		r.Config = &apiextensions.JSON{Raw: []byte(`{"secretRef": {"name": "rogue"}, "` + field + `": "` + servers + `"}`)}
		if err := solver.Present(r); err == nil || !strings.Contains(err.Error(), field) || !strings.Contains(err.Error(), "not one that Issuers may name") {
			t.Errorf("%s: %v", field, err)
		}
	}
	if *asked > 0 {
		t.Errorf("%d requests", *asked)
	}
}

// What is decided is the address that is connected to, whatever name led there.
func TestEndpoints_Dial(t *testing.T) {
	t.Parallel()
	rogue, _ := listener(t, nil)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(rogue, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		listed, host string
		ok           bool
	}{
		{"", "localhost", false}, {"", "127.0.0.1", false}, {"", "::ffff:127.0.0.1", false}, {"10.0.0.0/8 example.com", "127.0.0.1", false},
		{"127.0.0.0/8", "localhost", true}, {"127.0.0.1", "127.0.0.1", true}, {"localhost", "LOCALHOST.", true}, {"keystone.example, localhost", "localhost", true},
	} {
		e, err := parseEndpoints(test.listed)
		if err != nil {
			t.Error(test.listed, err)
			continue
		}
		conn, err := e.dial(context.Background(), "tcp", net.JoinHostPort(strings.TrimSuffix(test.host, "."), port))
		if err == nil {
			_ = conn.Close()
		}
		if (err == nil) != test.ok {
			t.Errorf("%q, %s: %v", test.listed, test.host, err)
		}
	}
	for _, bad := range []string{"http://x.example", "10.0.0.0/33", "a b_c!", "*.example.com", "0.0.0.0/0", "::/0"} {
		if _, err := parseEndpoints(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// What answers at an address that the Issuer's author has chosen does not have its words shown to him: they stand in the log.
func TestStatus_WordsOfPeers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const words = "the-node-says-hello"
	for i, reply := range []func(http.ResponseWriter, *http.Request){
		func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(http.StatusUnauthorized)
			_, _ = rw.Write([]byte(`{"error": {"message": "` + words + `"}}`))
		},
		func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, words, http.StatusBadRequest) },
		func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			_, _ = rw.Write([]byte(`{"access": {"token": {"id": "t", "expires": "2100-01-01T00:00:00Z"}}, "domains": [{"name": "` + words + `"}]}`))
		},
		func(rw http.ResponseWriter, _ *http.Request) { // no HTTP at all: the library quotes the line
			conn, _, err := rw.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = conn.Write([]byte("SSH-2.0-" + words + "\r\n\r\n"))
				_ = conn.Close()
			}
		},
	} {
		url, _ := listener(t, reply)
		w.secret("issuers", "told", []string{"CONOHA_TENANT_ID=t", "CONOHA_API_USERNAME=gncu1", "CONOHA_API_PASSWORD=p",
			"CONOHA_IDENTITY_URL=" + url + "/v2.0", "CONOHA_DNS_URL=" + url}, string(rune('a'+i)))
		var log bytes.Buffer
		w.solver.log = slog.New(slog.NewTextHandler(&log, nil))
		err := w.present("example.com", "told", value)
		if err == nil || strings.Contains(err.Error(), words) {
			t.Errorf("%d: %v", i, err)
		}
		if i < 2 && !strings.Contains(log.String(), words) {
			t.Errorf("%d: the log says %s", i, log.String())
		}
	}
}

// One namespace's calls do not take the place of all others'.
func TestCalls_OfOneNamespace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range mostCalls {
		if !w.solver.calls.begin("issuers") {
			t.Fatal("there is room")
		}
	}
	err := w.present("example.com", "com", value)
	if err == nil || !strings.Contains(err.Error(), "are being worked on") {
		t.Error(err)
	}
	if !w.solver.calls.begin("another") {
		t.Error("another namespace waits for it")
	}
	w.solver.calls.end("issuers")
	if err := w.present("example.com", "com", value); err != nil {
		t.Error(err)
	}
}

// A namespace that makes one Issuer after the other does not close what others use.
func TestAccounts_OfOneNamespace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	environ := w.conoha.Environ(w.conoha.AddAccount(conohatest.Account{Version: 2}))
	w.secret("quiet", "com", environ, "1")
	use := func(namespace, name string) {
		w.secret(namespace, name, environ, "1")
		c, err := parseConfig("conoha", &apiextensions.JSON{Raw: []byte(`{"secretRef": {"name": "` + name + `"}}`)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		secret, err := w.solver.secret(t.Context(), w.cluster, c, namespace)
		if err != nil {
			t.Fatal(err)
		}
		_, done, err := w.solver.accounts.use(c, namespace, secret)
		if err != nil {
			t.Fatal(err)
		}
		done()
	}
	use("quiet", "com")
	for i := range mostOpen + 10 {
		use("loud", "s"+strings.Repeat("x", i))
	}
	if open := w.solver.accounts.open; len(open) != mostOpenOfOne+1 || open[0].owner != "quiet" {
		t.Errorf("%d are open, the first is of %s", len(open), open[0].owner)
	}
}
