package acmeserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
)

const (
	usualWait  = 45 * time.Second // for a certificate, before any was issued
	firstPause = 20 * time.Second // before a failure upstream is tried again
	mostPause  = 10 * time.Minute
	pruneEvery = time.Hour
)

// work is what goes on at the CA for orders.
type work struct {
	server *Server

	mu      sync.Mutex
	ctx     context.Context //nolint:containedctx // of Run; nil before and after
	group   sync.WaitGroup
	proofs  map[string]*proof        // that are under way, by what they are of
	issuing map[string]chan struct{} // orders; closed when nothing goes on for one any more
	usual   time.Duration            // from finalize to valid, of late
}

// proof is the names of an order being proven.
type proof struct {
	done chan struct{}
	err  error // once done
}

func newWork(s *Server) *work {
	return &work{server: s, proofs: map[string]*proof{}, issuing: map[string]chan struct{}{}, usual: usualWait}
}

// Run takes up the orders of earlier runs, and does the work of new ones until ctx ends. What is under way then comes to its end first,
// or is taken up by the next run.
func (s *Server) Run(ctx context.Context) {
	w := s.work
	w.mu.Lock()
	w.ctx = ctx
	w.mu.Unlock()
	for _, o := range s.store.ordersWhere(func(*Order) bool { return true }) {
		switch s.statusOf(o) {
		case statusReady:
			if err := stillMay(s, o); err != nil && !passes(err) {
				w.fail(o.ID, err, statusReady)
				continue
			}
			w.prove(o)
		case statusProcessing:
			w.issue(o)
		case statusValid, statusInvalid:
			delivered(s, o) // the CA's order may still be remembered
		}
	}
	for s.options.Sleep(ctx, pruneEvery) == nil {
		forget(s)
	}
	w.mu.Lock()
	w.ctx = nil
	w.mu.Unlock()
	w.group.Wait()
}

// forget forgets what is of no use any more.
func forget(s *Server) {
	known := map[string]string{} // kids
	clients, errs := s.clients.All()
	for _, c := range clients {
		known[c.Name] = c.KeyID
	}
	err := s.store.prune(s.now())
	if len(errs) == 0 { // else a client that there is would count as none
		err = errors.Join(err, s.store.pruneAccounts(known, s.now()))
	}
	if err != nil {
		s.options.Log.Warn("forgetting orders and accounts", "error", err)
	}
}

// delivered ends what is remembered of an order at the CA, if it came to a CSR. Where a client kept its key, another order may have the
// same CSR, byte by byte: it is under way then.
func delivered(s *Server, o *Order) {
	if o.CSR == nil {
		return
	}
	underWay := s.store.ordersWhere(func(other *Order) bool {
		return other.ID != o.ID && other.Status == statusProcessing && bytes.Equal(other.CSR, o.CSR)
	})
	if len(underWay) == 0 {
		s.options.Upstream.Delivered(wanted(o))
	}
}

func wanted(o *Order) Wanted {
	return Wanted{Names: o.Names, Profile: o.Profile, Replaces: o.Replaces, CSR: o.CSR}
}

// proofOf names what an order's proof is of: orders with the same share one.
func proofOf(o *Order) string {
	return strings.Join(append(slices.Clone(o.Names), o.Profile, o.Replaces), "\n")
}

// prove has the names of an order proven. One that fails for good ends the order; another is made again with the certificate.
func (w *work) prove(o *Order) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ctx, key := w.ctx, proofOf(o)
	if ctx == nil {
		return
	}
	p := w.proofs[key]
	if p == nil {
		p = &proof{done: make(chan struct{})}
		w.proofs[key] = p
		w.group.Go(func() {
			p.err = w.inTurn(ctx, o, func() error {
				return w.server.options.Upstream.Prove(ctx, Wanted{Names: o.Names, Profile: o.Profile, Replaces: o.Replaces})
			})
			w.mu.Lock()
			delete(w.proofs, key)
			w.mu.Unlock()
			close(p.done)
		})
	}
	w.group.Go(func() {
		<-p.done
		switch {
		case p.err == nil:
			w.server.audit.order("order.proven", o)
		case ctx.Err() != nil: // whatever ended it; the next run proves them
		case !passes(p.err):
			w.fail(o.ID, p.err, statusReady)
		default:
			w.server.options.Log.Warn("proof", "order", o.ID, "error", p.err)
		}
	})
}

// passes reports whether an error may pass by itself, within the time that an order has.
func passes(err error) bool {
	if errors.Is(err, context.Canceled) || ours(err) {
		return true
	}
	return fault.ClassOf(err) == fault.Temporary && fault.CodeOf(err) != issuance.CodeRateLimited
}

// ours reports whether an error is one of this machine, which no CA and no client is to blame for: the disk is full or broken, there are
// too many open files. There is a person who sees to that.
func ours(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	return fault.CodeOf(err) == fault.CodeState || ok && slices.Contains([]syscall.Errno{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EROFS, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM,
	}, errno)
}

// inTurn does something when it is the client's turn.
func (w *work) inTurn(ctx context.Context, o *Order, do func() error) error {
	release, err := w.server.queue.enter(ctx, o.Client, registered(o.Names[0]))
	if err != nil {
		return err
	}
	defer release()
	return do()
}

// issue gets the certificate of an order.
func (w *work) issue(o *Order) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx == nil || w.issuing[o.ID] != nil {
		return // Run takes it up
	}
	over := make(chan struct{})
	w.issuing[o.ID] = over
	ctx, under := w.ctx, w.proofs[proofOf(o)]
	w.group.Go(func() {
		defer func() {
			w.mu.Lock()
			delete(w.issuing, o.ID)
			w.mu.Unlock()
			close(over)
		}()
		if under != nil {
			<-under.done
		}
		w.untilFinal(ctx, o)
	})
}

// await waits a moment for an order's certificate, since each reply that says "not yet" costs the client some seconds, and returns the
// order as it is then.
func (w *work) await(ctx context.Context, o *Order) *Order {
	w.mu.Lock()
	over := w.issuing[o.ID]
	w.mu.Unlock()
	if over != nil {
		moment := time.NewTimer(w.server.options.Hold)
		defer moment.Stop()
		select {
		case <-over:
		case <-moment.C:
		case <-ctx.Done():
		}
	}
	if now := w.server.store.order(o.ID); now != nil {
		return now
	}
	return o
}

// stillMay is an error if an order's client may not have its names any more. One of class Temporary says that it is not known now.
func stillMay(s *Server, o *Order) error {
	client, err := s.clients.Get(o.Client)
	if err != nil && fault.CodeOf(err) != CodeClient {
		return fault.Errorf(fault.CodeOf(err), fault.Temporary, "%w", err)
	}
	account := s.store.account(o.Account)
	if err != nil || account == nil || account.Status != statusValid || account.KeyID != client.KeyID {
		return unauthorized("the client or the account of the order was removed")
	}
	for _, name := range o.Names {
		if !client.Judge(name).Allowed {
			return unauthorized("the client %s may not have %s any more", o.Client, name)
		}
	}
	return nil
}

// untilFinal tries until the order is valid or invalid, or ctx ends.
func (w *work) untilFinal(ctx context.Context, o *Order) {
	s := w.server
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		var got Issued
		err := w.inTurn(ctx, o, func() (err error) {
			if err := stillMay(s, o); err != nil { // its turn may have come long after it was asked for
				return err
			}
			got, err = s.options.Upstream.Issue(ctx, wanted(o))
			return err
		})
		if err == nil {
			err = w.keep(o, got)
		}
		switch {
		case err == nil || ctx.Err() != nil:
			return
		case !passes(err):
			w.fail(o.ID, err, statusProcessing)
			return
		}
		s.options.Log.Warn("certificate", "order", o.ID, "error", err)
		if s.options.Sleep(ctx, pause) != nil {
			return
		}
		switch {
		case s.now().After(o.Expires):
			w.fail(o.ID, err, statusProcessing)
			return
		case s.store.followed(o, s.now()):
			err = fmt.Errorf("the client has made another order for the same names; before that: %w", err)
			w.fail(o.ID, err, statusProcessing)
			return
		}
	}
}

// keep makes an order valid, with its certificate.
func (w *work) keep(o *Order, got Issued) error {
	s := w.server
	leaf := leafOf(got.Chain)
	if leaf == nil {
		return fault.Errorf(issuance.CodeCertificate, fault.Failed, "the certificate cannot be read")
	}
	kept, err := s.store.changeOrder(o.ID, func(o *Order) bool {
		o.Status, o.CA, o.Issued, o.Error = statusValid, s.options.CA, s.now().UTC(), nil
		o.Chain, o.Alternates = got.Chain, got.Alternates
		o.Certificate, o.NotAfter = issuance.CertificateID(leaf), leaf.NotAfter
		return true
	})
	if err != nil {
		return err
	}
	delivered(s, o)
	took := kept.Issued.Sub(kept.Finalized)
	w.mu.Lock()
	w.usual = (3*w.usual + took) / 4
	w.mu.Unlock()
	s.metrics.issued.Add(1)
	s.audit.order("certificate.issued", kept, "serial", leaf.SerialNumber.Text(16), "not_after", leaf.NotAfter.UTC(),
		"seconds", took.Round(time.Millisecond).Seconds())
	return nil
}

// fail makes an order invalid that is as it was.
func (w *work) fail(id string, err error, as string) {
	s := w.server
	failed := false
	if o := s.store.order(id); o != nil {
		if limitErr := s.limits.heard(o.Names, err, s.now()); limitErr != nil {
			s.options.Log.Warn("limits", "error", limitErr)
		}
	}
	o, saveErr := s.store.changeOrder(id, func(o *Order) bool {
		if failed = o.Status == as; failed {
			o.Status, o.Error = statusInvalid, upstreamProblem(err)
		}
		return failed
	})
	if saveErr != nil {
		s.options.Log.Warn("order", "order", id, "error", saveErr)
		return
	}
	if failed {
		delivered(s, o) // nothing takes up what was begun at the CA
		s.metrics.failed.Add(1)
		s.audit.order("order.failed", o, "problem", o.Error.kind(), "code", fault.CodeOf(err), "detail", o.Error.Detail)
	}
}

// patience is when it is worth asking for an order again.
func (w *work) patience(o *Order) time.Duration {
	w.mu.Lock()
	left := w.usual - w.server.now().Sub(o.Finalized)
	w.mu.Unlock()
	return min(max(left/2, 3*time.Second), 15*time.Second).Round(time.Second)
}
