package issuance

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"time"
	"unicode"

	"wildcard/providers"
)

// How often and how long a request is tried again.
const (
	maxRetries    = 4                // after 5xx and network failures: 250 ms, 500 ms, 1 s, 2 s
	nonceRetries  = 10               // after badNonce
	nonceLimit    = 30 * time.Second // and not for longer than that
	lagLimit      = 30 * time.Second // after 404, where replicas may not agree yet
	patience      = 30 * time.Second // the longest Retry-After that is waited for within a run
	longestRetry  = 2 * time.Second
	shortestRetry = 250 * time.Millisecond
)

// policy is what may be tried again.
type policy int

const (
	always  policy = iota // after whatever a second request may mend
	lagging               // the same, and after 404: what is asked for is known to be there
	once                  // only after badNonce: the caller finds out whether it happened
)

// attempt calls f, which makes one request, until it succeeds, fails for good or the session's context ends. Its errors
// are ready for the user; what says what was tried, as in "new order".
func (s *session) attempt(what string, p policy, f func() error) error {
	began := s.ca.now()
	var retries, badNonces, timeouts int
	delay := shortestRetry
	for {
		before := s.transport.nonceFailed()
		err := guard(f)
		if err == nil {
			return nil
		}
		if after := s.transport.nonceFailed(); after.count != before.count && !isNetwork(err) {
			err = after.err // of which err has the text only
		}
		if s.ctx.Err() != nil {
			return context.Cause(s.ctx)
		}
		wait := delay
		problem, refused := errors.AsType[*Problem](err)
		_, broken := errors.AsType[*replyError](err)
		_, crashed := errors.AsType[*panicError](err)
		spent := s.ca.now().Sub(began)
		again := false
		switch {
		case crashed, broken, isTLS(err):
		case refused && problem.Type == "badNonce":
			badNonces++
			again = badNonces <= nonceRetries && spent < nonceLimit
			wait = time.Duration(badNonces-1) * 50 * time.Millisecond
		case p == once:
		case refused && problem.Status == http.StatusNotFound && p == lagging:
			again = spent < lagLimit
			delay = min(2*delay, longestRetry)
		case refused && (problem.Status == http.StatusTooManyRequests || problem.Type == "rateLimited" || problem.Status >= 500):
			retries++
			again = retries <= maxRetries
			if problem.Status < 500 && problem.RetryAfter.IsZero() {
				again = false
			}
			if after := problem.RetryAfter.Sub(s.ca.now()); !problem.RetryAfter.IsZero() {
				again = again && after <= patience
				wait = max(after, shortestRetry)
			}
			delay = min(2*delay, longestRetry)
		case refused, !isNetwork(err):
		default:
			if errors.Is(err, errTimeout) {
				timeouts++
			}
			retries++
			again = retries <= maxRetries && timeouts < 2
			delay = min(2*delay, longestRetry)
		}
		if !again {
			return explain(what, err)
		}
		s.ca.log.Debug("acme: trying again", "what", what, "after", wait, "error", err)
		if err := sleep(s.ctx, wait); err != nil {
			return err
		}
	}
}

// explain gives an error of a request its code, class and words.
func explain(what string, err error) error {
	if problem, ok := errors.AsType[*Problem](err); ok {
		code, class := problem.class()
		return providers.Errorf(code, class, "acme: %s: %w", what, problem)
	}
	if reply, ok := errors.AsType[*replyError](err); ok {
		return providers.Errorf(CodeReply, providers.Failed, "acme: %s: %w", what, reply)
	}
	if crash, ok := errors.AsType[*panicError](err); ok {
		return providers.Errorf(CodeReply, providers.Failed, "acme: %s: the reply cannot be handled: %w", what, crash)
	}
	if isTLS(err) {
		return providers.Errorf(CodeTLS, providers.Failed, "acme: %s: %w", what, err)
	}
	if isNetwork(err) {
		return providers.Errorf(CodeUnreachable, providers.Temporary, "acme: %s: %w", what, err)
	}
	return providers.Errorf(CodeReply, providers.Failed, "acme: %s: %s", what, printable(err.Error(), maxText))
}

// isTLS reports whether the CA's own certificate, or its TLS, is not accepted: nothing that a second try mends.
func isTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	// How crypto/tls tells that the other side refused; an internal error of the other side may pass.
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" && op.Err.Error() != "tls: internal error" {
		return true
	}
	_, ok := errors.AsType[tls.RecordHeaderError](err)
	return ok
}

// isNetwork reports whether no reply came, or not the whole of one.
func isNetwork(err error) bool {
	_, ok := errors.AsType[*url.Error](err)
	return ok
}

// panicError is a panic that was caught.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string {
	return fmt.Sprintf("panic: %s", printable(fmt.Sprint(p.value), 200))
}

// guard calls f and returns its panic as an error.
func guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &panicError{r, debug.Stack()}
		}
	}()
	return f()
}

// sleep waits, or returns the cause of ctx's end.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func printableRune(r rune) bool { return unicode.IsPrint(r) && !unicode.Is(unicode.Cf, r) }
