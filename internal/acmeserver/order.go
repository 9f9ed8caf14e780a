package acmeserver

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

const (
	orderLife  = 24 * time.Hour // until it must be finalized, and until its certificate must have come
	mostNames  = 100            // on one certificate, as Let's Encrypt's
	quotaEvery = time.Hour
)

// newOrder makes an order whose authorizations are valid (RFC 8555 §7.4), and has the CA find the names proven meanwhile. An order for
// the same that was not finalized is given back.
func (s *Server) newOrder(c *call) (*reply, *Problem) {
	var asked struct {
		Identifiers []identifier `json:"identifiers"`
		NotBefore   string       `json:"notBefore"`
		NotAfter    string       `json:"notAfter"`
		Profile     string       `json:"profile"`
		Replaces    string       `json:"replaces"`
	}
	if problem := decode(c.payload, &asked); problem != nil {
		return nil, problem
	}
	if given(asked.NotBefore) || given(asked.NotAfter) {
		return nil, malformed("notBefore and notAfter are not supported")
	}
	names, problem := s.allowed(c, asked.Identifiers)
	if problem != nil {
		return nil, problem
	}
	if _, ok := s.options.Upstream.Profiles()[asked.Profile]; asked.Profile != "" && !ok {
		return nil, refuse(http.StatusBadRequest, "invalidProfile",
			"there is no such profile: the directory has those that there are")
	}
	replaces, problem := s.replaced(c, asked.Replaces, names)
	if problem != nil {
		return nil, problem
	}
	defer s.store.lock("orders of " + c.client)()
	now := s.now()
	if there := s.store.ordersWhere(func(o *Order) bool {
		return o.Account == c.account.ID && s.statusOf(o) == statusReady && o.Profile == asked.Profile &&
			o.Replaces == replaces && slices.Equal(o.Names, names)
	}); len(there) > 0 {
		return s.orderReply(http.StatusCreated, there[0]), nil
	}
	if problem := s.withinQuota(c, now); problem != nil {
		return nil, problem
	}
	if problem := withinLimits(s, c.client, names, replaces, now); problem != nil {
		return nil, problem
	}
	made, err := s.store.saveOrder(Order{
		ID: newID(), Account: c.account.ID, Client: c.client, Names: names, Profile: asked.Profile, Replaces: replaces,
		Status: statusReady, Created: now.UTC(), Expires: now.Add(orderLife).UTC().Truncate(time.Second),
	})
	if err != nil {
		return nil, internal(err)
	}
	accountUsed(s, c.account.ID, now)
	s.audit.order("order.created", made, "address", c.address.String(), "agent", c.agent())
	s.work.prove(made)
	return s.orderReply(http.StatusCreated, made), nil
}

// given reports whether a time was asked for; some clients send the zero one.
func given(text string) bool { return text != "" && !strings.HasPrefix(text, "0001-01-01T00:00:00") }

// allowed are the names of an order, sorted, if the client may have them all.
func (s *Server) allowed(c *call, asked []identifier) ([]string, *Problem) {
	if len(asked) == 0 || len(asked) > mostNames {
		return nil, malformed("an order has 1 to %d identifiers", mostNames)
	}
	var names []string
	var denied []Subproblem
	for _, id := range asked {
		if id.Type != "dns" {
			return nil, refuse(http.StatusBadRequest, "unsupportedIdentifier",
				"only identifiers of the type dns are supported, not %s", fault.Excerpt(id.Type))
		}
		name, problem := wantedName(id.Value)
		if problem != nil {
			return nil, problem
		}
		if !c.policy.Judge(name).Allowed {
			denied = append(denied, Subproblem{
				Type: errorNamespace + "rejectedIdentifier", Identifier: identifier{"dns", name},
				Detail: "the client " + c.client + " may not have " + name,
			})
			continue
		}
		names = append(names, name)
	}
	if len(denied) > 0 {
		problem := refuse(http.StatusForbidden, "rejectedIdentifier", "%s (on the server: wildcard client explain %s %s)",
			denied[0].Detail, c.client, denied[0].Identifier.Value)
		if len(denied) > 1 || len(names) > 0 {
			problem.Subproblems = denied
		}
		return nil, problem
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// replaced is the certificate that an order follows (RFC 9773 §5), if it is one from here that may be followed.
func (s *Server) replaced(c *call, id string, names []string) (string, *Problem) {
	old := s.store.byCertificate(s.options.CA, id)
	if id == "" || old == nil {
		return "", nil
	}
	if old.Client != c.client {
		return "", unauthorized("replaces names a certificate of another client")
	}
	if !slices.ContainsFunc(old.Names, func(name string) bool { return slices.Contains(names, name) }) {
		return "", malformed("replaces names a certificate that has none of the names")
	}
	if len(s.store.ordersWhere(func(o *Order) bool {
		return o.Replaces == id && (o.Status == statusProcessing || o.Status == statusValid)
	})) > 0 {
		return "", refuse(http.StatusConflict, "alreadyReplaced", "the certificate has a successor already")
	}
	return id, nil
}

// withinQuota refuses a client that orders too much.
func (s *Server) withinQuota(c *call, now time.Time) *Problem {
	quota := c.policy.Quota
	if quota == 0 {
		quota = defaultQuota
	}
	recent := s.store.ordersWhere(func(o *Order) bool { // those of the future are of a clock that was wrong
		return o.Client == c.client && now.Sub(o.Created).Abs() < quotaEvery
	})
	if len(recent) < quota {
		return nil
	}
	return refuse(http.StatusTooManyRequests, "rateLimited",
		"the client %s has made %d orders within an hour, and may make no more", c.client, len(recent)).after(
		min(recent[quota-1].Created.Add(quotaEvery).Sub(now), quotaEvery))
}

// withinLimits refuses what the CA would refuse, as it has said. What follows a certificate counts at none of its limits (RFC 9773 §5).
func withinLimits(s *Server, client string, names []string, replaces string, now time.Time) *Problem {
	if replaces != "" {
		return nil
	}
	before := len(s.store.ordersWhere(func(o *Order) bool {
		return o.Client == client && o.Status == statusValid && o.CA == s.options.CA && slices.Equal(o.Names, names)
	})) > 0
	met, ok := s.limits.on(names, before, now)
	if !ok {
		return nil
	}
	return refuse(http.StatusTooManyRequests, "rateLimited",
		"the public CA has said: %s", messages.OneLine(met.Detail)).after(met.Until.Sub(now))
}

// statusOf is the status of an order now.
func (s *Server) statusOf(o *Order) string {
	if o.Status == statusReady && s.now().After(o.Expires) {
		return statusInvalid
	}
	return o.Status
}

// orderOf finds the order that a URL names, which must be the account's.
func (s *Server) orderOf(c *call, id string) (*Order, *Problem) {
	o := s.store.order(id)
	switch {
	case o == nil:
		return nil, notFound()
	case o.Account != c.account.ID:
		return nil, unauthorized("this belongs to another account")
	}
	return o, nil
}

func (s *Server) orderResource(c *call) (*reply, *Problem) {
	o, problem := s.orderOf(c, c.rest)
	if problem != nil {
		return nil, problem
	}
	if len(c.payload) > 0 {
		return nil, malformed("an order is read by POST-as-GET, whose payload is empty")
	}
	return s.orderReply(http.StatusOK, o), nil
}

func (s *Server) orderReply(status int, o *Order) *reply {
	of := map[string]any{
		"status": s.statusOf(o), "expires": o.Expires.Format(time.RFC3339), "finalize": s.url(pathFinalize, o.ID),
	}
	var identifiers []identifier
	var authorizations []string
	for i, name := range o.Names {
		identifiers = append(identifiers, identifier{"dns", name})
		authorizations = append(authorizations, s.authorizationURL(o, i))
	}
	of["identifiers"], of["authorizations"] = identifiers, authorizations
	if o.Profile != "" {
		of["profile"] = o.Profile
	}
	if o.Replaces != "" {
		of["replaces"] = o.Replaces
	}
	if o.Error != nil {
		of["error"] = o.Error
	}
	if o.Status == statusValid {
		of["certificate"] = s.url(pathCertificate, o.ID)
	}
	answer := document(status, of)
	answer.location = s.url(pathOrder, o.ID)
	if o.Status == statusProcessing {
		answer.retryAfter = s.work.patience(o)
	}
	return answer
}
