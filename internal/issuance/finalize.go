package issuance

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-acme/lego/v4/acme"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

const (
	finalizeTries = 4                // times that a CSR is sent to an order that stays ready
	notReadyFor   = 30 * time.Second // how long an order is looked at that is not ready, though all is proven
	unreadPause   = 8 * time.Second  // before an order is looked at again that could not be read
	refusedFor    = time.Second      // before it is sent again after a refusal that may have come too early
)

// finalizer sends the CSR of a run's order.
type finalizer struct {
	run      *run
	order    acme.ExtendedOrder
	csr      []byte
	accepted func() // called when the CA needs no proof any more

	sent     int
	tries    retries
	early    bool      // it was refused once for what may have come too early
	notReady int       // refusals since the order was not ready
	since    time.Time // when it was first found not ready; or without a certificate, though valid
	failure  error     // of the last request
	told     bool      // that the order cannot be read now
}

// finalize sends the CSR and polls the order until it is valid (RFC 8555 §7.4). What a lost or odd reply left open, the
// order itself tells. accepted is called as soon as the order has what it needs.
func (r *run) finalize(order acme.ExtendedOrder, accepted func()) (acme.ExtendedOrder, error) {
	if order.Status == acme.StatusValid && order.Certificate != "" {
		return order, nil
	}
	if order.Status == acme.StatusInvalid {
		return order, r.invalid(order)
	}
	csr, err := r.request.csr(r.CA.facts.CommonName)
	if err != nil {
		return order, err
	}
	f := &finalizer{run: r, order: order, csr: csr, accepted: accepted}
	ctx := r.session.ctx
	wait := time.Duration(0)
	if order.Status != acme.StatusProcessing && order.Status != acme.StatusValid { // a pending one is proven by now
		if wait, err = f.send(); err != nil || f.order.Certificate != "" {
			return f.order, err
		}
	}
	for n := 0; ; n++ {
		if wait == 0 {
			wait = f.pace(n)
		}
		if err := r.sleep(ctx, wait); err != nil {
			return f.order, err
		}
		read, err := r.session.getOrder(order.Location, lagging)
		if err != nil {
			if wait, err = f.cannotLook(err); err != nil {
				return f.order, err
			}
			continue
		}
		f.order, f.told = read, false
		done, err := f.look()
		if done || err != nil {
			return f.order, err
		}
		wait = wish(r.session.transport.seen(order.Location).retryAfter, orderAsk)
		if f.order.Status == acme.StatusReady {
			if wait, err = f.send(); err != nil || f.order.Certificate != "" {
				return f.order, err
			}
			n = 0
		}
	}
}

// pace is how long after the nth look the next one comes, where the CA has no wish.
func (f *finalizer) pace(n int) time.Duration {
	first := cmp.Or(f.run.Pacing.FirstLook, firstLook)
	return min(first<<min(n, 8), 5*time.Second)
}

// look finds out what an order that was read tells.
func (f *finalizer) look() (done bool, err error) {
	now := f.run.CA.now()
	switch f.order.Status {
	case acme.StatusValid:
		f.accepted()
		if f.order.Certificate != "" {
			return true, nil
		}
		f.waiting(now) // a replica that is behind
		return now.Sub(f.since) >= notReadyFor, nil
	case acme.StatusInvalid, acme.StatusDeactivated, acme.StatusExpired, acme.StatusRevoked:
		return false, f.run.invalid(f.order)
	case acme.StatusReady:
		return false, nil
	case acme.StatusPending:
		f.waiting(now)
		if now.Sub(f.since) >= notReadyFor {
			return false, f.gaveUp("the order stays pending")
		}
	default: // processing, or what else is not final
		f.accepted()
		f.since = time.Time{}
	}
	return false, nil
}

// cannotLook returns how long to wait before an order is looked at again that could not be read, which says nothing of what came of
// it; or the error, if that does not pass, or not within this run.
func (f *finalizer) cannotLook(err error) (time.Duration, error) {
	ctx := f.run.session.ctx
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if fault.ClassOf(err) != fault.Temporary {
		return 0, err
	}
	wait := unreadPause
	if problem, refused := asProblem(err); refused && problem.after > 0 {
		wait = problem.after
	}
	if wait > patience || wait >= f.run.left() {
		return 0, err
	}
	if !f.told {
		f.told = true
		f.run.observe(Event{Step: StepFinalize, State: Noted, Text: messages.New(
			"the CA cannot be asked (%s): it is asked again in %d s", printable(err.Error(), 200), int(wait.Seconds()))})
	}
	return wait, nil
}

func (f *finalizer) waiting(now time.Time) {
	if f.since.IsZero() {
		f.since = now
	}
}

// send sends the CSR. It returns how long to wait before the order is looked at, 0 if nothing special is to be waited for; and
// an error that no look can mend.
func (f *finalizer) send() (time.Duration, error) {
	f.sent++
	s := f.run.session
	url := f.order.Finalize
	var reply acme.ExtendedOrder
	err := s.attempt("finalize", once, func() (err error) {
		reply, err = s.core.Orders.UpdateForCSR(url, f.csr)
		return err
	})
	if err == nil {
		f.accepted()
		if reply.Status == acme.StatusValid && reply.Certificate != "" {
			reply.Location = f.order.Location
			resolveOrder(url, &reply)
			f.order = reply
		}
		return 0, f.again()
	}
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	f.failure = err
	f.run.log.Debug("what came of finalize shows in the order", "error", err)
	problem, refused := asProblem(err)
	switch {
	case !refused || problem.Status == http.StatusNotFound:
		return 0, f.again()
	case problem.Type == "orderNotReady":
		f.waiting(f.run.CA.now())
		if f.run.CA.now().Sub(f.since) >= notReadyFor {
			return 0, f.gaveUp("the order stays ready")
		}
		f.sent--
		f.notReady++
		return max(shortestWait, f.pace(f.notReady)), nil
	case problem.Status >= 500, problem.Status == http.StatusTooManyRequests, problem.Type == "rateLimited":
		wait, again := f.tries.wait(problem, f.run.left())
		if !again {
			return 0, err
		}
		return wait, f.again()
	case (problem.Type == "malformed" || problem.Type == "unauthorized" || problem.Type == "") && !f.early:
		f.early = true // Dogtag, and replicas that do not know yet that all is proven
		return refusedFor, nil
	}
	return 0, err
}

// again is an error if the CSR was sent too often to an order that stays ready.
func (f *finalizer) again() error {
	if f.sent <= finalizeTries {
		return nil
	}
	return f.gaveUp("the order stays ready")
}

// gaveUp is the error of an order that does not go on: what the CA said last, if that says more.
func (f *finalizer) gaveUp(text string) error {
	if problem, ok := asProblem(f.failure); ok && problem.Type != "orderNotReady" || f.failure != nil && !ok {
		return f.failure
	}
	return fault.Errorf(CodeReply, fault.Failed, "acme: finalize: %s", text)
}

// invalid is the error of an order that the CA gave up.
func (r *run) invalid(order acme.ExtendedOrder) error {
	problem := reasonOf(order.Error)
	code, class := problem.class()
	if code == CodeRefused || code == CodeUnauthorized {
		code, class = CodeOrder, fault.Failed
	}
	return fault.Errorf(code, class, "acme: order is invalid: %w", problem)
}

// asProblem finds the CA's refusal in an error.
func asProblem(err error) (*Problem, bool) { return errors.AsType[*Problem](err) }

// maybeReplaces reports whether an order may have been refused for the certificate that it says it replaces (RFC 9773 §5).
// Boulder answers 409 alreadyReplaced, 404 or 400 malformed, and 403 unauthorized (wfe2/wfe.go). An error of the CA's own may
// be one: Pebble does not find one certificate in 256, whose serial begins with a zero in DER.
func (p *Problem) maybeReplaces() bool {
	switch p.Type {
	case "alreadyReplaced", "malformed", "unauthorized", "conflict", "":
		return p.Status >= 400 && p.Status < 500 && p.Status != 429
	case "serverInternal":
		return p.RetryAfter.IsZero()
	}
	return false
}
