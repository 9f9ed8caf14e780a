package certificates

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"wildcard/internal/deploy"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/settings"
	"wildcard/providers"
)

// AdoptRequest is a lineage of certbot's that is to be ours.
type AdoptRequest struct {
	Lineage  string
	DryRun   bool   // only say what would change
	Account  string // its ID, or how that begins; "" is that of its .conf, or the only one there is
	CABundle Choice[string]
	DNS      DNS

	DeployHooks []string // that it gets beside those that it has

	Confirm func(Adopted) error // asked before; its error is that of Adopt
}

// Adopted is what came of it.
type Adopted struct {
	Lineage *lineage.Lineage
	Already bool     // it was ours
	Changes []string // the lines of its .conf that change, with "- " or "+ " before them
	Keys    []CarriedKey
	Notes   []messages.Message // what else a person should know
}

// Adopt takes a certificate over from certbot, as it is: certificate, key and account stay. One that could not be renewed here
// is refused.
func (m *Manager) Adopt(ctx context.Context, r AdoptRequest) (Adopted, error) {
	looked, err := m.adoption(r)
	if err == nil && !looked.Already {
		err = looked.ask(ctx, m)
	}
	if err != nil || looked.Already || r.DryRun {
		return looked.Adopted, err
	}
	if err := r.Confirm(looked.Adopted); err != nil {
		return Adopted{}, err
	}
	var found adoption
	err = m.locked(r.Lineage, func() (err error) {
		if found, err = m.adoption(r); err != nil || found.Already {
			return err
		}
		if !slices.Equal(found.Changes, looked.Changes) {
			return fault.Errorf(lineage.CodeLocked, fault.Temporary, "%s was changed meanwhile; it is not taken over", r.Lineage)
		}
		found.Lineage, err = found.Lineage.Adopt(ctx, found.change)
		return err
	})
	return found.Adopted, err
}

// adoption is what Adopt would do with a lineage.
type adoption struct {
	Adopted
	request  AdoptRequest
	settings lineage.Settings // that it gets
	params   lineage.Params   // likewise
	account  lineage.Account  // at the CA
	conf     *lineage.Conf    // certbot's, with what it takes from elsewhere
	hooks    *deploy.Hooks
	root     string // as in [Options]
	change   func(*lineage.Conf) error
}

// adoption finds out what a lineage of certbot's becomes, and whether it can be renewed here: names, credentials, account, and all
// that certbot's .conf has of it.
func (m *Manager) adoption(r AdoptRequest) (a adoption, err error) {
	l, err := m.Store.Lineage(r.Lineage)
	if err != nil {
		return a, err
	}
	a.Lineage, a.request, a.hooks, a.root = l, r, m.hooks, m.options.Root
	if a.Already = l.Owned(); a.Already {
		return a, nil
	}
	if err := l.Adoptable(); err != nil {
		return a, err
	}
	if l.Damage != nil {
		a.Notes = append(a.Notes, messages.New("its files are not as certbot has them, and are put in order: %s", l.Damage))
	}
	if err := a.proofless(); err != nil {
		return a, err
	}
	if err := adoptedHooks(m, &a); err != nil {
		return a, err
	}
	if a.Keys, err = a.carriedKeys(); err != nil {
		return a, err
	}
	if a.account, err = m.Store.Account(a.params.Server, cmp.Or(r.Account, a.params.Account)); err != nil {
		return a, r.accountAdvice(l, err)
	}
	a.params.Account = a.account.ID
	is, err := ConditionOf(l, m.State, m.now())
	if err != nil {
		return a, err
	}
	a.settings.NewKey = is.ByKey
	a.change = func(conf *lineage.Conf) error {
		if err := conf.SetParams(a.params); err != nil {
			return err
		}
		return conf.SetSettings(a.settings)
	}
	a.Changes, err = changesOf(l.Conf, a.change)
	return a, err
}

// adoptedHooks finds what a lineage becomes, with the hooks of the request and those that certbot takes from elsewhere.
func adoptedHooks(m *Manager, a *adoption) error {
	if err := m.hooks.Check(a.request.DeployHooks); err != nil {
		return err
	}
	options, err := Outside(m.options.Root, m.options.Dirs.Config, m.options.Environ).Options(a.Lineage.Name)
	if err != nil {
		return err
	}
	more, err := a.overlay(options)
	if err != nil {
		return err
	}
	if a.settings, a.params, err = adoptedSettings(m.options.Dirs, a.request, a.Lineage, a.conf); err != nil {
		return err
	}
	a.settings.DeployHooks = append(more, a.request.DeployHooks...)
	for _, key := range a.Lineage.Conf.Misplaced() {
		a.Notes = append(a.Notes, MisplacedHook(key))
	}
	for _, problem := range m.hooks.Problems(HookCommands(a.params, a.settings)) {
		if problem.Code == deploy.CodeUnsafe { // renewals do not run it
			return problem.Err(problem.Path)
		}
		a.Notes = append(a.Notes, problem.Note())
	}
	return nil
}

// adoptedSettings are those of a lineage of certbot's when it is ours: its own parameters, and settings from the request, from
// our hook's command line if that was its hook, or from beside the script that was.
func adoptedSettings(dirs settings.Directories, r AdoptRequest,
	l *lineage.Lineage, conf *lineage.Conf) (lineage.Settings, lineage.Params, error) {
	params := conf.Params()
	s := lineage.Settings{}
	authenticator, _ := l.Conf.Get(renewalParams, "authenticator")
	switch {
	case authenticator != "manual" && !r.DNS.Providers.Firm:
		return s, params, fault.Errorf(fault.CodeUsage, fault.Usage,
			"%s uses certbot's authenticator %s, not hooks: say with --provider which DNS service is to have its records", l.Name, fault.Excerpt(authenticator))
	case authenticator == "manual":
		s = SettingsOfHook(params.AuthHook, dirs.Config)
	}
	if err := r.DNS.Over(&s); err != nil {
		return s, params, err
	}
	carryHooks(&s, params)
	s.CABundle = r.CABundle.Value
	if leaf := l.Next(); leaf != nil {
		var err error
		if s.Domains, err = issuance.ParseNames(leaf.DNSNames); err != nil {
			return s, params, err
		}
	}
	params.AuthHook, params.CleanupHook = hookLines(dirs, s)
	return s, params, nil
}

// carryHooks has a provider certbot-hook without hooks of its own use those that certbot used, with their arguments.
func carryHooks(s *lineage.Settings, params lineage.Params) {
	s.Providers = slices.Clone(s.Providers)
	for i, spec := range s.Providers {
		if spec.Name != providers.HookSpec || spec.Arg != "" {
			continue
		}
		s.Providers[i].Arg = hookArg(params)
	}
}

// hookArg is what a provider certbot-hook is given to use certbot's hooks.
func hookArg(params lineage.Params) string {
	if params.CleanupHook == "" {
		return params.AuthHook
	}
	return params.AuthHook + "," + params.CleanupHook
}

// changesOf are the lines that an adoption takes out of a .conf and puts into it.
func changesOf(conf *lineage.Conf, change func(*lineage.Conf) error) ([]string, error) {
	after, err := lineage.ParseConf(conf.Bytes())
	if err != nil {
		return nil, err
	}
	if err := change(after); err != nil {
		return nil, err
	}
	if err := after.Set(renewalParams, "autorenew", "False"); err != nil {
		return nil, err
	}
	return linesBetween(conf, after), nil
}

// linesBetween are the lines that are only in the first .conf, with "- " before them, and those only in the other, with "+ ".
func linesBetween(before, after *lineage.Conf) (changes []string) {
	split := func(c *lineage.Conf) []string {
		return strings.Split(strings.ReplaceAll(string(c.Bytes()), "\r\n", "\n"), "\n")
	}
	was, is := split(before), split(after)
	for _, line := range was {
		if !slices.Contains(is, line) && line != "" {
			changes = append(changes, "- "+messages.OneLine(line))
		}
	}
	for _, line := range is {
		if !slices.Contains(was, line) && line != "" {
			changes = append(changes, "+ "+messages.OneLine(line))
		}
	}
	return changes
}

// Release hands a lineage of ours back to certbot, which renews it from then on: as it did before, if it was adopted, whatever has
// renewed it since, else by our hooks. Refused if it could not. confirm is asked before, with the lines of the .conf that change
// beyond what is ours alone.
func (m *Manager) Release(ctx context.Context, name string,
	confirm func(changes []string) error) (*lineage.Lineage, error) {
	l, err := m.releasable(name)
	if err != nil {
		return nil, err
	}
	released, err := l.Conf.Released()
	if err != nil {
		return nil, err
	}
	if err := confirm(linesBetween(l.Conf.WithoutOurs(), released)); err != nil {
		return nil, err
	}
	err = m.locked(name, func() (err error) {
		if l, err = m.releasable(name); err == nil {
			l, err = l.Release(ctx)
		}
		return err
	})
	return l, err
}

func (m *Manager) releasable(name string) (*lineage.Lineage, error) {
	l, err := m.Store.Lineage(name)
	if err != nil {
		return nil, err
	}
	if !l.Owned() {
		return nil, fault.Errorf(lineage.CodeNotOwned, fault.Usage, "%s is certbot's already", name)
	}
	s, _ := l.Conf.Settings()
	if why := CertbotCannot(s); why != nil && !l.Adopted() {
		return nil, fault.Errorf(CodeNotOurs, fault.Failed, "%s cannot go back to certbot: %w", name, why)
	}
	return l, nil
}
