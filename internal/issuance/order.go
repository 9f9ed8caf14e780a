package issuance

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/go-acme/lego/v4/acme"
	"github.com/go-acme/lego/v4/acme/api"

	"wildcard/internal/fault"
)

// ordering finds the order of a run.
type ordering struct{ run *run }

// find takes up the order of an earlier run, or makes a new one.
func (o ordering) find() (acme.ExtendedOrder, error) {
	r := o.run
	if r.request.Resume != nil && r.request.Resume.Order != "" {
		order, err := r.session.getOrder(r.request.Resume.Order, known)
		switch {
		case err == nil && o.resumable(order):
			r.result.Resumed = true
			return order, nil
		case r.session.ctx.Err() != nil:
			return order, context.Cause(r.session.ctx)
		case err != nil && fault.ClassOf(err) == fault.Temporary:
			return order, err
		}
		r.log.Debug("the earlier order cannot be taken up", "order", r.request.Resume.Order, "status", order.Status, "error",
			err)
	}
	order, err := o.newReplacing()
	if err == nil && r.request.ProveAgain {
		order, err = o.unproven(order)
	}
	if err != nil {
		return order, err
	}
	return order, r.save(Checkpoint{Order: order.Location})
}

// newReplacing makes an order that says which certificate it replaces (RFC 9773 §5), and one without if the CA will not
// have that. Whether that was the reason only the second order shows: Let's Encrypt has "malformed" for either.
func (o ordering) newReplacing() (acme.ExtendedOrder, error) {
	r := o.run
	order, err := o.newOrder(r.request.Replaces)
	problem, refused := asProblem(err)
	if !refused || r.request.Replaces == "" || r.CA.directory.RenewalInfo == "" || !problem.maybeReplaces() {
		return order, err
	}
	r.log.Debug("acme: again without replaces", "error", err)
	order, without := o.newOrder("")
	switch {
	case without != nil:
		return order, without
	case problem.Type == "alreadyReplaced": // by an order of ours that came to no end, too, which the CA gives back
		r.log.Debug("acme: the certificate has a successor already, or an order for one")
	default:
		r.note(StepOrder, "the CA takes the order only without the certificate that it replaces (%s)", problem.Error())
	}
	return order, nil
}

// resumable reports whether an order that was read is of use for this request.
func (o ordering) resumable(order acme.ExtendedOrder) bool {
	r := o.run
	switch order.Status {
	case acme.StatusInvalid, acme.StatusDeactivated, acme.StatusExpired, acme.StatusRevoked, "":
		return false
	}
	if at, err := time.Parse(time.RFC3339, order.Expires); err == nil && order.Status != acme.StatusValid &&
		at.Before(r.CA.clock().Add(time.Minute)) {
		return false
	}
	var got, asked []string
	for _, id := range order.Identifiers {
		got = append(got, Base(id.Value))
	}
	for _, name := range r.request.Names {
		asked = append(asked, Base(name)) // some CAs drop "*." (lego#2519); a run that resumes has asked for the same names before
	}
	missing, added := difference(got, asked)
	return len(missing)+len(added) == 0
}

func (o ordering) newOrder(replaces string) (acme.ExtendedOrder, error) {
	r := o.run
	var order acme.ExtendedOrder
	r.session.transport.spell = func(url string, body []byte) []byte {
		if url != r.CA.directory.NewOrderURL {
			return body
		}
		return spelled(body, r.request.Names)
	}
	defer func() { r.session.transport.spell = nil }()
	err := r.session.attempt("new order", always, func() (err error) {
		order, err = r.session.core.Orders.NewWithOptions(r.request.Names,
			&api.OrderOptions{Profile: r.request.Profile, ReplacesCertID: replaces})
		return err
	})
	if err != nil {
		return order, err
	}
	if order.Location == "" {
		return order, fault.Errorf(CodeReply, fault.Failed, "acme: new order: the reply has no Location")
	}
	resolveOrder(r.CA.directory.NewOrderURL, &order)
	return order, nil
}

// spelled is a new order with its identifiers as they were asked for, if they are the same but for case and number: lego compares
// them letter by letter. Others stay as they are, and are refused.
func spelled(body []byte, names []string) []byte {
	var order map[string]json.RawMessage
	var got []acme.Identifier
	if json.Unmarshal(body, &order) != nil || json.Unmarshal(order["identifiers"], &got) != nil {
		return body
	}
	var values []string
	var asked []acme.Identifier
	for _, id := range got {
		if id.Type != "dns" {
			return body
		}
		values = append(values, id.Value)
	}
	for _, name := range names {
		asked = append(asked, acme.Identifier{Type: "dns", Value: name})
	}
	if missing, added := difference(values, names); len(missing)+len(added) > 0 {
		return body
	}
	var err error
	if order["identifiers"], err = json.Marshal(asked); err != nil {
		return body
	}
	text, err := json.Marshal(order)
	if err != nil {
		return body
	}
	return text
}

// unproven gives up the authorizations of an order that are valid from before (RFC 8555 §7.5.2), which ends that order, and
// returns a new one; the same if there are none.
func (o ordering) unproven(order acme.ExtendedOrder) (acme.ExtendedOrder, error) {
	r := o.run
	urls := order.Authorizations[:min(len(order.Authorizations), len(r.request.Names))] // with more it is refused later
	given := make([]bool, len(urls))
	if err := r.sideBySide(requestsAtOnce, len(urls), func(i int) error {
		a, err := r.session.getAuthorization(urls[i], lagging)
		if err != nil || a.Status != acme.StatusValid {
			return err
		}
		name := printable(a.Identifier.Value, 100)
		if err := giveUp(r.session, name, urls[i]); err != nil {
			r.note(StepOrder, "%s: the CA keeps its proof from before, so DNS is not tried for it: %s", name, err.Error())
			return nil
		}
		given[i] = true
		return nil
	}); err != nil || !slices.Contains(given, true) {
		return order, err
	}
	return o.newOrder("")
}

func (s *session) getOrder(url string, p policy) (acme.ExtendedOrder, error) {
	var order acme.ExtendedOrder
	err := s.attempt("order "+url, p, func() error {
		body, err := s.read(url)
		if err == nil {
			order, err = readOrder(url, body)
		}
		return err
	})
	order.Location = url
	return order, err
}
