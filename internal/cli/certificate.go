package cli

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/state"
	"wildcard/internal/timeline"
)

// order is one certificate to obtain: what "issue" was asked for, or what a lineage says.
type order struct {
	name         string   // of the lineage, or for a CSR of what is remembered about it
	names        []string // on the certificate
	covered      []string // left out of them, since a wildcard covers them and the CA refuses both
	live         *lineage.Lineage
	settings     lineage.Settings
	params       lineage.Params
	keyType      issuance.KeyType
	csr          []byte // DER; there is no lineage then
	registration issuance.Registration
	mayRegister  bool
	dryRun       bool
	force        bool
	again        bool // of a CSR, whose force is always set: order although the last certificate was refused
	unattended   bool
	observe      func(issuance.Event)
	done         func() // drops the lineage's order lock, before the answer is printed: nobody may ever read it
}

// certificate is what came of an order.
type certificate struct {
	Chain    []byte
	Leaf     *x509.Certificate
	Lineage  *lineage.Lineage // nil for dry runs and CSRs
	Warnings []messages.Message
	Forgot   time.Duration // how long was waited for what the CA's resolvers remembered
	CleanUp  error         // records that are still there
	Deploy   error         // deploy hooks that failed
}

// obtain obtains one certificate and stores it. Whoever calls has the lineage's order lock.
func (e *engine) obtain(ctx context.Context, o *order) (got certificate, err error) {
	if err := e.mayObtain(o); err != nil {
		return certificate{}, err // nothing was sent, so the ledger has nothing of it
	}
	if o.csr == nil && !o.dryRun {
		if err := e.store.Preflight(); err != nil {
			return certificate{}, err
		}
	}
	router, err := e.router(o.settings)
	if err != nil {
		return certificate{}, err
	}
	resolver, err := e.resolver(o.settings)
	if err != nil {
		return certificate{}, err
	}
	ca, err := e.ca(ctx, o.params.Server, o.settings.CABundle)
	if err != nil {
		return certificate{}, e.remember(o, "", issuance.Request{}, issuance.Result{}, err)
	}
	notes, err := ca.MayOrder(o.names, o.settings.Profile)
	if err != nil {
		return certificate{}, err
	}
	for _, note := range notes {
		e.display.Notice("%s: %s", o.name, note)
	}
	if o.live != nil && !o.force && !o.dryRun {
		if err := checkClock(ca); err != nil {
			return certificate{}, err
		}
	}
	account, err := e.account(ctx, ca, o.params.Account, o.registration, o.mayRegister)
	if err != nil {
		return certificate{}, err
	}
	o.params.Account = account.ID
	if !o.dryRun {
		if err := e.state.Check(e.intent(o, account.URI)); err != nil {
			return certificate{}, err
		}
		if preErr := e.pre(ctx, o.params.PreHook); preErr != nil {
			if ctx.Err() != nil {
				return certificate{}, preErr
			}
			// As with certbot, the certificate matters more; the exit status tells of it.
			defer func() { got.Deploy = errors.Join(preErr, got.Deploy) }()
		}
	}

	issuer := &issuance.Issuer{
		CA: ca, Account: issuance.Account{URI: account.URI, Key: account.Key},
		Router: router, Resolver: resolver,
		CheckDelegation: checksDelegation(o.settings),
		Journal:         e.journal, HistoryDir: e.dirs.State + "/history",
		Memory: e.memory, Cache: cache(o.settings), ExtraWait: extraWait(o.settings),
		Observe: o.observe, Log: e.log,
	}
	request, pending, err := e.request(o, account.URI)
	if err != nil {
		return certificate{}, err
	}
	if pending.Chain != nil { // obtained by an earlier run, which could not store it
		expect := issuance.Expectation{Key: publicKey(request), Names: o.names, Now: e.now(), Alone: request.Alone}
		delivered, err := issuance.CheckChain(pending.Chain, expect)
		if err == nil {
			return e.keep(ctx, o, request, issuance.Result{Chain: delivered.Chain, Leaf: delivered.Leaf, Warnings: delivered.Notes})
		}
		e.log.Info("the certificate of an earlier run is of no use any more", "error", err)
		request.Resume = nil
	}
	result, err := issuer.Obtain(ctx, request)
	if fault.CodeOf(err) == issuance.CodeAccountUnknown {
		e.display.Notice("%s: the CA does not know the account %s: registering its key again", o.name, account.URI)
		if account, err = e.registerAgain(ctx, ca, account); err != nil {
			return certificate{}, err
		}
		issuer.Account.URI = account.URI
		request.Resume, request.Save = nil, e.saver(o, account.URI, request)
		result, err = obtainAgain(ctx, issuer, request, result)
	}
	if fault.CodeOf(err) == issuance.CodeCSR && o.keepsKey(request) {
		e.display.Notice("%s: the CA does not take the key of the live certificate any more, so a new one is made", o.name)
		if request.Key, err = o.keyType.GenerateKey(); err != nil {
			return certificate{}, err
		}
		request.Save = e.saver(o, account.URI, request)
		if result.Order != "" {
			request.Resume = &issuance.Checkpoint{Order: result.Order}
			if request.Save != nil { // the new key belongs to it from here on
				if err := request.Save(*request.Resume); err != nil {
					return certificate{}, errors.Join(err, result.CleanUp)
				}
			}
		}
		result, err = obtainAgain(ctx, issuer, request, result)
	}
	if err := e.remember(o, account.URI, request, result, err); err != nil {
		return certificate{Warnings: result.Warnings}, err
	}
	return e.keep(ctx, o, request, result)
}

// obtainAgain obtains a certificate after a run that ended with an error that is put right now. What the first run spent, said and
// left behind counts all the same.
func obtainAgain(ctx context.Context, issuer *issuance.Issuer, request issuance.Request, first issuance.Result) (issuance.Result, error) {
	result, err := issuer.Obtain(ctx, request)
	result.Warnings = append(first.Warnings, result.Warnings...)
	result.Spent = append(first.Spent, result.Spent...)
	result.Forgot += first.Forgot
	result.CleanUp = errors.Join(first.CleanUp, result.CleanUp)
	if err != nil {
		err = errors.Join(err, first.CleanUp)
	}
	return result, err
}

// mayObtain finds out what is known beforehand to be refused: by the CA, or since the last certificate was.
func (e *engine) mayObtain(o *order) error {
	facts, _ := issuance.KnownCA(o.params.Server)
	if err := facts.MayAsk(o.params.Server); err != nil {
		return err
	}
	if err := errors.Join(facts.Objections(o.names, o.settings.Profile)...); err != nil {
		return err
	}
	return e.held(o)
}

// held is the error of an order whose like brought a certificate that was refused; nil if there was none, or if it is to be made
// all the same.
func (e *engine) held(o *order) error {
	insists := o.force && o.csr == nil || o.again
	if o.dryRun || insists || e.state == nil {
		return nil
	}
	return e.state.Held(o.name, o.refusable(time.Time{}, ""))
}

// refusable is what is remembered of an order whose certificate is refused.
func (o *order) refusable(at time.Time, reason string) state.Refused {
	return state.Refused{
		Time: at, Server: o.params.Server, Domains: o.names, Profile: o.settings.Profile, KeyType: string(o.keyType), Reason: reason,
	}
}

// keepsKey reports whether a request is for the key of the live certificate.
func (o *order) keepsKey(r issuance.Request) bool {
	return o.live != nil && o.live.Leaf != nil && r.Key != nil && isKeyOf(r.Key, o.live.Leaf)
}

func isKeyOf(key crypto.Signer, leaf *x509.Certificate) bool {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(leaf.PublicKey)
}

// intent is what the ledger has to agree to.
func (e *engine) intent(o *order, account string) state.Intent {
	i := state.Intent{
		Lineage: o.name, Server: o.params.Server, Account: account, Domains: o.names, Now: e.now(),
		Unattended: o.unattended, Force: o.force,
	}
	if o.live != nil && o.live.Leaf != nil {
		i.NotAfter = o.live.Leaf.NotAfter
	}
	return i
}

// request is what is asked of the CA, with the key and the order of an earlier run that came to no end.
func (e *engine) request(o *order, account string) (issuance.Request, state.Pending, error) {
	r := issuance.Request{
		Names: o.names, CSR: o.csr, Profile: o.settings.Profile, PreferredChain: o.params.PreferredChain,
		Alone:      o.csr != nil, // a lineage is nothing without
		ProveAgain: o.dryRun,     // else a CA that takes the proof of an earlier try would let anything succeed
	}
	var pending state.Pending
	if !o.dryRun {
		var ok bool
		var err error
		if pending, ok, err = e.state.Pending(o.name); err != nil {
			return r, pending, err
		}
		if !ok || !e.usable(o, account, pending) {
			pending = state.Pending{}
		}
	}
	if pending.Order != "" {
		r.Resume = &issuance.Checkpoint{Order: pending.Order}
	}
	if o.csr == nil {
		var err error
		if r.Key, err = e.key(o, pending); err != nil {
			return r, pending, err
		}
	}
	if o.live != nil && o.live.Leaf != nil && o.live.Conf.Params().Server == o.params.Server && !o.dryRun {
		r.Replaces = issuance.CertificateID(o.live.Leaf)
	}
	r.Save = e.saver(o, account, r)
	return r, pending, nil
}

// saver keeps how far an order is, with the request's key; nil where nothing is kept.
func (e *engine) saver(o *order, account string, r issuance.Request) func(issuance.Checkpoint) error {
	if o.dryRun {
		return nil
	}
	return func(c issuance.Checkpoint) error {
		var key []byte
		if r.Key != nil {
			var err error
			if key, err = issuance.MarshalKey(r.Key); err != nil {
				return err
			}
		}
		return e.state.SavePending(o.name, state.Pending{
			Server: o.params.Server, Account: account, Domains: o.names, Profile: o.settings.Profile,
			Order: c.Order, Key: key, CSR: o.csr, Chain: c.Chain, Created: e.now(),
		})
	}
}

// usable reports whether an earlier order is for just this certificate, and is not stored already.
func (e *engine) usable(o *order, account string, p state.Pending) bool {
	if p.Server != o.params.Server || p.Account != account || p.Profile != o.settings.Profile || !sameNames(p.Domains, o.names) || !bytes.Equal(p.CSR, o.csr) {
		return false
	}
	if o.live != nil && isStored(o.live, p) {
		return false
	}
	return o.csr != nil || len(p.Key) > 0
}

// isStored reports whether an earlier order's certificate is the one that is live.
func isStored(l *lineage.Lineage, p state.Pending) bool {
	block, _ := pem.Decode(p.Chain)
	return block != nil && l.Leaf != nil && bytes.Equal(block.Bytes, l.Leaf.Raw)
}

// hasStored reports whether an order is remembered although its certificate is live: a run ended between the two.
func (e *engine) hasStored(l *lineage.Lineage) bool {
	p, ok, err := e.state.Pending(l.Name)
	return err == nil && ok && isStored(l, p)
}

// forgetStored forgets such an order, with the key that is in it. Whoever calls has the lineage's order lock.
func (e *engine) forgetStored(l *lineage.Lineage) {
	if !e.hasStored(l) {
		return
	}
	if err := e.state.RemovePending(l.Name); err != nil {
		e.log.Warn("forgetting an order", "error", err)
	}
}

// key is the certificate's key: the earlier order's, the live one with --reuse-key, else a new one. A key that was revoked as
// compromised is not used again: CAs block it for good.
func (e *engine) key(o *order, p state.Pending) (crypto.Signer, error) {
	if len(p.Key) > 0 {
		key, err := issuance.ParseKey(p.Key)
		blocked := err == nil && o.settings.NewKey && o.live != nil && o.live.Leaf != nil && isKeyOf(key, o.live.Leaf)
		if err == nil && typeOf(key) == o.keyType && !blocked {
			return key, nil
		}
	}
	if o.settings.NewKey && o.params.ReuseKey {
		e.display.Notice("%s: the key of the live certificate was revoked as compromised, so a new one is made", o.name)
		return o.keyType.GenerateKey()
	}
	if o.params.ReuseKey && o.live != nil && o.live.Damage == nil {
		set, err := o.live.Set()
		if err != nil {
			return nil, err
		}
		return issuance.ParseKey(set.Key)
	}
	return o.keyType.GenerateKey()
}

// remember writes an attempt into the ledger and returns its error. An order that is lost for good is not taken up again.
func (e *engine) remember(o *order, account string, r issuance.Request, result issuance.Result, err error) error {
	if _, stopped := errors.AsType[fault.Interrupted](err); stopped || o.dryRun {
		return err
	}
	a := state.Attempt{
		Time: e.now(), Lineage: o.name, Server: o.params.Server, Account: account, Domains: o.names,
		Outcome: state.Succeeded, Ordered: result.Order != "", Renewed: err == nil && o.live != nil,
		FailedValidations: result.Spent,
	}
	if err != nil {
		a.Outcome, a.Code, a.Text = state.Failed, fault.CodeOf(err), messages.OneLine(err.Error())
		if failed, ok := errors.AsType[*issuance.ValidationError](err); ok {
			for _, f := range failed.Failures {
				for range max(1, f.Answers) { // the CA counts each
					a.FailedValidations = append(a.FailedValidations, f.Name)
				}
			}
		}
		if refused, ok := errors.AsType[*issuance.Problem](err); ok && a.Code == issuance.CodeRateLimited {
			a.NotBefore = refused.RetryAfter
		}
		lost := isLost(a.Code)
		if refused, ok := errors.AsType[*issuance.RefusedCertificate](err); ok {
			lost, err = e.refused(o, r, result.Order, refused, err)
		}
		if lost {
			if err := e.state.RemovePending(o.name); err != nil {
				e.log.Warn("forgetting an order", "error", err)
			}
		}
	}
	if recordErr := e.state.Record(a); recordErr != nil {
		e.log.Warn("ledger", "error", recordErr)
	}
	return err
}

// isLost reports whether an order is of no use any more after an error of some code. What is delivered and is no certificate is
// no such error: it may be one when it is fetched again.
func isLost(code string) bool {
	switch code {
	case issuance.CodeValidation, issuance.CodeOrder, issuance.CodeCSR, issuance.CodeName, issuance.CodeCAA:
		return true
	}
	return false
}

// refused is what comes of a certificate that was issued and refused: its error with what happens next, and whether its order is
// done with. One whose chain or dates are wrong is fetched once more by the next run, since that may be a replica's fault.
func (e *engine) refused(o *order, r issuance.Request, url string, refused *issuance.RefusedCertificate, err error) (lost bool, _ error) {
	if pending, ok, readErr := e.state.Pending(o.name); refused.Passes && readErr == nil && ok && pending.Order == url && !pending.Refused {
		pending.Refused = true
		if saveErr := e.state.SavePending(o.name, pending); saveErr != nil {
			return false, errors.Join(err, saveErr)
		}
		return false, fault.Errorf(fault.CodeOf(err), fault.ClassOf(err), "%w (the next run fetches it again, without another order)", err)
	}
	var key []byte
	if r.Key != nil {
		var keyErr error
		if key, keyErr = issuance.MarshalKey(r.Key); keyErr != nil {
			return false, errors.Join(err, keyErr)
		}
	}
	if keepErr := e.state.KeepRefused(o.name, o.refusable(e.now(), refused.Reason), key, refused.Chain); keepErr != nil {
		return false, errors.Join(err, keepErr)
	}
	return true, fault.Errorf(fault.CodeOf(err), fault.ClassOf(err), "%w (it is kept in %s, and nothing is ordered again before --force is given)", err, e.state.RefusedPath(o.name))
}

// keep stores a certificate and makes it the live one, then writes the combined file and runs the deploy hooks. Whatever
// fails from here on, the certificate is not lost.
func (e *engine) keep(ctx context.Context, o *order, r issuance.Request, result issuance.Result) (certificate, error) {
	c := certificate{Chain: result.Chain, Leaf: result.Leaf, Warnings: result.Warnings, Forgot: result.Forgot, CleanUp: result.CleanUp}
	if o.csr != nil || o.dryRun {
		return c, nil
	}
	key, err := issuance.MarshalKey(r.Key)
	if err != nil {
		return c, err
	}
	set, err := lineage.NewSet(result.Chain, key, result.Leaf.DNSNames) // which were found to fit
	if err != nil {
		return c, err
	}
	commands := deployCommands(o.params, o.settings)
	pending := o.settings.Combined != "" || e.hasHooks(commands)
	change := func(conf *lineage.Conf) error {
		s := o.settings
		s.Domains, s.RenewAt, s.RetryAfter, s.Deploy, s.NewKey = o.names, time.Time{}, time.Time{}, pending, false
		if err := conf.SetParams(o.params); err != nil {
			return err
		}
		return conf.SetSettings(s)
	}
	stored := e.trace.Begin(o.name, timeline.WorkStore)
	if o.live == nil {
		c.Lineage, err = e.store.Create(ctx, o.name, set, change)
	} else {
		if o.params.ReuseKey && o.live.Damage == nil && o.live.Conf.Params().ReuseKey && o.keepsKey(r) {
			set.Key = nil // a link to the key that is live
		}
		c.Lineage, err = o.live.Renew(ctx, set, change)
	}
	stored(err)
	if err != nil {
		return c, fault.Errorf(fault.CodeOf(err), fault.ClassOf(err), "%w (the certificate is kept in %s; the next run stores it)", err, e.dirs.State)
	}
	if err := errors.Join(e.state.RemovePending(o.name), e.state.RemoveRefused(o.name)); err != nil {
		e.log.Warn("forgetting an order", "error", err)
	}
	if pending {
		c.Deploy = e.deploy(ctx, c.Lineage)
	}
	return c, nil
}

// publicKey is the key that a request's certificate is for.
func publicKey(r issuance.Request) crypto.PublicKey {
	if r.Key != nil {
		return r.Key.Public()
	}
	csr, err := x509.ParseCertificateRequest(r.CSR)
	if err != nil {
		return nil
	}
	return csr.PublicKey
}
