package acmetest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

type authorization struct {
	Name     string // without "*."
	Wildcard bool
	Status   string
	Token    string
	Problem  map[string]any
	tried    string // the challenge that was validated; "" before

	account   *account
	profile   Profile
	expires   time.Time
	order     int
	posts     int    // that answered its challenge
	told      string // whom an answer of was accepted: the client's address
	attempted bool
	running   []*validation
	past      []seen
}

// name is that of the certificate.
func (a *authorization) name() string {
	if a.Wildcard {
		return "*." + a.Name
	}
	return a.Name
}

func (s *Server) setStatus(a *authorization, status string) {
	a.Status = status
	a.past = append(a.past, seen{status, s.timer()})
}

// authorize gives an order its authorizations: valid ones of before where they live long enough, new ones else. The order lives no
// longer than the first of them (boulder ra NewOrder).
func (s *Server) authorize(o *OrderState, p Profile) {
	for _, name := range o.Names {
		n := s.valid(o.account, name, p)
		if n == 0 {
			base, wild := strings.CutPrefix(name, "*.")
			token := sha256.Sum256(fmt.Appendf(nil, "%d %s", o.ID, name))
			a := &authorization{
				Name: base, Wildcard: wild, Token: base64.RawURLEncoding.EncodeToString(token[:]), order: o.ID,
				account: o.account, profile: p, expires: s.options.Now().Add(p.PendingAuthz).Truncate(time.Second),
			}
			s.setStatus(a, "pending")
			s.authz = append(s.authz, a)
			n = len(s.authz)
			if s.options.Deviations.JustInTime && s.persist != NoPersist {
				s.justInTime(a)
			}
		}
		if expires := s.authz[n-1].expires; expires.Before(o.Expires) {
			o.Expires = expires
		}
		o.authz = append(o.authz, n)
	}
}

// valid returns the number of a valid authorization that is of use for another order; 0 if there is none.
func (s *Server) valid(by *account, name string, p Profile) int {
	if s.options.Deviations.NoAuthorizationReuse {
		return 0
	}
	until := s.options.Now().Add(p.leastLeft())
	return 1 + slices.IndexFunc(s.authz, func(a *authorization) bool {
		return a.account == by && a.name() == name && a.Status == "valid" && a.profile == p && a.expires.After(until) &&
			a.tried != persistKind // boulder ra/ra.go, NewOrder
	})
}

// getAuthorization shows an authorization (RFC 8555 §7.5), or gives it up (§7.5.2).
func (s *Server) getAuthorization(by *account, a *authorization, n int, body []byte) *Reply {
	status := a.Status
	switch expired := s.over(a.expires); {
	case expired && s.options.Deviations.Expired == NotFound:
		return Problem(http.StatusNotFound, "malformed", "Expired authorization")
	case by != a.account:
		return Problem(http.StatusForbidden, "unauthorized", "Account ID doesn't match ID for authorization")
	case expired && s.options.Deviations.Expired == SaysExpired:
		status = "expired"
	case expired:
		status = "invalid"
	}
	if len(body) > 0 {
		var request struct {
			Status string `json:"status"`
		}
		if err := json.Unmarshal(body, &request); err != nil || request.Status != "deactivated" {
			return Problem(http.StatusBadRequest, "malformed", "Invalid status value")
		}
		s.deactivate(a)
		status = a.Status
	}
	if s.stale() && len(body) == 0 {
		status = statusAt(a.past, s.timer(), status)
	}
	d := map[string]any{
		"identifier": map[string]any{"type": "dns", "value": a.Name}, "status": status,
		"expires": a.expires.UTC().Format(time.RFC3339), "challenges": s.challenges(a, n, status),
	}
	if a.Wildcard && !s.options.Deviations.NoWildcardMember {
		d["wildcard"] = true
	}
	if s.options.Deviations.GoogleWays {
		d["expires"] = a.expires.UTC().Format("2006-01-02T15:04:05.000000Z07:00")
	}
	r := JSON(http.StatusOK, d)
	if after := s.options.Deviations.AuthorizationRetryAfter; after != "" && status == "pending" {
		r.With("Retry-After", after)
	}
	return r
}

// deactivate gives an authorization up. One that is pending counts as a failed validation at Boulder (ra
// DeactivateAuthorization).
func (s *Server) deactivate(a *authorization) {
	switch a.Status {
	case "pending":
		s.countFailure(a.account, a.name())
		s.violate("deactivates the pending authorization of %s, which counts as a failed validation", a.name())
	case "valid":
	default:
		return
	}
	s.setStatus(a, "deactivated")
}

// challenges are those that an authorization shows, in any order: of one that was tried only the one that was tried.
func (s *Server) challenges(a *authorization, n int, status string) []any {
	kinds := []string{"dns-01", accountKind, "http-01", "tls-alpn-01"}
	switch {
	case a.tried == accountKind:
		kinds = kinds[1:2]
	case a.attempted || s.options.Deviations.PlainLists:
		kinds = kinds[:1]
	case a.Wildcard:
		kinds = kinds[:2]
	}
	if !s.options.DNSAccount {
		kinds = slices.DeleteFunc(kinds, func(kind string) bool { return kind == accountKind })
	}
	var all []any
	for _, kind := range kinds {
		all = append(all, s.challenge(a, n, kind, status))
	}
	if a.tried == persistKind {
		all = nil
	}
	if a.tried == persistKind || s.persist != NoPersist && !a.attempted && !s.options.Deviations.PlainLists {
		all = append(all, s.persistent(a, n, status))
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// Deactivated is how many authorizations a client has given up.
func (s *Server) Deactivated() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.authz {
		if a.Status == "deactivated" {
			n++
		}
	}
	return n
}
