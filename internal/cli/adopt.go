package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"wildcard/internal/certificates"
	"wildcard/internal/messages"
)

func adoptCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "adopt",
		Usage:     "take over a certificate from certbot, as it is",
		UsageText: "wildcard adopt [options] NAME",
		Description: `Certificate, key and account stay; "wildcard renew" renews it from then on, and
certbot's timer skips it. What changes in renewal/NAME.conf is shown first.
"wildcard release NAME" hands it back.

  wildcard adopt --dry-run example.com
  wildcard adopt --provider conoha@/etc/letsencrypt/conoha/.env example.com`,
		ArgsUsage: "NAME",
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: "only show what would change"},
			&cli.StringFlag{Name: "account", Usage: "`ID` of the account to use, or its beginning, if there are several"},
			&cli.StringSliceFlag{Name: "deploy-hook", Usage: "`COMMAND`: run it after each renewal; may be repeated"},
			&cli.StringFlag{Name: "ca-bundle", Usage: "`FILE` with further roots for the CA's own TLS (WILDCARD_CA_BUNDLE)"},
			yesFlag(),
		}, dnsFlags(), commonFlags()),
		Action: p.action(runAdopt),
	}
}

// adoptAnswer is the answer of "adopt --json".
type adoptAnswer struct {
	showAnswer
	Changes []string                  `json:"changes"`
	Keys    []certificates.CarriedKey `json:"keys"`            // of certbot's .conf
	Notes   []string                  `json:"notes,omitempty"` // what else a person should know
	DryRun  bool                      `json:"dry_run"`
}

func runAdopt(p *program, c *cli.Context) error {
	name, err := oneName(c)
	if err != nil {
		return err
	}
	dns, err := p.dns(c)
	if err != nil {
		return err
	}
	bundle, err := p.path(c, "ca-bundle", "WILDCARD_CA_BUNDLE")
	if err != nil {
		return err
	}
	m, err := p.open(c, certificates.Options{FreshTokens: true}) // a token of before would hide that a password is wrong by now
	if err != nil {
		return err
	}
	defer m.close()
	got, err := m.manager.Adopt(c.Context, certificates.AdoptRequest{
		Lineage: name, DryRun: c.Bool("dry-run"), Account: c.String("account"), CABundle: bundle, DNS: dns,
		DeployHooks: c.StringSlice("deploy-hook"),
		Confirm: func(a certificates.Adopted) error {
			sayChanges(m, c, a)
			return m.confirm(c, "Take %s over?", name)
		},
	})
	switch {
	case err != nil:
		return err
	case got.Already:
		if c.IsSet("provider") || c.IsSet("env-file") || c.IsSet("deploy-hook") {
			m.display.Notice("its settings stay as they were; wildcard issue, with the names of %s, changes them", name)
		}
		return adopted(m, c, got, "%s is already managed by wildcard.")
	case c.Bool("dry-run"):
		sayChanges(m, c, got)
		return adopted(m, c, got, "%s would be taken over; nothing was changed.")
	}
	return adopted(m, c, got, "%s is managed by wildcard from now on: wildcard renew renews it.")
}

// sayChanges says what becomes of a lineage: the lines that change, then what becomes of each of certbot's keys.
func sayChanges(m *machine, c *cli.Context, a certificates.Adopted) {
	if !sayLines(m, c, a.Lineage.Name, a.Changes) {
		return
	}
	for _, kind := range []struct {
		becomes certificates.Becomes
		text    messages.Text
	}{
		{certificates.BecomesKept, "  kept: %s"},
		{certificates.BecomesCarried, "  done by settings of ours: %s"},
		{certificates.BecomesIdle, "  not used until it is released: %s"},
		{certificates.BecomesIgnored, "  ignored by today's certbot as well: %s"},
		{certificates.BecomesUnknown, "  not known here, and without effect: %s"},
	} {
		var keys []string
		for _, key := range a.Keys {
			if key.Becomes == kind.becomes {
				keys = append(keys, messages.OneLine(key.Key))
			}
		}
		if len(keys) > 0 {
			m.say(kind.text, strings.Join(keys, " "))
		}
	}
	for _, note := range a.Notes {
		m.say("%s", note)
	}
}

// sayLines says which lines of a .conf change; nothing, and false, where the answer has them or there is nothing to ask.
func sayLines(m *machine, c *cli.Context, name string, changes []string) bool {
	if m.json || m.quiet && c.Bool("yes") {
		return false
	}
	if len(changes) > 0 {
		m.say("%s: these lines of renewal/%s.conf change:", name, name)
	}
	for _, line := range changes {
		m.say("  %s", line)
	}
	return true
}

func adopted(m *machine, c *cli.Context, a certificates.Adopted, format messages.Text) error {
	l := a.Lineage
	if m.json {
		answer := adoptAnswer{showAnswer: showAnswerOf(m, l), Changes: []string{}, Keys: []certificates.CarriedKey{},
			Notes: m.texts(a.Notes), DryRun: c.Bool("dry-run")}
		answer.Changes, answer.Keys = append(answer.Changes, a.Changes...), append(answer.Keys, a.Keys...)
		m.answer(answer)
		return nil
	}
	if m.quiet {
		return nil
	}
	m.say(format, l.Name)
	if l.Owned() && l.Leaf != nil {
		is, err := certificates.ConditionOf(l, m.manager.State, m.now())
		if err != nil {
			return err
		}
		m.say("It is renewed from %s on (%s): %s.", messages.Instant(is.RenewAt), until(m.now(), is.RenewAt), is.Why)
	}
	return nil
}

func releaseCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "release",
		Usage:     "hand a certificate back to certbot",
		UsageText: "wildcard release [options] NAME",
		Description: `"certbot renew" renews it from then on: as before, if it was adopted, else by our
hooks. Refused if it could not.

  wildcard release example.com
  wildcard release --json example.com`,
		ArgsUsage: "NAME",
		Flags:     slices.Concat([]cli.Flag{yesFlag()}, commonFlags()),
		Action:    p.action(runRelease),
	}
}

func runRelease(p *program, c *cli.Context) error {
	name, err := oneName(c)
	if err != nil {
		return err
	}
	m, err := p.machine(c)
	if err != nil {
		return err
	}
	defer m.close()
	l, err := m.manager.Release(c.Context, name, func(changes []string) error {
		sayLines(m, c, name, changes)
		return m.confirm(c, "Hand %s back to certbot?", name)
	})
	if err != nil {
		return err
	}
	if m.json {
		m.answer(showAnswerOf(m, l))
		return nil
	}
	if m.quiet {
		return nil
	}
	by, _ := l.Conf.Get("renewalparams", "authenticator")
	if by == "manual" {
		by = l.Conf.Params().AuthHook
	}
	m.say("%s is certbot's from now on: certbot renew renews it, with %s.", name, messages.OneLine(by))
	return nil
}
