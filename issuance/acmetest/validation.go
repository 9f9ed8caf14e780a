package acmetest

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// validation is one look for the record of a challenge.
type validation struct {
	value string // that is looked for
	due   time.Time
}

// Takes is a [Options.ValidationTime] that is always the same.
func Takes(d time.Duration) func(string) time.Duration {
	return func(string) time.Duration { return d }
}

// Settle brings the validations to their ends whose time has come. Every request does so, too; it is for tests whose client
// asks nothing while their clock goes on.
func (s *Server) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
}

func (s *Server) settle() {
	for {
		var next *authorization
		for _, a := range s.authz {
			if len(a.running) > 0 && (next == nil || a.running[0].due.Before(next.running[0].due)) {
				next = a
			}
		}
		if next == nil || next.running[0].due.After(s.options.Now()) {
			return
		}
		v := next.running[0]
		next.running = next.running[1:]
		s.end(next, v)
	}
}

// end is the verdict of a validation. The first of several holds, and each that fails counts.
func (s *Server) end(a *authorization, v *validation) {
	problem := s.look(a, v)
	if problem != nil {
		s.failed++
	}
	if a.Status != "pending" {
		return
	}
	a.Status, a.Problem = "valid", problem
	if problem != nil {
		a.Status = "invalid"
	}
}

// look returns why a validation fails; nil is a success.
func (s *Server) look(a *authorization, v *validation) map[string]any {
	if s.options.Look == nil || slices.Contains(s.options.Look("_acme-challenge."+a.Name+"."), v.value) {
		return nil
	}
	return map[string]any{
		"type": "urn:ietf:params:acme:error:unauthorized", "status": 403,
		"detail": "no TXT record with the right value for " + a.Name,
	}
}

// deviations are how the CA differs from Boulder.
func (s *Server) deviations() Deviations {
	if s.options.Boulder {
		return s.options.Deviations
	}
	return Deviations{WhileValidating: InThePost, SecondAnswer: IsIgnored, AfterInvalid: AnswersInvalid}
}

// answer takes the answer to a challenge (RFC 8555 §7.5.1); an empty body reads the challenge.
func (s *Server) answer(by *account, a *authorization, n int, body []byte) *Reply {
	reply := func() *Reply {
		r := JSON(http.StatusOK, s.challenge(a, n)).With("Location", s.url(Challenge, n))
		r.Header.Add("Link", "<"+s.url(Authorization, n)+`>;rel="up"`)
		return r
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return reply()
	}
	if !json.Valid(body) || body[0] != '{' {
		return Problem(http.StatusBadRequest, "malformed", "Error unmarshaling challenge response")
	}
	a.posts++
	d := s.deviations()
	switch {
	case a.Status == "valid" && d.AfterValid == RefusesValid:
		return Problem(http.StatusBadRequest, "malformed", "Challenge is not pending.")
	case a.Status == "valid":
		return reply()
	case a.Status == "invalid" && d.AfterInvalid == AnswersInvalid:
		return reply()
	case a.Status == "invalid" && d.AfterInvalid == ValidatesInvalid:
		a.Status, a.Problem = "pending", nil
	case a.Status != "pending":
		return Problem(http.StatusBadRequest, "malformed", "Unable to update challenge :: authorization must be pending")
	}
	if len(a.running) > 0 {
		switch d.SecondAnswer {
		case IsConflict:
			return Problem(http.StatusConflict, "conflict", "Unable to update challenge :: authorization is already being validated")
		case IsRefused:
			return Problem(http.StatusBadRequest, "malformed", "Cannot update challenge with status processing, only status pending")
		case IsIgnored:
			return reply()
		case StartsAnew:
			a.running = nil
		case StartsAnother:
		}
	}
	v := &validation{value: proof(by, a), due: s.options.Now()}
	if d.WhileValidating == StaysPending || d.WhileValidating == TurnsProcessing {
		early := reply()
		s.begin(a, v)
		if d.WhileValidating == StaysPending {
			return early
		}
		return reply()
	}
	a.Problem = s.look(a, v)
	switch {
	case a.Problem == nil:
		a.Status = "valid"
		return reply()
	case d.WhileValidating == InThePost:
		s.failed++
		a.Status = "invalid"
	case d.WhileValidating == MissIsRefused:
		detail := fmt.Sprint(a.Problem["detail"])
		a.Problem = nil
		return Problem(http.StatusForbidden, "incorrectResponse", detail)
	}
	return reply()
}

// begin puts a validation beside the others of its authorization, the one that ends first in front.
func (s *Server) begin(a *authorization, v *validation) {
	took := 2*time.Second + rand.N(5*time.Second)
	if s.options.ValidationTime != nil {
		took = s.options.ValidationTime(a.Name)
	}
	v.due = v.due.Add(took)
	if s.realTime {
		time.AfterFunc(took, s.Settle)
	}
	a.running = append(a.running, v)
	slices.SortStableFunc(a.running, func(x, y *validation) int { return x.due.Compare(y.due) })
}

// proof is the value of the TXT record that answers a challenge (RFC 8555 §8.4).
func proof(by *account, a *authorization) string {
	thumbprint, err := by.key.Thumbprint(crypto.SHA256)
	if err != nil {
		return "" // no key that has signed lacks one
	}
	digest := sha256.Sum256([]byte(a.Token + "." + base64.RawURLEncoding.EncodeToString(thumbprint)))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}
