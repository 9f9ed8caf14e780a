package conoha

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// scripted returns a client of Ver.3.0 whose service is h. Its logins always succeed, with the tokens token-1, token-2, …
func scripted(t *testing.T, h http.HandlerFunc) *client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c := newTestClient(httpclient.NewTransport(10*time.Second, nil), "token-%d")
	c.base = server.URL
	t.Cleanup(func() { _ = c.http.Close() })
	return c
}

// newTestClient returns a client of Ver.3.0 with an HTTP transport. The n-th of its logins yields the token that format makes of n.
func newTestClient(transport http.RoundTripper, format string) *client {
	log := slog.New(slog.DiscardHandler)
	calls := httpclient.New("conoha", "", time.Minute, nil, log)
	calls.Transport, calls.Pause, calls.MaxPause = transport, 1, 1
	logins := 0
	return &client{
		base: "https://dns.example", paged: true, http: calls, log: log,
		session: &session{
			flight: newSingleFlight(), store: &store{log: log}, mask: calls.Mask, lockWait: time.Second, now: time.Now, log: log,
			login: func(context.Context) (token, error) {
				logins++
				return token{value: fmt.Sprintf(format, logins), until: time.Now().Add(time.Hour)}, nil
			},
		},
	}
}

func uuid(n int) string { return fmt.Sprintf("%08d-0000-4000-8000-000000000000", n) }

// flood sends more than should be read.
func flood(w http.ResponseWriter) {
	fmt.Fprint(w, `{"domains":[`)
	block := []byte(strings.Repeat(" ", 1<<20))
	for range 8<<20/len(block) + 1 {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// cut sends body and ends the connection where more was announced.
func cut(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+10))
	fmt.Fprint(w, body)
}

// hangUp ends the connection without a reply.
func hangUp(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

func TestRepeat_ServiceIsDown(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := scripted(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	_, err := c.repeat(t.Context(), http.MethodGet, "/")
	if httpclient.StatusOf(err) != http.StatusServiceUnavailable || calls.Load() != httpclient.Tries {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
}

func TestRejectedTokenBuysOneLogin(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := scripted(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if r.Header.Get("X-Auth-Token") != "token-2" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	for range 3 {
		if r, err := c.send(t.Context(), http.MethodGet, "/", nil); err != nil || r.Status != http.StatusOK {
			t.Errorf("%d, %v", r.Status, err)
		}
	}
	if calls.Load() != 4 {
		t.Errorf("%d calls, want 4", calls.Load())
	}
}

func TestRepeat_ContextEnds(t *testing.T) {
	t.Parallel()
	hanging := make(chan struct{})
	c := scripted(t, func(_ http.ResponseWriter, r *http.Request) {
		close(hanging)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-hanging
		cancel()
	}()
	if _, err := c.repeat(ctx, http.MethodDelete, "/"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A service that stops in the middle of a body must not hold us for longer than one call may take.
func TestList_ServiceIsSilent(t *testing.T) {
	t.Parallel()
	c := scripted(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"domains":`)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	c.http.Timeout = 50 * time.Millisecond
	_, err := c.list(t.Context(), "/v1/domains", "domains")
	if providers.CodeOf(err) != providers.CodeUnavailable || t.Context().Err() != nil {
		t.Error(err)
	}
}
