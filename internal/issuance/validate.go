package issuance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-acme/lego/v4/acme"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

const (
	// untilFinal is how long the records stay where the CA may still be looking and nothing more can be learned of it: after
	// its order is invalid, or where it will not be asked. Validations take up to half a minute.
	untilFinal = time.Minute
	// unreadable is how long an authorization that cannot be read is looked at.
	unreadable = time.Minute
)

// validator answers the challenges of a run and looks until the CA has come to an end with all of them. But for the answers
// it does one thing at a time.
type validator struct {
	run   *run
	order string // URL
	names []*validation

	began     time.Time // when the last answer was sent
	lastOrder time.Time // when the order was looked at
	lastOne   time.Time // when an authorization was
	atOne     time.Time // when the next one is
	early     bool      // the next look at the order is the first since all is answered
	orderNext time.Time // the order is not to be looked at before
	orderDead time.Time // when it was found invalid
	orderErr  error     // why
	noOrder   bool      // it cannot be read: the authorizations tell as much
	ready     bool      // the order needs no more proof

	trouble trouble

	mu    sync.Mutex
	valid int
}

// trouble is what keeps us from looking.
type trouble struct {
	retries
	since time.Time // of the first look in a row that told nothing
	pause time.Time // no look before
	told  bool
	end   time.Time // when the run ends for it; zero if it does not
	err   error
}

// validate answers all challenges and polls until every authorization is final (RFC 8555 §7.5.1). All failures are
// reported, not only the first. Those that were not seen to be valid, but whose order is ready, are in r.unconfirmed.
func (r *run) validate(ctx context.Context, order acme.ExtendedOrder) error {
	v := &validator{run: r, order: order.Location}
	for _, rec := range r.records {
		v.names = append(v.names, r.validationOf(rec))
	}
	v.begin()
	err := v.poll(ctx)
	var failed ValidationError
	for _, n := range v.names {
		switch {
		case n.verdict != nil:
			failed.Failures = append(failed.Failures,
				ValidationFailure{Name: n.rec.name, Reason: n.verdict, Answers: n.counted()})
		case n.err != nil:
			err = errors.Join(n.err, err)
		}
		if n.verdict == nil {
			vain := n.counted() - 1 // each answer but the good one
			if n.err != nil && n.rec.deleted {
				vain++
			}
			for range vain {
				r.result.Spent = append(r.result.Spent, n.rec.name)
			}
		}
	}
	r.reasonsInOrder(order.Location, &failed)
	if len(failed.Failures) > 0 {
		err = errors.Join(failed.failed(), err)
	}
	if err == nil && v.orderErr != nil {
		err = v.orderErr
	}
	if cause := context.Cause(ctx); cause != nil && v.trouble.err == nil && !errors.Is(err, cause) {
		return errors.Join(cause, err)
	}
	return err
}

// poll goes on until everything is over, or may not go on.
func (v *validator) poll(ctx context.Context) error {
	for {
		if err := v.answerDue(ctx); err != nil {
			return err
		}
		if v.done() {
			return nil
		}
		now := v.run.CA.now()
		at, look := v.nextLook(now)
		if again, ok := v.nextAnswer(); ok && (!look || again.Before(at)) {
			at, look = again, false
		}
		if end := v.mustEnd(); !end.IsZero() && !at.Before(end) {
			return v.pause(ctx, end)
		}
		if err := v.run.sleep(ctx, at.Sub(now)); err != nil {
			return err
		}
		if look {
			if err := v.look(ctx); err != nil {
				return err
			}
		}
	}
}

// mustEnd is when the run ends whatever the authorizations say; zero if it does not.
func (v *validator) mustEnd() time.Time {
	end := v.trouble.end
	if !v.orderDead.IsZero() {
		if at := v.orderDead.Add(untilFinal); end.IsZero() || at.Before(end) {
			end = at
		}
	}
	return end
}

// pause waits for the end and says what it is for.
func (v *validator) pause(ctx context.Context, end time.Time) error {
	if err := v.run.sleep(ctx, end.Sub(v.run.CA.now())); err != nil {
		return errors.Join(v.trouble.err, err)
	}
	return v.trouble.err // nil if it is the order that is invalid
}

// done reports whether nothing more is to be learned.
func (v *validator) done() bool {
	if v.ready {
		return true
	}
	for _, n := range v.names {
		if !n.over {
			return false
		}
	}
	return true
}

// hopeless reports whether the order has failed already, so that nothing more is answered.
func (v *validator) hopeless() bool {
	for _, n := range v.names {
		if n.over && (n.verdict != nil || n.err != nil) {
			return true
		}
	}
	return !v.orderDead.IsZero()
}

// answerDue sends the answers whose time has come, side by side.
func (v *validator) answerDue(ctx context.Context) error {
	hopeless := v.hopeless()
	now := v.run.CA.now()
	var due []*validation
	for _, n := range v.names {
		switch {
		case !n.due(now):
			if hopeless && !n.over && !n.sent && !n.pending() {
				n.end(v.giveUp(n))
			}
		case hopeless && n.answers == 0:
			n.over = true // the one that failed says why
		case hopeless && n.lookUp: // the CA may be looking after all
			n.sent, n.refused = true, now
		case hopeless:
			n.end(v.giveUp(n))
		default:
			due = append(due, n)
		}
	}
	if len(due) == 0 {
		return nil
	}
	err := v.run.sideBySide(requestsAtOnce, len(due), func(i int) error {
		n := due[i]
		if n.lookUp { // whether an earlier answer got through after all
			read, err := v.lookAt(n)
			if err != nil || n.over || n.sent {
				return err
			}
			if !read { // nothing was learned, so the CA may be looking
				n.again = v.notBefore(v.run.CA.now().Add(cmp.Or(v.run.Pacing.AnswerAgain, againAfter)))
				return nil
			}
			n.vain()
		}
		v.answer(n)
		return nil
	})
	v.begin()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// begin has the looks begin anew, since the CA was told something.
func (v *validator) begin() {
	v.began = v.run.CA.now()
	c := cadenceOf(0, len(v.names), v.looksAtOrder())
	first := v.began.Add(cmp.Or(v.run.Pacing.FirstLook, firstLook))
	v.lastOrder, v.lastOne = first.Add(-c.order), first.Add(-c.authorization)
	if v.early = c.order > 0; v.early {
		v.lastOne = v.began // the order first
	}
}

// giveUp is what is said of a name that is not answered again, since another has failed.
func (v *validator) giveUp(n *validation) (*Problem, error) {
	if n.words != nil {
		return n.words, nil
	}
	return nil, n.failure
}

// nextAnswer is when a challenge is to be answered next.
func (v *validator) nextAnswer() (at time.Time, ok bool) {
	for _, n := range v.names {
		if !n.over && !n.sent && (!ok || n.again.Before(at)) {
			at, ok = n.again, true
		}
	}
	return at, ok
}

// nextLook is when to look next, and whether there is anything to look at.
func (v *validator) nextLook(now time.Time) (at time.Time, ok bool) {
	order, one := v.plan(now)
	switch {
	case one == nil:
		return at, false
	case order.IsZero() || v.atOne.Before(order):
		at = v.atOne
	default:
		at = order
	}
	if at.Before(v.trouble.pause) {
		at = v.trouble.pause
	}
	return at, true
}

// plan reckons when the order is to be looked at (zero is never) and which authorization next, at v.atOne: that of those that
// may be looked at which was not for longest.
func (v *validator) plan(now time.Time) (order time.Time, one *validation) {
	for _, n := range v.names {
		if !n.pending() {
			continue
		}
		switch {
		case one == nil, n.next.After(now) && n.next.Before(one.next), !n.next.After(now) && one.next.After(now):
			one = n
		case !n.next.After(now) && n.looked.Before(one.looked):
			one = n
		}
	}
	if one == nil {
		return order, nil
	}
	useful := v.looksAtOrder()
	c := cadenceOf(now.Sub(v.began), len(v.names), useful && !v.orderNext.After(now))
	later := func(t, u time.Time) time.Time {
		if t.Before(u) {
			return u
		}
		return t
	}
	v.atOne = later(v.lastOne.Add(c.authorization), one.next)
	if useful {
		order = later(v.lastOrder.Add(c.order), v.orderNext)
	}
	return order, one
}

// looksAtOrder reports whether the order may tell something: not that all is well before all is answered.
func (v *validator) looksAtOrder() bool {
	if v.noOrder || !v.orderDead.IsZero() {
		return false
	}
	for _, n := range v.names {
		if !n.over && !n.sent {
			return false
		}
	}
	return true
}

// look looks at what is due: the order, or an authorization.
func (v *validator) look(ctx context.Context) error {
	if err := v.run.CA.looking.wait(ctx); err != nil {
		return err
	}
	now := v.run.CA.now()
	order, one := v.plan(now)
	if one == nil {
		return nil
	}
	if order.IsZero() || v.atOne.Before(order) {
		v.lastOne = now
		_, err := v.lookAt(one)
		return err
	}
	v.lastOrder = now
	if v.early { // a CA that is ready at once, but not yet
		v.early = false
		c := cadenceOf(0, len(v.names), true)
		v.lastOrder = now.Add(secondLook - firstLook - c.order)
	}
	return v.lookAtOrder()
}

// lookAtOrder finds out whether all authorizations are valid (RFC 8555 §7.1.6), by one request.
func (v *validator) lookAtOrder() error {
	order, err := v.run.session.getOrder(v.order, once)
	if err != nil {
		if problem, ok := asProblem(err); ok && problem.Status == 404 {
			v.noOrder = true
			return nil
		}
		return v.cannotLook(err)
	}
	v.trouble = trouble{}
	v.orderNext = v.run.CA.now().Add(wish(v.run.session.transport.seen(v.order).retryAfter, orderAsk))
	switch order.Status {
	case acme.StatusReady, acme.StatusProcessing, acme.StatusValid:
		v.ready = true
		for _, n := range v.names {
			if !n.over {
				v.run.unconfirmed = append(v.run.unconfirmed, n.rec)
			}
			v.conclude(n, nil, nil)
		}
	case acme.StatusInvalid, acme.StatusDeactivated, acme.StatusExpired, acme.StatusRevoked:
		// Why, the authorizations tell; those that are not final yet come to their end all the same.
		v.orderDead, v.orderErr = v.run.CA.now(), v.run.invalid(order)
	}
	return nil
}

// lookAt looks at one authorization. read is false if that told nothing.
func (v *validator) lookAt(n *validation) (read bool, err error) {
	a, err := v.run.session.getAuthorization(n.rec.authorization, once)
	now := v.run.CA.now()
	n.looked = now
	if err != nil {
		if problem, ok := asProblem(err); ok && problem.Status == 404 {
			if n.missing.IsZero() {
				n.missing = now
			}
			if now.Sub(n.missing) >= notFoundLimit {
				v.conclude(n, nil, fmt.Errorf("%w: authorization of %s is gone", errOrderLost, n.rec.name))
			}
			n.next = now.Add(time.Second)
			return false, nil
		}
		return false, v.cannotLook(err)
	}
	n.missing = time.Time{}
	v.mu.Lock()
	v.trouble = trouble{}
	v.mu.Unlock()
	asked := v.run.session.transport.seen(n.rec.authorization).retryAfter
	n.next = now.Add(wish(asked, longestAsk))
	switch a.Status {
	case acme.StatusValid:
		v.conclude(n, nil, nil)
	case acme.StatusInvalid:
		if n.rec.deleted && n.answers == 1 && n.doubtful {
			v.conclude(n, nil, fmt.Errorf("%w: authorization of %s is invalid, since an earlier run was ended while the CA looked for its record",
				errOrderLost, n.rec.name))
			break
		}
		v.conclude(n, reason(a.Authorization), nil)
	case acme.StatusDeactivated, acme.StatusExpired, acme.StatusRevoked:
		v.conclude(n, nil, fmt.Errorf("%w: authorization of %s is %s", errOrderLost, n.rec.name, printable(a.Status, 40)))
	default: // whatever is not final is waited for
		for _, c := range a.Challenges {
			if c.Type == n.rec.challenge.Type && (c.Error == nil || n.again.IsZero()) {
				v.shown(n, c, asked)
			}
		}
		if !n.over && !n.refused.IsZero() && now.Sub(n.refused) >= lagLimit {
			v.conclude(n, nil, n.failure)
		}
	}
	return true, nil
}

// cannotLook is a look that told nothing, which is no verdict: the CA may be looking at the records. Refusals that pass, and a
// CA that cannot be reached, are waited for; where that takes too long the records stay for as long as a validation may take.
func (v *validator) cannotLook(err error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.run.session.ctx.Err() != nil {
		return context.Cause(v.run.session.ctx)
	}
	now := v.run.CA.now()
	t := &v.trouble
	if t.since.IsZero() {
		t.since = now
	}
	wait, ends := 5*time.Second, now.Sub(t.since) >= unreadable
	problem, refused := asProblem(err)
	switch {
	case fault.ClassOf(err) != fault.Temporary:
		if ends {
			t.end, t.err = now, err
		}
	case refused && problem.after > 0:
		wait = problem.after
		if wait > patience || wait >= v.run.left() {
			wait = min(untilFinal, max(0, v.run.left()-time.Second))
			t.end, t.err = now.Add(wait), err
		}
	case refused && (problem.Status < 500 || problem.Type == "rateLimited"):
		t.limited++
		wait, _ = limitedWait(min(t.limited, 3))
	default:
		t.server++
		wait, _ = serverWait(min(t.server, 4))
	}
	t.pause = now.Add(wait)
	if !t.told && wait >= 4*time.Second {
		t.told = true
		v.run.observe(Event{Step: StepValidation, State: Noted, Total: len(v.names), Text: messages.New(
			"the CA cannot be asked (%s): the records stay, and it is asked again in %d s", printable(err.Error(), 200), int(wait.Seconds()))})
	}
	return nil
}

// notBefore is a time, or when the CA may be asked again if that is later.
func (v *validator) notBefore(at time.Time) time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	if at.Before(v.trouble.pause) {
		return v.trouble.pause
	}
	return at
}

// giveUp deactivates an authorization (RFC 8555 §7.5.2), which must be valid: Boulder counts a pending one that is
// deactivated as a failed validation.
func giveUp(s *session, name, authorization string) error {
	return s.attempt("deactivate the authorization of "+name, once,
		func() error { return s.core.Authorizations.Deactivate(authorization) })
}
