package acmeserver

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

func (s *Server) authorizationURL(o *Order, i int) string {
	return s.url(pathAuthorization, o.ID, strconv.Itoa(i))
}

// authorizationOf finds the name that the URL of an authorization or challenge is for: the order's, and which of its names.
func (s *Server) authorizationOf(c *call) (o *Order, i int, _ *Problem) {
	id, number, _ := strings.Cut(c.rest, "/")
	o, problem := s.orderOf(c, id)
	if problem != nil {
		return nil, 0, problem
	}
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= len(o.Names) || strconv.Itoa(i) != number {
		return nil, 0, notFound()
	}
	return o, i, nil
}

// authorization is an order's for one name (RFC 8555 §7.1.4): valid, since its proof is the account. Given up, it ends the order.
func (s *Server) authorization(c *call) (*reply, *Problem) {
	o, i, problem := s.authorizationOf(c)
	if problem != nil {
		return nil, problem
	}
	if len(c.payload) > 0 {
		var asked struct {
			Status string `json:"status"`
		}
		if problem := decode(c.payload, &asked); problem != nil {
			return nil, problem
		}
		if asked.Status != statusDeactivated {
			return nil, malformed("the status of an authorization can only become deactivated")
		}
		var err error
		if o, err = s.store.changeOrder(o.ID, func(o *Order) bool {
			if o.Status != statusReady {
				return false
			}
			o.Status, o.Error = statusInvalid, unauthorized("an authorization was deactivated")
			return true
		}); err != nil {
			return nil, internal(err)
		}
	}
	name, wild := strings.CutPrefix(o.Names[i], "*.")
	status := statusValid
	if s.statusOf(o) == statusInvalid {
		status = statusDeactivated
	}
	of := map[string]any{
		"status": status, "identifier": identifier{"dns", name}, "expires": o.Expires.Format(time.RFC3339),
		"challenges": []any{s.challengeOf(o, i)},
	}
	if wild {
		of["wildcard"] = true
	}
	return document(http.StatusOK, of), nil
}

// challengeOf is the one challenge of an authorization. There is no need to answer it.
func (s *Server) challengeOf(o *Order, i int) map[string]any {
	return map[string]any{
		"type": "dns-01", "url": s.url(pathChallenge, o.ID, strconv.Itoa(i)), "status": statusValid, "token": o.ID,
		"validated": o.Created.Format(time.RFC3339),
	}
}

func (s *Server) challenge(c *call) (*reply, *Problem) {
	o, i, problem := s.authorizationOf(c)
	if problem != nil {
		return nil, problem
	}
	answer := document(http.StatusOK, s.challengeOf(o, i))
	answer.links = []string{"<" + s.authorizationURL(o, i) + `>;rel="up"`}
	return answer, nil
}
