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

// quick is patience for tests.
func quick() patience {
	return patience{call: 10 * time.Second, pause: time.Millisecond, longest: time.Millisecond}
}

// scripted returns a client of Ver.3.0 whose service is h. Its logins always succeed, with the tokens token-1, token-2, …
func scripted(t *testing.T, h http.HandlerFunc) *client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	transport := httpclient.NewTransport(10 * time.Second)
	t.Cleanup(transport.CloseIdleConnections)
	log := slog.New(slog.DiscardHandler)
	logins := 0
	hidden := &httpclient.Mask{}
	return &client{
		base:  server.URL,
		paged: true,
		http:  &http.Client{Transport: httpclient.Capped{RoundTripper: transport, Most: mostBody}, CheckRedirect: httpclient.Stay},
		session: &session{
			flight: newSingleFlight(),
			login: func(context.Context) (token, error) {
				logins++
				return token{value: fmt.Sprintf("token-%d", logins), until: time.Now().Add(time.Hour)}, nil
			},
			store: &store{log: log}, mask: hidden, patience: time.Second, now: time.Now, log: log,
		},
		mask:     hidden,
		patience: quick(),
		log:      log,
	}
}

func uuid(n int) string { return fmt.Sprintf("%08d-0000-4000-8000-000000000000", n) }

// flood sends more than anybody should read.
func flood(w http.ResponseWriter) {
	fmt.Fprint(w, `{"domains":[`)
	block := []byte(strings.Repeat(" ", 1<<20))
	for range mostBody/len(block) + 1 {
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

func TestRepeatEnds(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := scripted(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	r, err := c.repeat(t.Context(), http.MethodGet, "/")
	if err != nil || r.status != http.StatusServiceUnavailable || calls.Load() != 1+retries {
		t.Errorf("%d, %v after %d calls", r.status, err, calls.Load())
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
		if r, err := c.send(t.Context(), http.MethodGet, "/", nil); err != nil || r.status != http.StatusOK {
			t.Errorf("%d, %v", r.status, err)
		}
	}
	if calls.Load() != 4 {
		t.Errorf("%d calls, want 4", calls.Load())
	}
}

func TestWaitKnowsTheDeadline(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	p := patience{pause: time.Millisecond, longest: 2 * time.Hour}
	if p.wait(ctx, 0, http.Header{"Retry-After": {"7200"}}) {
		t.Error("waited longer than the caller can")
	}
	cancel()
	if p.wait(ctx, 0, nil) {
		t.Error("waited for a caller who is gone")
	}
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "99999999": 24 * time.Hour,
		"Thu, 01 Jan 1970 00:00:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
	later := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	if got := retryAfter(http.Header{"Retry-After": {later}}); got < 50*time.Minute || got > time.Hour {
		t.Errorf("%q: %v", later, got)
	}
}

func TestEndedContextIsInTheError(t *testing.T) {
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
func TestSilentServiceIsLeft(t *testing.T) {
	t.Parallel()
	c := scripted(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"domains":`)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	c.call = 50 * time.Millisecond
	_, err := c.list(t.Context(), "/v1/domains", "domains")
	if providers.CodeOf(err) != providers.CodeUnavailable || t.Context().Err() != nil {
		t.Error(err)
	}
}
