package acmetest

import (
	"fmt"
	"net/http"
	"slices"
)

// checkReplaces looks at what a new order says it replaces (RFC 9773 §5; boulder wfe2 validateReplacementOrder). A certificate that
// has a replacement order already is a conflict, even if that order is this client's own and not finished: it is free again when
// that one has failed or its time is over. Within the suggested window the order is exempt from rate limits.
func (s *Server) checkReplaces(by *account, names []string, id string) (exempt bool, refusal *Reply) {
	if id == "" || s.options.Deviations.IgnoresReplaces {
		return false, nil
	}
	refuse := func(status int, kind, text string) (bool, *Reply) {
		return false, Problem(status, kind, "Could not validate ARI 'replaces' field :: "+text)
	}
	c, fault := s.byRenewalID(id)
	if fault != nil {
		fault.Edit(func(d map[string]any) {
			d["detail"] = "Could not validate ARI 'replaces' field :: while parsing ARI CertID an error occurred: " +
				fmt.Sprint(d["detail"])
		})
		return false, fault
	}
	check := "while checking that this order is a replacement: "
	if c == nil {
		return refuse(http.StatusNotFound, "malformed",
			check+"request included `replaces` field, but no current certificate with that serial exists")
	}
	for _, o := range s.orders {
		if o.Replaces == "" || s.over(o.Expires) && o.Status != "valid" {
			continue
		}
		if other, _ := s.byRenewalID(o.Replaces); other != c {
			continue
		}
		if s.refresh(o); o.Status != "invalid" {
			return refuse(http.StatusConflict, "alreadyReplaced",
				fmt.Sprintf("cannot indicate an order replaces certificate with serial %q, which already has a replacement order",
					c.serial))
		}
	}
	switch {
	case c.account != by:
		return refuse(http.StatusForbidden, "unauthorized",
			check+"requester account did not request the certificate being replaced by this order")
	case !slices.ContainsFunc(names, func(name string) bool {
		return c.leaf.VerifyHostname(name) == nil || slices.Contains(c.names, name)
	}):
		return refuse(http.StatusBadRequest, "malformed",
			check+"identifiers in this order do not match any identifiers in the certificate being replaced")
	}
	start, end := s.window(c)
	now := s.options.Now()
	return !now.Before(start) && now.Before(end), nil
}
