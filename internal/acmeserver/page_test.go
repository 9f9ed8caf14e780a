package acmeserver_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"wildcard/internal/acmeserver"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
)

// page asks for the page, as a browser does.
func (w *world) page(host, url, language string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, url, nil)
	r.Host = host
	r.Header.Set("Accept-Language", language)
	got := httptest.NewRecorder()
	acmeserver.Status(w.server).ServeHTTP(got, r)
	return got
}

// shownWorld has something in each table of the page.
func shownWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	m := w.client("web1", "web1.example.com", "*.web1.example.com")
	m.certificate(newKey(t), "web1.example.com", "*.web1.example.com")
	m.certificate(newKey(t), "web1.example.com", "*.web1.example.com") // of which the page has the newest
	if _, _, err := w.clients.Add("lab", acmeserver.Policy{Names: []string{".lab.example.com"},
		From: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	w.up.mu.Lock()
	w.up.onProve = func(context.Context, acmeserver.Wanted) error {
		return fault.Errorf(issuance.CodeRateLimited, fault.Temporary, "acme: %w", &issuance.Problem{Type: "rateLimited",
			Detail: `too many certificates (50) already issued for "example.net" <b>`, RetryAfter: time.Now().Add(time.Hour)})
	}
	w.up.mu.Unlock()
	limited := w.client("web2", "web2.example.net").order("web2.example.net")
	for w.clientsOrder(limited) == "ready" && t.Context().Err() == nil {
		runtime.Gosched()
	}
	w.up.mu.Lock()
	w.up.onProve = nil
	w.up.mu.Unlock()
	m.order("web1.example.com")
	m.http = &http.Client{Transport: agent{m.http.Transport, "<script>alert(1)</script>\u202e"}}
	m.order("<script>.example.com")
	m.order("other.example.com")
	return w
}

// clientsOrder is the status of an order, as the audit has it.
func (w *world) clientsOrder(got answer) string {
	id := got.header.Get("Location")[strings.LastIndex(got.header.Get("Location"), "/")+1:]
	for line := range strings.Lines(w.audit.String()) {
		if strings.Contains(line, id) && strings.Contains(line, "order.failed") {
			return "invalid"
		}
	}
	return "ready"
}

// agent is a client program with a name of its own.
type agent struct {
	http.RoundTripper

	name string
}

func (a agent) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("User-Agent", a.name)
	return a.RoundTripper.RoundTrip(r)
}

// TestPage_Shows has clients, certificates with their days, what is under way, limits and refusals on the page, in both languages, with
// what peers said as text.
func TestPage_Shows(t *testing.T) {
	t.Parallel()
	w := shownWorld(t)
	for _, c := range []struct {
		url, language string
		texts         []string
	}{
		{"/", "de, en;q=0.5", []string{`lang="en"`, "Certificates for other machines", "days left", "web1.example.com", ".lab.example.com", "192.0.2.0/24",
			"89, until ", "the machine has not sent its CSR yet", "already issued for &#34;example.net&#34; &lt;b&gt;",
			"rejectedIdentifier: the client web1 may not have other.example.com", "&lt;script&gt;alert(1)"}},
		{"/", "ja-JP,ja;q=0.9,en;q=0.8", []string{`lang="ja"`, "残り日数", "最近の拒否"}},
		{"/?lang=ja", "en", []string{`lang="ja"`, "処理中"}},
		{"/?lang=en", "ja", []string{`lang="en"`}},
	} {
		got := w.page("127.0.0.1:8480", c.url, c.language)
		text := got.Body.String()
		for _, want := range c.texts {
			if !strings.Contains(text, want) {
				t.Errorf("%s %s: nowhere %s", c.url, c.language, want)
			}
		}
		for _, no := range []string{"<script", "src=", "url(", "<link", "@import", "\u202e"} {
			if strings.Contains(text, no) {
				t.Errorf("%s: %s", c.url, no)
			}
		}
		if strings.Count(text, "<td>*.web1.example.com web1.example.com</td>") != 1 {
			t.Error("a certificate that has a successor")
		}
		if !strings.HasPrefix(got.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Error(got.Header())
		}
	}
}

// TestPage_ForThisMachine answers at loopback addresses alone, by whatever name a browser was led here.
func TestPage_ForThisMachine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for host, status := range map[string]int{"127.0.0.1:8480": 200, "localhost": 200, "[::1]:8480": 200, "127.9.9.9": 200, "localhost:80": 200,
		"evil.example": 403, "acme.example.com:8480": 403, "192.0.2.1:8480": 403, "": 403, "localhost.evil.example": 403} {
		if got := w.page(host, "/", ""); got.Code != status {
			t.Errorf("%s: %d", host, got.Code)
		}
	}
	if got := w.page("127.0.0.1", "/other", ""); got.Code != http.StatusNotFound {
		t.Errorf("%d", got.Code)
	}
}
