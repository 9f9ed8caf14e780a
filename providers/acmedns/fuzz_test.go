package acmedns

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"wildcard/internal/settings"
	"wildcard/internal/system/filelock"
	"wildcard/providers"
)

const (
	marker      = "c4n4ry/S3cret" // what no error may show
	placeholder = "SECRET"        // stands for it in what the fuzzer makes
	ours        = "https://acme-dns.example"
)

func wantTold(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	text := err.Error()
	if providers.CodeOf(err) == "" || strings.Contains(text, marker) || len(text) > 1000 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' && r != '…' }) {
		t.Errorf("code %q, text %q", providers.CodeOf(err), text)
	}
}

// FuzzStorage reads files with accounts and adds one. What stood there stays, to the letter, and nothing of it is shown.
func FuzzStorage(f *testing.F) {
	account := `{"fulldomain":"a.auth.example.","subdomain":"a","username":"u","password":"SECRET","server_url":"` + ours + `/"}`
	for _, text := range []string{
		"{}", "", "null", "[]", "{", `{"example.org":` + account + `}`, `{"EXAMPLE.com.":` + account + `,"example.net":{"x":[1,2e99,"SECRET"]},"z":null}`, `{"example.com":null}`, `{"example.com":` + account + `}`,
		`{"example.com":{"password":"SECRET"}}`, `{"a":1,"a":2}`, `{"example.org":"SECRET"}`, `{"x":` + strings.Replace(account, `"u"`, `"u\r\nX-Api-Key: SECRET"`, 1) + `}`, strings.Replace("{\"é\":ACC}", "ACC", account, 1), "SECRET",
	} {
		f.Add(text)
	}
	dir := f.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ReplaceAll(text, placeholder, marker)
		path := filepath.Join(dir, "accounts.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := &storage{path: path, server: ours, sources: settings.Sources{}, locks: filelock.New(filepath.Join(dir, "run"), "acmedns")}
		before, all, err := s.read()
		wantTold(t, err)
		if err != nil {
			return
		}
		for _, r := range before {
			if bad := r.check(); bad != nil {
				t.Errorf("%q: %v", r.name, bad)
			}
		}
		asked := false
		got, err := s.obtain(t.Context(), "example.com", func() (entry, error) {
			asked = true
			return entry{FullDomain: "b.auth.example", Subdomain: "b", Username: "v", Password: marker}, nil
		})
		wantTold(t, err)
		if err != nil {
			if written, _ := os.ReadFile(path); string(written) != text {
				t.Errorf("a failure changed the file to %q", written)
			}
			return
		}
		if had, ok := before["example.com"]; asked == ok || ok && had != got {
			t.Errorf("had %v, got %v, asked %v", ok, got.name, asked)
		}
		after, kept, err := s.read()
		if err != nil {
			t.Fatal(err)
		}
		if after["example.com"] != got {
			t.Errorf("the account is not read back")
		}
		for domain, raw := range all {
			if !sameJSON(raw, kept[domain]) {
				t.Errorf("%q became %q", raw, kept[domain])
			}
		}
		if asked && len(kept) != len(all)+1 {
			t.Errorf("%d entries became %d", len(all), len(kept))
		}
	})
}

// sameJSON reports whether two texts differ in white space only.
func sameJSON(a, b json.RawMessage) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// service answers every request with the same reply, without a network.
type service struct {
	status int
	body   string
}

func (s service) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "acme-dns.example" {
		return nil, errors.New("a request to " + r.URL.Host)
	}
	return &http.Response{StatusCode: s.status, Status: strconv.Itoa(s.status), Header: http.Header{"Location": {"https://evil.example/"}},
		Body: io.NopCloser(strings.NewReader(s.body)), ContentLength: -1, Request: r}, nil
}

// FuzzReplies has the server answer anything to a registration and to an update.
func FuzzReplies(f *testing.F) {
	const value = "AAAA_first_value_43_characters_long_AAAAAAA"
	for _, body := range []string{
		`{"txt":"` + value + `"}`, `{"fulldomain":"a.auth.example","subdomain":"a","username":"u","password":"SECRET"}`, `{"error":"bad_txt SECRET"}`, `{"error":"\u0053ECRET"}`, "SECRET", "null", "[]", "", "{", "\x1b[2J",
		`{"fulldomain":"a.auth.example","subdomain":"a","username":"u\r\n","password":"é"}`,
	} {
		for _, status := range []int{200, 201, 301, 400, 401, 404, 502, 503} {
			f.Add(status, body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		s := service{200 + (status%400+400)%400, strings.ReplaceAll(body, placeholder, marker)}
		c := newClient(account{base: ours, timeout: time.Minute}, Options{}, nil)
		c.http.Transport = s
		r := registration{name: "a.auth.example.", subdomain: "a", username: "u", password: settings.NewSecret(marker)}
		err := c.update(t.Context(), r, value)
		wantTold(t, err)
		var said struct{ TXT string }
		if err == nil && (s.status != http.StatusOK || json.Unmarshal([]byte(s.body), &said) != nil || said.TXT != value) {
			t.Errorf("%d %q is taken for an update", s.status, s.body)
		}
		e, err := c.register(t.Context())
		wantTold(t, err)
		if err != nil {
			return
		}
		if r, err := e.registration(); err == nil {
			again, err := json.Marshal(e)
			var read entry
			if err != nil || json.Unmarshal(again, &read) != nil || read != e {
				t.Errorf("%s of %v is not read back: %v", again, r.name, err)
			}
		}
	})
}
