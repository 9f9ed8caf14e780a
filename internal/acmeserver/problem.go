package acmeserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/messages"
)

// Problem is a refusal (RFC 7807, RFC 8555 §6.7).
type Problem struct {
	Type        string       `json:"type"` // with its name space
	Detail      string       `json:"detail"`
	Status      int          `json:"status"`
	Subproblems []Subproblem `json:"subproblems,omitempty"`
	Algorithms  []string     `json:"algorithms,omitempty"` // of badSignatureAlgorithm

	retryAfter time.Duration
	location   string
}

// Subproblem is what is wrong with one name (RFC 8555 §6.7.1).
type Subproblem struct {
	Type       string     `json:"type"`
	Detail     string     `json:"detail"`
	Identifier identifier `json:"identifier"`
}

type identifier struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

const errorNamespace = "urn:ietf:params:acme:error:"

func (p *Problem) Error() string { return p.Type[len(errorNamespace):] + ": " + p.Detail }

// kind is the type without its name space.
func (p *Problem) kind() string { return p.Type[len(errorNamespace):] }

// refuse makes a problem. The texts of others in args are quoted by the caller.
func refuse(status int, kind, format string, args ...any) *Problem {
	return &Problem{Type: errorNamespace + kind, Status: status, Detail: fmt.Sprintf(format, args...)}
}

func malformed(format string, args ...any) *Problem {
	return refuse(http.StatusBadRequest, "malformed", format, args...)
}

func unauthorized(format string, args ...any) *Problem {
	return refuse(http.StatusForbidden, "unauthorized", format, args...)
}

func notFound() *Problem {
	return refuse(http.StatusNotFound, "malformed", "there is nothing at this URL")
}

// internal is a failure of ours.
func internal(err error) *Problem {
	p := refuse(http.StatusInternalServerError, "serverInternal", "%s", messages.OneLine(err.Error()))
	p.retryAfter = time.Minute
	return p
}

// after has the client come back later.
func (p *Problem) after(d time.Duration) *Problem {
	p.retryAfter = max(d, time.Second)
	return p
}

// upstreamProblem says to the client what the CA, or the way to it, had to object to; or this server itself meanwhile.
func upstreamProblem(err error) *Problem {
	if ours, ok := errors.AsType[*Problem](err); ok {
		return ours
	}
	if ours(err) {
		return internal(err)
	}
	kind, status := "serverInternal", http.StatusInternalServerError
	switch fault.CodeOf(err) {
	case issuance.CodeName, issuance.CodeNoWildcard, issuance.CodeTooMany, issuance.CodeCovered:
		kind, status = "rejectedIdentifier", http.StatusBadRequest
	case issuance.CodeCAA:
		kind, status = "caa", http.StatusForbidden
	case issuance.CodeCSR:
		kind, status = "badCSR", http.StatusBadRequest
	case issuance.CodeProfile:
		kind, status = "invalidProfile", http.StatusBadRequest
	case issuance.CodeRateLimited:
		kind, status = "rateLimited", http.StatusTooManyRequests
	case issuance.CodeRevoked:
		kind, status = "alreadyRevoked", http.StatusBadRequest
	case issuance.CodeReason:
		kind, status = "badRevocationReason", http.StatusBadRequest
	}
	p := refuse(status, kind, "the public CA: %s", messages.OneLine(err.Error()))
	if at, ok := errors.AsType[*issuance.Problem](err); ok && !at.RetryAfter.IsZero() {
		p.retryAfter = time.Until(at.RetryAfter)
	}
	return p
}

// send answers with the problem.
func (p *Problem) send(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/problem+json")
	if p.location != "" {
		w.Header().Set("Location", p.location)
	}
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(max(p.retryAfter, time.Second).Seconds())))
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // who does not read it knows no less
}
