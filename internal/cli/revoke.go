package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
)

func (p *program) revokeCommand() *cli.Command {
	return &cli.Command{
		Name:      "revoke",
		Usage:     "have the CA declare a certificate invalid",
		UsageText: "wildcard revoke [options] NAME",
		Description: `For keys that leaked and names that were given up. The files stay, unless
--delete is given.

  wildcard revoke --reason superseded example.com
  wildcard revoke --reason keycompromise --delete example.com`,
		ArgsUsage: "NAME",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "reason", Usage: "`REASON`: unspecified (default), keycompromise, affiliationchanged, superseded, cessationofoperation"},
			&cli.BoolFlag{Name: "delete", Usage: "delete its files afterwards"},
			&cli.StringFlag{Name: "ca-bundle", Usage: "`FILE` with further roots for the CA's own TLS (WILDCARD_CA_BUNDLE)"},
			yesFlag(),
		}, commonFlags()),
		Action: p.revoke,
	}
}

// reasons are the CRLReasons of RFC 5280 §5.3.1 that subscribers may give, under certbot's names.
func reason(name string) (uint, bool) {
	switch strings.ToLower(name) {
	case "", "unspecified":
		return 0, true
	case "keycompromise":
		return 1, true
	case "affiliationchanged":
		return 3, true
	case "superseded":
		return 4, true
	case "cessationofoperation":
		return 5, true
	}
	return 0, false
}

func (p *program) revoke(c *cli.Context) error {
	name, err := oneName(c)
	if err != nil {
		return err
	}
	why, ok := reason(c.String("reason"))
	if !ok {
		return usage("--reason %s is none of unspecified, keycompromise, affiliationchanged, superseded, cessationofoperation", fault.Excerpt(c.String("reason")))
	}
	e, err := p.engine(c)
	if err != nil {
		return err
	}
	defer e.close()
	l, err := e.store.Lineage(name)
	if err != nil {
		return err
	}
	if l.Damage != nil {
		return l.Damage
	}
	if c.Bool("delete") && !l.Owned() {
		return fault.Errorf(lineage.CodeNotOwned, fault.Usage, "%s is certbot's: certbot delete --cert-name %s deletes it; without --delete it can be revoked here", name, name)
	}
	if err := e.confirm(c, "Revoke the certificate %s (%s)? This cannot be undone.", name, strings.Join(l.Leaf.DNSNames, " ")); err != nil {
		return err
	}
	lock, err := e.store.LockOrder(name)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	again := false
	byKey, err := e.revokeLive(c, l, why)
	if fault.CodeOf(err) == issuance.CodeRevoked {
		again, err = true, nil
	}
	if err != nil {
		return err
	}
	deleted := false
	if c.Bool("delete") {
		if err := e.remove(c.Context, l); err != nil {
			return err
		}
		deleted = true
	} else if l.Owned() {
		e.askAnew(c.Context, l, byKey)
	}
	if e.json {
		e.answer(map[string]any{"lineage": name, "names": l.Leaf.DNSNames, "revoked": true, "was_revoked": again, "deleted": deleted})
		return nil
	}
	if again {
		e.say("%s was revoked already.", name)
	} else {
		e.say("%s is revoked.", name)
	}
	if byKey && !deleted && l.Owned() && l.Conf.Params().ReuseKey {
		e.say("Its key is not used again: the next renewal makes a new one.")
	}
	if deleted {
		e.say("Its files are deleted.")
	} else {
		e.say("Its files are still there, and servers still show it: wildcard issue --force gets a new one, wildcard delete %s deletes them.", name)
	}
	return nil
}

// revokeLive revokes the live certificate in the name of its account, or of its own key if that leaked or the account is
// gone: byKey. A CA that is told by the key itself trusts that key no more.
func (e *engine) revokeLive(c *cli.Context, l *lineage.Lineage, why uint) (byKey bool, err error) {
	s, _ := l.Conf.Settings()
	bundle, err := absolute("--ca-bundle", e.option(c, "ca-bundle", s.CABundle, "WILDCARD_CA_BUNDLE"))
	if err != nil {
		return false, err
	}
	ca, err := e.ca(c.Context, l.Conf.Params().Server, bundle)
	if err != nil {
		return false, err
	}
	var as issuance.Account
	account, err := e.store.Account(ca.Server(), l.Conf.Params().Account)
	if err == nil && why != 1 {
		as = issuance.Account{URI: account.URI, Key: account.Key}
	} else {
		set, err := l.Set()
		if err != nil {
			return false, err
		}
		if as.Key, err = issuance.ParseKey(set.Key); err != nil {
			return false, err
		}
	}
	return as.URI == "", ca.Revoke(c.Context, as, l.Leaf, why)
}

// askAnew has the next run ask the CA when a certificate is to be renewed, whatever it said before: of a revoked one it says
// "at once" (RFC 9773 §4.2), but may have asked to be left alone for hours before that. With newKey it makes a new key, too.
func (e *engine) askAnew(ctx context.Context, l *lineage.Lineage, newKey bool) {
	if _, err := l.Update(ctx, func(c *lineage.Conf) error {
		s, _ := c.Settings()
		s.RetryAfter = time.Time{}
		s.NewKey = s.NewKey || newKey
		return c.SetSettings(s)
	}); err != nil {
		e.log.Warn("asking for renewal information anew", "lineage", l.Name, "error", err)
	}
}

// remove deletes a lineage of ours and what is remembered of an order for it.
func (e *engine) remove(ctx context.Context, l *lineage.Lineage) error {
	if err := l.Delete(ctx); err != nil {
		return err
	}
	return errors.Join(e.state.RemovePending(l.Name), e.state.RemoveRefused(l.Name))
}
