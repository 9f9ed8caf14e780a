package conoha

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"wildcard/internal/settings"
	"wildcard/providers"
)

const (
	marker      = "c4n4ry/S3cret" // what no error may show
	placeholder = "SECRET"        // stands for it in what the fuzzer makes
)

// service answers every request with the same reply, without a network.
type service struct {
	status int
	header http.Header
	body   string
	calls  int
	last   *http.Request
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	s.calls++
	s.last = r
	return &http.Response{
		StatusCode: s.status, Status: strconv.Itoa(s.status) + " \x1b[31m", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: s.header.Clone(), Body: io.NopCloser(strings.NewReader(s.body)), ContentLength: -1, Request: r,
	}, nil
}

// fuzzed is a client of Ver.3.0, or 2.0, with that service.
func fuzzed(s *service, paged bool) *client {
	c := newTestClient(s, marker+"-%d")
	c.paged = paged
	c.http.Mask.Add(marker)
	return c
}

// wantTold checks that an error can be shown: with a code, on one short line, and without a secret.
func wantTold(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	text := err.Error()
	if providers.CodeOf(err) == "" {
		t.Errorf("no code: %v", err)
	}
	if strings.Contains(text, marker) {
		t.Errorf("the secret is shown: %s", text)
	}
	if len(text) > 2000 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' && r != '…' }) {
		t.Errorf("not one short printable line: %q", text)
	}
}

// FuzzReplies has every call of the DNS API answered by one reply. Whatever it is: no request goes beyond the number of
// repetitions or to another path than those of the API, ids are UUIDs, and errors can be shown.
func FuzzReplies(f *testing.F) {
	const fqdn, value = "_acme-challenge.example.com.", "AAAA_first_value_43_characters_long_AAAAAAA"
	zone := uuid(1)
	record := `{"uuid":"` + uuid(2) + `","name":"` + fqdn + `","type":"TXT","data":"` + value + `"}`
	for _, body := range []string{
		`{"records":[` + record + `],"total_count":1}`, `{"records":[` + record + `],"total_count":"9"}`, `{"records":null}`, `{"records":[]}`,
		`{"domains":[{"id":"` + zone + `","name":"example.com."}]}`, `{"domains":[{"uuid":"","id":"../x","name":"SECRET\n."}],"total_count":-1}`,
		record, strings.Replace(record, `"TXT"`, `"txt"`, 1), strings.Replace(record, uuid(2), "../../v1/domains", 1),
		`{"message":"no SECRET"}`, `{"error":{"message":"\u0053ECRET"}}`, `{"type":"duplicate_record","code":409}`, `SECRET`, `"c4n4ry\/S3cret"`, "\x1b[2J", "null", "[]", "", "{",
	} {
		for _, status := range []int{200, 201, 400, 409, 503} {
			f.Add(status, body, "1", true)
		}
		f.Add(401, body, "Fri, 31 Dec 9999 23:59:59 GMT", false)
		f.Add(302, body, "-1", false)
	}
	f.Fuzz(func(t *testing.T, status int, body, after string, paged bool) {
		s := &service{status: 200 + (status%400+400)%400, body: strings.ReplaceAll(body, placeholder, marker), header: http.Header{"Retry-After": {after}, "Location": {"https://evil.example/" + marker}}}
		c := fuzzed(s, paged)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, call := range []func() (ids []string, err error){
			func() ([]string, error) { return c.find(ctx, zone, fqdn, value) },
			func() ([]string, error) {
				id, err := c.create(ctx, zone, fqdn, value, 60, true)
				if err != nil {
					return nil, err
				}
				return []string{id}, nil
			},
			func() ([]string, error) {
				z := &zones{flight: newSingleFlight(), client: c, store: c.session.store, lockWait: time.Second, now: time.Now}
				list, err := z.get(ctx, false)
				wantTold(t, err)
				for _, name := range list.names() {
					if !zoneForm.MatchString(name) {
						t.Errorf("a zone %q", name)
					}
				}
				_, _, err = z.holding(ctx, fqdn, "")
				return nil, err
			},
		} {
			s.calls = 0
			ids, err := call()
			wantTold(t, err)
			for _, id := range ids {
				if !uuidForm.MatchString(id) {
					t.Errorf("an id %q", id)
				}
			}
			if s.calls > 100 || s.calls == 0 {
				t.Errorf("%d requests", s.calls)
			}
			if host := s.last.URL.Host; host != "dns.example" {
				t.Errorf("a request to %s", host)
			}
		}
	})
}

// FuzzLogin has Keystone answer anything: a token comes out that can stand in a header, or an error that can be shown.
func FuzzLogin(f *testing.F) {
	for _, body := range []string{
		`{"access":{"token":{"id":"0123456789abcdef","expires":"2038-01-01T00:00:00Z"}}}`, `{"access":{"token":{"id":"x\ny","expires":"2038-01-01T00:00:00"}}}`,
		`{"token":{"expires_at":"2038-01-01T00:00:00.000000Z"}}`, `{"token":{"expires_at":"0001-01-01T00:00:00Z"}}`, `{"error":{"message":"SECRET is wrong","code":401}}`,
		`{"unauthorized":{"message":"\u0053ECRET"}}`, "SECRET", "null", "", "{", `{"access":null}`,
	} {
		for _, version := range []int{2, 3} {
			f.Add(200, version, body, "0123456789abcdef", "Wed, 25 Nov 2026 17:00:00 GMT")
			f.Add(401, version, body, "", "")
			f.Add(503, version, body, "SECRET", "x")
			f.Add(301, version, body, "a b", "Fri, 31 Dec 9999 23:59:59 GMT")
		}
	}
	f.Fuzz(func(t *testing.T, status, version int, body, subject, date string) {
		s := &service{status: 200 + (status%400+400)%400, body: strings.ReplaceAll(body, placeholder, marker),
			header: http.Header{"X-Subject-Token": {subject}, "Date": {date}, "Location": {"https://evil.example/"}, "Retry-After": {date}}}
		a := account{generation: ver2(), identityURL: "https://identity.example/v2.0", tenant: "t", user: "u", password: settings.NewSecret(marker)}
		if version == 3 {
			a.generation, a.identityURL, a.userIsID = ver3(), "https://identity.example/v3", true
		}
		i := &identity{account: a, http: fuzzed(s, false).http, now: time.Now}
		got, err := i.login(t.Context())
		wantTold(t, err)
		if err == nil && (!tokenForm.MatchString(got.value) || !got.until.After(time.Now().Add(-time.Minute))) {
			t.Errorf("a token %q until %v", got.value, got.until)
		}
		if s.calls > loginTries || s.last.URL.Host != "identity.example" {
			t.Errorf("%d requests, the last to %s", s.calls, s.last.URL)
		}
	})
}

// FuzzHandle reads handles: those that are taken apart are put together again the same, and can stand in a path.
func FuzzHandle(f *testing.F) {
	for _, h := range []string{"", "/", uuid(1) + "/" + uuid(2), uuid(1) + "/", uuid(1) + "/" + uuid(2) + "/" + uuid(3), "../" + uuid(1), uuid(1) + "/" + uuid(2) + "\n"} {
		f.Add(h)
	}
	f.Fuzz(func(t *testing.T, h string) {
		zone, record, ok := parseHandle(providers.Handle(h))
		if ok && (string(handle(zone, record)) != h || strings.Trim(zone+record, "0123456789abcdefABCDEF-") != "") {
			t.Errorf("%q is taken apart as %q and %q", h, zone, record)
		}
	})
}
