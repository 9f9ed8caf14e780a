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

	"wildcard/internal/fault"
)

// How often and how long a request is tried again.
const (
	nonceRetries  = 10               // after badNonce
	nonceLimit    = 30 * time.Second // and not for longer than that
	lagLimit      = 30 * time.Second // after 404, where replicas may not agree yet
	notFoundLimit = 5 * time.Second  // after 404 of what was there a moment ago: Let's Encrypt looks again itself
	patience      = 90 * time.Second // the longest Retry-After that is waited for within a run: every 500 of Boulder's says 60
	shortestWait  = 250 * time.Millisecond
)

// policy is what may be tried again.
type policy int

const (
	always  policy = iota // after whatever a second request may mend
	lagging               // the same, and after 404: what is asked for was made a moment ago
	known                 // the same, and after 404 for a little: what is asked for may have been deleted
	once                  // only after badNonce: the caller finds out whether it happened
)

// networkWait is how long is waited after the nth network failure in a row; false is not to try again.
func networkWait(n int) (time.Duration, bool) { return shortestWait << min(n-1, 3), n <= 4 }

// serverWait is the same after the nth reply of 5xx without a Retry-After.
func serverWait(n int) (time.Duration, bool) { return time.Second << min(n-1, 3), n <= 4 }

// limitedWait is the same after the nth rateLimited without a Retry-After: Google's limits are by the minute, and their
// instant is in the text alone.
func limitedWait(n int) (time.Duration, bool) {
	return []time.Duration{5 * time.Second, 15 * time.Second, 45 * time.Second}[min(n, 3)-1], n <= 3
}

// retries counts why a request was tried again, and has when it began to be, since the attempt began.
type retries struct {
	network, timeouts, server, limited, nonces, missing int

	nonceFrom, missingFrom time.Duration
}

// lasts counts one more of a kind, and returns for how long it has been going on. What was waited for before, a minute after a
// 500 perhaps, does not count: that is when the CA comes back with other nonces.
func lasts(count *int, from *time.Duration, spent time.Duration) time.Duration {
	if *count == 0 {
		*from = spent
	}
	*count++
	return spent - *from
}

// wait is how long to wait after a refusal for now, the nth of its kind; false if that is too long, or would not help.
// Retry-After is an order here, unlike in a good reply.
func (n *retries) wait(p *Problem, rest time.Duration) (time.Duration, bool) {
	if _, class := p.class(); class != fault.Temporary {
		return 0, false
	}
	var wait time.Duration
	var again bool
	if p.Status < 500 || p.Type == "rateLimited" {
		n.limited++
		wait, again = limitedWait(n.limited)
	} else {
		n.server++
		wait, again = serverWait(n.server)
	}
	if p.after > 0 {
		wait = p.after
	}
	return wait, again && wait <= patience && wait < rest
}

// attempt calls f, which makes one request, until it succeeds, fails for good or the session's context ends. Its errors
// are ready for the user; what says what was tried, as in "new order".
func (s *session) attempt(what string, p policy, f func() error) error {
	began := s.ca.now()
	var n retries
	for {
		err := s.try(f)
		if err == nil {
			return nil
		}
		if s.ctx.Err() != nil {
			return context.Cause(s.ctx)
		}
		wait, again := s.again(err, p, &n, s.ca.now().Sub(began))
		if !again {
			return explain(what, err)
		}
		s.ca.log.Debug("acme: trying again", "what", what, "after", wait, "error", err)
		if err := s.ca.sleep(s.ctx, wait); err != nil {
			return err
		}
	}
}

// try calls f once. An error of a request for a nonce, of which the JOSE library makes plain text, is restored.
func (s *session) try(f func() error) error {
	before := s.transport.nonceFailed()
	err := guard(f)
	if after := s.transport.nonceFailed(); err != nil && after.count != before.count && !isNetwork(err) {
		return &nonceError{after.err}
	}
	return err
}

// again is whether a request is tried again after an error, and how long after.
func (s *session) again(err error, p policy, n *retries, spent time.Duration) (time.Duration, bool) {
	problem, refused := errors.AsType[*Problem](err)
	_, broken := errors.AsType[*replyError](err)
	_, crashed := errors.AsType[*panicError](err)
	switch {
	case crashed, broken, isTLS(err):
		return 0, false
	case refused && problem.Type == "badNonce":
		lasted := lasts(&n.nonces, &n.nonceFrom, spent)
		return time.Duration(n.nonces-1) * 50 * time.Millisecond, n.nonces <= nonceRetries && lasted < nonceLimit
	case p == once && !unsent(err):
		return 0, false
	case refused && problem.Status == http.StatusNotFound:
		limit := map[policy]time.Duration{lagging: lagLimit, known: notFoundLimit}[p]
		lasted := lasts(&n.missing, &n.missingFrom, spent)
		return max(shortestWait, min(lasted, 2*time.Second)), lasted < limit
	case refused:
		return n.wait(problem, s.left())
	case !isNetwork(err):
		return 0, false
	}
	if errors.Is(err, errTimeout) {
		n.timeouts++
	}
	n.network++
	wait, again := networkWait(n.network)
	return wait, again && n.timeouts < 2
}

// left is what the session may still take.
func (s *session) left() time.Duration {
	if s.rest == nil {
		return 24 * time.Hour
	}
	return s.rest()
}

// explain gives an error of a request its code, class and words.
func explain(what string, err error) error {
	if problem, ok := errors.AsType[*Problem](err); ok {
		code, class := problem.class()
		return fault.Errorf(code, class, "acme: %s: %w", what, problem)
	}
	if reply, ok := errors.AsType[*replyError](err); ok {
		return fault.Errorf(CodeReply, fault.Failed, "acme: %s: %w", what, reply)
	}
	if crash, ok := errors.AsType[*panicError](err); ok {
		return fault.Errorf(CodeReply, fault.Failed, "acme: %s: the reply cannot be handled: %w", what, crash)
	}
	if isTLS(err) {
		return fault.Errorf(CodeTLS, fault.Failed, "acme: %s: %w", what, err)
	}
	if isNetwork(err) {
		return fault.Errorf(CodeUnreachable, fault.Temporary, "acme: %s: %w", what, err)
	}
	return fault.Errorf(CodeReply, fault.Failed, "acme: %s: %s", what, printable(err.Error(), maxText))
}

// isTLS reports whether the CA's own certificate, or its TLS, is not accepted: nothing that a second try mends.
func isTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	// How crypto/tls tells that the other side refused; an internal error of the other side may pass.
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" &&
		op.Err.Error() != "tls: internal error" {
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

// nonceError is why there was no nonce for a request, which was not sent.
type nonceError struct{ err error }

func (e *nonceError) Error() string { return e.err.Error() }
func (e *nonceError) Unwrap() error { return e.err }

// unsent reports whether the CA cannot have the request that failed.
func unsent(err error) bool {
	if _, ok := errors.AsType[*nonceError](err); ok {
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
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
