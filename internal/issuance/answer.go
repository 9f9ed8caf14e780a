package issuance

import (
	"cmp"
	"net/http"
	"time"

	"github.com/go-acme/lego/v4/acme"

	"wildcard/internal/messages"
)

const (
	answersMore = 3                // times that a challenge is answered again
	againAfter  = 5 * time.Second  // an answer that the CA does not have
	lostAfter   = 40 * time.Second // one that it may have: longer than any validation takes, whose failure would count twice
	missAfter   = 15 * time.Second // a miss of a CA that validates within the answer
)

// validation is where the validation of one name stands.
type validation struct {
	rec    *record
	looked time.Time // at the authorization
	next   time.Time // not to be looked at before

	answers  int       // requests with an answer that the CA may have taken
	lost     int       // those of them that nothing came of, as a later look showed
	doubtful bool      // the last one may be such
	sent     bool      // there is nothing to send
	again    time.Time // when to answer, unless sent
	lookUp   bool      // look at the authorization before it is answered again
	failures int       // answers in a row that did not get through
	failure  error     // of the last one
	refused  time.Time // when the CA refused the answer without a word of what it looked for, and is looked after
	misses   int       // times that the CA said at once that it did not find it
	words    *Problem  // what it said
	missing  time.Time // since when the authorization is not found

	over    bool
	verdict *Problem // of what is over: nil is valid
	err     error    // of what is over without a verdict
}

// validationOf is where the validation of a record's name stands when a run comes to it. What an earlier run answered, which has ended
// since, is not answered again while the CA may be looking for that: it is as if the reply had been lost.
func (r *run) validationOf(rec *record) *validation {
	n := &validation{rec: rec}
	if at := rec.answered; !at.IsZero() {
		if now := r.CA.now(); at.After(now) { // by another clock
			at = now
		}
		n.answers, n.doubtful, n.lookUp, n.again = 1, true, true, at.Add(cmp.Or(r.Pacing.AnswerAgain, lostAfter))
	}
	return n
}

// due reports whether an answer is to be sent now.
func (n *validation) due(now time.Time) bool { return !n.over && !n.sent && !n.again.After(now) }

// pending reports whether the CA may be looking: what is not over and has an answer, as far as is known.
func (n *validation) pending() bool { return !n.over && (n.sent || n.lookUp && n.answers > 0) }

// vain takes it that the last answer, which failed, never got to those who validate: the authorization is as it was before.
func (n *validation) vain() {
	if n.doubtful {
		n.doubtful = false
		n.lost++
	}
}

// counted is how many answers the CA may count.
func (n *validation) counted() int { return n.answers - n.lost }

func (n *validation) end(verdict *Problem, err error) {
	n.over, n.verdict, n.err = true, verdict, err
}

// answer answers a challenge (RFC 8555 §7.5.1). Each is answered once: Boulder takes every further answer for a further
// validation, and counts its failure. Whether one got through that failed shows in the authorization, later.
func (v *validator) answer(n *validation) {
	s := v.run.session
	url := n.rec.challenge.URL
	s.transport.forget(url)
	if held := n.rec.held.Load(); held != nil {
		if err := v.run.solver.Answer(held, v.run.CA.now()); err != nil {
			v.run.log.Warn("journal", "error", err) // the answer matters more
		}
	}
	err := s.attempt("answer the challenge of "+n.rec.name, once, func() error {
		_, err := s.core.Challenges.New(url)
		return err
	})
	now := v.run.CA.now()
	n.lookUp, n.again, n.doubtful = false, time.Time{}, false
	if !unsent(err) {
		n.answers++
	}
	reply := s.transport.seen(url)
	problem, isProblem := asProblem(err)
	switch {
	case s.ctx.Err() != nil:
	case err == nil, !isProblem && reply.body != nil: // read by us; lego does not take every date
		n.sent, n.failures = true, 0
		n.next = now.Add(wish(reply.retryAfter, longestAsk))
		if c, err := readChallenge(url, reply.body); err == nil {
			v.shown(n, c, reply.retryAfter)
		}
	case !isProblem:
		n.doubtful = !unsent(err)
		v.notThrough(n, err, lostAfter)
	case problem.Status == http.StatusConflict || problem.Type == "conflict": // it is being validated
		n.sent = true
	case problem.Type == "incorrectResponse", problem.Type == "dns", problem.Type == "caa", problem.Type == "connection":
		v.missed(n, problem, problem.after)
	case problem.Status == http.StatusTooManyRequests, problem.Type == "rateLimited", problem.Type == "badNonce":
		n.answers--
		v.notThrough(n, err, againAfter)
	case problem.Status >= 500:
		n.doubtful = true
		v.notThrough(n, err, againAfter)
	default: // what is valid already, or being validated, is refused by many; by others, what is wrong with us
		n.sent, n.failure, n.refused = true, err, now
	}
}

// notThrough is an answer that failed. It is sent again if a look shows that nothing came of it.
func (v *validator) notThrough(n *validation, err error, after time.Duration) {
	n.failures++
	n.failure, n.lookUp = err, true
	if unsent(err) {
		after = againAfter
	}
	wait := cmp.Or(v.run.Pacing.AnswerAgain, after)
	problem, ok := asProblem(err)
	if ok && problem.Type != "badNonce" {
		var tries retries
		if problem.Status < 500 {
			tries.limited = n.failures - 1
		} else {
			tries.server = n.failures - 1
		}
		asked, again := tries.wait(problem, v.run.left())
		if !again {
			n.end(nil, err)
			return
		}
		wait = max(wait, asked)
		if problem.after > 0 {
			n.next = v.run.CA.now().Add(problem.after)
		}
	}
	if n.failures > answersMore || wait >= v.run.left() {
		n.end(nil, err)
		return
	}
	n.again = v.run.CA.now().Add(wait)
	v.run.log.Debug("whether the CA has the answer shows in the authorization", "name", n.rec.name, "again", wait, "error",
		err)
}

// missed is what a CA says that validates while it is answered and did not find the record, as RFC 8555 erratum 5732 has it:
// the challenge stays pending (step-ca), or the answer is refused (SSL.com), until it is answered again.
func (v *validator) missed(n *validation, words *Problem, asked time.Duration) {
	n.misses++
	n.words, n.sent, n.lookUp = words, false, false
	wait := missAfter
	if asked > 0 {
		wait = wish(asked, longestAsk)
	}
	if n.misses > answersMore || wait >= v.run.left() {
		v.conclude(n, words, nil)
		return
	}
	n.again = v.run.CA.now().Add(wait)
	v.run.observe(Event{Step: StepValidation, State: Noted, Domain: n.rec.name, Total: len(v.names), Text: messages.New(
		"the CA did not find it (%s): it is asked to look again in %d s", words.Error(), int(wait.Seconds()))})
}

// shown takes what a challenge shows, in the reply to its answer or in its authorization.
func (v *validator) shown(n *validation, c acme.Challenge, asked time.Duration) {
	switch {
	case c.Status == acme.StatusValid:
		v.conclude(n, nil, nil)
	case c.Status == acme.StatusInvalid:
		v.conclude(n, reasonOf(c.Error), nil)
	case c.Error != nil:
		v.missed(n, reasonOf(c.Error), asked)
	case c.Status != acme.StatusPending: // it is being validated
		n.sent, n.refused = true, time.Time{}
	}
}

// conclude ends the validation of a name and tells of it.
func (v *validator) conclude(n *validation, verdict *Problem, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if n.over {
		return
	}
	n.end(verdict, err)
	if err != nil {
		return
	}
	e := Event{Step: StepValidation, State: Progress, Domain: n.rec.name, Total: len(v.names), Text: messages.New("valid")}
	if verdict == nil {
		v.valid++
	} else {
		e.Text = messages.New("invalid: %s", verdict.Error())
	}
	e.Done = v.valid
	v.run.observe(e)
}
