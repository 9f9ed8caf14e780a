package acmeserver

import (
	"context"
	"crypto/x509"
	"net/http"
	"sync"
	"time"
)

const (
	askLimit    = 10 * time.Second
	longestRest = 24 * time.Hour // for which a CA is not asked, or the clock was wrong
)

// suggestion is when a certificate is to be renewed, as the CA said last.
type suggestion struct {
	start, end time.Time
	page       string
	until      time.Time // when the CA may be asked again
}

// renewalCache has what the CA said, until it may be asked again.
type renewalCache struct {
	mu    sync.Mutex
	known map[string]*suggestion
}

// renewalInfo passes on when the CA suggests to renew a certificate (RFC 9773 §4.1). One of a CA that says nothing is due when a third
// of its life is left.
func (s *Server) renewalInfo(c *call) (*reply, *Problem) {
	o := s.store.byCertificate(s.options.CA, c.rest)
	if o == nil {
		return nil, notFound()
	}
	leaf := leafOf(o.Chain)
	if leaf == nil {
		return nil, notFound()
	}
	known := s.suggestion(c.request.Context(), o.Certificate, leaf)
	if o.Revoked {
		known.start, known.end = leaf.NotBefore, leaf.NotBefore.Add(time.Hour) // which says: now
	}
	window := map[string]string{
		"start": known.start.UTC().Format(time.RFC3339), "end": known.end.UTC().Format(time.RFC3339),
	}
	of := map[string]any{"suggestedWindow": window}
	if known.page != "" {
		of["explanationURL"] = known.page
	}
	answer := document(http.StatusOK, of)
	answer.retryAfter = max(known.until.Sub(s.now()), time.Minute).Truncate(time.Second)
	return answer, nil
}

func (s *Server) suggestion(ctx context.Context, id string, leaf *x509.Certificate) suggestion {
	cache, now := s.renewal, s.now()
	cache.mu.Lock()
	known := cache.known[id]
	for other, old := range cache.known {
		if now.Sub(old.until) > 24*time.Hour {
			delete(cache.known, other)
		}
	}
	cache.mu.Unlock()
	if known != nil && now.Before(known.until) && known.until.Sub(now) <= longestRest {
		return *known
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askLimit) // who hangs up changes nothing for the others
	defer cancel()
	window, err := s.options.Upstream.RenewalInfo(ctx, leaf)
	rest := min(max(window.RetryAfter, time.Minute), longestRest)
	fresh := suggestion{window.Start, window.End, window.Explanation, now.Add(rest)}
	if err != nil {
		s.options.Log.Info("renewal information", "certificate", id, "error", err)
		life := leaf.NotAfter.Sub(leaf.NotBefore)
		start := leaf.NotAfter.Add(-life / 3)
		fresh = suggestion{start, start.Add(life / 30), "", now.Add(time.Hour)}
	}
	cache.mu.Lock()
	defer cache.mu.Unlock()
	cache.known[id] = &fresh
	return fresh
}
