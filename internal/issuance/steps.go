package issuance

import (
	"context"
	"crypto/rand"
	"sync"

	"github.com/go-acme/lego/v4/acme"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/journal"
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
		places, err = ways{r}.findPlaces(ctx)
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
		order, err = ordering{r}.find()
		return err
	}); err != nil {
		return err
	}
	r.result.Order = order.Location
	if r.request.ProveAgain && !wantsProof(order) {
		r.note(StepOrder, "the CA wants no proof for this order: DNS is not tried")
	}

	if err = r.prove(ctx, order, places); err != nil {
		return err
	}
	if r.request.ProofOnly {
		r.allFinal(ctx) // or at the limit: the records go when this returns
		return nil
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
	return r.step(StepDownload, 0, func() error { return downloading{r}.download(order) })
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

func (r *run) save(p Checkpoint) error {
	if r.request.Save == nil {
		return nil
	}
	return r.request.Save(p)
}

// prove shows the CA that we control the names, unless it wants no proof: authorizations, records, publication, validation.
func (r *run) prove(ctx context.Context, order acme.ExtendedOrder, places map[string]dns01.Place) error {
	if !wantsProof(order) {
		return nil
	}
	n := len(order.Authorizations)
	if err := r.step(StepAuthorization, n, func() error { return r.authorizations(order, places) }); err != nil {
		return err
	}
	if n = len(r.records); n == 0 {
		return nil // all are valid already
	}
	if made := len(r.toMake()); made > 0 {
		if err := r.expectRecords(ctx); err != nil {
			return err
		}
		if err := r.step(StepRecords, made, func() error { return r.present(ctx) }); err != nil {
			return err
		}
		if err := r.wait(ctx); err != nil {
			return err
		}
	}
	r.result.Standing = len(r.toMake()) == 0
	err := r.step(StepValidation, n, func() error { return r.validate(ctx, order) })
	r.looked(ctx, err)
	return r.helped(err)
}
