package acmetest

import (
	"math/rand/v2"
	"slices"
	"time"
)

// phase is a step of a validation. They follow one another, and each can fail (boulder va.go DoDCV, DoCAA).
type phase int

const (
	primaryTXT phase = iota
	remoteTXT
	primaryCAA
	remoteCAA
	phases
)

// begins is how far a validation is when a phase looks. The first look is at once: a record must be there when the challenge is
// answered; and the remote perspectives look late, as a slow name server or resolver makes them.
func (p phase) begins(took time.Duration) time.Duration {
	quarters := []int64{0, 2, 3, 4}
	return time.Duration(int64(took) * quarters[p] / 4)
}

// validation is one run of the phases for a challenge.
type validation struct {
	authz   *authorization
	kind    string // of the challenge
	value   string // that is looked for
	began   time.Time
	took    time.Duration
	next    phase
	at      time.Time      // when the next phase is due
	problem map[string]any // what the first phase found and no client was told yet
	trouble bool           // the CA's own
	byHand  bool           // within the POST
	busy    bool
	ended   bool
}

// Takes is a [Options.ValidationTime] that is always the same.
func Takes(d time.Duration) func(string) time.Duration {
	return func(string) time.Duration { return d }
}

// begin starts a validation. With the real time it goes on by itself.
func (s *Server) begin(a *authorization, value, kind string) *validation {
	d := s.options.Deviations
	v := &validation{authz: a, kind: kind, value: value, began: s.timer(), byHand: d.WhileValidating.inThePost()}
	v.took = 2*time.Second + rand.N(5*time.Second)
	if s.options.ValidationTime != nil {
		v.took = s.options.ValidationTime(a.name())
	}
	v.at = v.began
	if s.troubles > 0 {
		s.troubles--
		v.trouble = true
	}
	a.running = append(a.running, v)
	if !v.byHand && s.realTime {
		s.background.Go(func() { s.goOn(v) })
	}
	return v
}

// goOn carries a validation out in real time.
func (s *Server) goOn(v *validation) {
	for {
		s.mu.Lock()
		wait, ended := time.Until(v.at), v.ended
		s.mu.Unlock()
		if ended {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-s.ended:
			timer.Stop()
			return
		case <-timer.C:
		}
		s.mu.Lock()
		s.step(v)
		s.mu.Unlock()
	}
}

// Validate carries out what is due of the validations. Every request does so, too; it is for tests whose client asks nothing while
// their clock goes on.
func (s *Server) Validate() { s.advance() }

func (s *Server) advance() {
	if s.realTime {
		return
	}
	s.settling.Lock()
	defer s.settling.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		v := s.due()
		if v == nil {
			return
		}
		s.step(v)
	}
}

// due is the validation whose next phase is due for the longest; nil if none is.
func (s *Server) due() (first *validation) {
	now := s.timer()
	for _, a := range s.authz {
		for _, v := range a.running {
			if !v.byHand && !v.busy && !v.at.After(now) && (first == nil || v.at.Before(first.at)) {
				first = v
			}
		}
	}
	return first
}

// finish carries a validation out at once, within the POST.
func (s *Server) finish(v *validation) {
	for !v.ended {
		s.step(v)
	}
}

// step carries out the next phase. The caller has the lock, which is free during the look.
func (s *Server) step(v *validation) {
	if v.ended || v.busy {
		return
	}
	problem := v.problem
	if problem == nil {
		v.busy = true
		s.mu.Unlock()
		problem = s.lookIn(v)
		s.mu.Lock()
		v.busy = false
	}
	early := v.began.Add(v.took / 4)
	switch {
	case v.ended:
	case problem != nil && v.problem == nil && v.next == primaryTXT && early.After(s.timer()):
		v.problem, v.at = problem, early
	case problem != nil:
		s.verdict(v, problem)
	case v.next+1 == phases:
		s.verdict(v, nil)
	default:
		v.next++
		v.at = v.began.Add(v.next.begins(v.took))
	}
}

// verdict ends a validation. The first of several decides; each that fails counts.
func (s *Server) verdict(v *validation, problem map[string]any) {
	a := v.authz
	v.ended = true
	a.running = slices.DeleteFunc(a.running, func(other *validation) bool { return other == v })
	way := s.options.Deviations.WhileValidating
	if problem != nil && (way == MissStaysPending || way == MissIsRefused) {
		a.Problem = problem
		return
	}
	if problem != nil {
		s.countFailure(a.account, a.name())
	}
	if a.Status != "pending" {
		return // another one was quicker
	}
	a.attempted, a.tried, a.Problem = true, v.kind, problem
	if problem != nil {
		s.setStatus(a, "invalid")
		s.tellOrders(a)
		return
	}
	s.setStatus(a, "valid")
	a.expires = s.options.Now().Add(a.profile.ValidAuthz).Truncate(time.Second)
	s.countSuccess(a.account, a.name())
}

// tellOrders makes the orders of an authorization invalid, with the reason where that is the CA's way.
func (s *Server) tellOrders(a *authorization) {
	for _, o := range s.orders {
		if slices.ContainsFunc(o.authz, func(n int) bool { return s.authz[n-1] == a }) {
			if s.options.Deviations.Reasons == InTheOrder {
				o.Error = a.Problem
			}
			s.refresh(o)
		}
	}
}

// abandon ends the validations of an authorization without a verdict.
func (s *Server) abandon(a *authorization) {
	for _, v := range a.running {
		v.ended = true
	}
	a.running = nil
}

// Trouble makes the next validations fail for reasons of the CA's own: the parts that look cannot be reached.
func (s *Server) Trouble(validations int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.troubles = validations
}

// Prove makes the authorizations of an order valid without a look, as a CA does that has validated the names beforehand (Sectigo,
// DigiCert, HARICA).
func (s *Server) Prove(order int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.orders[order-1]
	for _, n := range o.authz {
		if a := s.authz[n-1]; a.Status == "pending" {
			s.abandon(a)
			s.setStatus(a, "valid")
		}
	}
	s.refresh(o)
}
