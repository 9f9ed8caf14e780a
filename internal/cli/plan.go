package cli

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/cli/display"
	"wildcard/internal/dns01"
	"wildcard/internal/dns01/memory"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/state"
)

// planLimit is what one look-up of a plan may take.
const planLimit = 30 * time.Second

func (p *program) planCommand() *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "what issue would do, with the same options",
		UsageText: "wildcard plan [options] NAME...",
		Description: `Which zone, DNS service, credential and record each name leads to, which account
and limits apply. Services are asked; nothing is written anywhere.

  wildcard plan '*.example.com' example.com
  wildcard plan --server letsencrypt-staging --json '*.example.com'`,
		ArgsUsage: "NAME...",
		Flags:     slices.Concat(certificateFlags(), caFlags(), registrationFlags(), dnsFlags(), commonFlags()),
		Action:    p.plan,
	}
}

// planAnswer is the answer of "plan --json".
type planAnswer struct {
	Action   string              `json:"action"` // issue, renew, keep, test
	Why      string              `json:"why,omitempty"`
	Lineage  string              `json:"lineage"`
	Names    []string            `json:"names"`
	KeyType  string              `json:"key_type"`
	RenewAt  *time.Time          `json:"renew_at,omitempty"` // of what is there
	Server   string              `json:"server"`
	Account  string              `json:"account,omitempty"` // URL; "" if one would be made
	Register bool                `json:"register"`          // an account would be made
	Profile  string              `json:"profile,omitempty"`
	Records  []planRecord        `json:"records"`
	Notes    []string            `json:"notes,omitempty"` // what may be in the way, and names that are left out
	Problems []*messages.Failure `json:"problems"`
}

// planRecord is one TXT record that would be made and deleted again: *.example.com and example.com share their name.
type planRecord struct {
	Domain     string            `json:"domain"`
	Names      []string          `json:"names"`
	FQDN       string            `json:"record,omitempty"` // CNAMEs followed
	Zone       string            `json:"zone,omitempty"`
	Provider   string            `json:"provider,omitempty"`
	Credential string            `json:"credential,omitempty"`
	Failed     int               `json:"failed_validations"` // within the last hour, as the ledger has it
	Most       int               `json:"most_failed_validations"`
	Remembered float64           `json:"ca_remembers,omitempty"` // seconds for which the CA may see what stood there before
	Problem    *messages.Failure `json:"problem,omitempty"`

	delegation propagation.Delegation // of the zone in which the record is to stand
}

// plan shows what "issue" would do. Each part is looked up on its own, so that all that is wrong is seen at once.
func (p *program) plan(c *cli.Context) error {
	names, err := issuance.ParseNames(c.Args().Slice())
	if err != nil {
		return err
	}
	if err := p.dnsOptions(c, &lineage.Settings{}); err != nil {
		return err
	}
	m, err := p.machine(c)
	if err != nil {
		return err
	}
	e := m.reader()
	defer e.close()
	e.state = m.ledger()
	name, err := e.target(c.String("cert-name"), names)
	if err != nil {
		return err
	}
	o, err := e.draft(c, name, names)
	if err != nil {
		return err
	}
	answer := planAnswer{Lineage: name, Names: o.names, KeyType: string(o.keyType), Server: o.params.Server, Profile: o.settings.Profile, Problems: []*messages.Failure{}}
	e.planAction(o, &answer)
	answer.Notes = e.texts(coveredNotes(o))
	var problems []error
	var group sync.WaitGroup
	ctx := c.Context
	var atCA []error
	group.Go(func() { atCA = e.planCA(ctx, o, &answer) })
	var located []error
	answer.Records, located = e.planRecords(ctx, o)
	group.Wait()
	if err := cause(ctx); err != nil {
		return err
	}
	answer.Notes = append(answer.Notes, e.texts(delegationNotes(answer.Records))...)
	problems = append(problems, located...)
	problems = append(problems, atCA...)
	if !o.dryRun {
		if err := e.store.Check(); err != nil {
			problems = append(problems, err)
		}
		if err := e.planLimits(o, &answer); err != nil {
			problems = append(problems, err)
		}
	}
	code := 0
	for _, err := range problems {
		answer.Problems = append(answer.Problems, e.errorOf(err))
		code = fault.Worse(code, fault.ExitCode(err))
	}
	e.display.Close()
	if e.json {
		e.answer(answer)
	} else {
		e.printPlan(answer)
		for _, err := range problems {
			e.complain(err)
		}
	}
	if code != 0 {
		return &outcomeError{code}
	}
	return nil
}

// planAction says what would become of the lineage, by what is known on this machine: "issue" asks the CA too whether a
// renewal is due.
func (e *engine) planAction(o *order, answer *planAnswer) {
	switch l := o.live; {
	case o.dryRun:
		answer.Action = "test"
	case l == nil:
		answer.Action, answer.Why = "issue", e.language.Sprintf("there is no certificate of that name")
	case l.Damage != nil:
		answer.Action, answer.Why = "renew", e.language.Sprintf("its files are damaged")
	case o.force:
		answer.Action, answer.Why = "renew", "--force"
	case e.differs(o):
		answer.Action, answer.Why = "renew", e.language.Sprintf("names, CA, key type or profile differ from what is there")
	default:
		at, why := renewal(l, o.settings)
		at = at.UTC()
		answer.Action, answer.Why, answer.RenewAt = "keep", why.In(e.language), &at
		if !e.now().Before(at) {
			answer.Action = "renew"
		}
	}
}

// planCA finds the CA, the account and the profile, and what the CA would refuse.
func (e *engine) planCA(ctx context.Context, o *order, answer *planAnswer) (problems []error) {
	ctx, cancel := context.WithTimeout(ctx, planLimit)
	defer cancel()
	ca, err := e.ca(ctx, o.params.Server, o.settings.CABundle)
	if err != nil {
		facts, _ := issuance.KnownCA(o.params.Server)
		return append(facts.Objections(o.names, o.settings.Profile), err)
	}
	notes, _ := ca.MayOrder(o.names, o.settings.Profile)
	answer.Notes = append(answer.Notes, e.texts(notes)...)
	problems = ca.Objections(o.names, o.settings.Profile)
	account, err := e.store.Account(ca.Server(), o.params.Account)
	switch {
	case err == nil:
		o.params.Account, answer.Account = account.ID, account.URI
	case fault.CodeOf(err) != lineage.CodeNotFound || o.params.Account != "":
		problems = append(problems, err)
	default:
		answer.Register = true
		if err := ca.MayRegister(o.registration); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}

// planRecords finds where each record is to stand, side by side.
func (e *engine) planRecords(ctx context.Context, o *order) ([]planRecord, []error) {
	var records []planRecord
	for _, name := range o.names {
		base := issuance.Base(name)
		i := slices.IndexFunc(records, func(r planRecord) bool { return r.Domain == base })
		if i < 0 {
			i = len(records)
			records = append(records, planRecord{Domain: base, Most: state.MostFailures})
		}
		records[i].Names = append(records[i].Names, name)
	}
	router, err := e.router(o.settings)
	if err != nil {
		return records, []error{err}
	}
	resolver, err := e.resolver(o.settings)
	if err != nil {
		return records, []error{err}
	}
	errs := make([]error, len(records))
	slots := make(chan struct{}, 8)
	var group sync.WaitGroup
	for i := range records {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, planLimit)
			defer cancel()
			r := &records[i]
			at, err := (&dns01.Solver{Router: router, Resolver: resolver, CheckDelegation: checksDelegation(o.settings), Foresee: true}).Locate(ctx, r.Domain)
			if err != nil {
				errs[i], r.Problem = err, e.errorOf(err)
				return
			}
			r.FQDN, r.Zone = at.FQDN, at.Route.Zone
			r.Provider, r.Credential = at.Route.Account.Spec.String(), at.Route.Account.Label
			r.Remembered = e.remembers(o, r.Domain, at.FQDN)
			if d, err := resolver.Delegation(ctx, at.FQDN); err == nil { // else the wait will say so
				r.delegation = d
			}
		})
	}
	group.Wait()
	return records, slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// delegationNotes is what may be in the way at the name servers of the records' zones, each said once, in the words of doctor.
func delegationNotes(records []planRecord) []messages.Message {
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
			notes = append(notes, messages.New("the parent of %s delegates to %s, but the zone on %s lists %s", d.Zone, names(d.Delegated), list.Server.String(), names(list.NameServers)))
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

// remembers is for how many seconds "issue" would wait before it has the CA look at a name.
func (e *engine) remembers(o *order, domain, fqdn string) float64 {
	looks := memory.Open(filepath.Join(e.dirs.State, "memory"), e.log)
	looks.Now = e.now
	record := memory.RecordOf(domain, fqdn, "")
	return looks.Left(issuance.MemoryOf(o.params.Server, cache(o.settings)), record).Round(time.Second).Seconds()
}

// planLimits is what the ledger says of it.
func (e *engine) planLimits(o *order, answer *planAnswer) error {
	if e.state == nil {
		return nil // nothing was ever tried
	}
	intent := e.intent(o, answer.Account)
	failed, err := e.state.FailedValidations(intent)
	if err != nil {
		return err
	}
	for i, r := range answer.Records {
		for _, name := range r.Names {
			answer.Records[i].Failed = max(answer.Records[i].Failed, failed[name])
		}
	}
	if err := e.held(o); err != nil {
		return err
	}
	return e.state.Check(intent)
}

func (e *engine) printPlan(answer planAnswer) {
	t := display.NewTable("NAME", "ZONE", "PROVIDER", "RECORD", "CREDENTIAL")
	for _, r := range answer.Records {
		for _, name := range r.Names {
			t.Row(name, dash(r.Zone), dash(r.Provider), dash(r.FQDN), dash(r.Credential))
		}
	}
	e.say("%s", t)
	e.say("")
	switch answer.Action {
	case "test":
		e.say("A try with %s; nothing of it would be kept.", answer.Server)
	case "issue":
		e.say("A certificate %s would be issued (%s).", answer.Lineage, answer.Why)
	case "renew":
		e.say("The certificate %s would be renewed (%s).", answer.Lineage, answer.Why)
	default:
		e.say("The certificate %s would be kept until %s (%s).", answer.Lineage, day(*answer.RenewAt), answer.Why)
	}
	d := e.details()
	d.Value("CA", answer.Server)
	if answer.Register {
		d.Entry("account", messages.New("a new one"))
	}
	d.Value("account", answer.Account)
	d.Value("profile", answer.Profile)
	d.Value("key", answer.KeyType)
	for _, r := range answer.Records {
		if r.Remembered > 0 {
			d.Entry("wait", messages.New("%d s, until the CA's resolvers have forgotten what stood at %s before", int(r.Remembered), r.FQDN))
		}
		if r.Failed > 0 {
			d.Entry("limit", messages.New("%d of %d failed validations of %s within an hour are spent", r.Failed, r.Most, r.Domain))
		}
	}
	for _, note := range answer.Notes {
		e.say("%s", note)
	}
	if len(answer.Problems) > 0 && answer.Action != "keep" {
		e.say("As things are, that would fail.")
	}
}

// dash is what stands in a table for what is not known.
func dash(s string) string { return cmp.Or(s, "-") }
