package acmedns

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/providers"
	"wildcard/providers/acmedns/acmednstest"
)

// What is registered stays registered: the second call, of another process, finds the first one's account.
func TestRegistration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if name, err := w.open().CNAMETarget(t.Context(), "example.com", false); name != "" || err != nil || len(w.Requests()) > 0 {
		t.Errorf("%q, %v, %q", name, err, w.Requests())
	}
	var all sync.WaitGroup
	names := make([]string, 8)
	for i := range names {
		all.Go(func() { names[i] = w.register("example.com") })
	}
	all.Wait()
	if distinct := slices.Compact(slices.Sorted(slices.Values(names))); len(distinct) != 1 || !slices.Equal(distinct, w.Names()) {
		t.Errorf("%q, registered are %q", names, w.Names())
	}
	if name, err := w.open().CNAMETarget(t.Context(), "example.com", false); name != names[0] || err != nil {
		t.Errorf("%q, %v", name, err)
	}
	other := w.register("www.example.com")
	zones, err := w.open().Zones(t.Context(), false)
	if err != nil || !slices.Equal(zones, slices.Sorted(slices.Values([]string{names[0], other}))) {
		t.Errorf("zones %q, %v", zones, err)
	}
	info, err := os.Stat(w.accounts())
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if left, err := filepath.Glob(filepath.Dir(w.accounts()) + "/.*"); err != nil || len(left) > 0 {
		t.Errorf("left: %q %v", left, err)
	}
}

// The file is shared with lego and certbot's hook: what they wrote stays, and counts.
func TestSharedFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register("registered.example.com")
	text, err := os.ReadFile(w.accounts())
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]map[string]any
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	ours := file["registered.example.com"]
	delete(ours, "server_url") // as acme-dns-auth.py has it, with a member of its own
	ours["allowfrom"] = []any{}
	file["Example.NET"] = map[string]any{
		"fulldomain": "d1.other.example", "subdomain": "d1", "username": "u", "password": "p", "server_url": "https://other.example",
	}
	file["broken.example.com"] = map[string]any{"fulldomain": "x"}
	text, err = json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.dir, "lego.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(w.dir, "link.json")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	p := w.open("ACME_DNS_STORAGE_PATH=" + link)
	zones, err := p.Zones(t.Context(), true)
	if err != nil || !slices.Equal(zones, w.Names()) {
		t.Errorf("zones %q, %v, want %q", zones, err, w.Names())
	}
	if _, err := p.Present(t.Context(), challenge(zones[0], 1)); err != nil {
		t.Error(err)
	}
	if _, err := p.CNAMETarget(t.Context(), "new.example.com", true); err != nil {
		t.Fatal(err)
	}
	var after map[string]map[string]any
	if text, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &after); err != nil {
		t.Fatal(err)
	}
	if len(after) != 4 || fmt.Sprint(after["Example.NET"]) != fmt.Sprint(file["Example.NET"]) ||
		fmt.Sprint(after["registered.example.com"]) != fmt.Sprint(ours) || after["new.example.com"]["server_url"] != w.URL() {
		t.Errorf("%v", after)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v %v", info, err)
	}
	// An entry that is there and cannot be used is not written over.
	_, err = p.CNAMETarget(t.Context(), "broken.example.com", true)
	w.fails(err, providers.CodeBadSettings, providers.Misconfigured, "broken.example.com")
}

func TestDamagedFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register("example.com")
	if err := os.Chmod(w.accounts(), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := w.open().Zones(t.Context(), false)
	w.fails(err, providers.CodeUnsafeFile, providers.Misconfigured, "chmod 600")
	if err := os.Remove(w.accounts()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.accounts(), []byte(`{"example.com": {"password": "`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = w.open().CNAMETarget(t.Context(), "example.com", true)
	w.fails(err, providers.CodeBadSettings, providers.Misconfigured, "accounts.json")
	deep := filepath.Join(filepath.Dir(w.accounts()), strings.Repeat("d", 100), "accounts.json") // a path is shown whole
	if err := os.Mkdir(filepath.Dir(deep), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(w.accounts(), deep); err != nil {
		t.Fatal(err)
	}
	_, err = w.open("ACME_DNS_STORAGE_PATH="+deep).CNAMETarget(t.Context(), "example.com", true)
	w.fails(err, providers.CodeBadSettings, providers.Misconfigured, deep)
	if n := len(w.Names()); n != 1 {
		t.Errorf("%d registrations", n)
	}
}

// Nothing is registered that cannot be saved.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := os.WriteFile(filepath.Join(w.dir, "etc"), nil, 0o600); err != nil { // also for root
		t.Fatal(err)
	}
	_, err := w.open("ACME_DNS_STORAGE_PATH="+filepath.Join(w.dir, "etc", "x", "a.json")).CNAMETarget(t.Context(), "example.com", true)
	if err == nil || len(w.Requests()) > 0 {
		t.Errorf("%v, %q", err, w.Requests())
	}
}

// One account in variables, as acme.sh has it.
func TestVariables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := w.register("example.com")
	text, err := os.ReadFile(w.accounts())
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]entry
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	e := file["example.com"]
	three := []string{"ACMEDNS_USERNAME=" + e.Username, "ACMEDNS_PASSWORD=" + e.Password, "ACMEDNS_SUBDOMAIN=" + e.Subdomain}
	w.environ = []string{"ACMEDNS_BASE_URL=" + w.URL() + "/"}
	p := w.open(append(three, "ACMEDNS_FULLDOMAIN="+e.FullDomain)...)
	if alias, err := p.CNAMETarget(t.Context(), "anything.example.net", true); err != nil || alias != name {
		t.Errorf("%s, %v, want %s", alias, err, name)
	}
	if _, err := p.Present(t.Context(), challenge(name, 1)); err != nil || len(w.Texts(name)) != 1 {
		t.Errorf("%v, %q", err, w.Texts(name))
	}
	for missing := range three {
		_, err := w.tryOpen("acmedns", slices.Delete(slices.Clone(three), missing, missing+1)...)
		lacks, _, _ := strings.Cut(three[missing], "=")
		w.fails(err, providers.CodeMissing, providers.Misconfigured, "lacks "+lacks)
	}
	_, err = w.tryOpen("acmedns", three...) // SUBDOMAIN.127.0.0.1
	w.fails(err, providers.CodeBadSettings, providers.Misconfigured, "ACMEDNS_FULLDOMAIN")
	_, err = w.tryOpen("acmedns", append(three, "ACMEDNS_FULLDOMAIN=www.example.com")...)
	w.fails(err, providers.CodeBadSettings, providers.Misconfigured, "does not begin with the subdomain")
	_, err = w.tryOpen("acmedns", append(three, "ACMEDNS_FULLDOMAIN="+name, "ACME_DNS_STORAGE_PATH=/x")...)
	w.fails(err, providers.CodeBadSettings, providers.Misconfigured, "remove one")
}

func TestSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for setting, words := range map[string]string{
		"ACME_DNS_API_BASE=http://192.0.2.1":    "in the open",
		"ACME_DNS_API_BASE=auth.example.org":    "not a URL",
		"ACME_DNS_API_BASE=https://u:p@x.org":   "no user name",
		"ACME_DNS_STORAGE_PATH=relative.json":   "absolute",
		"ACME_DNS_ALLOWLIST=192.0.2.0/24,all":   "not a network",
		"ACMEDNS_HTTP_TIMEOUT=soon":             "ACMEDNS_HTTP_TIMEOUT",
		"ACMEDNS_PROPAGATION_TIMEOUT=100000000": "ACMEDNS_PROPAGATION_TIMEOUT",
	} {
		_, err := w.tryOpen("acmedns", setting)
		w.fails(err, providers.CodeBadSettings, providers.Misconfigured, words)
	}
	_, err := w.tryOpen("acmedns:x")
	w.fails(err, providers.CodeBadSpec, providers.Usage)
	w.environ = nil
	_, err = w.tryOpen("acmedns")
	w.fails(err, providers.CodeMissing, providers.Misconfigured, "ACME_DNS_API_BASE")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault acmednstest.Fault
		code  string
		class providers.Class
		words string
	}{
		"unknown":   {acmednstest.Fault{Status: 401, Body: `{"error":"forbidden"}`}, providers.CodeCredentials, providers.Refused, "allowfrom"},
		"bad":       {acmednstest.Fault{Status: 400, Body: `{"error":"bad_txt"}`}, providers.CodeService, providers.Failed, "400 bad_txt"},
		"elsewhere": {acmednstest.Fault{Status: 404}, providers.CodeBadSettings, providers.Misconfigured, "ACME_DNS_API_BASE"},
		"redirect":  {acmednstest.Fault{Status: 302, Header: http.Header{"Location": {"http://127.0.0.1:1/"}}}, providers.CodeBadSettings, providers.Misconfigured, "redirect"},
		"busy":      {acmednstest.Fault{Status: 500, Body: `{"error":"db_error"}`}, providers.CodeUnavailable, providers.Temporary, "500 db_error"},
		"HTML":      {acmednstest.Fault{Status: 200, Body: "<html>welcome"}, providers.CodeService, providers.Failed, "not of this API"},
		"large":     {acmednstest.Fault{Status: 200, Body: strings.Repeat("x", maxBody+1)}, providers.CodeService, providers.Failed, "too large"},
		"gone":      {acmednstest.Fault{Status: 1, Drop: true}, providers.CodeUnavailable, providers.Temporary, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			fqdn := w.register("example.com")
			p := w.open()
			w.Meet(func(string) *acmednstest.Fault { return &c.fault })
			_, err := p.Present(t.Context(), challenge(fqdn, 1))
			w.fails(err, c.code, c.class, "acmedns: update TXT "+fqdn, c.words)
			w.Meet(nil)
			if _, err := p.Present(t.Context(), challenge(fqdn, 1)); err != nil || !slices.Contains(w.Texts(fqdn), challenge(fqdn, 1).Value) {
				t.Errorf("afterwards: %v, %q", err, w.Texts(fqdn))
			}
		})
	}
}

func TestRegistrationRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.CloseRegistration()
	_, err := w.open().CNAMETarget(t.Context(), "example.com", true)
	w.fails(err, providers.CodeBadSettings, providers.Misconfigured, "acmedns: register at "+w.URL(), "disable_registration")
	if _, err := os.Stat(w.accounts()); err == nil {
		t.Error("there is a file")
	}
}

// The allow list goes with new accounts.
func TestAllowList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.environ = append(w.environ, "ACME_DNS_ALLOWLIST=192.0.2.0/24, 2001:db8::/32")
	fqdn := w.register("example.com")
	_, err := w.open().Present(t.Context(), challenge(fqdn, 1))
	w.fails(err, providers.CodeCredentials, providers.Refused, "allowfrom")
}

// A call that its caller gives up leaves at once, also while the server hangs.
func TestPresent_CallerGivesUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fqdn := w.register("example.com")
	hang := make(chan struct{})
	defer close(hang)
	w.Meet(func(string) *acmednstest.Fault { return &acmednstest.Fault{Hang: hang} })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := w.open().Present(ctx, challenge(fqdn, 1))
	w.fails(err, providers.CodeUnavailable, providers.Temporary)
}

// An entry that does not say which server its account is of belongs to the server that is named beside the file: its password is not
// sent to one that only the environment names.
func TestFile_ServerOfEnvironment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := w.register("example.com")
	text, err := os.ReadFile(w.accounts())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.accounts(), []byte(strings.ReplaceAll(string(text), "server_url", "another_member")), 0o600); err != nil {
		t.Fatal(err)
	}
	if zones, err := w.open().Zones(t.Context(), false); len(zones) > 0 || err != nil {
		t.Errorf("%q, %v", zones, err)
	}
	// The advice is to write it, and not to throw away what holds the only copy of a password.
	_, err = w.open().CNAMETarget(t.Context(), "example.com", true)
	w.fails(err, providers.CodeBadSettings, providers.Misconfigured)
	_, advised, _ := strings.Cut(err.Error(), "write into it ")
	if !strings.HasPrefix(advised, `"server_url": "http`) || strings.Contains(err.Error(), "remove") {
		t.Fatal(err)
	}
	mended := strings.Replace(string(text), `"server_url"`, `"another_member"`, 1)
	mended = strings.Replace(mended, `"another_member"`, advised+`,"another_member"`, 1)
	if err := os.WriteFile(w.accounts(), []byte(mended), 0o600); err != nil {
		t.Fatal(err)
	}
	if zones, err := w.open().Zones(t.Context(), false); !slices.Equal(zones, []string{name}) || err != nil {
		t.Errorf("after what was advised: %q, %v", zones, err)
	}
	named := w.open("ACME_DNS_STORAGE_PATH=" + w.accounts())
	if zones, err := named.Zones(t.Context(), false); !slices.Equal(zones, []string{name}) || err != nil {
		t.Errorf("%q, %v", zones, err)
	}
}
