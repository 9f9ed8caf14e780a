package issuance

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
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

	after time.Duration // the same as Retry-After had it; 0 without
}

// SubProblem is the part of a problem that concerns one name.
type SubProblem struct {
	Name   string
	Type   string
	Detail string
}

const (
	errorNamespace = "urn:ietf:params:acme:error:"
	maxText        = 400  // bytes of a CA's text that are shown
	maxDetail      = 2000 // bytes of one with a URL, which must be whole: Let's Encrypt's for paused names has some 600
	maxNamed       = 1200 // bytes of what is said of single names; then the names alone
	maxListed      = 2400 // bytes of those
)

// Error returns the problem in one line, of some 6,000 bytes at most: "403 unauthorized: detail".
func (p *Problem) Error() string {
	var b strings.Builder
	if p.Status != 0 {
		fmt.Fprintf(&b, "%d", p.Status)
	}
	if p.Type != "" {
		b.WriteString(" " + p.Type)
	}
	if detail := p.detail(); detail != "" {
		b.WriteString(": " + detail)
	}
	b.WriteString(p.named())
	if p.Terms != "" {
		b.WriteString(" (" + p.Terms + ")")
	}
	if !p.RetryAfter.IsZero() {
		b.WriteString("; not before " + p.RetryAfter.UTC().Format(time.RFC3339))
	}
	if p.Status == 0 && p.Type == "" && p.Detail == "" && len(p.Names) == 0 {
		b.WriteString(": the CA does not say why")
	}
	return strings.TrimLeft(b.String(), " :;")
}

// named is what is said of single names: those of which the same is said together, none of them left out as long as there is
// room.
func (p *Problem) named() string {
	var order []string
	names := map[string][]string{}
	for _, sub := range p.Names {
		said := sub.Type + ": " + sub.Detail
		if names[said] == nil {
			order = append(order, said)
		}
		names[said] = append(names[said], sub.Name)
	}
	var b strings.Builder
	left := 0
	for _, said := range order {
		switch together := strings.Join(names[said], ", "); {
		case b.Len() < maxNamed:
			b.WriteString("; " + printable(together, maxNamed) + ": " + said)
		case b.Len() < maxListed:
			b.WriteString("; " + printable(together, maxNamed))
		default:
			left += len(names[said])
		}
	}
	if left > 0 {
		fmt.Fprintf(&b, "; and %d more", left)
	}
	return b.String()
}

// retryClause is how Boulder ends the text of a limit (ratelimits/transaction.go): the instant of its Retry-After, but for up to
// 3 % that it adds there.
func retryClause() *regexp.Regexp {
	return regexp.MustCompile(`(?i),?\s*retry after (\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?: ?UTC|Z)`)
}

// detail is the CA's text, without an instant to come back at if the line has it anyway.
func (p *Problem) detail() string {
	text := p.Detail
	if !p.RetryAfter.IsZero() {
		text = retryClause().ReplaceAllString(text, "")
	}
	if !strings.Contains(text, "https://") {
		text = printable(text, maxText)
	}
	return text
}

// instant is when to come back by the CA's text, for one that has no Retry-After; zero if it does not say.
func (p *Problem) instant() time.Time {
	found := retryClause().FindStringSubmatch(p.Detail)
	if found == nil {
		return time.Time{}
	}
	at, _ := time.Parse(time.DateTime, found[1]+" "+found[2]) // the zero time on error
	return at
}

// waits reports whether a limit lasts until a person did something on the CA's web site: Let's Encrypt's paused names, and
// clients that are too old for it. There is a URL and no instant to come back at.
func (p *Problem) waits() bool {
	return p.Type == "rateLimited" && p.RetryAfter.IsZero() && strings.Contains(p.Detail, "https://")
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
	if p.Type == "rateLimited" {
		p.RetryAfter = p.instant() // a header is more to the point
	}
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
func printable(s string, limit int) string { return messages.Short(s, limit) }

// class says what the CA's problem is to our user.
func (p *Problem) class() (code string, class fault.Class) {
	switch p.Type {
	case "rateLimited":
		if p.waits() {
			return CodePaused, fault.Refused
		}
		return CodeRateLimited, fault.Temporary
	case "badNonce", "conflict": // whatever there is in the way passes
		return CodeUnavailable, fault.Temporary
	case "accountDoesNotExist":
		return CodeAccountUnknown, fault.Refused
	case "userActionRequired":
		return CodeTerms, fault.Refused
	case "externalAccountRequired":
		return CodeExternalAccount, fault.Misconfigured
	case "invalidContact", "unsupportedContact":
		return CodeContact, fault.Usage
	case "rejectedIdentifier", "unsupportedIdentifier":
		return CodeName, fault.Failed
	case "caa":
		return CodeCAA, fault.Misconfigured
	case "invalidProfile":
		return CodeProfile, fault.Usage
	case "badCSR", "badPublicKey":
		return CodeCSR, fault.Failed
	case "alreadyRevoked":
		return CodeRevoked, fault.Failed
	case "unauthorized":
		return CodeUnauthorized, fault.Refused
	}
	switch {
	case p.Status == 429:
		return CodeRateLimited, fault.Temporary
	case p.Status >= 500:
		return CodeUnavailable, fault.Temporary
	}
	return CodeRefused, fault.Failed
}
