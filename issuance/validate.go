package issuance

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-acme/lego/v4/acme"

	"wildcard/messages"
	"wildcard/providers"
)

const (
	firstLook   = 250 * time.Millisecond
	slowestPoll = 5 * time.Second  // where the CA gives no Retry-After
	longestPoll = 30 * time.Second // whatever Retry-After a good reply asks for
	answerAgain = 5 * time.Second  // after an answer that the CA may not have
	answerTries = 4
)

// validate answers all challenges and polls until every authorization is final (RFC 8555 §7.5.1). All failures are
// reported, not only the first.
func (r *run) validate(ctx context.Context) error {
	verdicts := make([]*Problem, len(r.records))
	var mu sync.Mutex
	done := 0
	err := r.sideBySide(len(r.records), len(r.records), func(i int) error {
		rec := r.records[i]
		verdict, err := r.validateOne(rec)
		if err != nil {
			return err
		}
		verdicts[i] = verdict
		mu.Lock()
		defer mu.Unlock()
		e := Event{Step: StepValidation, State: Progress, Domain: rec.name, Total: len(r.records)}
		if verdict == nil {
			done++
			e.Text = messages.New("valid")
		} else {
			e.Text = messages.New("invalid: %s", verdict.Error())
		}
		e.Done = done
		r.observe(e)
		return nil
	})
	var failed ValidationError
	for i, verdict := range verdicts {
		if verdict != nil {
			failed.Failures = append(failed.Failures, ValidationFailure{r.records[i].name, verdict})
		}
	}
	if len(failed.Failures) > 0 {
		code, class := CodeValidation, providers.Failed
		if failed.Failures[0].Reason.Type == "caa" {
			code, class = CodeCAA, providers.Misconfigured
		}
		err = errors.Join(providers.Errorf(code, class, "acme: validation: %w", &failed), err)
	}
	if ctx.Err() != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	return err
}

// validateOne answers one challenge and waits for its authorization: nil is valid, a Problem why it is invalid. A challenge
// that stays pending was taken all the same: Boulder leaves it so until the validation is over, and counts each answer as a
// validation of its own. It is answered again only if the request failed and the authorization shows that nothing came of it.
func (r *run) validateOne(rec *record) (*Problem, error) {
	s := r.session
	answers := 0
	var answered time.Time
	answer := func() error {
		answers++
		answered = s.ca.now()
		return s.attempt("answer the challenge of "+rec.name, once, func() error {
			_, err := s.core.Challenges.New(rec.challenge.URL)
			return err
		})
	}
	failed := answer()
	wait := orDefault(r.Pacing.FirstLook, firstLook)
	next := 2 * wait
	for {
		if err := sleep(s.ctx, wait); err != nil {
			return nil, err
		}
		a, err := r.getAuthorization(rec.authorization)
		if err != nil {
			return nil, err
		}
		switch a.Status {
		case acme.StatusValid:
			return nil, nil
		case acme.StatusInvalid:
			return reason(a), nil
		case acme.StatusDeactivated, acme.StatusExpired, acme.StatusRevoked:
			return nil, fmt.Errorf("%w: authorization of %s is %s", errOrderLost, rec.name, printable(a.Status, 40))
		}
		if failed != nil && s.ca.now().Sub(answered) >= orDefault(r.Pacing.AnswerAgain, answerAgain) && untouched(a) {
			if answers == answerTries {
				return nil, failed
			}
			failed = answer()
		}
		wait = next
		next = min(2*next, slowestPoll)
		if asked := s.transport.seen(rec.authorization).retryAfter; asked > 0 {
			wait = min(asked, longestPoll)
		}
	}
}

// untouched reports whether an authorization shows no sign of an answer.
func untouched(a acme.Authorization) bool {
	for _, c := range a.Challenges {
		if c.Type == "dns-01" && (c.Status != acme.StatusPending || c.Error != nil) {
			return false
		}
	}
	return true
}

// reason is why an authorization is invalid.
func reason(a acme.Authorization) *Problem {
	for _, c := range a.Challenges {
		if c.Error != nil {
			return problemOf(c.Error)
		}
	}
	return &Problem{Detail: "the CA does not say why"}
}

// problemOf makes a Problem of lego's.
func problemOf(d *acme.ProblemDetails) *Problem {
	p := &Problem{Status: d.HTTPStatus, Type: problemType(d.Type), Detail: printable(d.Detail, maxDetail)}
	for _, sub := range d.SubProblems {
		if len(p.Names) == 100 {
			break
		}
		p.Names = append(p.Names, SubProblem{printable(sub.Identifier.Value, 100), problemType(sub.Type), printable(sub.Detail, 200)})
	}
	return p
}

// giveUp deactivates an authorization (RFC 8555 §7.5.2).
func giveUp(s *session, name, authorization string) error {
	return s.attempt("deactivate the authorization of "+name, once, func() error { return s.core.Authorizations.Deactivate(authorization) })
}
