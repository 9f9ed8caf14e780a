package designate

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"wildcard/internal/settings"
	"wildcard/internal/system/wait"
	"wildcard/providers"
	"wildcard/providers/httpclient"
)

const (
	marker      = "c4n4ry/S3cret" // what no error may show
	placeholder = "SECRET"        // stands for it in what the fuzzer makes
)

func wantTold(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	text := err.Error()
	if providers.CodeOf(err) == "" || strings.Contains(text, marker) || len(text) > 2000 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' && r != '…' }) {
		t.Errorf("code %q, text %q", providers.CodeOf(err), text)
	}
}

// FuzzClouds reads clouds.yaml and secure.yaml: a cloud comes out with who logs in and where, or an error that shows nothing of
// the files.
func FuzzClouds(f *testing.F) {
	const whole = "clouds:\n  mine:\n    auth: {auth_url: https://x/v3, username: u, password: SECRET, project_name: d}\n    region_name: R\n"
	const credential = "clouds: {mine: {auth_type: v3applicationcredential, auth: {auth_url: https://x/, application_credential_id: i, application_credential_secret: SECRET}}}"
	for _, text := range []string{
		whole, credential, "", "clouds:", "clouds: []", "clouds: {mine: }", "clouds: {mine: SECRET}", "SECRET: {", "clouds: {mine: {auth: SECRET}}", "clouds: {mine: {auth: {password: [SECRET]}}}", "clouds: {SECRET: {}}",
		"clouds: {mine: {verify: SECRET}}", "clouds: {mine: {profile: x}}", "clouds: &a {mine: *a}", "a: &a [x,x]\nb: &b [*a,*a,*a,*a]\nclouds: {mine: {region_name: *b}}", "clouds:\n  mine:\n    <<: *x\n", "\ufeff" + whole,
		"clouds: {mine: {auth: {<<: {auth_url: https://x/}, password: !!binary U0VDUkVU}}}", "--- x\n--- y", "\x00", "clouds: !!map {mine: !x {}}", "? [a]\n: b", strings.Repeat("[", 500), "clouds: {mine: {auth: {auth_url: \"\\e[2J\"}}}",
	} {
		f.Add(text, "")
		f.Add(text, whole)
		f.Add(credential, text)
	}
	dir := f.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, clouds, secure string) {
		path := filepath.Join(dir, "clouds.yaml")
		for file, text := range map[string]string{path: clouds, filepath.Join(dir, "secure.yaml"): secure} {
			if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, placeholder, marker)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		src := settings.Sources{}
		all, err := readClouds(src, path)
		wantTold(t, err)
		if err != nil {
			return
		}
		c, err := pick(src, all, path, "mine")
		wantTold(t, err)
		if err != nil {
			return
		}
		if c.Auth.URL == "" || c.Auth.CredentialSecret.IsZero() && c.Auth.Password.IsZero() {
			t.Errorf("%+v is not whole", c)
		}
		if c.Auth.Password.Reveal()+c.Auth.CredentialSecret.Reveal() == marker && strings.Contains(fmt.Sprintf("%+v %#v %v", c.Auth.Password, c.Auth.Password, c.Auth.CredentialSecret), marker) {
			t.Error("the secret is shown")
		}
	})
}

// service is an OpenStack that answers every request with the same reply, without a network; logins succeed unless broken is set.
type service struct {
	status int
	header http.Header
	body   string
	broken bool
	calls  int
	other  string // what was asked of another host, or of something else than a record set
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	s.calls++
	if r.URL.Host != "openstack.example" {
		s.other = r.URL.String()
	}
	if path := r.URL.EscapedPath(); (r.Method == http.MethodPut || r.Method == http.MethodDelete) && !changeForm.MatchString(path) {
		s.other = r.Method + " " + path
	}
	status, header, body := s.status, s.header.Clone(), s.body
	if strings.HasSuffix(r.URL.Path, "/auth/tokens") && !s.broken {
		status, header, body = http.StatusCreated, http.Header{"X-Subject-Token": {marker}}, `{"token":{"catalog":[]}}`
	}
	return &http.Response{StatusCode: status, Status: strconv.Itoa(status) + " \x1b[31m", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1, Request: r}, nil
}

var changeForm = regexp.MustCompile(`^/v2/zones/[0-9a-f-]{32,36}/recordsets/[0-9a-fA-F-]{32,36}$`)

// FuzzReplies has Keystone and Designate answer anything, to a login, a list of zones, a look and a change.
func FuzzReplies(f *testing.F) {
	const fqdn, value = "_acme-challenge.example.com.", "AAAA_first_value_43_characters_long_AAAAAAA"
	const id = "0123456789abcdef0123456789abcdef"
	set := `{"id":"` + id + `","name":"` + fqdn + `","type":"TXT","ttl":60,"records":["\"` + value + `\""]}`
	for _, body := range []string{
		`{"recordsets":[` + set + `]}`, `{"recordsets":null}`, `{"recordsets":[]}`, `{"recordsets":[{"id":"../x","name":"` + fqdn + `","type":"TXT","records":["\"other\""]}]}`, set,
		`{"zones":[{"id":"` + id + `","name":"example.com."},{"id":"../x","name":"com."}],"links":{"next":"https://evil.example/"}}`, `{"zones":[{"id":1}]}`, `{"zones":[{"name":"\u001b[2J"}],"links":null}`,
		`{"token":{"catalog":[{"type":"dns","endpoints":[{"interface":"public","region_id":"R","url":"https://evil.example/\u001b"}]}],"expires_at":"x"}}`, `{"token":{"catalog":null}}`, `{"token":[]}`,
		`{"error":{"message":"no SECRET","code":401}}`, `{"type":"duplicate_recordset","message":"\u0053ECRET"}`, "SECRET", `"c4n4ry\/S3cret"`, "null", "[]", "", "{", "\x1b[2J", `{"records":{"a":[{}]}}`,
	} {
		for _, status := range []int{200, 202, 302, 400, 404, 409, 503} {
			f.Add(status, body, "x", false)
		}
		f.Add(201, body, "t SECRET\n", true)
		f.Add(401, body, "", true)
	}
	f.Fuzz(func(t *testing.T, status int, body, subject string, broken bool) {
		s := &service{status: 200 + (status%400+400)%400, body: strings.ReplaceAll(body, placeholder, marker), broken: broken,
			header: http.Header{"X-Subject-Token": {strings.ReplaceAll(subject, placeholder, marker)}, "Location": {"https://evil.example/"}, "Content-Type": {"application/json"}}}
		calls := httpclient.New("designate", "", time.Minute, nil, nil)
		calls.Transport, calls.Pause, calls.MaxPause = s, 1, 1
		calls.Mask.Add(marker)
		a := account{identityURL: "https://openstack.example/v3/", dnsURL: "https://openstack.example/v2/", timeout: time.Minute, ttl: 60, origin: "OS_* from here"}
		a.Auth.Username, a.Auth.Password, a.Auth.ProjectName = "u", settings.NewSecret(marker), "p"
		p := &Provider{session: &session{account: a, http: calls, loggingIn: wait.NewMutex()}, listing: wait.NewMutex()}
		all, err := p.list(t.Context(), false)
		wantTold(t, err)
		for _, z := range all {
			if !idForm.MatchString(z.id) || strings.ContainsAny(z.name, "/%\x1b ") {
				t.Errorf("a zone %q", z)
			}
		}
		for _, want := range []bool{true, false} {
			_, err = p.change(t.Context(), zone{id, "example.com."}, fqdn, quoted(value), want)
			wantTold(t, err)
		}
		if s.other != "" {
			t.Errorf("%s was asked", s.other)
		}
		if s.calls > 20*1000 {
			t.Errorf("%d requests", s.calls)
		}
		a.dnsURL = "" // the catalogue says where
		p.session = &session{account: a, http: calls, loggingIn: wait.NewMutex()}
		got, err := p.session.login(t.Context(), access{})
		wantTold(t, err)
		if err == nil && !strings.HasPrefix(got.dnsURL, "https://") && !strings.HasPrefix(got.dnsURL, "http://") {
			t.Errorf("the service is at %q", got.dnsURL)
		}
	})
}
