package httpclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wildcard/providers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "hunter2 and more"

// serve returns the client of a service, and its URL. The client's secret is secret.
func serve(t *testing.T, h http.HandlerFunc) (*Client, string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c := New("test", "wildcard/test", 10*time.Second, nil, nil)
	c.MaxBody = 100
	c.Mask.Add(secret)
	t.Cleanup(func() { _ = c.Close() })
	return c, server.URL
}

func TestDo(t *testing.T) {
	t.Parallel()
	c, url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, r.Method, r.Header.Get("User-Agent"), r.Header.Get("Content-Type"), r.Header.Get("X-Auth-Token"), string(body))
	})
	r, err := c.Do(t.Context(), http.MethodPost, url, http.Header{"X-Auth-Token": {"token"}}, map[string]int{"a": 1})
	if want := `POSTwildcard/testapplication/jsontoken{"a":1}`; err != nil || r.Status != 200 || string(r.Body) != want {
		t.Errorf("%d %q, %v", r.Status, r.Body, err)
	}
	if r, err = c.Do(t.Context(), http.MethodGet, url, nil, nil); err != nil || string(r.Body) != "GETwildcard/test" {
		t.Errorf("%d %q, %v", r.Status, r.Body, err)
	}
}

// A redirect would carry the secrets to another host.
func TestDo_Redirect(t *testing.T) {
	t.Parallel()
	c, url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			t.Errorf("%s was asked for", r.URL)
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	r, err := c.Do(t.Context(), http.MethodPost, url+"/", nil, "body")
	if refusal := c.Refusal(r); err != nil || r.Status != 307 || !strings.Contains(refusal.Error(), "not followed") {
		t.Errorf("%d, %v, %v", r.Status, err, refusal)
	}
}

// What becomes of replies that are not whole.
func TestDo_Cut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		code  string
		text  string
	}{
		"too large": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 101)) }, providers.CodeService, "too large"},
		"cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "50")
			fmt.Fprint(w, "x")
		}, providers.CodeUnavailable, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, url := serve(t, c.serve)
			r, err := client.Do(t.Context(), http.MethodGet, url, nil, nil)
			lost, ok := errors.AsType[*LostError](r.Cut)
			if err != nil || r.Status != 200 || !ok || !lost.Sent || providers.CodeOf(r.Cut) != c.code || !strings.Contains(r.Cut.Error(), c.text) {
				t.Errorf("%d, %v, cut: %v", r.Status, err, r.Cut)
			}
		})
	}
}

// A service that stops in the middle of a body does not hold us for longer than one exchange may take.
func TestDo_SilentBody(t *testing.T) {
	t.Parallel()
	c := New("test", "", time.Millisecond, nil, nil)
	c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: silent{r.Context()}}, nil
	})
	r, err := c.Do(t.Context(), http.MethodGet, "https://service.example", nil, nil)
	if err != nil || r.Status != http.StatusOK || providers.CodeOf(r.Cut) != providers.CodeUnavailable || !strings.Contains(r.Cut.Error(), "no reply within 1ms") {
		t.Errorf("%d, %v, cut: %v", r.Status, err, r.Cut)
	}
}

// roundTrip is a service without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// silent is a body that does not come.
type silent struct{ ctx context.Context }

func (s silent) Read([]byte) (int, error) { <-s.ctx.Done(); return 0, s.ctx.Err() }
func (s silent) Close() error             { return nil }

func TestDo_Lost(t *testing.T) {
	t.Parallel()
	c, url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			fmt.Fprint(conn, "HTTP/1.1 "+secret+"\r\n\r\n") // the error quotes it
			_ = conn.Close()
		}
	})
	_, err := c.Do(t.Context(), http.MethodGet, url, nil, nil)
	if lost, ok := errors.AsType[*LostError](err); !ok || !lost.Sent || providers.CodeOf(err) != providers.CodeUnavailable || strings.Contains(err.Error(), secret) {
		t.Errorf("%v", err)
	}
	_, err = c.Do(t.Context(), http.MethodGet, "http://127.0.0.1:1/"+strconv.Itoa(1), nil, nil)
	if lost, ok := errors.AsType[*LostError](err); !ok || lost.Sent || strings.Contains(err.Error(), "http://") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("interrupted")
	cancel(cause)
	if _, err = c.Do(ctx, http.MethodGet, url, nil, nil); !errors.Is(err, cause) || providers.CodeOf(err) != providers.CodeUnavailable {
		t.Errorf("%v", err)
	}
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	c := New("test", "", time.Minute, nil, nil)
	c.Mask.Add(secret)
	for status, want := range map[int]struct {
		code  string
		class providers.Class
	}{
		302: {providers.CodeService, providers.Failed}, 400: {providers.CodeService, providers.Failed},
		401: {providers.CodeCredentials, providers.Refused}, 403: {providers.CodeCredentials, providers.Refused},
		404: {providers.CodeService, providers.Failed}, 413: {providers.CodeService, providers.Misconfigured},
		408: {providers.CodeUnavailable, providers.Temporary}, 429: {providers.CodeUnavailable, providers.Temporary},
		500: {providers.CodeUnavailable, providers.Temporary}, 503: {providers.CodeUnavailable, providers.Temporary},
	} {
		err := c.Refusal(Reply{Status: status, Body: []byte(`{"message":"no, ` + secret + `"}`), Header: http.Header{"Retry-After": {"7"}}})
		refused, ok := errors.AsType[*RefusedError](err)
		if !ok || StatusOf(err) != status || refused.RetryAfter != 7*time.Second || providers.CodeOf(err) != want.code || providers.ClassOf(err) != want.class || strings.Contains(err.Error(), secret) {
			t.Errorf("%d: %v (%s, %v)", status, err, providers.CodeOf(err), providers.ClassOf(err))
		}
	}
	if err := c.Refusal(Reply{Status: 418}); err.Error() != "418 I'm a teapot" {
		t.Error(err)
	}
}
