package doctor

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wildcard/internal/certificates"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/state"
)

func caKinds() []Kind { return slices.Concat(accountKinds(), orderKinds()) }

// accountKinds are of the clock, the CA and the account there.
func accountKinds() []Kind {
	return []Kind{
		{
			Code: FoundClockSkewed, Severity: Warning,
			What: "this machine's clock is %s off, says the CA",
			Why:  "Orders and renewals are timed by it.",
			Fix:  fault.Verbatim("timedatectl set-ntp true"),
		},
		{
			Code: FoundClockWrong, Severity: Error, Class: fault.Misconfigured,
			What: "this machine's clock is %s off, says the CA",
			Why:  "What is due cannot be told, and nothing is renewed without --force.",
			Fix:  fault.Verbatim("timedatectl set-ntp true"),
		},
		{
			Code: FoundCA, Severity: Error, Class: fault.Temporary,
			What: fault.Verbatim("%s"),
			Why:  "Nothing can be ordered.",
			Fix:  fault.Verbatim("%s"),
		},
		{
			Code: FoundAccount, Severity: Error, Class: fault.Misconfigured,
			What: fault.Verbatim("%s"),
			Why:  "Nothing can be ordered without an account.",
			Fix:  fault.Verbatim("%s"),
		},
		{
			Code: FoundAccountRefused, Severity: Error, Class: fault.Refused,
			What: fault.Verbatim("%s"),
			Why:  "Nothing can be ordered in the name of this account.",
			Fix:  fault.Verbatim("wildcard account show --server %s"),
		},
	}
}

// orderKinds are of what the CA would say to the next order.
func orderKinds() []Kind {
	return []Kind{
		{
			Code: FoundProfile, Severity: Error, Class: fault.Usage,
			What: "the CA offers no profile %s, only: %s",
			Why:  "It refuses the order.",
			Fix:  fault.Verbatim("wildcard issue --profile %s %s"),
		},
		{
			Code: FoundRefusal, Severity: Error, Class: fault.Usage,
			What: fault.Verbatim("%s"),
			Why:  "It refuses the order.",
			Fix:  fault.Verbatim("%s"),
		},
		{
			Code: FoundCharge, Severity: Note,
			What: fault.Verbatim("%s"),
			Why:  "It may refuse the order, or want money for it.",
			Fix:  "nothing, if that is known; what CAs take: wildcard help ca",
		},
		{
			Code: FoundBinding, Severity: Warning,
			What: fault.Verbatim("%s"),
			Why:  "There is no account at this CA yet, and none can be made as things are.",
			Fix:  fault.Verbatim("wildcard account register --server %s --agree-tos --email YOU@EXAMPLE.COM --eab-kid ID --eab-hmac-key KEY"),
		},
		{
			Code: FoundHeld, Severity: Error, Class: fault.Failed,
			What: fault.Verbatim("%s"),
			Why:  "Every further order would cost another certificate like it, so none is made by itself.",
			Fix:  "ask the CA why; to order again: wildcard issue --force %s",
		},
		{
			Code: FoundLedger, Severity: Warning,
			What: "the next attempt is made %s",
			Why:  "A timer tries nothing before that.",
			Fix:  "wait; once the reason is fixed: %s",
		},
		{
			Code: FoundAttempt, Severity: Warning,
			What: "the last attempt, on %s, failed: %s",
			Why:  "It is tried again, but the same will happen if the reason stays.",
			Fix:  fault.Verbatim("%s"),
		},
	}
}

const (
	someSkew    = 5 * time.Minute
	longestSkew = time.Hour // what [wildcard renew] decides nothing by
)

// ca looks at a case's CA: whether it answers, by its clock, whether it knows the account and offers the profile. Then at
// what the ledger says of attempts there.
func (v *visit) ca(ctx context.Context, c Case) {
	server := c.Params.Server
	ca, err := v.CA(ctx, server, c.Settings.CABundle)
	if err != nil {
		if v.first("ca", server, c.Settings.CABundle) && !v.late(ctx, server) {
			v.fail(FoundCA, server, err, next{fault.CodeOf(err)})
		}
		facts, _ := issuance.KnownCA(server)
		v.refusals(c, facts, certificates.RequiredProfile(c.Params, c.Settings))
		v.ledger(c, "")
		return
	}
	if v.first("ca", server, c.Settings.CABundle) {
		v.clock(ca)
	}
	profile := certificates.ProfileOf(c.Params, c.Settings)
	if _, offered := ca.Directory().Profiles[profile]; !offered && profile != "" {
		// certbot's preferred profile is left out of orders where there is none of that name.
		if profile = certificates.RequiredProfile(c.Params, c.Settings); profile != "" {
			v.find(FoundProfile, c.subject(), []any{profile, listed(profiles(ca))}, another(ca),
				quoted(c.Domains))
		}
	}
	v.refusals(c, ca.Facts(), profile)
	v.ledger(c, v.account(ctx, ca, c))
}

// refusals looks at what is known that the CA would refuse. Names that a wildcard covers are left out of orders.
func (v *visit) refusals(c Case, facts issuance.CAFacts, profile string) {
	names, _ := facts.WithoutCovered(c.Domains)
	for _, err := range facts.Objections(names, profile) {
		v.fail(FoundRefusal, c.subject(), err, next{fault.CodeOf(err)})
	}
	for _, note := range facts.Notes(names, profile) {
		v.find(FoundCharge, c.subject(), []any{note})
	}
}

func (v *visit) unreadableLedger(err error) {
	if v.denied(err) {
		return
	}
	v.find(FoundFolder, v.Dirs.State, []any{v.Dirs.State,
		because("has a ledger that cannot be read: %s", messages.OneLine(err.Error()))}, "ls -l "+lineage.Quote(v.Dirs.State))
}

// refused looks at certificates that were issued and refused.
func (v *visit) refused(context.Context) {
	if v.State == nil {
		return
	}
	holds, err := v.State.Holds()
	if err != nil {
		v.unreadableLedger(err)
	}
	for name, held := range holds {
		again := "--csr FILE"
		if r, ok, err := v.State.Refused(name); err == nil && ok && !strings.HasPrefix(name, "csr-") {
			again = "--cert-name " + lineage.Quote(name) + " " + quoted(r.Domains)
		}
		v.fail(FoundHeld, name, held, again)
	}
}

// another is a profile that the CA has, as it is given to "wildcard issue"; none is one, too.
func another(ca *issuance.CA) string {
	for _, name := range profiles(ca) {
		return lineage.Quote(name)
	}
	return lineage.Quote("")
}

func profiles(ca *issuance.CA) []string {
	var names []string
	for name := range ca.Directory().Profiles {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// clock compares this machine's clock with the Date of the CA's directory.
func (v *visit) clock(ca *issuance.CA) {
	switch skew := ca.Skew().Abs(); {
	case skew > longestSkew:
		v.find(FoundClockWrong, "clock", []any{skew.Round(time.Minute)})
	case skew > someSkew:
		v.find(FoundClockSkewed, "clock", []any{skew.Round(time.Minute)})
	default:
		v.good(ca.Server(), "the CA answers, and its clock agrees with ours")
	}
}

// account finds the account that a case uses and asks the CA for it. It returns the account's URL; "" if there is none to go
// by.
func (v *visit) account(ctx context.Context, ca *issuance.CA, c Case) string {
	stored, err := v.Store.Account(ca.Server(), c.Params.Account)
	switch {
	case fault.CodeOf(err) == lineage.CodeNotFound && !c.ours() && c.Params.Account == "":
		// Terms and address are given when it is made.
		r := issuance.Registration{AgreeToTerms: true, Emails: []string{"-"}, EABKeyID: v.Binding.EABKeyID,
			EABKey: v.Binding.EABKey}
		if err := ca.MayRegister(r); err != nil {
			v.fail(FoundBinding, ca.Server(), err, ca.Server())
		} else if err := v.Store.PreflightAccount(ca.Server()); err != nil {
			v.notStored(filepath.Join(v.Store.Dir(), "accounts"), err)
		} else {
			v.good(ca.Server(), "there is no account yet; wildcard issue registers one")
		}
		return ""
	case err != nil:
		if v.first("no account", ca.Server(), c.Params.Account) {
			v.fail(FoundAccount, c.subject(), err, v.anyAccount(ca, c))
		}
		return ""
	case !v.first("account", stored.URI):
		return stored.URI
	}
	info, err := ca.AccountInfo(ctx, issuance.Account{URI: stored.URI, Key: stored.Key})
	if err == nil && info.Status != "valid" {
		err = fault.Errorf(issuance.CodeUnauthorized, fault.Refused, "account %s is %s", stored.URI, info.Status)
	}
	switch {
	case err != nil && ca.Facts().NoAccountURL:
		return stored.URI // it answers an error whatever is so
	case err != nil:
		v.fail(FoundAccountRefused, stored.URI, err, ca.Server())
		return stored.URI
	}
	v.good(stored.URI, "the CA knows the account, and it is valid")
	return stored.URI
}

// anyAccount is the command that gives a case an account: one that is there, else a new one.
func (v *visit) anyAccount(ca *issuance.CA, c Case) string {
	accounts, err := v.Store.Accounts(ca.Server())
	if err != nil || len(accounts) == 0 || len(c.Domains) == 0 {
		return "wildcard account register --agree-tos --server " + lineage.Quote(ca.Server())
	}
	return "wildcard issue --force --account " + accounts[0].ID + " " + quoted(c.Domains)
}

// ledger looks at what was tried before: whether limits allow an attempt now, and how the last one ended.
func (v *visit) ledger(c Case, account string) {
	if v.State == nil || len(c.Domains) == 0 {
		return
	}
	now := v.now()
	name, forced := c.subject(), "wildcard renew --force --cert-name "+c.subject()
	if c.Lineage == nil {
		forced = "wildcard issue --force " + quoted(c.Domains)
		if would, err := lineage.NameFor(c.Domains); err == nil {
			name = would
		}
	}
	i := state.Intent{Lineage: name, Server: c.Params.Server, Account: account, Domains: c.Domains, Now: now,
		Unattended: c.Lineage != nil}
	if c.Lineage != nil && c.Lineage.Leaf != nil {
		i.NotAfter = c.Lineage.Leaf.NotAfter
	}
	blocked := v.State.Check(i)
	switch {
	case fault.CodeOf(blocked) == fault.CodeState:
		v.unreadableLedger(blocked)
		return
	case blocked != nil:
		v.fail(FoundLedger, c.subject(), blocked, forced)
		return // with the last failure in it
	}
	v.limits(c, i)
	h, err := v.State.Last(name, now)
	if err == nil && h.Last.Outcome == state.Failed {
		v.find(FoundAttempt, c.subject(), []any{messages.Instant(h.Last.Time), messages.OneLine(h.Last.Text)}, forced)
	}
}

// limits says how many failed validations are left.
func (v *visit) limits(c Case, i state.Intent) {
	failed, err := v.State.FailedValidations(i)
	if err != nil {
		return // Check has just read the same
	}
	most := 0
	for _, name := range c.Domains {
		most = max(most, failed[name])
	}
	v.good(c.subject(), "limits: %d of %d failed validations an hour are left for %s", state.MostFailures-most,
		state.MostFailures, strings.Join(c.Domains, " "))
}
