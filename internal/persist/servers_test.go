package persist_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"wildcard/internal/testkit/acmetest"
)

// The two servers that read such records, as far as a record counts. What they say is left out.

// pebble is Pebble's reading (letsencrypt/pebble v2.10.1, va/va.go, validateDNSPersist01 and what it calls).
func pebble(record string, issuers []string, account string, wildcard bool, now time.Time) error {
	wsp := func(s string) string { return strings.TrimFunc(s, func(r rune) bool { return r == ' ' || r == '\t' }) }
	parts := strings.Split(record, ";")
	issuer := wsp(parts[0])
	if issuer == "" || !slices.Contains(issuers, issuer) {
		return errors.New("passed over")
	}
	seen := map[string]bool{}
	uri, policy, until := "", "", (*time.Time)(nil)
	for _, param := range parts[1:] {
		param = wsp(param)
		if param == "" {
			return errors.New("empty parameter or trailing semicolon provided")
		}
		pair := strings.SplitN(param, "=", 2)
		if len(pair) != 2 {
			return errors.New("malformed parameter")
		}
		tag, value := strings.ToLower(wsp(pair[0])), wsp(pair[1])
		if tag == "" {
			return errors.New("empty tag")
		}
		if seen[tag] {
			return errors.New("duplicate parameter")
		}
		seen[tag] = true
		for _, r := range value {
			if (r >= 0x21 && r <= 0x3A) || (r >= 0x3C && r <= 0x7E) {
				continue
			}
			return errors.New("malformed value")
		}
		switch tag {
		case "accounturi":
			if value == "" {
				return errors.New("empty accounturi")
			}
			uri = value
		case "policy":
			policy = value
		case "persistuntil":
			seconds, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return errors.New("malformed persistUntil")
			}
			t := time.Unix(seconds, 0).UTC()
			until = &t
		}
	}
	switch {
	case uri == "":
		return errors.New("missing mandatory accountURI")
	case uri != account:
		return errors.New("accounturi mismatch")
	case wildcard && strings.ToLower(policy) != "wildcard":
		return errors.New("policy mismatch")
	case until != nil && now.After(*until):
		return errors.New("after persistUntil")
	}
	return nil
}

// boulder is Boulder's.
func boulder(record, ours, account string, wildcard bool, now time.Time) error {
	return acmetest.JudgePersist(record, ours, []string{account}, wildcard, now)
}
