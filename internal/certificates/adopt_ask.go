package certificates

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/providers"
)

// proofless refuses a certificate for what DNS cannot prove: addresses (RFC 8738 §7), and names that are no host's.
func (a *adoption) proofless() error {
	leaf := a.Lineage.Next()
	if leaf == nil {
		return nil
	}
	for _, address := range leaf.IPAddresses {
		return cannotAdopt(a.Lineage, "it is for the address %s, which no DNS record can prove (RFC 8738): certbot keeps it", address)
	}
	if len(leaf.EmailAddresses)+len(leaf.URIs) > 0 {
		return cannotAdopt(a.Lineage, "it is for other names than those of hosts, which no DNS record can prove: certbot keeps it")
	}
	return nil
}

// again is the command line that asks for an adoption once more: with what the request says firmly, and with more options.
func (r AdoptRequest) again(more ...string) string {
	var options []string
	add := func(flag, value string, firm bool) {
		if firm {
			options = append(options, "--"+flag+" "+lineage.Quote(value))
		}
	}
	for _, spec := range r.DNS.Providers.Value {
		add("provider", spec.String(), r.DNS.Providers.Firm)
	}
	add("env-file", r.DNS.EnvFile.Value, r.DNS.EnvFile.Firm)
	add("resolver", strings.Join(r.DNS.Resolvers.Value, ","), r.DNS.Resolvers.Firm)
	add("nameserver", strings.Join(r.DNS.NameServers.Value, ","), r.DNS.NameServers.Firm)
	add("extra-wait", r.DNS.ExtraWait.Value, r.DNS.ExtraWait.Firm)
	add("ca-cache", r.DNS.CACache.Value, r.DNS.CACache.Firm)
	add("account", r.Account, r.Account != "")
	add("ca-bundle", r.CABundle.Value, r.CABundle.Firm)
	for _, hook := range r.DeployHooks {
		add("deploy-hook", hook, true)
	}
	return strings.Join(append(append(options, more...), r.Lineage), " ")
}

// accountAdvice is why a lineage's account cannot be used, with what to do about several.
func (r AdoptRequest) accountAdvice(l *lineage.Lineage, err error) error {
	if fault.CodeOf(err) == lineage.CodeAmbiguous {
		r.Account = "" // another has to be said
		again := r.again()
		return fault.Errorf(lineage.CodeAmbiguous, fault.Usage, "the account of %s: %w", l.Name, err).
			Advise("wildcard account show lists them; then: wildcard adopt --account ID %s", again)
	}
	return fault.Errorf(fault.CodeOf(err), fault.Misconfigured, "the account of %s: %w", l.Name, err)
}

// ask asks those who must keep what an adoption promises, as [Manager.Plan] does: the CA for its directory and the account, the DNS
// services for the zones of all names. A public CA that cannot be reached at the moment is no reason to refuse.
func (a *adoption) ask(ctx context.Context, m *Manager) error {
	o := &order{name: a.Lineage.Name, live: a.Lineage, names: a.settings.Domains, settings: a.settings, params: a.params,
		keyType: KeyTypeOf(a.params)}
	o.chooseProfile(nil)
	p := &planning{m: m, o: o}
	var atCA []error
	var group sync.WaitGroup
	group.Go(func() { atCA = append(p.ca(ctx), a.askAccount(ctx, m)) })
	records, problems := p.records(ctx)
	group.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	p.standing(ctx, records)
	problems = append(problems, problemsOf(records)...)
	a.Notes = append(append(a.Notes, delegationNotes(records)...), cutOffNotes(records)...)
	if len(problems) > 0 {
		return a.otherHook(ctx, m, records, problems[0])
	}
	return a.answers(atCA)
}

// answers is the first of what a CA said that refuses an adoption; the rest becomes notes.
func (a *adoption) answers(atCA []error) error {
	_, public := issuance.KnownCA(a.params.Server)
	for _, err := range atCA {
		switch {
		case err == nil:
		case fault.CodeOf(err) == issuance.CodeProfile: // certbot cannot order it either, and the CA may offer it again
			a.Notes = append(a.Notes,
				messages.New("no certificate of this profile can be ordered: %s", messages.OneLine(err.Error())))
		case public && fault.ClassOf(err) == fault.Temporary:
			a.Notes = append(a.Notes, messages.New("the CA could not be asked: %s", messages.OneLine(err.Error())))
		default:
			return err
		}
	}
	return nil
}

// askAccount refuses an account that the CA does not take any more. One that it does not know is registered by the next order.
func (a *adoption) askAccount(ctx context.Context, m *Manager) error {
	ctx, cancel := context.WithTimeout(ctx, planLimit)
	defer cancel()
	ca, err := m.Services.CA(ctx, a.params.Server, a.settings.CABundle)
	if err != nil {
		return nil //nolint:nilerr // planning.ca says so
	}
	info, err := ca.AccountInfo(ctx, issuance.Account{URI: a.account.URI, Key: a.account.Key})
	switch {
	case err != nil && fault.CodeOf(err) != issuance.CodeAccountUnknown:
		return err
	case err == nil && info.Status != "valid":
		return fault.Errorf(lineage.CodeAccount, fault.Misconfigured, "the account of %s: %s is %s", a.Lineage.Name,
			a.account.URI, info.Status)
	}
	return nil
}

// otherHook adds to why the records of a lineage cannot be written that its own hook can be used, where that is neither ours nor was
// another service named.
func (a *adoption) otherHook(ctx context.Context, m *Manager, records []PlannedRecord, err error) error {
	hook := lineage.Words(a.Lineage.Conf.Params().AuthHook)
	authenticator, _ := a.Lineage.Conf.Get(renewalParams, "authenticator")
	if a.request.DNS.Providers.Firm || authenticator != "manual" || len(hook) == 0 ||
		filepath.Base(hook[0]) == "wildcard-auth-hook" {
		return err
	}
	var options []string
	resolver, failed := m.Services.Resolver(a.settings)
	for _, r := range records {
		if r.Account.Provider != nil && r.Err == nil { // it stays where it is
			for _, spec := range a.settings.SpecTexts() {
				options = append(options, "--provider "+lineage.Quote(spec))
			}
			continue
		}
		zone := r.Domain
		if failed == nil {
			d, err := resolver.Delegation(ctx, providers.ChallengeName(r.Domain))
			if found := strings.TrimSuffix(d.Zone, "."); err == nil && strings.Contains(found, ".") {
				zone = found // else the resolvers know none, or a top-level domain
			}
		}
		spec := zone + "=" + providers.HookSpec + ":" + hookArg(a.Lineage.Conf.Params())
		options = append(options, "--provider "+lineage.Quote(spec))
	}
	slices.Sort(options)
	return fault.Errorf(fault.CodeOf(err), fault.ClassOf(err), "%w", err).
		Advise("say which DNS service has its records; to go on with its own hook: wildcard adopt %s %s",
			strings.Join(slices.Compact(options), " "), a.request.again())
}
