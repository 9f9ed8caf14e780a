package certificates

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/state"
)

// Request is a certificate that is wanted: for Obtain and Plan. What is not said stays as it is stored with the lineage.
type Request struct {
	Names   []string // as [issuance.ParseNames] returns them
	Lineage string   // its name; "" is the one of ours with these names, else that of the first name
	CSR     []byte   // signing request in DER, for Names: nothing is stored then, and Lineage is not looked at
	DryRun  bool     // try it with the CA's staging service, and keep nothing
	Force   bool     // renew although it is not due, order although the last certificate was refused
	// Replaces is the [issuance.CertificateID] of what a certificate for a CSR follows; a lineage knows its own.
	Replaces string

	Server         Choice[string] // URL of the CA's directory
	CABundle       Choice[string] // file with further roots for its TLS
	Account        Choice[string] // ID of the account there, or how it begins
	Registration   issuance.Registration
	Profile        Choice[string]
	PreferredChain Choice[string]
	KeyType        issuance.KeyType // "" is that of the lineage, else ECDSA P-256
	ReuseKey       Choice[bool]
	Challenge      Choice[string] // [issuance.Method]: how names are proven; "" is that of the lineage, else auto
	Files          Files
	DeployHooks    []string     // in place of those of the lineage; none leaves them
	Targets        []string     // where it is brought to ([target.Spec]), in place of those of the lineage; one "" is none, none leaves them
	Verify         []string     // addresses at which it is to be served, in place of those of the lineage; one "" is none, none leaves them
	Rollback       Choice[bool] // the former certificate is made live where the new one is not served
	DNS            DNS

	NoHooks   bool // pre hooks are not run for a CSR
	proofOnly bool // of [Prove]

	Confirm func(Loss) error // asked before a lineage loses names, and its error is that of Obtain; nil: not asked
}

// Loss is what a request takes away from a lineage of ours.
type Loss struct {
	Lineage string
	Names   []string // that it has so far, as they were asked for
	Lost    []string // those of them that the new names do not cover
}

// Outcome is what came of a lineage.
type Outcome string

// The outcomes.
const (
	Issued   Outcome = "issued"
	Renewed  Outcome = "renewed"
	Kept     Outcome = "kept"   // it was not due
	Tested   Outcome = "tested" // a dry run
	Deployed Outcome = "deployed"
	Failed   Outcome = "failed"
	Skipped  Outcome = "skipped" // another run is at work on it
)

// Result is what came of one certificate.
type Result struct {
	Certificate
	Name      string // of the lineage
	Outcome   Outcome
	Names     []string           // that were ordered
	LeftOut   []messages.Message // names that were not, and why that changes nothing
	Server    string
	Account   string // ID
	ExtraWait time.Duration
	Due       Due   // when the lineage is due next
	Err       error // of one that Failed, in Renew
	Process   int   // that is at work on one that is Skipped; 0 if it is not known
}

// Obtain gets a certificate, or renews the one that is there if it is due or differs from what is asked for. What a request
// changes in the settings is kept for the renewals, also where the certificate stays. Leftovers of dead processes are removed,
// before and after. Deploy hooks that failed the last time are run again. One of a request that would fail, or that another user
// could change, is refused before anything else.
func (m *Manager) Obtain(ctx context.Context, r Request) (got Result, err error) {
	if err := m.hooks.Check(r.DeployHooks); err != nil {
		return Result{}, err
	}
	if _, err := planTargets(m, r.Targets); err != nil {
		return Result{}, err
	}
	name, err := m.target(r)
	if err != nil {
		return Result{}, err
	}
	loss := m.loss(r, name)
	if len(loss.Lost) > 0 && r.Confirm != nil {
		if _, err := m.draft(r, name); err != nil { // what cannot be is not asked about
			return Result{}, err
		}
		if err := r.Confirm(loss); err != nil {
			return Result{}, err
		}
	}
	err = m.locked(name, func() (err error) {
		if now := m.loss(r, name); r.Confirm != nil && !slices.Equal(now.Lost, loss.Lost) {
			return fault.Errorf(lineage.CodeLocked, fault.Temporary, "%s was changed meanwhile; nothing is ordered", name)
		}
		got, err = m.obtainLocked(ctx, r, name)
		return err
	})
	return got, err
}

// loss is what a request would take away from the lineage that it is about.
func (m *Manager) loss(r Request, name string) Loss {
	loss := Loss{Lineage: name}
	if r.outside() || r.DryRun {
		return loss
	}
	l, err := m.Store.Lineage(name)
	if err != nil || !l.Owned() {
		return loss // draft tells of it
	}
	s, _ := l.Conf.Settings()
	loss.Names = certifiedNames(l, s)
	for _, name := range loss.Names {
		if !slices.Contains(r.Names, name) && !issuance.Covers(r.Names, name) {
			loss.Lost = append(loss.Lost, name)
		}
	}
	return loss
}

func (m *Manager) obtainLocked(ctx context.Context, r Request, name string) (Result, error) {
	o, err := m.draft(r, name)
	if err != nil {
		return Result{}, err
	}
	if o.live != nil && !o.dryRun && o.live.NeedsRepair() {
		m.note("%s: its files are not as they should be (%v): repairing", o.name, o.live.Damage)
		if o.live, err = repaired(ctx, o.live); err != nil {
			return Result{}, err
		}
	}
	noteCovered(m, o)
	if !o.dryRun && !o.outside() {
		m.lookedAfter(func(*state.Watch) {})
	}
	m.Sweep(ctx, []lineage.Settings{o.settings}, o.names...)
	defer m.Sweep(ctx, []lineage.Settings{o.settings}) // what was not taken over
	if !o.dryRun && o.live != nil && !o.force {
		if got, ok, err := m.keepLive(ctx, o); ok || err != nil {
			return got, err
		}
	}
	certificate, err := m.obtain(ctx, o)
	if err != nil {
		return Result{}, err
	}
	if !o.dryRun && !o.outside() {
		hooks := hooksOf(m, func(string) []string { return []string{o.name} })
		if postErr := hooks.Post(ctx, []string{o.params.PostHook}, o.names, nil); postErr != nil {
			certificate.Deploy = errors.Join(certificate.Deploy, postErr)
		}
	}
	return o.result(certificate), nil
}

// result is what came of an order that went to the CA.
func (o *order) result(c Certificate) Result {
	got := Result{
		Certificate: c, Name: o.name, Outcome: Issued, Names: o.names, LeftOut: o.coveredNotes(),
		Server: o.params.Server, Account: o.params.Account, ExtraWait: extraWait(o.settings),
	}
	switch {
	case o.dryRun:
		got.Outcome = Tested
	case o.live != nil:
		got.Outcome = Renewed
	}
	if c.Lineage != nil {
		s, _ := c.Lineage.Conf.Settings()
		got.Due.At, got.Due.Why = dueByDates(c.Lineage, s)
	}
	return got
}

// target picks the lineage that a request is about; for a CSR, the name under which an order for it is remembered.
func (m *Manager) target(r Request) (string, error) {
	if r.proofOnly {
		return r.proofName(), nil
	}
	if r.CSR != nil {
		digest := sha256.Sum256(r.CSR)
		return "csr-" + hex.EncodeToString(digest[:8]), nil
	}
	if r.Lineage != "" {
		return lineage.ParseName(r.Lineage)
	}
	for l, err := range m.Store.All() {
		if err != nil {
			continue // "list" shows it
		}
		s, ours := l.Conf.Settings()
		facts, _ := issuance.KnownCA(l.Conf.Params().Server)
		kept, _ := facts.WithoutCovered(r.Names)
		if ours && (sameNames(s.Domains, r.Names) || sameNames(s.Domains, kept)) {
			return l.Name, nil
		}
	}
	return lineage.NameFor(r.Names)
}

// repaired is a lineage with its files in order, as far as they can be: what is damaged for good is renewed.
func repaired(ctx context.Context, l *lineage.Lineage) (*lineage.Lineage, error) {
	repaired, err := l.Repair(ctx)
	switch {
	case err == nil:
		return repaired, nil
	case fault.CodeOf(err) != lineage.CodeDamaged:
		return nil, err
	}
	return l, nil
}

func noteCovered(m *Manager, o *order) {
	for _, note := range o.coveredNotes() {
		m.note("%s", note)
	}
}

// keepLive answers a request for a certificate that is there and not due; ok is false if it is not so.
func (m *Manager) keepLive(ctx context.Context, o *order) (got Result, ok bool, err error) {
	l := o.live
	if l.Damage != nil || o.differs() {
		return Result{}, false, nil
	}
	due, err := m.due(ctx, l)
	if err != nil || due.Now {
		return Result{}, false, err
	}
	l, changed, err := o.keepSettings(ctx)
	if err != nil {
		return Result{}, true, err
	}
	m.forgetStored(l)
	got = o.result(Certificate{Leaf: l.Leaf, Lineage: l})
	got.Outcome, got.Due = Kept, due
	if s, _ := l.Conf.Settings(); s.DeployWaits() {
		got.Deploy = deployment{m: m, l: l}.do(ctx, false)
	}
	if changed {
		m.note("%s: the settings of this call are kept for its renewals", l.Name)
	}
	return got, true, nil
}

// keepSettings stores what the request changed although the certificate stays, and reports whether that is anything of the user's.
func (o *order) keepSettings(ctx context.Context) (l *lineage.Lineage, changed bool, err error) {
	l, err = o.live.Update(ctx, func(c *lineage.Conf) error {
		current, _ := c.Settings()
		before := chosen(c)
		s := o.settings
		s.Domains, s.RenewAt, s.RetryAfter, s.Deploy = current.Domains, current.RenewAt, current.RetryAfter, current.Deploy
		s.RolledBack = current.RolledBack
		s.ProvenBy = current.ProvenBy
		params := o.params
		params.Account = c.Params().Account
		if err := c.SetParams(params); err != nil {
			return err
		}
		if err := c.SetSettings(s); err != nil {
			return err
		}
		changed = !reflect.DeepEqual(before, chosen(c))
		return nil
	})
	return l, changed, err
}

// userSettings are what a user chooses of a lineage.
type userSettings struct {
	params   lineage.Params
	settings lineage.Settings
	key      issuance.KeyType
}

// chosen reads them without what we work out of them: dates, what is to be done, the hooks' command lines, the default of a key.
func chosen(c *lineage.Conf) userSettings {
	p := c.Params()
	s, _ := c.Settings()
	key := KeyTypeOf(p)
	p.KeyType, p.Curve, p.RSABits, p.AuthHook, p.CleanupHook = "", "", 0, "", ""
	s.RenewAt, s.RetryAfter, s.Deploy, s.NewKey, s.RolledBack = time.Time{}, time.Time{}, false, false, ""
	s.ProvenBy = ""
	return userSettings{p, s, key}
}

// Delivered tells that the certificate of a signing request has arrived where it belongs: until then each Obtain for the same
// request gives the one that was obtained.
func (m *Manager) Delivered(csr []byte) {
	name, err := m.target(Request{CSR: csr})
	if err == nil {
		err = m.forgetOrder(name)
	}
	if err != nil {
		m.options.Log.Warn("forgetting an order", "error", err)
	}
}
