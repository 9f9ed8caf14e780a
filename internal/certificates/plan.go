package certificates

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/memory"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/providers"
)

// planLimit is what one look-up of a plan may take.
const planLimit = 30 * time.Second

// Plan is what Obtain would do. Each part is looked up on its own, so that all that is wrong is seen at once.
type Plan struct {
	Outcome  Outcome          // Issued, Renewed, Kept or Tested
	Why      messages.Message // empty for Tested
	Lineage  string
	Names    []string // that would be ordered
	KeyType  issuance.KeyType
	RenewAt  time.Time // of what is there; zero if nothing is
	Server   string
	Account  string // URL; "" if there is none
	Register bool   // an account would be made
	Profile  string
	Targets  []PlannedTarget
	Verify   []string // where the certificate is to be served then
	Records  []PlannedRecord
	Notes    []messages.Message // what may be in the way, and names that are left out
	Problems []error            // what Obtain would fail with
}

// PlannedRecord is one TXT record that would be made and deleted again: *.example.com and example.com share their name.
type PlannedRecord struct {
	Domain     string
	Names      []string // on the certificate
	FQDN       string   // CNAMEs followed
	Zone       string
	Account    providers.Account // at the DNS service
	Standing   bool              // it is there, and stays: FQDN is that of a persistent record
	Failed     int               // failed validations within the last hour, as the ledger has it
	Remembered time.Duration     // for which the CA may see what stood there before
	Err        error             // why the rest is not known

	delegation propagation.Delegation // of the zone in which the record is to stand
	cutOff     propagation.State      // how this machine is kept from its name servers, in the first record of a zone; "" if it is not
}

// Plan looks up what Obtain would do, by what is known on this machine and what CA and DNS services say now: Obtain asks the CA
// too whether a renewal is due. Whether the certificate could be stored is tried on files that are removed again; else it writes nothing.
func (m *Manager) Plan(ctx context.Context, r Request) (Plan, error) {
	name, err := m.target(r)
	if err != nil {
		return Plan{}, err
	}
	o, err := m.draft(r, name)
	if err != nil {
		return Plan{}, err
	}
	p := &planning{m: m, o: o, plan: Plan{
		Lineage: name, Names: o.names, KeyType: o.keyType, Server: o.params.Server, Profile: o.profile,
		Verify: o.settings.Verify, Notes: o.coveredNotes(),
	}}
	if loss := m.loss(r, name); len(loss.Lost) > 0 {
		p.plan.Notes = append(p.plan.Notes,
			messages.New("%s would lose %s: issue asks before it does that", name, strings.Join(loss.Lost, " ")))
	}
	p.hooks(r.DeployHooks)
	p.targets(r.Targets)
	p.outcome()
	p.challengeAccount()
	var atCA []error
	var group sync.WaitGroup
	group.Go(func() { atCA = p.ca(ctx) })
	records, located := p.records(ctx)
	group.Wait()
	if err := context.Cause(ctx); err != nil {
		return Plan{}, err
	}
	p.standing(ctx, records)
	located = append(located, problemsOf(records)...)
	p.plan.Records = records
	p.plan.Notes = append(p.plan.Notes, delegationNotes(records)...)
	p.plan.Notes = append(p.plan.Notes, cutOffNotes(records)...)
	p.plan.Problems = slices.Concat(p.plan.Problems, located, atCA, p.caa(ctx, records))
	if !o.dryRun {
		if err := m.Store.Preflight(o.live); err != nil {
			p.plan.Problems = append(p.plan.Problems, err)
		}
		if err := p.limits(); err != nil {
			p.plan.Problems = append(p.plan.Problems, err)
		}
	}
	return p.plan, nil
}

// planning is one call of Plan.
type planning struct {
	m    *Manager
	o    *order
	plan Plan

	account string // of [dns01.Solver.Account]
}

// hooks looks at those that are asked for, and at those that would run besides: they come after the order, and keep nothing from it.
func (p *planning) hooks(asked []string) {
	if err := p.m.hooks.Check(asked); err != nil {
		p.plan.Problems = append(p.plan.Problems, err)
		return
	}
	for _, problem := range p.m.hooks.Problems(HookCommands(p.o.params, p.o.settings)) {
		p.plan.Notes = append(p.plan.Notes, problem.Note())
	}
}

// outcome says what would become of the lineage.
func (p *planning) outcome() {
	o, plan := p.o, &p.plan
	plan.Outcome = Renewed
	switch l := o.live; {
	case o.dryRun:
		plan.Outcome = Tested
	case l == nil:
		plan.Outcome, plan.Why = Issued, messages.New("there is no certificate of that name")
	case l.Damage != nil:
		plan.Why = messages.New("its files are damaged")
	case o.force:
		plan.Why = messages.New("%s", "--force")
	case o.differs():
		plan.Why = messages.New("names, CA, key type or profile differ from what is there")
	default:
		is, err := ConditionOf(l, p.m.State, p.m.now())
		if err != nil {
			plan.Problems = append(plan.Problems, err)
		}
		plan.RenewAt, plan.Why = is.RenewAt, is.Why
		if p.m.now().Before(plan.RenewAt) {
			plan.Outcome = Kept
		}
	}
}

// ca finds the account and the profile at the CA, and what the CA would refuse.
func (p *planning) ca(ctx context.Context) (problems []error) {
	m, o, plan := p.m, p.o, &p.plan
	ctx, cancel := context.WithTimeout(ctx, planLimit)
	defer cancel()
	ca, err := m.Services.CA(ctx, o.params.Server, o.settings.CABundle)
	if err != nil {
		facts, _ := issuance.KnownCA(o.params.Server)
		return append(facts.Objections(o.names, o.profile), err)
	}
	o.chooseProfile(ca)
	plan.Profile = o.profile
	notes, _ := ca.MayOrder(o.names, o.profile)
	plan.Notes = append(plan.Notes, notes...)
	problems = ca.Objections(o.names, o.profile)
	return append(problems, p.findAccount(ca)...)
}

// findAccount finds the account at the CA, or what would be in the way of a new one.
func (p *planning) findAccount(ca *issuance.CA) (problems []error) {
	m, o, plan := p.m, p.o, &p.plan
	account, err := m.Store.Account(ca.Server(), o.params.Account)
	switch {
	case err == nil:
		o.params.Account, plan.Account = account.ID, account.URI
	case fault.CodeOf(err) != lineage.CodeNotFound || o.params.Account != "":
		problems = append(problems, err)
	default:
		plan.Register = true
		if err := ca.MayRegister(o.registration); err != nil {
			problems = append(problems, err)
		}
		if err := m.Store.PreflightAccount(ca.Server()); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}

// unregistered stands for the URL of an account that is yet to be made.
const unregistered = "ACCOUNT"

// challengeAccount finds the account of which the records' names are made, where they are. What keeps it from being found "ca" says.
func (p *planning) challengeAccount() {
	if MethodOf(p.o.settings) != issuance.DNSAccount {
		return
	}
	account, err := p.m.Store.Account(p.o.params.Server, p.o.params.Account)
	p.account = cmp.Or(account.URI, unregistered)
	if fault.CodeOf(err) == lineage.CodeNotFound && p.o.params.Account == "" {
		p.plan.Notes = append(p.plan.Notes, messages.New(
			"the account is made first, and the names of the records are made of its URL: the first label of each will be another"))
	}
}

// records finds where each record is to stand, side by side.
func (p *planning) records(ctx context.Context) ([]PlannedRecord, []error) {
	m, o := p.m, p.o
	var records []PlannedRecord
	for _, name := range o.names {
		base := issuance.Base(name)
		i := slices.IndexFunc(records, func(r PlannedRecord) bool { return r.Domain == base })
		if i < 0 {
			i = len(records)
			records = append(records, PlannedRecord{Domain: base})
		}
		records[i].Names = append(records[i].Names, name)
	}
	method := MethodOf(o.settings)
	if method == issuance.Persist {
		return records, nil
	}
	router, err := m.Services.Router(o.settings)
	if err != nil && method == issuance.Auto && noCredentials(err) {
		for i := range records {
			records[i].Err = err
		}
		return records, nil
	}
	if err != nil {
		return records, []error{err}
	}
	resolver, err := m.Services.Resolver(o.settings)
	if err != nil {
		return records, []error{err}
	}
	solver := &dns01.Solver{Router: router, Resolver: resolver, CheckDelegation: ChecksDelegation(o.settings),
		Foresee: true, Account: p.account}
	lookUps(len(records), func(i int) {
		ctx, cancel := context.WithTimeout(ctx, planLimit)
		defer cancel()
		p.record(ctx, solver, &records[i])
	})
	p.cutOff(ctx, resolver, records)
	return records, nil
}

// lookUps calls f for each of n names, some side by side.
func lookUps(n int, f func(i int)) {
	slots := make(chan struct{}, 8)
	var group sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			f(i)
		})
	}
	group.Wait()
}

func (p *planning) record(ctx context.Context, solver *dns01.Solver, r *PlannedRecord) {
	at, err := solver.Locate(ctx, r.Domain)
	if err != nil {
		r.Err = err
		return
	}
	r.FQDN, r.Zone, r.Account = at.FQDN, at.Route.Zone, at.Route.Account
	r.Remembered = p.remembers(dns01.ChallengeName(solver, r.Domain), at.FQDN)
	if d, err := solver.Resolver.Delegation(ctx, at.FQDN); err == nil { // else the wait will say so
		r.delegation = d
	}
}

// cutOff finds out whether name servers can be asked from here, those of each zone once.
func (p *planning) cutOff(ctx context.Context, resolver *propagation.Resolver, records []PlannedRecord) {
	ctx, cancel := context.WithTimeout(ctx, planLimit)
	defer cancel()
	var group sync.WaitGroup
	seen := map[string]bool{}
	for i := range records {
		r := &records[i]
		if len(r.delegation.Addrs) == 0 || seen[r.Zone] {
			continue
		}
		seen[r.Zone] = true
		group.Go(func() { r.cutOff, _ = resolver.CutOff(ctx, r.delegation.For(r.Zone), r.Zone) })
	}
	group.Wait()
}

// cutOffNotes say of which zones the name servers cannot be asked from here, in the words of doctor. Obtain then goes by the word
// of a resolver, and waits longer.
func cutOffNotes(records []PlannedRecord) []messages.Message {
	var notes []messages.Message
	var seen []string
	for _, r := range records {
		if r.cutOff == "" || slices.Contains(seen, r.Zone) {
			continue
		}
		seen = append(seen, r.Zone)
		what := messages.New("no name server of %s can be asked from here: port 53 is closed, UDP and TCP", r.Zone)
		if r.cutOff == propagation.Intercepted {
			what = messages.New("something answers on port 53 in the place of the name servers of %s", r.Zone)
		}
		notes = append(notes, what)
	}
	if len(notes) > 0 {
		notes = append(notes, messages.New("What the name servers have cannot be seen, so a resolver's word has to do, and every run waits long for it."))
	}
	return notes
}

// delegationNotes is what may be in the way at the name servers of the records' zones, each said once, in the words of doctor.
func delegationNotes(records []PlannedRecord) []messages.Message {
	var notes []messages.Message
	var seen []string
	names := func(hosts []string) string { return strings.Join(hosts, " ") }
	for _, r := range records {
		d := r.delegation
		if slices.Contains(seen, d.Zone) {
			continue
		}
		seen = append(seen, d.Zone)
		for _, list := range d.Differing() {
			notes = append(notes, messages.New("the parent of %s delegates to %s, but the zone on %s lists %s", d.Zone,
				names(d.Delegated), list.Server.String(), names(list.NameServers)))
		}
		if d.ResolversBehind() {
			notes = append(notes, messages.New("the resolvers still know %s as name servers of %s; its parent delegates to %s", names(d.Cached), d.Zone, names(d.Delegated)))
		}
		if d.Private {
			notes = append(notes, messages.New("the servers above %s say that there is no such zone: only this network knows it", d.Zone))
		}
	}
	return notes
}

// remembers is for how long Obtain would wait before it has the CA look at a name.
func (p *planning) remembers(name, fqdn string) time.Duration {
	ca := issuance.MemoryOf(p.o.params.Server, cache(p.o.settings))
	return p.m.memory.Left(ca, memory.Record{Name: name, FQDN: fqdn}).Round(time.Second)
}

// limits is what the ledger says of it.
func (p *planning) limits() error {
	m, o, plan := p.m, p.o, &p.plan
	if m.State == nil {
		return nil // nothing was ever tried
	}
	intent := o.intent(plan.Account, m.now())
	failed, err := m.State.FailedValidations(intent)
	if err != nil {
		return err
	}
	for i, r := range plan.Records {
		for _, name := range r.Names {
			plan.Records[i].Failed = max(plan.Records[i].Failed, failed[name])
		}
	}
	if err := o.held(m.State); err != nil {
		return err
	}
	return m.State.Check(intent)
}
