package issuance

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"slices"

	"wildcard/internal/dns01"
	"wildcard/internal/fault"
)

// Method is a way to prove a name, by the type of its challenge.
type Method string

// The methods.
const (
	DNS01   Method = "dns-01"         // RFC 8555 §8.4; also ""
	Persist Method = "dns-persist-01" // by a record that is there already (package persist)
	// DNSAccount is DNS01 at a name of the account's own (draft-ietf-acme-dns-account-label-02).
	DNSAccount Method = "dns-account-01"
	// Auto is Persist for names whose record is there and fits, at a CA that offers it, else DNS01. It is never DNSAccount, which no
	// CA offers without DNS01: whose label is the account's is chosen.
	Auto Method = "auto"
)

// ParseMethod reads a method as a user types it.
func ParseMethod(text string) (Method, error) {
	if m := Method(text); slices.Contains([]Method{Auto, DNS01, Persist, DNSAccount}, m) {
		return m, nil
	}
	return "", fault.Errorf(fault.CodeUsage, fault.Usage,
		"challenge %s: it is auto, dns-01, dns-persist-01 or dns-account-01", fault.Excerpt(text))
}

// way is what is different between the methods: what is looked for in an authorization, what is done before the answer, and what a
// failure means.
type way struct {
	method Method
	token  bool // its challenges have one, of which the value of a record is made
	makes  bool // a record is made before the answer, and deleted when the CA has looked
	// failed adds to the error of a validation what helps against a failure.
	failed func(r *run, rec *record, f ValidationFailure, err error) error
}

// byRecord is that of DNS01 and DNSAccount, which differ in the record's name alone ([dns01.ChallengeName]).
func byRecord(m Method) *way {
	return &way{method: m, token: true, makes: true, failed: unseenElsewhere}
}

func byPersist() *way {
	return &way{method: Persist, failed: func(_ *run, rec *record, _ ValidationFailure, err error) error {
		return fault.Errorf(fault.CodeOf(err), fault.ClassOf(err),
			"%w; the name servers that could be asked from here have the record %s: wildcard persist check %s", err,
			rec.place.FQDN, Base(rec.name))
	}}
}

// tokenForm is what a token looks like (RFC 8555 §8.3). Nothing else is hashed, shown or handed on.
var tokenForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// take makes a record of the challenge that an authorization offers for a way.
func take(w *way, name, url string, a authorization) (*record, error) {
	rec := &record{name: name, authorization: url, way: w}
	for _, c := range a.Challenges {
		if c.Type == string(w.method) {
			rec.challenge = c
		}
	}
	switch {
	case rec.challenge.Type == "":
		return nil, fault.Errorf(CodeNoChallenge, fault.Failed, "acme: authorization of %s: the CA offers no %s, but %s",
			name, string(w.method), a.kinds())
	case w.token && !tokenForm.MatchString(rec.challenge.Token):
		return nil, fault.Errorf(CodeReply, fault.Failed, "acme: authorization of %s: not a token: %s", name,
			printable(rec.challenge.Token, 60))
	case rec.challenge.URL == "":
		return nil, fault.Errorf(CodeReply, fault.Failed, "acme: authorization of %s: the challenge has no URL", name)
	}
	return rec, nil
}

// ways finds for each name of a run what proves it.
type ways struct{ run *run }

// newRecord is what proves a name: by the method that was asked for, or for Auto by the one that can.
func (w ways) newRecord(name, url string, a authorization, places map[string]dns01.Place) (*record, error) {
	r := w.run
	place := places[Base(name)]
	if r.Method == Persist || r.Method == Auto && a.offers(Persist) {
		rec, err := w.persistent(name, url, a)
		if err == nil || r.Method == Persist {
			return rec, err
		}
		r.log.Debug("no persistent record", "name", name, "why", err)
	}
	if place.FQDN == "" {
		return nil, r.unplaced
	}
	method := DNS01
	if r.Method == DNSAccount {
		method = DNSAccount
	}
	rec, err := take(byRecord(method), name, url, a)
	if err != nil {
		return nil, err
	}
	rec.place = place
	err = guard(func() (err error) {
		rec.keyAuthorization, err = r.session.core.GetKeyAuthorization(rec.challenge.Token)
		return err
	})
	if err != nil {
		return nil, explain("key authorization of "+name, err)
	}
	digest := sha256.Sum256([]byte(rec.keyAuthorization))
	rec.value = base64.RawURLEncoding.EncodeToString(digest[:])
	return rec, nil
}

// toMake are the records that are made before the answer.
func (r *run) toMake() []*record {
	return slices.DeleteFunc(slices.Clone(r.records), func(rec *record) bool { return !rec.way.makes })
}
