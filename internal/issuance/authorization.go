package issuance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-acme/lego/v4/acme"

	"wildcard/internal/dns01"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

// authorizations fetches them all, and makes a record of each that is not valid yet.
func (r *run) authorizations(order acme.ExtendedOrder, places map[string]dns01.Place) error {
	bad := func(format string, args ...any) error {
		return fault.Errorf(CodeReply, fault.Failed, "acme: order: "+format, args...)
	}
	n := len(order.Authorizations)
	switch {
	case n == 0:
		return bad("it is pending and has no authorizations")
	case n > len(r.request.Names):
		return bad("%d authorizations for %d names", n, len(r.request.Names))
	}
	got := make([]authorization, n)
	if err := r.sideBySide(requestsAtOnce, n, func(i int) (err error) {
		got[i], err = r.session.getAuthorization(order.Authorizations[i], lagging)
		return err
	}); err != nil {
		return err
	}
	names, err := namesOf(r.request.Names, got, order.Authorizations)
	if err != nil {
		return err
	}
	proofs := ways{r}
	if err := proofs.lookForOffered(got, names); err != nil {
		return err
	}
	orderExpires, _ := time.Parse(time.RFC3339, order.Expires) // the zero time on error
	expires := []time.Time{orderExpires}
	for i, a := range got {
		name := names[i]
		switch a.Status {
		case acme.StatusValid:
			r.observe(Event{Step: StepAuthorization, State: Noted, Domain: name, Text: messages.New("valid already")})
			continue
		case acme.StatusInvalid, acme.StatusDeactivated, acme.StatusExpired, acme.StatusRevoked:
			return fmt.Errorf("%w: authorization of %s is %s", errOrderLost, name, printable(a.Status, 40))
		}
		rec, err := proofs.newRecord(name, order.Authorizations[i], a, places)
		if err != nil {
			return err
		}
		r.records = append(r.records, rec)
		expires = append(expires, a.Expires)
	}
	r.expire(expires...)
	return nil
}

// namesOf finds the name that each authorization is for. CAs mark that of *.N by "wildcard" (RFC 8555 §7.1.4), or by "*." in
// the identifier, or not at all; so it is the base name that counts, and of N and *.N the one that is left.
func namesOf(asked []string, all []authorization, urls []string) ([]string, error) {
	names := make([]string, len(all))
	assign := func(i int, name string) bool {
		if names[i] != "" || slices.Contains(names, name) || !slices.Contains(asked, name) {
			return false
		}
		names[i] = name
		return true
	}
	for i, a := range all { // those that say it first
		base := strings.ToLower(Base(a.Identifier.Value))
		if a.Wildcard || base != strings.ToLower(a.Identifier.Value) {
			assign(i, "*."+base)
		} else {
			assign(i, base)
		}
	}
	for i, a := range all {
		base := strings.ToLower(Base(a.Identifier.Value))
		wanted := a.Identifier.Type == "dns" && !strings.Contains(base, "*") &&
			(slices.Contains(asked, base) || slices.Contains(asked, "*."+base))
		about := printable(a.Identifier.Type+" "+a.Identifier.Value, 100)
		switch {
		case !wanted:
			return nil, fault.Errorf(CodeReply, fault.Failed, "acme: order: an authorization is for %s, which was not asked for",
				about)
		case slices.Index(urls, urls[i]) != i, !assign(i, base) && !assign(i, "*."+base) && names[i] == "":
			return nil, fault.Errorf(CodeReply, fault.Failed,
				"acme: order: there are more authorizations for %s than were asked for", about)
		}
	}
	return names, nil
}

func (s *session) getAuthorization(url string, p policy) (authorization, error) {
	var a authorization
	err := s.attempt("authorization", p, func() error {
		body, err := s.read(url)
		if err == nil {
			a, err = readAuthorization(url, body)
		}
		return err
	})
	return a, err
}
