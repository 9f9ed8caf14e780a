package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"wildcard/internal/certificates"
	"wildcard/internal/fault"
	"wildcard/internal/lineage"
)

func revokeCommand(p *program) *cli.Command {
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
		Action: p.action(runRevoke),
	}
}

// reason reads --reason, under certbot's names.
func reason(name string) (certificates.Reason, error) {
	switch strings.ToLower(name) {
	case "", "unspecified":
		return certificates.Unspecified, nil
	case "keycompromise":
		return certificates.KeyCompromise, nil
	case "affiliationchanged":
		return certificates.AffiliationChanged, nil
	case "superseded":
		return certificates.Superseded, nil
	case "cessationofoperation":
		return certificates.CessationOfOperation, nil
	}
	return 0, usage("--reason %s is none of unspecified, keycompromise, affiliationchanged, superseded, cessationofoperation", fault.Excerpt(name))
}

func runRevoke(p *program, c *cli.Context) error {
	name, err := oneName(c)
	if err != nil {
		return err
	}
	why, err := reason(c.String("reason"))
	if err != nil {
		return err
	}
	bundle, err := p.path(c, "ca-bundle", "WILDCARD_CA_BUNDLE")
	if err != nil {
		return err
	}
	m, err := p.machine(c)
	if err != nil {
		return err
	}
	defer m.close()
	done, err := m.manager.Revoke(c.Context, certificates.RevokeRequest{
		Lineage: name, Reason: why, Delete: c.Bool("delete"), CABundle: bundle,
		Confirm: func(l *lineage.Lineage) error {
			return m.confirm(c, "Revoke the certificate %s (%s)? This cannot be undone.", name,
				strings.Join(l.Names(), " "))
		},
	})
	if err != nil {
		return err
	}
	sayRevoked(m, name, done)
	return nil
}

// sayRevoked prints what came of it.
func sayRevoked(m *machine, name string, done certificates.Revoked) {
	if m.json {
		m.answer(map[string]any{
			"lineage": name, "names": done.Lineage.Names(), "revoked": true, "was_revoked": done.WasRevoked,
			"deleted": done.Deleted,
		})
		return
	}
	if m.quiet {
		return
	}
	if done.WasRevoked {
		m.say("%s was revoked already.", name)
	} else {
		m.say("%s is revoked.", name)
	}
	if done.ByKey && !done.Deleted && done.Lineage.Owned() && done.Lineage.Conf.Params().ReuseKey {
		m.say("Its key is not used again: the next renewal makes a new one.")
	}
	switch {
	case done.Deleted:
		m.say("Its files are deleted.")
	case done.Lineage.Owned():
		m.say("Its files are still there, and servers still show it: wildcard renew --cert-name %s gets a new one, as the next run of the timer does; wildcard delete %s deletes them.", name, name)
	default:
		m.say("Its files are still there, and servers still show it: certbot renew --force-renewal --cert-name %s gets a new one, certbot delete --cert-name %s deletes them.", name, name)
	}
}
