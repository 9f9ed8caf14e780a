package acmetest

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// OrderState is one order.
type OrderState struct {
	ID       int
	Names    []string
	Profile  string
	Replaces string
	Status   string // pending, ready, processing, valid, invalid
	Error    map[string]any
	CSR      *x509.CertificateRequest // after finalize
	Chain    []byte
	Expires  time.Time

	account *account
	authz   []int
	exempt  bool      // from rate limits, as renewal information asked for it
	done    time.Time // when a processing order has its certificate, by the timer
	serial  string    // of the certificate
	past    []seen
}

// seen is a status and since when it holds, by the timer.
type seen struct {
	status string
	since  time.Time
}

// lag is how old what a replica shows is.
const lag = time.Second

// statusAt is what a replica shows that has not seen the newest: the status that held a lag ago.
func statusAt(past []seen, now time.Time, status string) string {
	for i := len(past) - 1; i >= 0; i-- {
		if past[i].since.After(now.Add(-lag)) && i > 0 {
			status = past[i-1].status
		}
	}
	return status
}

// newOrder makes an order (RFC 8555 §7.4). The order of its checks is Boulder's (wfe2 NewOrder, ra NewOrder).
func (s *Server) newOrder(by *account, body []byte) *Reply {
	var request struct {
		Identifiers []struct{ Type, Value string } `json:"identifiers"`
		NotBefore   string                         `json:"notBefore"`
		NotAfter    string                         `json:"notAfter"`
		Profile     string                         `json:"profile"`
		Replaces    string                         `json:"replaces"`
	}
	switch err := json.Unmarshal(body, &request); {
	case err != nil:
		return malformed("Unable to unmarshal NewOrder request body")
	case len(request.Identifiers) == 0:
		return malformed("NewOrder request did not specify any identifiers")
	case request.NotBefore != "" || request.NotAfter != "":
		return malformed("NotBefore and NotAfter are not supported")
	}
	var names []string
	for _, id := range request.Identifiers {
		if id.Type != "dns" && id.Type != "ip" {
			return Problem(http.StatusBadRequest, "unsupportedIdentifier",
				fmt.Sprintf("NewOrder request included unsupported identifier: type %q, value %q", id.Type, id.Value))
		}
		names = append(names, strings.ToLower(id.Value))
	}
	asked := slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	p, exempt, refusal := s.checkOrder(by, names, request.Profile, request.Replaces)
	if refusal != nil {
		return refusal
	}
	if earlier := s.reusable(by, names, request.Profile); earlier != nil {
		return s.orderReply(http.StatusCreated, earlier, earlier.Status)
	}
	o := &OrderState{
		ID: len(s.orders) + 1, Names: names, Profile: request.Profile, Replaces: request.Replaces, Status: "pending",
		account: by, exempt: exempt, Expires: s.options.Now().Add(p.Order).Truncate(time.Second),
	}
	if s.options.Deviations.PlainLists {
		o.Names = asked
	}
	s.orders = append(s.orders, o)
	s.authorize(o, p)
	s.refresh(o)
	return s.orderReply(http.StatusCreated, o, o.Status)
}

// checkOrder is what Boulder looks at before it makes an order, in its sequence. exempt is that limits do not count.
func (s *Server) checkOrder(by *account, names []string, profileName, replaces string) (p Profile, exempt bool,
	refusal *Reply) {
	var known bool
	if refusal = wellFormed(names); refusal != nil {
		return p, exempt, refusal
	}
	if refusal = s.checkPaused(names); refusal != nil {
		return p, exempt, refusal
	}
	exempt, refusal = s.checkReplaces(by, names, replaces)
	if refusal != nil {
		return p, exempt, refusal
	}
	p, known = profile(profileName)
	if !known {
		return p, exempt, Problem(http.StatusBadRequest, "invalidProfile",
			fmt.Sprintf("profile name %q not recognized", profileName))
	}
	if !exempt {
		if refusal = s.limitOrder(by, names); refusal != nil {
			s.refusedUntil(by, names, refusal)
			return p, exempt, refusal
		}
	}
	if len(names) > p.MaxNames {
		return p, exempt, malformed("Error creating new order :: Order cannot contain more than %d identifiers", p.MaxNames)
	}
	for _, name := range names {
		label, parent, _ := strings.Cut(name, ".")
		if label != "*" && !s.options.Deviations.TakesCoveredNames && slices.Contains(names, "*."+parent) {
			return p, exempt, malformed("Error creating new order :: Domain name %q is redundant with a wildcard domain in the same request. "+
				"Remove one or the other from the certificate request.", name)
		}
	}
	return p, exempt, nil
}

func malformed(format string, args ...any) *Reply {
	return Problem(http.StatusBadRequest, "malformed", fmt.Sprintf(format, args...))
}

// wellFormed refuses names that no public CA takes (boulder policy/pa.go).
func wellFormed(names []string) *Reply {
	var subproblems []any
	first := ""
	for _, name := range names {
		base := strings.TrimPrefix(name, "*.")
		text := ""
		switch {
		case len(base) > 253:
			text = "Domain name is longer than 253 bytes"
		case !strings.Contains(base, "."):
			text = "Domain name needs at least one dot"
		case strings.Count(base, ".") >= 10:
			text = "Domain name has more than 10 labels (parts)"
		case strings.Trim(base, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "":
			text = "Domain name contains an invalid character"
		}
		if text == "" {
			continue
		}
		if first == "" {
			first = fmt.Sprintf("Cannot issue for %q: %s", name, text)
		}
		subproblems = append(subproblems, map[string]any{
			"type": namespace + "malformed", "detail": "Invalid identifiers requested :: " + text,
			"identifier": map[string]any{"type": "dns", "value": name},
		})
	}
	switch len(subproblems) {
	case 0:
		return nil
	case 1:
		return Problem(http.StatusBadRequest, "rejectedIdentifier", "Invalid identifiers requested :: "+first)
	}
	return Problem(http.StatusBadRequest, "rejectedIdentifier",
		fmt.Sprintf("Invalid identifiers requested :: %s (and %d more problems. "+
			"Refer to sub-problems for more information.)", first, len(subproblems)-1)).Edit(func(d map[string]any) {
		d["subproblems"] = subproblems
	})
}

// reusable is an order that newOrder gives back: the same names and profile, of the same account, not begun with.
func (s *Server) reusable(by *account, names []string, profile string) *OrderState {
	if s.options.Deviations.NoOrderReuse {
		return nil
	}
	for _, o := range slices.Backward(s.orders) {
		if o.account != by || o.Profile != profile || s.over(o.Expires) {
			continue
		}
		s.refresh(o)
		if same := slices.Sorted(slices.Values(o.Names)); (o.Status == "pending" || o.Status == "ready") &&
			slices.Equal(same, names) {
			return o
		}
	}
	return nil
}

// over reports whether a time has passed by the CA's clock.
func (s *Server) over(t time.Time) bool { return t.Before(s.options.Now()) }

// refresh computes an order's status (boulder sa/model.go statusForOrder) while it is not begun with, and ends its processing.
func (s *Server) refresh(o *OrderState) {
	switch {
	case o.Status == "processing" && !o.done.IsZero() && !o.done.After(s.timer()):
		o.Status = "valid"
	case o.Status == "pending" || o.Status == "ready":
		o.Status = s.provenStatus(o)
	case o.Status == "valid" && s.anyOf(o, "deactivated"):
		o.Status = "invalid" // even after it was issued
	}
	if n := len(o.past); n == 0 || o.past[n-1].status != o.Status {
		o.past = append(o.past, seen{o.Status, s.timer()})
	}
}

func (s *Server) provenStatus(o *OrderState) string {
	if o.Error != nil || s.anyOf(o, "invalid", "deactivated", "revoked", "expired") {
		return "invalid"
	}
	for _, n := range o.authz {
		if a := s.authz[n-1]; s.over(a.expires) {
			return "invalid"
		} else if a.Status != "valid" {
			return "pending"
		}
	}
	return "ready"
}

// anyOf reports whether an authorization of the order has one of these states.
func (s *Server) anyOf(o *OrderState, states ...string) bool {
	return slices.ContainsFunc(o.authz, func(n int) bool { return slices.Contains(states, s.authz[n-1].Status) })
}

// getOrder shows an order to its account.
func (s *Server) getOrder(by *account, o *OrderState) *Reply {
	status, notFound := s.look(by, o)
	if notFound != nil {
		return notFound
	}
	return s.orderReply(http.StatusOK, o, status)
}

// look is the status that a look at an order finds, or why there is none.
func (s *Server) look(by *account, o *OrderState) (status string, notFound *Reply) {
	if by != o.account {
		return "", Problem(http.StatusNotFound, "malformed", fmt.Sprintf("No order found for account ID %d", by.id))
	}
	s.refresh(o)
	status = o.Status
	if s.over(o.Expires) {
		switch s.options.Deviations.Expired {
		case NotFound:
			return "", Problem(http.StatusNotFound, "malformed", fmt.Sprintf("No order for ID %d", o.ID))
		default:
			return "invalid", nil
		}
	}
	if s.stale() {
		status = statusAt(o.past, s.timer(), status)
	}
	return status, nil
}

// stale reports whether this look meets a replica that lags.
func (s *Server) stale() bool {
	s.looks++
	return s.options.StaleReads > 0 && s.looks%s.options.StaleReads == 0
}

// orderReply shows an order.
func (s *Server) orderReply(code int, o *OrderState, status string) *Reply {
	d := map[string]any{"status": status, "finalize": s.url(Finalize, o.account.id, o.ID),
		"expires": o.Expires.UTC().Format(time.RFC3339)}
	var ids, authz []any
	for _, name := range o.Names {
		ids = append(ids, map[string]any{"type": "dns", "value": name})
	}
	for _, n := range o.authz {
		authz = append(authz, s.url(Authorization, o.account.id, n))
	}
	d["identifiers"], d["authorizations"] = ids, authz
	if status == "valid" {
		d["certificate"] = s.url(Certificate, o.serial)
	}
	if o.Error != nil {
		d["error"] = o.Error
	}
	if o.Profile != "" {
		d["profile"] = o.Profile
	}
	if o.Replaces != "" {
		d["replaces"] = o.Replaces
	}
	if s.options.Deviations.GoogleWays {
		d["notBefore"], d["notAfter"], d["profile"] = "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "standard"
		d["expires"] = o.Expires.UTC().Format("2006-01-02T15:04:05.000000Z07:00")
	}
	r := JSON(code, d).With("Location", s.url(Order, o.account.id, o.ID))
	if status == "processing" && code == http.StatusOK {
		if r.With("Retry-After", "3"); s.options.Deviations.OrderRetryAfter != "" {
			r.With("Retry-After", s.options.Deviations.OrderRetryAfter)
		}
	}
	return r
}

// Orders are all orders, oldest first; [Server.Change] changes one.
func (s *Server) Orders() []*OrderState {
	s.advance()
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*OrderState(nil), s.orders...)
}

// Change has f change the order with an ID, alone.
func (s *Server) Change(id int, f func(o *OrderState)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.orders[id-1])
}
