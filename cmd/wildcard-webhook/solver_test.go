package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	core "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"

	"wildcard/conoha/conohatest"
	"wildcard/internal/dns01/memory"
	"wildcard/providers/builtin"
)

const (
	value = "RENxyOyo6wOcnVb6Q068C_wcKpPftkWiKmJg_4Pm-sU"
	other = "5L5jutjd_4pDjhPbK4jMohSmA_-yR6Rr7w0xDCXnxx4"
)

// world is an offline ConoHa with an account of each generation, and a cluster that has their Secrets.
type world struct {
	t       *testing.T
	conoha  *conohatest.Service
	cluster *fake.Clientset
	solver  *Solver
	servers string
	caCache int // seconds; 0, since there is no CA that would remember anything
}

func newWorld(t *testing.T) *world {
	t.Helper()
	service, err := conohatest.Start(conohatest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = service.Close() })
	w := &world{t: t, conoha: service, cluster: fake.NewClientset(), servers: strings.Join(service.NameServers(2, 3), ",")}
	for version, zone := range map[int]string{2: "example.com", 3: "example.net"} {
		account := service.AddAccount(conohatest.Account{Version: version})
		service.AddZone(account.Tenant, zone)
		w.secret("issuers", strings.TrimPrefix(zone, "example."), service.Environ(account), "1")
	}
	for _, s := range solvers(builtin.Registry(), offline(), slog.New(slog.DiscardHandler)) {
		if s.Name() == "conoha" {
			w.solver = s.(*Solver)
		}
	}
	w.solver.client, w.solver.stopped = w.cluster, t.Context()
	return w
}

// offline is the environment of a pod whose services are all on this machine.
func offline() []string { return []string{endpointsVariable + "=127.0.0.0/8"} }

// secret makes or replaces the Secret with an account's variables.
func (w *world) secret(namespace, name string, environ []string, version string) {
	w.t.Helper()
	data := map[string][]byte{}
	for _, entry := range environ {
		if variable, text, _ := strings.Cut(entry, "="); strings.HasPrefix(variable, "CONOHA") {
			data[variable] = []byte(text + "\n") // as kubectl create secret --from-file has it
		}
	}
	secret := &core.Secret{ObjectMeta: meta.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(name), ResourceVersion: version}, Data: data}
	_ = w.cluster.Tracker().Delete(core.SchemeGroupVersion.WithResource("secrets"), namespace, name)
	if err := w.cluster.Tracker().Add(secret); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) request(action v1alpha1.ChallengeAction, name, secret, value string) *v1alpha1.ChallengeRequest {
	config, err := json.Marshal(map[string]any{"secretRef": map[string]any{"name": secret}, "resolvers": w.conoha.Resolver(), "nameServers": w.servers, "caCache": w.caCache})
	if err != nil {
		w.t.Fatal(err)
	}
	return &v1alpha1.ChallengeRequest{
		UID: "u", Action: action, Type: "dns-01", DNSName: name, Key: value, ResourceNamespace: "issuers",
		ResolvedFQDN: "_acme-challenge." + name + ".", ResolvedZone: "wrong.example.", Config: &apiextensions.JSON{Raw: config},
	}
}

func (w *world) present(name, secret, value string) error {
	return w.solver.Present(w.request(v1alpha1.ChallengeActionPresent, name, secret, value))
}

func (w *world) cleanUp(name, secret, value string) error {
	return w.solver.CleanUp(w.request(v1alpha1.ChallengeActionCleanUp, name, secret, value))
}

// texts are the values of all TXT records in a zone.
func (w *world) texts(zone string) (values []string) {
	for _, r := range w.conoha.Records(zone) {
		if r.Type == "TXT" {
			values = append(values, r.Data)
		}
	}
	slices.Sort(values)
	return values
}

// A zone that is delegated to others is refused before anything is written, and with the same words each time; what is there is
// deleted all the same.
func TestPresent_DelegatedElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.servers = ""
	w.conoha.Delegate("example.com", "ns1.elsewhere.example", "ns2.elsewhere.example")
	first := w.present("example.com", "com", value)
	if first == nil || !strings.Contains(first.Error(), "ns1.elsewhere.example") || len(w.texts("example.com")) > 0 {
		t.Fatalf("%v, written: %q", first, w.texts("example.com"))
	}
	if second := w.present("example.com", "com", value); second == nil || second.Error() != first.Error() {
		t.Errorf("%v; before: %v", second, first)
	}
	w.conoha.PutRecord("example.com", "_acme-challenge.example.com", "TXT", value)
	if err := w.cleanUp("example.com", "com", value); err != nil || len(w.texts("example.com")) > 0 {
		t.Errorf("%v, left: %q", err, w.texts("example.com"))
	}
}

// Both generations at once, each with the Secret of its Issuer; two values at one name, presented twice; each cleaned up alone
// and twice; what is not ours stays.
func TestSolver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conoha.SetPublicationDelay(200 * time.Millisecond)
	w.conoha.PutRecord("example.com", "_acme-challenge.example.com.", "TXT", "somebody else's")
	var all sync.WaitGroup
	for _, zone := range []string{"com", "net"} {
		for _, v := range []string{value, other} {
			all.Go(func() {
				for range 2 {
					if err := w.present("example."+zone, zone, v); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	all.Wait()
	if got := w.texts("example.net"); !slices.Equal(got, []string{other, value}) {
		t.Errorf("%q", got)
	}
	for _, server := range strings.Split(w.servers, ",") {
		if server == "" {
			t.Error("no name server")
		}
	}
	for range 2 {
		if err := w.cleanUp("example.com", "com", value); err != nil {
			t.Error(err)
		}
	}
	if got := w.texts("example.com"); !slices.Equal(got, []string{other, "somebody else's"}) {
		t.Errorf("%q", got)
	}
	if err := w.cleanUp("example.com", "com", other); err != nil {
		t.Error(err)
	}
	if got := w.texts("example.com"); !slices.Equal(got, []string{"somebody else's"}) {
		t.Errorf("%q", got)
	}
	if calls := w.conoha.Calls(); calls.Logins != 2 || calls.ZoneLists != 2 || calls.Creates != 4 {
		t.Errorf("an account that is open costs a login again: %+v", calls)
	}
}

// A webhook that was killed after Present knows nothing of the record when it starts again.
func TestSolverStartsAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.present("a.example.com", "com", value); err != nil {
		t.Fatal(err)
	}
	again := &Solver{name: "conoha", accounts: newAccounts(builtin.Registry(), offline(), slog.New(slog.DiscardHandler)), memory: memory.Open("", nil), log: slog.New(slog.DiscardHandler)}
	again.client, again.stopped = w.cluster, t.Context()
	w.solver = again
	if err := w.cleanUp("a.example.com", "com", value); err != nil {
		t.Fatal(err)
	}
	if got := w.texts("example.com"); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

// A changed Secret is used at once, and what was opened with the old one is closed.
func TestSecretChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.present("example.com", "com", value); err != nil {
		t.Fatal(err)
	}
	account := w.conoha.AddAccount(conohatest.Account{Version: 2})
	w.conoha.AddZone(account.Tenant, "example.org")
	w.secret("issuers", "com", w.conoha.Environ(account), "2")
	err := w.present("example.com", "com", value)
	if err == nil || !strings.Contains(err.Error(), "the configured accounts list") || strings.Contains(err.Error(), "example.org") {
		t.Errorf("the account that holds no example.com: %v", err)
	}
	if err := w.present("example.org", "com", value); err != nil {
		t.Error(err)
	}
	if n := len(w.solver.accounts.open); n != 1 {
		t.Errorf("%d accounts are open", n)
	}
}

// What is wrong is said in the same words each time, without a secret.
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	environ := w.conoha.Environ(w.conoha.AddAccount(conohatest.Account{Version: 2}))
	for i, entry := range environ {
		if strings.HasPrefix(entry, "CONOHA_API_PASSWORD=") {
			environ[i] = "CONOHA_API_PASSWORD=canary-password"
		}
	}
	w.secret("issuers", "wrong", environ, "1")
	w.secret("issuers", "file", []string{"CONOHA_API_PASSWORD_FILE=/var/run/secrets/kubernetes.io/serviceaccount/token"}, "1")
	config := func(json string) *v1alpha1.ChallengeRequest {
		r := w.request(v1alpha1.ChallengeActionPresent, "example.com", "com", value)
		r.Config = &apiextensions.JSON{Raw: []byte(json)}
		return r
	}
	for want, request := range map[string]*v1alpha1.ChallengeRequest{
		`unknown field "secretref2"`:              config(`{"secretref2": {}}`),
		"another one than the solver":             config(`{"provider": "rfc2136", "secretRef": {"name": "com"}}`),
		"name a Secret in secretRef":              config(`{"provider": "conoha@/etc/x", "secretRef": {"name": "com"}}`),
		`"CONOHA_API_PASSWORD_FILE" names a file`: w.request(v1alpha1.ChallengeActionPresent, "example.com", "file", value),
		`"CONOHA_TENANT_ID_FILE" names a file`:    config(`{"secretRef": {"name": "com"}, "settings": {"CONOHA_TENANT_ID_FILE": "/etc/hostname"}}`),
		"secret issuers/absent":                   w.request(v1alpha1.ChallengeActionPresent, "example.com", "absent", value),
		"CONOHA_TENANT_ID":                        config(`{}`),
		"zone of _acme-challenge.a.b.c":           w.request(v1alpha1.ChallengeActionPresent, "a.b.c", "com", value),
		"log in to":                               w.request(v1alpha1.ChallengeActionPresent, "example.com", "wrong", value),
	} {
		err := w.solver.Present(request)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v, want %q", err, want)
			continue
		}
		if again := w.solver.Present(request); again == nil || again.Error() != err.Error() {
			t.Errorf("%v, then %v", err, again)
		}
	}
	if len(w.texts("example.com"))+len(w.texts("example.net")) > 0 {
		t.Error("a record was made")
	}
	for _, s := range solvers(builtin.Registry(), os.Environ(), nil) {
		if s.Name() == "manual" {
			t.Error("nobody is there to set a record by hand")
		}
	}
}

// An Issuer's author does not choose among all programs of the pod.
func TestPrograms(t *testing.T) {
	t.Parallel()
	environ := []string{"WILDCARD_PLUGIN_DIR=/plugins"}
	for spec, ok := range map[string]bool{
		"example.com=exec:/plugins/script": true, "example.com=exec:/bin/sh": false, "example.com=exec:/plugins/../bin/sh": false,
		"example.com=certbot-hook:/plugins/auth,/usr/lib/wildcard/cleanup": true, "example.com=certbot-hook:/plugins/auth,/bin/cleanup": false,
	} {
		name, _, _ := strings.Cut(strings.TrimPrefix(spec, "example.com="), ":")
		_, err := parseConfig(name, &apiextensions.JSON{Raw: fmt.Appendf(nil, `{"provider": %q}`, spec)}, environ)
		if (err == nil) != ok {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

// What changes from try to try does not stand in an error's text.
func TestSteady(t *testing.T) {
	t.Parallel()
	a := steady("create: 429 slower (a moment ago; not again for 59s) request 2f1c8a34-0000-4000-8000-0123456789ab at 2026-11-25T15:37:45Z")
	b := steady("create: 429 slower (a moment ago; not again for 1.5s) request 3f1c8a34-0000-4000-8000-0123456789ab at 2026-11-25T15:38:45Z")
	if a != b || !strings.Contains(a, "429 slower") {
		t.Errorf("%s\n%s", a, b)
	}
}
