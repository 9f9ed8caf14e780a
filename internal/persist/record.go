package persist

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// Label is the label under which the records stand.
const Label = providers.PersistLabel

// Name is the name at which a CA looks for the record of a domain (without "*."), with a trailing dot.
func Name(domain string) string { return Label + "." + domain + "." }

// Record is what one TXT record says.
type Record struct {
	Issuer   string    // as it stands there
	Account  string    // accounturi
	Wildcard bool      // policy=wildcard: names below and wildcards, too
	Until    time.Time // persistUntil; zero is without end
	limited  bool      // there is a persistUntil, be it of 1970
}

// String is the value of the record, as it is written: without blanks, in one order.
func (r Record) String() string {
	text := r.Issuer + ";accounturi=" + r.Account
	if r.Wildcard {
		text += ";policy=wildcard"
	}
	if !r.Until.IsZero() {
		text += ";persistUntil=" + strconv.FormatInt(r.Until.Unix(), 10)
	}
	return text
}

// Ended reports whether the record has ended at some time.
func (r Record) Ended(at time.Time) bool { return r.limited && at.After(r.Until) }

// longest is how long a TXT record may be that is read.
const longest = 4096

// Parse reads a record (RFC 8659 §4.2, issue-value), as strictly as the strictest CA (package comment). With an error that is not about
// the issuer the record has the issuer.
func Parse(text string) (Record, error) {
	if len(text) > longest {
		return Record{}, errors.New("it is too long")
	}
	parts := strings.Split(text, ";")
	r := Record{Issuer: trim(parts[0])}
	if r.Issuer == "" {
		return r, errors.New("it names no issuer")
	}
	seen := map[string]bool{}
	for _, part := range parts[1:] {
		tag, value, err := parameter(part)
		if err != nil {
			return r, err
		}
		if seen[tag] {
			return r, fmt.Errorf("%s is there twice", fault.Excerpt(tag))
		}
		seen[tag] = true
		if err := r.set(tag, value); err != nil {
			return r, err
		}
	}
	if r.Account == "" {
		return r, errors.New("accounturi is missing")
	}
	return r, nil
}

// trim removes what RFC 5234 calls WSP.
func trim(s string) string { return strings.Trim(s, " \t") }

// parameter reads "tag=value". Tags have no case.
func parameter(text string) (tag, value string, err error) {
	text = trim(text)
	if text == "" {
		return "", "", errors.New("there is an empty parameter, or a semicolon at its end")
	}
	tag, value, ok := strings.Cut(text, "=")
	tag, value = strings.ToLower(trim(tag)), trim(value)
	switch {
	case !ok:
		return "", "", fmt.Errorf("%s is no tag=value", fault.Excerpt(text))
	case tag == "":
		return "", "", fmt.Errorf("%s has no tag", fault.Excerpt(text))
	case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' || r == ';' }):
		return "", "", fmt.Errorf("the value of %s has a character that it may not have", fault.Excerpt(tag))
	}
	return tag, value, nil
}

func (r *Record) set(tag, value string) error {
	switch tag {
	case "accounturi":
		if value == "" {
			return errors.New("accounturi is empty")
		}
		r.Account = value
	case "policy":
		r.Wildcard = strings.EqualFold(value, "wildcard") // any other is as if it were not there
	case "persistuntil":
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return fmt.Errorf("persistUntil is %s, no number of seconds", fault.Excerpt(value))
		}
		r.Until, r.limited = time.Unix(seconds, 0).UTC(), true
	}
	return nil
}
