package issuance

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"

	"github.com/go-acme/lego/v4/acme"

	"wildcard/internal/dns01"
	"wildcard/internal/fault"
)

// tokenForm is what a token looks like (RFC 8555 §8.3). Nothing else is hashed, shown or handed on.
var tokenForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// newRecord is the record that proves a name by DNS-01 (RFC 8555 §8.4), of the challenge that an authorization offers for it. It is the
// only way to prove a name so far: another would be chosen here, and made beside the records (record.go).
func (r *run) newRecord(name, url string, a acme.Authorization, p dns01.Place) (*record, error) {
	rec := &record{name: name, place: p, authorization: url}
	for _, c := range a.Challenges {
		if c.Type == "dns-01" {
			rec.challenge = c
		}
	}
	switch {
	case rec.challenge.Type == "":
		return nil, fault.Errorf(CodeNoChallenge, fault.Failed, "acme: authorization of %s: the CA offers no dns-01", name)
	case !tokenForm.MatchString(rec.challenge.Token):
		return nil, fault.Errorf(CodeReply, fault.Failed, "acme: authorization of %s: not a token: %s", name,
			printable(rec.challenge.Token, 60))
	case rec.challenge.URL == "":
		return nil, fault.Errorf(CodeReply, fault.Failed, "acme: authorization of %s: the challenge has no URL", name)
	}
	err := guard(func() (err error) {
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
