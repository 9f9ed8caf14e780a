package certificates

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"wildcard/internal/dns01/propagation"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/persist"
	"wildcard/providers"
)

// standing finds the names of a plan that have their persistent records, so that nothing is to be made for them. With auto it looks where
// that is likely, or where nothing else would do.
func (p *planning) standing(ctx context.Context, records []PlannedRecord) {
	o, method := p.o, MethodOf(p.o.settings)
	likely := method == issuance.Persist || o.settings.ProvenBy == string(issuance.Persist) ||
		slices.ContainsFunc(records, func(r PlannedRecord) bool { return r.Err != nil })
	if method != issuance.Persist && method != issuance.Auto {
		return
	}
	ca, err := p.m.Services.CA(ctx, o.params.Server, o.settings.CABundle)
	if err != nil || !likely && ca.PersistTerms().Shape() == persist.Plain {
		return // "ca" says so
	}
	account, none := p.m.Store.Account(ca.Server(), o.params.Account)
	resolver, err := p.m.Services.Resolver(o.settings)
	if err != nil {
		return // "records" says so
	}
	var unknown []string
	var mu sync.Mutex
	var group sync.WaitGroup
	for i := range records {
		r := &records[i]
		if none != nil {
			if method == issuance.Persist {
				r.Err = none
			}
			continue
		}
		group.Go(func() {
			err := r.stands(ctx, ca, issuance.Account{URI: account.URI, Key: account.Key}, resolver)
			switch {
			case method != issuance.Persist:
			case errors.Is(err, errUnknown):
				mu.Lock()
				defer mu.Unlock()
				unknown = append(unknown, r.Names...)
			case err != nil:
				r.Err = err
			}
		})
	}
	group.Wait()
	slices.Sort(unknown)
	for _, name := range unknown { // as issuance does
		p.plan.Notes = append(p.plan.Notes,
			messages.New("%s: no name server could be asked for its record; the CA finds out", name))
	}
}

// errUnknown is that no name server could be asked.
var errUnknown = errors.New("no name server could be asked")

// stands finds out whether the names of a record are proven by a persistent one.
func (r *PlannedRecord) stands(ctx context.Context, ca *issuance.CA, account issuance.Account,
	resolver *propagation.Resolver) error {
	ctx, cancel := context.WithTimeout(ctx, planLimit)
	defer cancel()
	view, err := persist.Look(ctx, resolver, r.Domain)
	switch {
	case view.Unknown(err):
		return errUnknown
	case err != nil:
		return err
	}
	for _, name := range r.Names {
		q, err := ca.PersistQuestion(account, name)
		if err != nil {
			return err
		}
		if found, ok := view.Judge(q); !ok || found.Verdict != persist.Fits {
			return issuance.Unfit(name, q, found, ok)
		}
	}
	*r = PlannedRecord{Domain: r.Domain, Names: r.Names, FQDN: persist.Name(r.Domain), Standing: true}
	return nil
}

// mayLeave says, when a lineage has been renewed without a DNS service for the first time, that the credentials may leave this machine,
// and what still needs them.
func mayLeave(m *Manager, l *lineage.Lineage, s lineage.Settings) {
	router, err := m.Services.Router(s)
	if err != nil || len(router.Accounts) == 0 {
		return // they have left already
	}
	var needed []string
	for other, err := range m.Store.All() {
		if err == nil && other.Name != l.Name && needs(other, s) {
			needed = append(needed, other.Name)
		}
	}
	if len(needed) > 0 {
		m.note("%s: its renewals need no credentials of a DNS service any more; those of %s still do", l.Name,
			strings.Join(needed, " "))
		return
	}
	m.note("%s: its renewals need no credentials of a DNS service any more, and no other certificate here does: they may leave this machine (%s). \"persist set\" and \"persist remove\" need them again. What is to be kept is the account's key: who has it can get certificates for these names", l.Name, sources(router))
}

// needs reports whether another lineage uses the same credentials.
func needs(l *lineage.Lineage, same lineage.Settings) bool {
	s, ours := l.Conf.Settings()
	if !ours {
		return strings.Contains(l.Conf.Params().AuthHook, "wildcard-auth-hook")
	}
	return s.ProvenBy == "" && s.EnvFile == same.EnvFile && slices.Equal(s.SpecTexts(), same.SpecTexts())
}

// sources are where the credentials of a router's accounts came from.
func sources(router providers.Router) string {
	var all []string
	for _, account := range router.Accounts {
		if !slices.Contains(all, account.Source) {
			all = append(all, account.Source)
		}
	}
	return strings.Join(all, ", ")
}

// problemsOf are what is wrong with the records, each once.
func problemsOf(records []PlannedRecord) (problems []error) {
	for _, r := range records {
		if r.Err != nil && !slices.ContainsFunc(problems, func(other error) bool { return errors.Is(other, r.Err) }) {
			problems = append(problems, r.Err)
		}
	}
	return problems
}
