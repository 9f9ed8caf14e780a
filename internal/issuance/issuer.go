package issuance

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"log/slog"
	"sync"
	"time"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/memory"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/system/filelock"
	"wildcard/providers"
)

const (
	// afterPublication is what a run may take beside the wait for the name servers.
	afterPublication = 15 * time.Minute
)

// Issuer obtains certificates with one account of one CA. Several runs may go on at once.
type Issuer struct {
	CA       *CA
	Account  Account
	Method   Method           // by which names are proven; "" is DNS01
	Router   providers.Router // the DNS services, opened
	Unrouted error            // why they could not be; nil with a Router
	Resolver *propagation.Resolver
	// CheckDelegation makes a run refuse zones that the DNS delegates to other name servers than the service's own. It asks
	// Resolver.Servers even if Resolver.NameServers is set.
	CheckDelegation bool
	Journal         *journal.Journal
	Orders          *filelock.Held // keeps runs that one order would be given to from each other; nil does not
	HistoryDir      string         // of [propagation.Wait]; "" keeps nothing
	Memory          *memory.Memory // what the CAs' resolvers remember; nil waits for nothing
	Cache           *time.Duration // how long they keep an answer, 0 for not at all; nil is what is known of the CA
	Wait            time.Duration  // the longest wait for publication; 0 is what the services ask for, else 15 min; 50 min at most
	ExtraWait       time.Duration  // from publication until the CA is told to look, for servers that cannot be asked from here
	Limit           time.Duration  // for the whole run; 0 is Wait, ExtraWait and 15 min
	Observe         func(Event)    // told of what happens, one event at a time; nil: not told
	Log             *slog.Logger   // nil is silent

	Pacing Pacing // zero values are those of the package comment
}

// Pacing is how long is waited between requests. Tests make it shorter.
type Pacing struct {
	FirstLook   time.Duration // at an authorization or order after the request that set it going; 0 is 250 ms
	AnswerAgain time.Duration // before a challenge is answered again, if its answer did not get through; 0 is 5 s
	CleanUp     time.Duration // for the deletion of all records; 0 is 60 s
	Linger      time.Duration // what a creation under way may still take when the run ends; 0 is 20 s
}

// Request is one certificate.
type Request struct {
	Label          string        // what other runs that wait for this one are told it is, such as a lineage's name
	Names          []string      // as ParseNames returns them
	Key            crypto.Signer // the certificate's key; nil with CSR
	CSR            []byte        // certificate signing request in DER, for exactly Names; nil makes one with Key
	Profile        string        // ACME profile; "" is the CA's default
	PreferredChain string        // common name of the issuer above the chain's last certificate that is preferred; "" takes the CA's default
	Alone          bool          // the certificate may come without its issuer
	Alternates     bool          // fetch the other chains that the CA offers, too
	ProofOnly      bool          // end when the CA has found all names proven: Key and CSR are not used, the order stays ready
	Replaces       string        // CertificateID of the certificate this one follows; ""
	Resume         *Checkpoint   // where an earlier run of the same request got to; nil
	ProveAgain     bool          // give up what the CA holds as proven from before, so that all names are proven now
	// Save keeps the checkpoint for a later run. A run that cannot save it goes no further: the key of a certificate that
	// was issued would be lost with a lost reply. nil keeps nothing.
	Save func(Checkpoint) error
}

// csr is the request's, or a new one with all names.
func (r Request) csr(commonName bool) ([]byte, error) {
	if r.CSR != nil {
		return r.CSR, nil
	}
	return newCSR(r.Key, r.Names, commonName)
}

// publicKey is the key that the certificate must be for.
func (r Request) publicKey() any {
	if r.CSR == nil {
		return r.Key.Public()
	}
	csr, err := x509.ParseCertificateRequest(r.CSR)
	if err != nil {
		return nil
	}
	return csr.PublicKey
}

// Checkpoint is how far an order is.
type Checkpoint struct {
	Order string // URL
	Chain []byte // the certificate as it was downloaded, once it is there
}

// Result is what a run obtained.
type Result struct {
	Chain      []byte // PEM: the certificate, then its issuers
	Leaf       *x509.Certificate
	Alternates [][]byte           // PEM, of [Request.Alternates]: the same certificate with other issuers
	Order      string             // URL
	Resumed    bool               // the order was one of an earlier run
	Warnings   []messages.Message // what a person should know
	Spent      []string           // names that the CA looked for in vain and was asked to look for again, once for each time
	Forgot     time.Duration      // how long was waited for what the CA's resolvers remembered
	Standing   bool               // all names that were proven have persistent records, and no DNS service was needed
	CleanUp    error              // records that could not be deleted (CodeCleanUp, Temporary); the journal has them
}

// ValidationError says for which names the CA's validation failed, each with the CA's reason. It is inside of errors of
// CodeValidation.
type ValidationError struct {
	Failures []ValidationFailure
}

// ValidationFailure is one name and the CA's reason.
type ValidationFailure struct {
	Name    string
	Reason  *Problem
	Answers int // how often the challenge was answered: Let's Encrypt counts each for a failure
}

func (e *ValidationError) Error() string {
	text := ""
	for i, f := range e.Failures {
		if i > 0 {
			text += "; "
		}
		text += f.Name + ": " + f.Reason.Error()
	}
	return text
}

// errOrderLost says that an order cannot go on for reasons that a new order does not share.
var errOrderLost = errors.New("the order cannot go on")

// Obtain runs one request (package comment). With an error there may be progress, which was saved; the error's class says
// whether it makes sense to try again.
func (i *Issuer) Obtain(ctx context.Context, request Request) (Result, error) {
	limit := i.Limit
	solver := i.newSolver()
	if limit == 0 {
		limit = solver.LongestWait() + i.ExtraWait + afterPublication
	}
	r := &run{Issuer: i, request: request, solver: solver, started: i.CA.now(), log: i.Log}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	solver.Observe, solver.Within = r.told, r.left
	if err := r.takeTurn(ctx, limit); err != nil {
		return r.result, err
	}
	defer r.endTurn()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	over, stop := newLimit(ctx, i.CA.now, cancel, limit) // the run's own time begins with its turn
	defer stop()
	r.time = over

	err := r.attempt(ctx)
	_, taken := errors.AsType[*otherKey](err)
	_, invalid := errors.AsType[*ValidationError](err) // which another order would meet, too
	lost := errors.Is(err, errOrderLost) && !invalid
	if (taken || lost) && ctx.Err() == nil && r.result.CleanUp == nil {
		if taken {
			r.note(StepOrder, "another run has finalized the order with a key of its own: a new one is made")
		} else {
			r.note(StepOrder, "%s: a new one is made", printable(err.Error(), 200))
		}
		r.request.Resume, r.records, r.result.Resumed, r.unconfirmed = nil, nil, false, nil
		if err = r.takeTurn(ctx, r.left()); err == nil {
			err = r.attempt(ctx)
		}
	}
	if _, invalid = errors.AsType[*ValidationError](err); !invalid && errors.Is(err, errOrderLost) {
		err = fault.Errorf(CodeOrder, fault.Failed, "acme: %w", err)
	}
	if err != nil {
		return r.result, errors.Join(i.nameForCAA(err), r.result.CleanUp)
	}
	return r.result, nil
}

// attempt runs the steps and then deletes the records, whatever came of them.
func (r *run) attempt(ctx context.Context) error {
	err := r.protected(func() error { return r.steps(ctx) })
	r.solver.Release(ctx, r.owner)
	if r.result.CleanUp == nil {
		r.result.CleanUp = r.cleanUp(ctx)
	}
	return err
}

// run is one call of Obtain.
type run struct {
	*Issuer
	request Request
	solver  *dns01.Solver
	time    *limit
	started time.Time
	log     *slog.Logger
	session *session
	owner   dns01.Owner
	turn    func() // ends the turn at orders for these names; nil without
	records []*record
	result  Result

	looks    map[string]lookedAt // for persistent records, by domain
	unplaced error               // why the places of some names are not known, which have their persistent record

	observing  sync.Mutex // one event at a time
	forgetting time.Time  // since when what the CA's resolvers remember is waited for

	cleaning    sync.Mutex // one deletion of each record
	unconfirmed []*record  // whose authorizations were not seen to be final, though the order is ready
}

// protected calls f; a panic becomes an error of class Internal, so that cleaning up goes on.
func (r *run) protected(f func() error) error {
	err := guard(f)
	if crash, ok := errors.AsType[*panicError](err); ok {
		if _, known := errors.AsType[*fault.Error](err); known {
			return err
		}
		r.log.Error("panic", "value", crash.Error(), "stack", string(crash.stack))
		return fault.Errorf(CodeInternal, fault.Internal, "internal error: %w", crash)
	}
	return err
}

func (r *run) observe(e Event) {
	r.observing.Lock()
	defer r.observing.Unlock()
	e.Elapsed = r.CA.now().Sub(r.started)
	if r.Observe != nil {
		r.Observe(e)
	}
}

func (r *run) note(step Step, format messages.Text, args ...any) {
	r.warn(step, messages.New(format, args...))
}

func (r *run) warn(step Step, text messages.Message) {
	r.observing.Lock() // several names may have something to be warned of at once
	r.result.Warnings = append(r.result.Warnings, text)
	r.observing.Unlock()
	r.observe(Event{Step: step, State: Noted, Text: text})
}

// step runs one step and tells of its start and end.
func (r *run) step(step Step, total int, f func() error) error {
	r.observe(Event{Step: step, State: Started, Total: total})
	err := f()
	if err != nil {
		r.observe(Event{Step: step, State: Failed, Err: err, Total: total})
		return err
	}
	r.observe(Event{Step: step, State: Finished, Done: total, Total: total})
	return nil
}

// sideBySide calls f(0) to f(n-1), limit at a time, and returns all errors joined, in order. A panic is an error.
func (r *run) sideBySide(limit, n int, f func(i int) error) error {
	errs := make([]error, n)
	slots := make(chan struct{}, limit)
	var group sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			errs[i] = r.protected(func() error { return f(i) })
		})
	}
	group.Wait()
	said := map[string]bool{}
	for i, err := range errs {
		if err == nil {
			continue
		}
		if said[err.Error()] {
			errs[i] = nil // the same for every name
		}
		said[err.Error()] = true
	}
	return errors.Join(errs...)
}
