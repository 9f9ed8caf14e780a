package acmetest

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
)

// challenge is the document of a challenge. As the status is the authorization's, a client sees what became of it in either.
func (s *Server) challenge(a *authorization, n int, kind, status string) map[string]any {
	switch {
	case status == "pending" && len(a.running) > 0 && s.options.Deviations.WhileValidating == TurnsProcessing:
		status = "processing"
	case status != "valid" && status != "invalid":
		status = "pending"
	}
	c := map[string]any{"type": kind, "url": s.url(Challenge, a.account.id, n, kind), "status": status, "token": a.Token}
	shown := status == "invalid" || s.options.Deviations.WhileValidating.inThePost()
	if kind == cmp.Or(a.tried, "dns-01") && a.Problem != nil && shown {
		switch s.options.Deviations.Reasons {
		case InTheChallenge:
			c["error"] = a.Problem
		case Empty:
			c["error"] = map[string]any{}
		case Absent, InTheOrder:
		}
	}
	if status == "valid" {
		c["validated"] = s.options.Now().UTC().Format("2006-01-02T15:04:05Z")
	}
	return c
}

// answer takes the answer to a challenge (RFC 8555 §7.5.1); an empty body reads the challenge.
func (s *Server) answer(by *account, a *authorization, n int, kind string, body []byte) *Reply {
	refuse := func(status int, kind, text string) *Reply { return Problem(status, kind, text) }
	d := s.options.Deviations
	reply := func(body map[string]any) *Reply {
		r := JSON(http.StatusOK, body).With("Location", s.url(Challenge, a.account.id, n, kind))
		r.Header.Add("Link", "<"+s.url(Authorization, a.account.id, n)+`>;rel="up"`)
		if body["status"] != "valid" && d.ChallengeRetryAfter != "" {
			r.With("Retry-After", d.ChallengeRetryAfter)
		}
		return r
	}
	show := func() *Reply { return reply(s.challenge(a, n, kind, a.Status)) }
	switch {
	case s.over(a.expires):
		return refuse(http.StatusNotFound, "malformed", "Expired authorization")
	case by != a.account:
		return refuse(http.StatusForbidden, "unauthorized", "User account ID doesn't match account ID in authorization")
	case len(bytes.TrimSpace(body)) == 0:
		return show()
	case !json.Valid(body) || body[0] != '{':
		return refuse(http.StatusBadRequest, "malformed", "Error unmarshaling challenge response")
	}
	s.noteAnswer(a)
	a.posts++
	switch {
	case a.Status == "valid" && d.AfterValid == RefusesValid:
		return refuse(http.StatusBadRequest, "malformed", "Challenge is not pending.")
	case a.Status == "valid":
		return show()
	case a.Status == "invalid" && d.AfterInvalid == ValidatesInvalid:
		s.setStatus(a, "pending")
		a.Problem = nil
	case a.Status != "pending":
		return refuse(http.StatusBadRequest, "malformed", "Unable to update challenge :: authorization must be pending")
	}
	if len(a.running) > 0 {
		if r := s.secondAnswer(a, show); r != nil {
			return r
		}
	}
	before := show()
	v := s.begin(a, proof(by, a), kind)
	switch d.WhileValidating {
	case StaysPending:
		return before
	case MissIsRefused:
		s.finish(v)
		if a.Problem != nil {
			detail := fmt.Sprint(a.Problem["detail"])
			a.Problem = nil
			return refuse(http.StatusForbidden, "incorrectResponse", detail)
		}
	case InThePost, MissStaysPending:
		s.finish(v)
	case TurnsProcessing:
	}
	return show()
}

// secondAnswer is what an answer to a challenge that is being validated comes to: a reply, or nil for one more validation.
func (s *Server) secondAnswer(a *authorization, show func() *Reply) *Reply {
	switch s.options.Deviations.SecondAnswer {
	case IsConflict:
		return Problem(http.StatusConflict, "conflict",
			"Unable to update challenge :: authorization is already being validated")
	case IsRefused:
		return Problem(http.StatusBadRequest, "malformed",
			"Cannot update challenge with status processing, only status pending")
	case IsIgnored:
		return show()
	case StartsAnew:
		s.abandon(a)
	case StartsAnother:
	}
	return nil
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

// Answered is how many challenges were answered.
func (s *Server) Answered() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.authz {
		if a.posts > 0 {
			n++
		}
	}
	return n
}

// Answers are how many POSTs each challenge has had that answered it, by the name of the certificate, in the order of their
// authorizations.
func (s *Server) Answers() map[string][]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	answers := map[string][]int{}
	for _, a := range s.authz {
		answers[a.name()] = append(answers[a.name()], a.posts)
	}
	return answers
}
