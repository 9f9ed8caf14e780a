package certificates

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
	"wildcard/internal/system/filelock"
	"wildcard/internal/timeline"
	"wildcard/providers"
)

// Certificate is what came of an order.
type Certificate struct {
	Chain      []byte // PEM
	Leaf       *x509.Certificate
	Alternates [][]byte         // PEM, of a CSR: the same certificate with other issuers
	Lineage    *lineage.Lineage // nil for dry runs and CSRs
	Warnings   []messages.Message
	Forgot     time.Duration // how long was waited for what the CA's resolvers remembered
	CleanUp    error         // records that are still there
	Deploy     error         // deploy hooks that failed
	Standing   bool          // no DNS service was needed: the names have persistent records
}

// attempt is one try to obtain a certificate, with what it is tried with.
type attempt struct {
	*order
	m       *Manager
	ca      *issuance.CA
	account lineage.Account
	key     key // none with a CSR
}

// obtain obtains one certificate and stores it. The caller has the lineage's order lock.
func (m *Manager) obtain(ctx context.Context, o *order) (got Certificate, err error) {
	a := &attempt{order: o, m: m}
	issuer, err := a.prepare(ctx)
	if err != nil {
		return Certificate{}, err
	}
	if !o.dryRun && !o.noHooks {
		if preErr := m.pre(ctx, o); preErr != nil {
			if ctx.Err() != nil {
				return Certificate{}, preErr
			}
			// As with certbot, the certificate matters more; the exit status tells of it.
			defer func() { got.Deploy = errors.Join(preErr, got.Deploy) }()
		}
	}
	request, chain, err := a.request()
	if err != nil {
		return Certificate{}, err
	}
	if chain != nil { // obtained by an earlier run, which could not store it
		expect := issuance.Expectation{Key: a.publicKey(), Names: o.names, Now: m.now(), Alone: request.Alone}
		delivered, err := issuance.CheckChain(chain, expect)
		if err == nil {
			return a.keep(ctx, issuance.Result{Chain: delivered.Chain, Leaf: delivered.Leaf, Warnings: delivered.Notes})
		}
		m.options.Log.Info("the certificate of an earlier run is of no use any more", "error", err)
		request.Resume = nil
	}
	result, err := issuer.Obtain(ctx, request)
	if fault.CodeOf(err) == issuance.CodeAccountUnknown {
		m.note("%s: the CA does not know the account %s: registering its key again", o.name, a.account.URI)
		if a.account, err = m.Accounts.registerAgain(ctx, a.ca, a.account); err != nil {
			return Certificate{}, err
		}
		issuer.Account.URI, request.Resume = a.account.URI, nil
		result, err = obtainAgain(ctx, issuer, request, result)
	}
	if fault.CodeOf(err) == issuance.CodeCSR && o.isLiveKey(a.key.Signer) {
		m.note("%s: the CA does not take the key of the live certificate any more, so a new one is made", o.name)
		if request, err = a.withNewKey(request, result); err != nil {
			return Certificate{}, err
		}
		result, err = obtainAgain(ctx, issuer, request, result)
	}
	if err := a.remember(ctx, result, err); err != nil {
		return Certificate{Warnings: result.Warnings}, err
	}
	return a.keep(ctx, result)
}

// prepare opens what the order needs, and finds out what is known beforehand to be refused: by the CA, by the ledger, or since
// the last certificate was. What it finds before anything was sent is not in the ledger.
func (a *attempt) prepare(ctx context.Context) (*issuance.Issuer, error) {
	m := a.m
	facts, _ := issuance.KnownCA(a.params.Server)
	if err := facts.MayAsk(a.params.Server); err != nil {
		return nil, err
	}
	if err := errors.Join(facts.Objections(a.names, a.profile)...); err != nil {
		return nil, err
	}
	if err := a.held(m.State); err != nil {
		return nil, err
	}
	if !a.outside() && !a.dryRun {
		if err := m.Store.Preflight(a.live); err != nil {
			return nil, err
		}
	}
	router, unrouted, err := a.router()
	if err != nil {
		return nil, err
	}
	resolver, err := m.Services.Resolver(a.settings)
	if err != nil {
		return nil, err
	}
	if err := a.dial(ctx); err != nil {
		return nil, err
	}
	if !a.dryRun {
		if err := m.State.Check(a.intent(a.account.URI, m.now())); err != nil {
			return nil, err
		}
	}
	issuer := &issuance.Issuer{
		Method: MethodOf(a.settings), Unrouted: unrouted,
		CA: a.ca, Account: issuance.Account{URI: a.account.URI, Key: a.account.Key},
		Router: router, Resolver: resolver,
		CheckDelegation: ChecksDelegation(a.settings),
		Journal:         m.Journal, Orders: filelock.NewHeld(m.options.Dirs.Run, "order"),
		HistoryDir: m.options.Dirs.State + "/history",
		Memory:     m.memory, Cache: cache(a.settings), ExtraWait: extraWait(a.settings),
		Observe: m.observe(a.shown()), Log: m.options.Log,
	}
	return issuer, issuer.Foresee(ctx, a.names)
}

// router opens the DNS services. Where names may have their persistent records it is no error yet that it cannot: unrouted is why. An
// account that is yet to be made has none.
func (a *attempt) router() (router providers.Router, unrouted, err error) {
	method := MethodOf(a.settings)
	if method == issuance.Persist {
		return router, nil, nil
	}
	router, err = a.m.Services.Router(a.settings)
	if err == nil || method != issuance.Auto || !noCredentials(err) {
		return router, nil, err
	}
	if _, none := a.m.Store.Account(a.params.Server, a.params.Account); none != nil {
		return router, nil, err
	}
	return router, err, nil
}

// noCredentials reports whether a DNS service cannot be opened because its credentials are not on this machine, as it may be where names
// have persistent records. What is there and cannot be used has to be told.
func noCredentials(err error) bool { return fault.CodeOf(err) == fault.CodeMissing }

// shown is the name under which the order's steps are shown.
func (o *order) shown() string {
	if o.outside() {
		return "csr"
	}
	return o.name
}

// dial finds the CA and the account there.
func (a *attempt) dial(ctx context.Context) (err error) {
	m := a.m
	if a.ca, err = m.Services.CA(ctx, a.params.Server, a.settings.CABundle); err != nil {
		return a.remember(ctx, issuance.Result{}, err)
	}
	a.chooseProfile(a.ca)
	notes, err := a.ca.MayOrder(a.names, a.profile)
	if err != nil {
		return err
	}
	for _, note := range notes {
		m.note("%s: %s", a.name, note)
	}
	if a.live != nil && !a.force && !a.dryRun {
		if err := checkClock(a.ca); err != nil {
			return err
		}
	}
	if a.account, err = m.Accounts.choose(ctx, a.ca, a.params.Account, a.registration, a.mayRegister); err != nil {
		return err
	}
	a.params.Account = a.account.ID
	return nil
}

// obtainAgain obtains a certificate after a run that ended with an error that is put right now. What the first run spent, said and
// left behind counts all the same.
func obtainAgain(ctx context.Context, issuer *issuance.Issuer, request issuance.Request,
	first issuance.Result) (issuance.Result, error) {
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

// request is what is asked of the CA, with the key and the order of an earlier run that came to no end, and the chain if that run
// got one.
func (a *attempt) request() (r issuance.Request, chain []byte, err error) {
	r = issuance.Request{
		Label: a.name, Names: a.names, CSR: a.csr, Profile: a.profile, PreferredChain: a.params.PreferredChain,
		Alone:      a.outside(), // a lineage is nothing without
		Alternates: a.csr != nil, ProofOnly: a.proofOnly, Replaces: a.replaces,
		ProveAgain: a.dryRun, // else a CA that takes the proof of an earlier try would let anything succeed
	}
	var pending state.Pending
	if !a.dryRun {
		r.Save = a.save
		var ok bool
		if pending, ok, err = a.m.State.Pending(a.name); err != nil {
			return r, nil, err
		}
		if !ok || !a.usable(pending) {
			pending = state.Pending{}
		}
		if a.csr != nil && pending.Order == "" {
			if pending, err = a.takeProof(); err != nil {
				return r, nil, err
			}
		}
	}
	if pending.Order != "" {
		r.Resume = &issuance.Checkpoint{Order: pending.Order}
	}
	if !a.outside() {
		if err := a.chooseKey(pending); err != nil {
			return r, nil, err
		}
		r.Key = a.key.Signer
	}
	if leaf := a.liveLeaf(); leaf != nil && a.live.Conf.Params().Server == a.params.Server && !a.dryRun {
		r.Replaces = issuance.CertificateID(leaf)
	}
	return r, pending.Chain, nil
}

// save keeps how far the order is, with the key, for a later run.
func (a *attempt) save(c issuance.Checkpoint) error {
	return a.m.State.SavePending(a.name, state.Pending{
		Server: a.params.Server, Account: a.account.URI, Domains: a.names, Profile: a.profile,
		Order: c.Order, Key: a.key.pem, CSR: a.csr, Chain: c.Chain, Created: a.m.now(),
	})
}

// withNewKey is the request with a key that was made just now, which belongs to its order from here on.
func (a *attempt) withNewKey(r issuance.Request, result issuance.Result) (issuance.Request, error) {
	var err error
	if a.key, err = newKey(a.keyType); err != nil {
		return r, err
	}
	r.Key = a.key.Signer
	if result.Order == "" {
		return r, nil
	}
	r.Resume = &issuance.Checkpoint{Order: result.Order}
	if r.Save != nil {
		if err := r.Save(*r.Resume); err != nil {
			return r, errors.Join(err, result.CleanUp)
		}
	}
	return r, nil
}

// usable reports whether an earlier order is for just this certificate, and is not stored already.
func (a *attempt) usable(p state.Pending) bool {
	if p.Server != a.params.Server || p.Account != a.account.URI || p.Profile != a.profile ||
		!sameNames(p.Domains, a.names) || !bytes.Equal(p.CSR, a.csr) {
		return false
	}
	if a.live != nil && isStored(a.live, p) {
		return false
	}
	return a.outside() || len(p.Key) > 0
}

// isStored reports whether an earlier order's certificate is the one that is live.
func isStored(l *lineage.Lineage, p state.Pending) bool {
	block, _ := pem.Decode(p.Chain)
	return block != nil && l.Leaf != nil && bytes.Equal(block.Bytes, l.Leaf.Raw)
}

// hasStored reports whether an order is remembered although its certificate is live: a run ended between the two.
func (m *Manager) hasStored(l *lineage.Lineage) bool {
	p, ok, err := m.State.Pending(l.Name)
	return err == nil && ok && isStored(l, p)
}

// forgetStored forgets such an order, with the key that is in it. The caller has the lineage's order lock.
func (m *Manager) forgetStored(l *lineage.Lineage) {
	if !m.hasStored(l) {
		return
	}
	if err := m.State.RemovePending(l.Name); err != nil {
		m.options.Log.Warn("forgetting an order", "error", err)
	}
}

// forgetOrder forgets what is remembered of an order for a name.
func (m *Manager) forgetOrder(name string) error {
	return errors.Join(m.State.RemovePending(name), m.State.RemoveRefused(name))
}

// keep stores a certificate and makes it the live one, then deploys it. Whatever
// fails from here on, the certificate is not lost.
func (a *attempt) keep(ctx context.Context, result issuance.Result) (Certificate, error) {
	m := a.m
	c := Certificate{Chain: result.Chain, Leaf: result.Leaf, Warnings: result.Warnings, Forgot: result.Forgot,
		CleanUp: result.CleanUp, Standing: result.Standing, Alternates: result.Alternates}
	if a.outside() || a.dryRun {
		return c, nil
	}
	set, err := lineage.NewSet(result.Chain, a.key.pem, result.Leaf.DNSNames) // which were found to fit
	if err != nil {
		return c, err
	}
	pending := a.deploys(m)
	change := func(conf *lineage.Conf) error {
		s := a.settings
		s.Domains, s.RenewAt, s.RetryAfter, s.Deploy, s.NewKey = a.names, time.Time{}, time.Time{}, pending, false
		s.RolledBack = ""
		if s.ProvenBy = ""; result.Standing {
			s.ProvenBy = string(issuance.Persist)
		}
		if err := conf.SetParams(a.params); err != nil {
			return err
		}
		return conf.SetSettings(s)
	}
	stored := m.options.Trace.Begin(a.name, timeline.WorkStore)
	if a.live == nil {
		c.Lineage, err = m.Store.Create(ctx, a.name, set, change)
	} else {
		if a.params.ReuseKey && a.live.Damage == nil && a.live.Conf.Params().ReuseKey && a.isLiveKey(a.key.Signer) {
			set.Key = nil // a link to the key that is live
		}
		c.Lineage, err = a.live.Renew(ctx, set, change)
	}
	stored(err)
	if err != nil {
		return c, fault.Errorf(fault.CodeOf(err), fault.ClassOf(err),
			"%w (the certificate is kept in %s; the next run stores it)", err, m.options.Dirs.State)
	}
	if err := m.forgetOrder(a.name); err != nil {
		m.options.Log.Warn("forgetting an order", "error", err)
	}
	if c.Standing && a.settings.ProvenBy == "" {
		mayLeave(m, c.Lineage, a.settings)
	}
	if pending {
		c.Deploy = deployment{m: m, l: c.Lineage}.do(ctx, a.deployLater)
	}
	return c, nil
}

// publicKey is the key that the certificate is for.
func (a *attempt) publicKey() crypto.PublicKey {
	if a.csr == nil {
		return a.key.Public()
	}
	csr, err := x509.ParseCertificateRequest(a.csr)
	if err != nil {
		return nil
	}
	return csr.PublicKey
}
