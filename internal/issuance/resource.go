package issuance

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-acme/lego/v4/acme"
)

// The resources of a CA are read with structures of our own: a date in another form than RFC 3339 (GoDaddy), or a status that
// is a text, is no reason to do without the rest. URLs that are relative are taken relative to the resource.

// text is a JSON string; anything else is passed over.
type text string

func (t *text) UnmarshalJSON(raw []byte) error {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		*t = text(s)
	}
	return nil
}

// texts is a list of JSON strings; anything else is an empty one.
type texts []text

func (t *texts) UnmarshalJSON(raw []byte) error {
	var all []text
	if json.Unmarshal(raw, &all) == nil {
		*t = all
	}
	return nil
}

// instant is a date (RFC 3339); anything else is the zero time.
type instant struct{ time.Time }

func (i *instant) UnmarshalJSON(raw []byte) error {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		i.Time, _ = time.Parse(time.RFC3339, strings.TrimSpace(s)) // the zero time on error
	}
	return nil
}

// number is a JSON number, or a text with one; anything else is 0.
type number int

func (n *number) UnmarshalJSON(raw []byte) error {
	i, err := strconv.Atoi(strings.Trim(string(raw), `" `))
	if err == nil {
		*n = number(i)
	}
	return nil
}

type wireProblem struct {
	Type        text   `json:"type"`
	Detail      text   `json:"detail"`
	Status      number `json:"status"`
	SubProblems []struct {
		Type       text `json:"type"`
		Detail     text `json:"detail"`
		Identifier struct {
			Value text `json:"value"`
		} `json:"identifier"`
	} `json:"subproblems"`
}

// wireError reads the error member of a challenge or an order: nil if there is none, an empty one if it cannot be read.
func wireError(raw json.RawMessage) *acme.ProblemDetails {
	if len(raw) == 0 || string(bytes.TrimSpace(raw)) == "null" {
		return nil
	}
	var p wireProblem
	if err := json.Unmarshal(raw, &p); err != nil {
		var detail text
		_ = detail.UnmarshalJSON(raw)
		return &acme.ProblemDetails{Detail: string(detail)}
	}
	d := &acme.ProblemDetails{Type: string(p.Type), Detail: string(p.Detail), HTTPStatus: int(p.Status)}
	for _, sub := range p.SubProblems {
		d.SubProblems = append(d.SubProblems, acme.SubProblem{
			Type: string(sub.Type), Detail: string(sub.Detail), Identifier: acme.Identifier{Value: string(sub.Identifier.Value)},
		})
	}
	return d
}

type wireChallenge struct {
	Type   text            `json:"type"`
	URL    text            `json:"url"`
	Status text            `json:"status"`
	Token  text            `json:"token"`
	Error  json.RawMessage `json:"error"`
}

func (c wireChallenge) challenge(base string) acme.Challenge {
	return acme.Challenge{
		Type: string(c.Type), URL: resolve(base, string(c.URL)), Status: string(c.Status), Token: string(c.Token),
		Error: wireError(c.Error),
	}
}

// readChallenge reads a challenge (RFC 8555 §7.1.5) as it came from a URL.
func readChallenge(from string, body []byte) (acme.Challenge, error) {
	var c wireChallenge
	if err := unmarshal(body, &c, "challenge"); err != nil {
		return acme.Challenge{}, err
	}
	return c.challenge(from), nil
}

// readAuthorization reads an authorization (RFC 8555 §7.1.4) as it came from a URL.
func readAuthorization(from string, body []byte) (authorization, error) {
	var w struct {
		Status     text    `json:"status"`
		Expires    instant `json:"expires"`
		Identifier struct {
			Type  text `json:"type"`
			Value text `json:"value"`
		} `json:"identifier"`
		Challenges []struct {
			wireChallenge

			terms
		} `json:"challenges"`
		Wildcard bool `json:"wildcard"`
	}
	if err := unmarshal(body, &w, "authorization"); err != nil {
		return authorization{}, err
	}
	a := authorization{Authorization: acme.Authorization{
		Status: string(w.Status), Expires: w.Expires.Time, Wildcard: w.Wildcard,
		Identifier: acme.Identifier{Type: string(w.Identifier.Type), Value: string(w.Identifier.Value)},
	}}
	for _, c := range w.Challenges {
		if Method(c.Type) == Persist {
			a.terms = c.terms
		}
		a.Challenges = append(a.Challenges, c.challenge(from))
	}
	return a, nil
}

// readOrder reads an order (RFC 8555 §7.1.3) as it came from a URL. It has no Location.
func readOrder(from string, body []byte) (acme.ExtendedOrder, error) {
	var w struct {
		Status         text              `json:"status"`
		Expires        text              `json:"expires"`
		Identifiers    []acme.Identifier `json:"identifiers"`
		Profile        text              `json:"profile"`
		Error          json.RawMessage   `json:"error"`
		Authorizations []text            `json:"authorizations"`
		Finalize       text              `json:"finalize"`
		Certificate    text              `json:"certificate"`
	}
	if err := unmarshal(body, &w, "order"); err != nil {
		return acme.ExtendedOrder{}, err
	}
	o := acme.Order{
		Status: string(w.Status), Expires: string(w.Expires), Identifiers: w.Identifiers, Profile: string(w.Profile),
		Error: wireError(w.Error), Finalize: string(w.Finalize), Certificate: string(w.Certificate),
	}
	for _, a := range w.Authorizations {
		o.Authorizations = append(o.Authorizations, string(a))
	}
	order := acme.ExtendedOrder{Order: o}
	resolveOrder(from, &order)
	return order, nil
}

// resolveOrder makes the URLs of an order absolute.
func resolveOrder(from string, o *acme.ExtendedOrder) {
	o.Location, o.Finalize, o.Certificate = resolve(from, o.Location), resolve(from, o.Finalize),
		resolve(from, o.Certificate)
	for i, a := range o.Authorizations {
		o.Authorizations[i] = resolve(from, a)
	}
}

func unmarshal(body []byte, into any, what string) error {
	if err := json.Unmarshal(body, into); err != nil {
		return &replyError{"not what was asked for (" + what + ")" + ": " + printable(string(body), 120)}
	}
	return nil
}

// resolve makes a URL that a CA gave absolute (RFC 3986 §5); what is none stays as it is, and is refused where it is used.
func resolve(base, reference string) string {
	if reference == "" {
		return ""
	}
	b, err := url.Parse(base)
	if err != nil {
		return reference
	}
	u, err := url.Parse(reference)
	if err != nil || u.IsAbs() {
		return reference // as it came: the JWS has to name it so (RFC 8555 §6.4)
	}
	return b.ResolveReference(u).String()
}

// read fetches a resource, whatever it is (RFC 8555 §6.3).
func (s *session) read(url string) ([]byte, error) {
	body, _, err := s.core.Certificates.Get(url, true) // lego's only call that hands on a body as it came
	return body, err
}
