package issuance

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"wildcard/providers"
)

// Problem is a CA's refusal: a reply of status 400 or above, or the reason of an invalid challenge or order (RFC 7807, RFC
// 8555 §6.7). Its texts are cut and cleaned of control characters when it is made.
type Problem struct {
	Status     int
	Type       string // without "urn:ietf:params:acme:error:"; "" if the reply was no problem document
	Detail     string
	Names      []SubProblem // what is wrong with single names (RFC 8555 §6.7.1)
	Terms      string       // link to the terms of service, of userActionRequired
	RetryAfter time.Time    // when to come back; zero if the CA did not say
}

// SubProblem is the part of a problem that concerns one name.
type SubProblem struct {
	Name   string
	Type   string
	Detail string
}

const (
	errorNamespace = "urn:ietf:params:acme:error:"
	maxDetail      = 400 // bytes of a CA's text that are shown
)

// Error returns the problem in one line, at most some 512 bytes: "403 unauthorized: detail".
func (p *Problem) Error() string {
	var b strings.Builder
	if p.Status != 0 {
		fmt.Fprintf(&b, "%d", p.Status)
	}
	if p.Type != "" {
		b.WriteString(" " + p.Type)
	}
	if p.Detail != "" {
		b.WriteString(": " + p.Detail)
	}
	for _, sub := range p.Names {
		if b.Len() > maxDetail {
			b.WriteString("; …")
			break
		}
		fmt.Fprintf(&b, "; %s: %s: %s", sub.Name, sub.Type, sub.Detail)
	}
	if p.Terms != "" {
		b.WriteString(" (" + p.Terms + ")")
	}
	if !p.RetryAfter.IsZero() {
		b.WriteString("; not before " + p.RetryAfter.UTC().Format(time.RFC3339))
	}
	return strings.TrimLeft(b.String(), " :;")
}

// document is a problem document as it comes over the network.
type document struct {
	Type        string `json:"type"`
	Detail      string `json:"detail"`
	SubProblems []struct {
		Type       string `json:"type"`
		Detail     string `json:"detail"`
		Identifier struct {
			Value string `json:"value"`
		} `json:"identifier"`
	} `json:"subproblems"`
}

// parseProblem makes a problem of a reply's body, whatever that is.
func parseProblem(status int, body []byte) *Problem {
	p := &Problem{Status: status}
	var d *document
	if err := json.Unmarshal(body, &d); err != nil || d == nil {
		p.Detail = printable(string(body), 120)
		return p
	}
	p.Type = problemType(d.Type)
	p.Detail = printable(d.Detail, maxDetail)
	for _, sub := range d.SubProblems {
		if len(p.Names) == 100 {
			break
		}
		p.Names = append(p.Names, SubProblem{
			Name:   printable(sub.Identifier.Value, 100),
			Type:   problemType(sub.Type),
			Detail: printable(sub.Detail, 200),
		})
	}
	return p
}

func problemType(s string) string {
	return printable(strings.TrimPrefix(s, errorNamespace), 60)
}

// printable is a CA's text made fit for a terminal and a log: one line, no control or format characters, at most limit
// bytes.
func printable(s string, limit int) string {
	var b strings.Builder
	for _, r := range s {
		if b.Len() >= limit {
			b.WriteString("…")
			break
		}
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			b.WriteByte(' ')
		case r == '\uFFFD' || !printableRune(r):
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}

// class says what the CA's problem is to our user.
func (p *Problem) class() (code string, class providers.Class) {
	switch p.Type {
	case "rateLimited":
		return CodeRateLimited, providers.Temporary
	case "accountDoesNotExist":
		return CodeAccountUnknown, providers.Refused
	case "userActionRequired":
		return CodeTerms, providers.Refused
	case "externalAccountRequired":
		return CodeExternalAccount, providers.Misconfigured
	case "invalidContact", "unsupportedContact":
		return CodeContact, providers.Usage
	case "rejectedIdentifier", "unsupportedIdentifier":
		return CodeName, providers.Failed
	case "caa":
		return CodeCAA, providers.Misconfigured
	case "invalidProfile":
		return CodeProfile, providers.Usage
	case "badCSR", "badPublicKey":
		return CodeCSR, providers.Failed
	case "alreadyRevoked":
		return CodeRevoked, providers.Failed
	case "unauthorized":
		return CodeUnauthorized, providers.Refused
	}
	switch {
	case p.Status == 429:
		return CodeRateLimited, providers.Temporary
	case p.Status >= 500:
		return CodeUnavailable, providers.Temporary
	}
	return CodeRefused, providers.Failed
}
