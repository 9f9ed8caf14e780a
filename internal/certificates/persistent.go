package certificates

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/persist"
	"wildcard/providers"
)

// PersistRequest says for which names, at which CA, persistent records are wanted.
type PersistRequest struct {
	Names    []string // as [issuance.ParseNames] returns them
	Server   Choice[string]
	CABundle Choice[string]
	Account  Choice[string]
	Until    time.Time // persistUntil; zero is without end
	DNS      DNS
}

// PersistRecord is the record that lets an account prove the names of a domain.
type PersistRecord struct {
	Server  string // URL of the CA's directory
	Account string // URL
	Shape   persist.Shape
	Domain  string
	Names   []string
	FQDN    string // CNAMEs not followed
	Value   string

	question persist.Question
}

// PersistSeen is a record, and what the name servers have in its place.
type PersistSeen struct {
	PersistRecord
	View  persist.View
	Found persist.Finding // the best at the worst server
	OK    bool            // there is one at each server
	Ours  bool            // the journal has it as a record that stays
	Err   error           // why the name servers could not be asked
}

// Fits reports whether the names are proven by what is there.
func (s PersistSeen) Fits() bool { return s.Err == nil && s.OK && s.Found.Verdict == persist.Fits }

// Missing is why they are not; nil if they are.
func (s PersistSeen) Missing() error {
	switch {
	case s.Fits():
		return nil
	case s.Err != nil:
		return s.Err
	case !s.View.Answered():
		return fault.Errorf(fault.CodeNoAnswer, fault.Temporary, "persist: %s: no name server answers", s.FQDN)
	}
	return issuance.Unfit(s.Names[0], s.question, s.Found, s.OK)
}

// Persistent is what a Manager does about records that stay.
type Persistent struct{ m *Manager }

// PersistentOf is that of a Manager.
func PersistentOf(m *Manager) Persistent { return Persistent{m} }

// Records are the records for the names at the CAs that are in use for them: that of the request, those of the certificates with
// one of the names, or else the usual one. The CA is asked whether its account is good, as the draft wants before a record is handed on.
func (p Persistent) Records(ctx context.Context, r PersistRequest) (records []PersistRecord, err error) {
	m := p.m
	for _, at := range p.servers(r) {
		ca, err := m.Services.CA(ctx, at.server, at.bundle)
		if err != nil {
			return nil, err
		}
		account, err := m.Store.Account(ca.Server(), at.account)
		if fault.CodeOf(err) == lineage.CodeNotFound {
			return nil, fault.Errorf(lineage.CodeNotFound, fault.Misconfigured,
				"%w: wildcard account register --agree-tos --server %s makes one", err, ca.Server())
		}
		if err != nil {
			return nil, err
		}
		a := issuance.Account{URI: account.URI, Key: account.Key}
		info, err := ca.AccountInfo(ctx, a)
		switch {
		case err != nil && ca.Facts().NoAccountURL:
		case err != nil:
			return nil, err
		case info.Status != "valid" && info.Status != "":
			return nil, fault.Errorf(issuance.CodeUnauthorized, fault.Refused, "persist: the account %s is %s", a.URI,
				info.Status)
		}
		more, err := recordsAt(ca, a, r)
		if err != nil {
			return nil, err
		}
		records = append(records, more...)
	}
	return records, nil
}

// recordsAt are the records for one account.
func recordsAt(ca *issuance.CA, a issuance.Account, r PersistRequest) (records []PersistRecord, err error) {
	for _, name := range r.Names {
		q, err := ca.PersistQuestion(a, name)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(records, func(other PersistRecord) bool { return other.Domain == q.Domain })
		if i < 0 {
			i = len(records)
			records = append(records, PersistRecord{Server: ca.Server(), Account: a.URI, Shape: q.CA.Shape(), Domain: q.Domain,
				FQDN: persist.Name(q.Domain), question: q})
		}
		record := &records[i]
		record.Names = append(record.Names, name)
		record.question.Wildcard = record.question.Wildcard || q.Wildcard
		record.Value = q.CA.Make(q.Account, q.Domain, record.question.Wildcard, r.Until).String()
	}
	return records, nil
}

// persistServer is a CA with what is chosen there.
type persistServer struct{ server, bundle, account string }

func (p Persistent) servers(r PersistRequest) (all []persistServer) {
	m := p.m
	if !r.Server.Firm {
		for l, err := range m.Store.All() {
			if err != nil {
				continue // "list" shows it
			}
			s, ours := l.Conf.Settings()
			shares := func(name string) bool { return slices.Contains(domainsOf(r.Names), issuance.Base(name)) }
			if !ours || !slices.ContainsFunc(certifiedNames(l, s), shares) {
				continue
			}
			p := l.Conf.Params()
			at := persistServer{p.Server, text(r.CABundle, s.CABundle), text(r.Account, p.Account)}
			if !slices.Contains(all, at) {
				all = append(all, at)
			}
		}
	}
	if len(all) == 0 {
		all = []persistServer{{r.Server.Value, r.CABundle.Value, r.Account.Value}}
	}
	return all
}

func domainsOf(names []string) (domains []string) {
	for _, name := range names {
		domains = append(domains, issuance.Base(name))
	}
	return domains
}

// settings are how the DNS is asked and written for the names: the request over what a certificate with one of them has.
func (p Persistent) settings(r PersistRequest) (s lineage.Settings, err error) {
	m := p.m
	for l, err := range m.Store.All() {
		if err != nil {
			continue
		}
		if of, ours := l.Conf.Settings(); ours && slices.ContainsFunc(certifiedNames(l, of), func(name string) bool {
			return slices.Contains(domainsOf(r.Names), issuance.Base(name))
		}) {
			s = of
			break
		}
	}
	return s, r.DNS.Over(&s)
}

// Check asks every address of the name servers for the records.
func (p Persistent) Check(ctx context.Context, r PersistRequest) (all []PersistSeen, err error) {
	m := p.m
	records, err := p.Records(ctx, r)
	if err != nil {
		return nil, err
	}
	s, err := p.settings(r)
	if err != nil {
		return nil, err
	}
	resolver, err := m.Services.Resolver(s)
	if err != nil {
		return nil, err
	}
	standing, err := p.standing()
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		seen := PersistSeen{PersistRecord: record}
		seen.View, seen.Err = persist.Look(ctx, resolver, record.Domain)
		seen.Found, seen.OK = seen.View.Judge(record.question)
		seen.Ours = slices.ContainsFunc(standing, func(e journal.Entry) bool {
			return e.Domain == record.Domain && e.Value == seen.Found.Text
		})
		all = append(all, seen)
	}
	return all, context.Cause(ctx)
}

// standing are those of the records that stay.
func (p Persistent) standing() ([]journal.Entry, error) {
	m := p.m
	if m.Journal == nil {
		return nil, nil
	}
	entries, _, err := m.Journal.Entries()
	return slices.DeleteFunc(entries, func(e journal.Entry) bool { return !e.Stands() }), err
}

// Set publishes the records that are not there, by the services that hold the zones, beside whatever stands at the names. Each
// stays: no run sweeps it. Where one cannot be published none of this call stays.
func (p Persistent) Set(ctx context.Context, r PersistRequest) (all []PersistSeen, err error) {
	m := p.m
	before, err := p.Check(ctx, r)
	if err != nil {
		return nil, ended(ctx, err)
	}
	s, err := p.settings(r)
	if err != nil {
		return nil, err
	}
	var missing []PersistRecord
	for _, seen := range before {
		// Where the name servers cannot be asked, finding the zone tells why.
		if !seen.Fits() || seen.Found.Record.Ended(r.Until) || r.Until.IsZero() && !seen.Found.Record.Until.IsZero() {
			missing = append(missing, seen.PersistRecord)
		}
	}
	if len(missing) > 0 {
		m.Sweep(ctx, []lineage.Settings{s}, domainsOf(r.Names)...)
		if err := p.publish(ctx, s, missing); err != nil {
			return nil, ended(ctx, err)
		}
		defer m.Sweep(ctx, []lineage.Settings{s})
	}
	return p.Check(ctx, r)
}

// publish makes records, waits until all name servers have them, and then has the journal keep them.
func (p Persistent) publish(ctx context.Context, s lineage.Settings, records []PersistRecord) (err error) {
	m := p.m
	router, err := m.Services.Router(s)
	if err != nil {
		return err
	}
	resolver, err := m.Services.Resolver(s)
	if err != nil {
		return err
	}
	solver := &dns01.Solver{Router: router, Resolver: resolver, CheckDelegation: ChecksDelegation(s), Journal: m.Journal,
		HistoryDir: m.options.Dirs.State + "/history", Log: m.options.Log}
	self, err := journal.Self()
	if err != nil {
		return err
	}
	owner := dns01.Owner{Process: self, Round: rand.Text()}
	places := make([]dns01.Place, len(records))
	for i, record := range records { // nothing is made before all are found
		if places[i], err = dns01.LocateAt(ctx, solver, record.FQDN); err == nil {
			err = writes(places[i].Route.Account, record)
		}
		if err != nil {
			return err
		}
	}
	var made []*dns01.Record
	defer func() {
		for _, record := range made {
			if err != nil {
				err = errors.Join(err, solver.CleanUp(ctx, record))
			}
		}
	}()
	for i, record := range records {
		held, err := solver.Present(ctx, owner, places[i], providers.Challenge{Domain: record.Domain, Value: record.Value})
		if held != nil {
			made = append(made, held)
		}
		if err != nil {
			return err
		}
	}
	m.note("waiting until all name servers have %s", strings.Join(namesOfRecords(records), " "))
	if _, err := solver.Wait(ctx, made); err != nil {
		return err
	}
	for _, record := range made {
		if err := dns01.Keep(solver, record); err != nil {
			return err
		}
	}
	return nil
}

// ended is an error with the cause of the end of ctx, if that is what it comes from.
func ended(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return errors.Join(cause, err)
	}
	return err
}

func namesOfRecords(records []PersistRecord) (names []string) {
	for _, r := range records {
		if !slices.Contains(names, r.FQDN) {
			names = append(names, r.FQDN)
		}
	}
	return names
}

// writes refuses a service that writes records of challenges alone.
func writes(account providers.Account, record PersistRecord) error {
	_, fixed := account.Provider.(providers.CNAMETargets)
	computer, computes := account.Provider.(providers.ValueComputer)
	forChallenges := slices.Contains([]string{"certbot-hook", "manual"}, account.Spec.Name)
	if !fixed && !forChallenges && (!computes || !computer.NeedsKeyAuth()) {
		return nil
	}
	return fault.Errorf(CodePersistByHand, fault.Misconfigured,
		"persist: %s writes records of challenges alone; set it yourself: %s TXT \"%s\"", account.Spec.String(),
		record.FQDN, record.Value)
}

// PersistRemoved is what a removal came to.
type PersistRemoved struct {
	Removed []journal.Entry
	Used    []string // certificates that were renewed by such a record the last time
}

// Remove deletes the records of names that Set made here, and no other. confirm is asked before, with what would go.
func (p Persistent) Remove(ctx context.Context, names []string, dns DNS,
	confirm func(PersistRemoved) error) (PersistRemoved, error) {
	m := p.m
	var would, done PersistRemoved
	entries, err := p.standing()
	if err != nil {
		return done, err
	}
	domains := domainsOf(names)
	would.Removed = slices.DeleteFunc(entries, func(e journal.Entry) bool { return !slices.Contains(domains, e.Domain) })
	would.Used = p.provenBy(domains)
	done.Used = would.Used
	if len(would.Removed) == 0 {
		return done, nil
	}
	if err := confirm(would); err != nil {
		return done, err
	}
	accounts, unopened := m.everyAccount(dns, true)
	solver := &dns01.Solver{Router: providers.Router{Accounts: accounts}, Journal: m.Journal, Log: m.options.Log}
	records, err := dns01.Standing(solver, domains)
	if err != nil {
		return done, err
	}
	var failed []error
	for _, record := range records {
		if err := solver.CleanUp(ctx, record); err != nil {
			failed = append(failed, err)
			continue
		}
		for _, e := range would.Removed {
			if e.FQDN == record.Place.FQDN && e.Value == record.Challenge.Value {
				done.Removed = append(done.Removed, e)
			}
		}
	}
	if len(failed) > 0 {
		failed = append(failed, unopened...)
	}
	return done, errors.Join(failed...)
}

// provenBy are the certificates of ours whose names were proven by records of domains.
func (p Persistent) provenBy(domains []string) (names []string) {
	m := p.m
	for l, err := range m.Store.All() {
		if err != nil {
			continue
		}
		s, ours := l.Conf.Settings()
		if ours && s.ProvenBy != "" && slices.ContainsFunc(certifiedNames(l, s), func(name string) bool {
			return slices.Contains(domains, issuance.Base(name))
		}) {
			names = append(names, l.Name)
		}
	}
	return names
}
