package issuance

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-acme/lego/v4/acme"
	"github.com/go-acme/lego/v4/acme/api"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

// confirmations is how many authorizations are looked at when an order says that all are valid.
const confirmations = 3

// steps is the order of an issuance (RFC 8555 §7.4).
func (r *run) steps(ctx context.Context) error {
	self, err := journal.Self()
	if err != nil {
		return err
	}
	r.owner = dns01.Owner{Process: self, Round: rand.Text()}
	var places map[string]dns01.Place
	if err = r.step(StepZones, len(r.request.Names), func() error {
		places, err = r.locate(ctx)
		return err
	}); err != nil {
		return err
	}
	r.expect(ctx, places)
	if r.session, err = r.CA.session(ctx, r.Account.Key, r.Account.URI); err != nil {
		return err
	}
	r.session.rest = r.left
	var order acme.ExtendedOrder
	if err = r.step(StepOrder, 0, func() error {
		order, err = r.order()
		return err
	}); err != nil {
		return err
	}
	r.result.Order = order.Location
	if r.request.ProveAgain && !wantsProof(order) {
		r.note(StepOrder, "the CA wants no proof for this order: DNS is not tried")
	}

	if wantsProof(order) {
		if err = r.prove(ctx, order, places); err != nil {
			return err
		}
	}
	r.solver.Release(ctx, r.owner) // what needed no record
	// Once each authorization is final, or the order accepted, the CA does not look at the records any more. That the order is
	// ready is not enough: Dogtag's is when the first of its names is valid.
	cleaned := make(chan error, 1)
	confirming, confirmed := context.WithCancelCause(ctx)
	tidy := sync.OnceFunc(func() { confirmed(errNotNeeded); go func() { cleaned <- r.cleanUp(ctx) }() })
	var confirmation sync.WaitGroup
	defer func() { tidy(); confirmation.Wait(); r.result.CleanUp = <-cleaned }()
	confirmation.Go(func() {
		if r.allFinal(confirming) {
			tidy()
		}
	})

	if err = r.step(StepFinalize, 0, func() error {
		order, err = r.finalize(order, func() { r.endTurn(); tidy() })
		return err
	}); err != nil {
		return err
	}
	return r.step(StepDownload, 0, func() error { return r.download(order) })
}

// allFinal finds out whether the CA has come to an end with all authorizations, where it is the order that said so: a few that
// were not seen yet tell whether it can be believed. It gives up when ctx ends, with the request that is under way.
func (r *run) allFinal(ctx context.Context) bool {
	if len(r.unconfirmed) == 0 {
		return true
	}
	session, err := r.CA.session(ctx, r.Account.Key, r.Account.URI)
	if err != nil {
		return false
	}
	for _, rec := range r.unconfirmed[:min(len(r.unconfirmed), confirmations)] {
		if err := r.CA.looking.wait(ctx); err != nil {
			return false
		}
		a, err := session.getAuthorization(rec.authorization, once)
		if err != nil || a.Status != acme.StatusValid {
			r.log.Debug("the records stay until the order is accepted", "name", rec.name, "status", a.Status, "error", err)
			return false
		}
	}
	return true
}

// wantsProof reports whether an order has still to be proven: it is pending, or in a state of the CA's own.
func wantsProof(order acme.ExtendedOrder) bool {
	switch order.Status {
	case acme.StatusReady, acme.StatusProcessing, acme.StatusValid, acme.StatusInvalid:
		return false
	}
	return true
}

// order takes up the order of an earlier run, or makes a new one.
func (r *run) order() (acme.ExtendedOrder, error) {
	if r.request.Resume != nil && r.request.Resume.Order != "" {
		order, err := r.getOrder(r.request.Resume.Order, known)
		switch {
		case err == nil && r.resumable(order):
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
	order, err := r.newOrderReplacing()
	if err == nil && r.request.ProveAgain {
		order, err = r.unproven(order)
	}
	if err != nil {
		return order, err
	}
	return order, r.save(Checkpoint{Order: order.Location})
}

// newOrderReplacing makes an order that says which certificate it replaces (RFC 9773 §5), and one without if the CA will not
// have that. Whether that was the reason only the second order shows: Let's Encrypt has "malformed" for either.
func (r *run) newOrderReplacing() (acme.ExtendedOrder, error) {
	order, err := r.newOrder(r.request.Replaces)
	problem, refused := asProblem(err)
	if !refused || r.request.Replaces == "" || r.CA.directory.RenewalInfo == "" || !problem.maybeReplaces() {
		return order, err
	}
	r.log.Debug("acme: again without replaces", "error", err)
	order, without := r.newOrder("")
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
func (r *run) resumable(order acme.ExtendedOrder) bool {
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

func (r *run) newOrder(replaces string) (acme.ExtendedOrder, error) {
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
func (r *run) unproven(order acme.ExtendedOrder) (acme.ExtendedOrder, error) {
	urls := order.Authorizations[:min(len(order.Authorizations), len(r.request.Names))] // with more it is refused later
	given := make([]bool, len(urls))
	if err := r.sideBySide(requestsAtOnce, len(urls), func(i int) error {
		a, err := r.getAuthorization(urls[i], lagging)
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
	return r.newOrder("")
}

func (r *run) getOrder(url string, p policy) (acme.ExtendedOrder, error) {
	var order acme.ExtendedOrder
	err := r.session.attempt("order "+url, p, func() error {
		body, err := r.session.read(url)
		if err == nil {
			order, err = readOrder(url, body)
		}
		return err
	})
	order.Location = url
	return order, err
}

func (r *run) save(p Checkpoint) error {
	if r.request.Save == nil {
		return nil
	}
	return r.request.Save(p)
}

// prove shows the CA that we control the names: authorizations, records, publication, validation.
func (r *run) prove(ctx context.Context, order acme.ExtendedOrder, places map[string]dns01.Place) error {
	n := len(order.Authorizations)
	if err := r.step(StepAuthorization, n, func() error { return r.authorizations(order, places) }); err != nil {
		return err
	}
	if n = len(r.records); n == 0 {
		return nil // all are valid already
	}
	if err := r.expectRecords(ctx); err != nil {
		return err
	}
	if err := r.step(StepRecords, n, func() error { return r.present(ctx) }); err != nil {
		return err
	}
	if err := r.wait(ctx); err != nil {
		return err
	}
	err := r.step(StepValidation, n, func() error { return r.validate(ctx, order) })
	r.looked(ctx, err)
	return r.unseen(err)
}

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
	got := make([]acme.Authorization, n)
	if err := r.sideBySide(requestsAtOnce, n, func(i int) (err error) {
		got[i], err = r.getAuthorization(order.Authorizations[i], lagging)
		return err
	}); err != nil {
		return err
	}
	names, err := r.namesOf(got, order.Authorizations)
	if err != nil {
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
		rec, err := r.newRecord(name, order.Authorizations[i], a, places[Base(name)])
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
func (r *run) namesOf(all []acme.Authorization, urls []string) ([]string, error) {
	names := make([]string, len(all))
	assign := func(i int, name string) bool {
		if names[i] != "" || slices.Contains(names, name) || !slices.Contains(r.request.Names, name) {
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
		asked := a.Identifier.Type == "dns" && !strings.Contains(base, "*") && (slices.Contains(r.request.Names, base) || slices.Contains(r.request.Names, "*."+base))
		about := printable(a.Identifier.Type+" "+a.Identifier.Value, 100)
		switch {
		case !asked:
			return nil, fault.Errorf(CodeReply, fault.Failed, "acme: order: an authorization is for %s, which was not asked for",
				about)
		case slices.Index(urls, urls[i]) != i, !assign(i, base) && !assign(i, "*."+base) && names[i] == "":
			return nil, fault.Errorf(CodeReply, fault.Failed,
				"acme: order: there are more authorizations for %s than were asked for", about)
		}
	}
	return names, nil
}

func (r *run) getAuthorization(url string, p policy) (acme.Authorization, error) {
	return r.session.getAuthorization(url, p)
}

func (s *session) getAuthorization(url string, p policy) (acme.Authorization, error) {
	var a acme.Authorization
	err := s.attempt("authorization", p, func() error {
		body, err := s.read(url)
		if err == nil {
			a, err = readAuthorization(url, body)
		}
		return err
	})
	return a, err
}
