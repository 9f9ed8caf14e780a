package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
)

func (p *program) adoptCommand() *cli.Command {
	return &cli.Command{
		Name:      "adopt",
		Usage:     "take over a certificate from certbot, as it is",
		UsageText: "wildcard adopt [options] NAME",
		Description: `Certificate, key and account stay; "wildcard renew" renews it from then on, and
certbot's timer passes over it. What changes in renewal/NAME.conf is shown first.
"wildcard release NAME" hands it back.

  wildcard adopt --dry-run example.com
  wildcard adopt --provider conoha@/etc/letsencrypt/conoha/.env example.com`,
		ArgsUsage: "NAME",
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: "only show what would change"},
			&cli.StringFlag{Name: "ca-bundle", Usage: "`FILE` with further roots for the CA's own TLS (WILDCARD_CA_BUNDLE)"},
			yesFlag(),
		}, dnsFlags(), commonFlags()),
		Action: p.adopt,
	}
}

func (p *program) adopt(c *cli.Context) error {
	name, err := oneName(c)
	if err != nil {
		return err
	}
	e, err := p.engine(c)
	if err != nil {
		return err
	}
	defer e.close()
	lock, err := e.store.LockOrder(name)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	l, err := e.store.Lineage(name)
	if err != nil {
		return err
	}
	if l.Owned() {
		if c.IsSet("provider") || c.IsSet("env-file") {
			e.display.Notice("its settings stay as they were; wildcard issue, with the names of %s, changes them", name)
		}
		return e.adopted(c, l, nil, "%s is ours already.")
	}
	s, params, err := e.adoption(c, l)
	if err != nil {
		return err
	}
	if err := e.fit(l, s, params); err != nil {
		return err
	}
	change := func(conf *lineage.Conf) error {
		if err := conf.SetParams(params); err != nil {
			return err
		}
		return conf.SetSettings(s)
	}
	changes, err := changesOf(l.Conf, func(conf *lineage.Conf) error {
		if err := change(conf); err != nil {
			return err
		}
		return conf.Set("renewalparams", "autorenew", "False")
	})
	if err != nil {
		return err
	}
	if c.Bool("dry-run") {
		e.sayChanges(name, changes)
		return e.adopted(c, l, changes, "%s would be taken over; nothing was changed.")
	}
	e.sayChanges(name, changes)
	if err := e.confirm(c, "Take %s over?", name); err != nil {
		return err
	}
	if l, err = l.Adopt(c.Context, change); err != nil {
		return err
	}
	if l.NeedsRepair() {
		if l, err = l.Repair(c.Context); err != nil {
			return err
		}
	}
	return e.adopted(c, l, changes, "%s is ours from now on: wildcard renew renews it.")
}

func (e *engine) sayChanges(name string, changes []string) {
	if e.json {
		return // the answer has them
	}
	e.say("%s: these lines of renewal/%s.conf change:", name, name)
	for _, line := range changes {
		e.say("  %s", line)
	}
}

func (e *engine) adopted(c *cli.Context, l *lineage.Lineage, changes []string, format messages.Text) error {
	if e.json {
		if changes == nil {
			changes = []string{}
		}
		e.answer(struct {
			showAnswer
			Changes []string `json:"changes"`
			DryRun  bool     `json:"dry_run"`
		}{e.showAnswer(l), changes, c.Bool("dry-run")})
		return nil
	}
	e.say(format, l.Name)
	if s, ours := l.Conf.Settings(); ours && l.Leaf != nil {
		at, why := renewal(l, s)
		e.say("It is renewed from %s on (%s): %s.", day(at), until(e.now(), at), why)
	}
	return nil
}

// adoption is what a lineage of certbot's becomes: its own parameters, and settings from the command line, from our hook's
// command line if that was its hook, or from beside the script that was.
func (e *engine) adoption(c *cli.Context, l *lineage.Lineage) (lineage.Settings, lineage.Params, error) {
	params := l.Conf.Params()
	s := lineage.Settings{}
	authenticator, _ := l.Conf.Get("renewalparams", "authenticator")
	switch {
	case authenticator != "manual" && !c.IsSet("provider"):
		return s, params, fault.Errorf(fault.CodeUsage, fault.Usage,
			"%s uses certbot's authenticator %s, not hooks: say with --provider which DNS service is to have its records", l.Name, fault.Excerpt(authenticator))
	case authenticator == "manual":
		s = e.settingsOfHook(params.AuthHook)
	}
	if err := e.dnsOptions(c, &s); err != nil {
		return s, params, err
	}
	var err error
	if s.CABundle, err = absolute("--ca-bundle", e.option(c, "ca-bundle", "", "WILDCARD_CA_BUNDLE")); err != nil {
		return s, params, err
	}
	if l.Leaf != nil {
		if s.Domains, err = issuance.ParseNames(l.Leaf.DNSNames); err != nil {
			return s, params, err
		}
	}
	params.AuthHook, params.CleanupHook = e.hookLines(s)
	return s, params, nil
}

// settingsOfHook reads the settings from the command line of an auth hook.
func (e *engine) settingsOfHook(line string) lineage.Settings {
	var s lineage.Settings
	words := lineage.Words(line)
	if len(words) == 0 {
		return s
	}
	if filepath.Base(words[0]) != "wildcard-auth-hook" {
		// A shell script has its credentials beside it, in .env or conoha_id. Where our own usual place has none, those are it.
		if _, err := os.Stat(filepath.Join(e.dirs.Config, "conoha", ".env")); err == nil {
			return s
		}
		for _, word := range words {
			for _, name := range []string{".env", "conoha_id"} {
				path := filepath.Join(filepath.Dir(word), name)
				if info, err := os.Stat(path); filepath.IsAbs(word) && err == nil && info.Mode().IsRegular() && s.EnvFile == "" {
					s.EnvFile = path
				}
			}
		}
		return s
	}
	for i := 1; i < len(words); i++ {
		name, value, inline := strings.Cut(strings.TrimLeft(words[i], "-"), "=")
		if !inline && i+1 < len(words) {
			i++
			value = words[i]
		}
		switch name {
		case "provider":
			s.Providers = append(s.Providers, value)
		case "env-file":
			s.EnvFile = value
		case "resolver":
			s.Resolvers = strings.Split(value, ",")
		case "nameserver":
			s.NameServers = strings.Split(value, ",")
		case "extra-wait":
			s.ExtraWait = value
		case "ca-cache":
			s.CACache = value
		}
	}
	return s
}

// fit finds out whether a lineage can be renewed by us, before it is taken over: names, credentials and account.
func (e *engine) fit(l *lineage.Lineage, s lineage.Settings, params lineage.Params) error {
	if l.Leaf == nil && !l.NeedsRepair() {
		return l.Damage
	}
	if _, err := e.router(s); err != nil {
		return err
	}
	if _, err := e.store.Account(params.Server, params.Account); err != nil {
		return fault.Errorf(fault.CodeOf(err), fault.Misconfigured, "the account of %s: %w", l.Name, err)
	}
	return nil
}

// changesOf are the lines that a change takes out of a .conf and puts into it.
func changesOf(conf *lineage.Conf, change func(*lineage.Conf) error) ([]string, error) {
	after, err := lineage.ParseConf(conf.Bytes())
	if err != nil {
		return nil, err
	}
	if err := change(after); err != nil {
		return nil, err
	}
	split := func(text []byte) []string { return strings.Split(strings.TrimRight(string(text), "\n"), "\n") }
	was, is := split(conf.Bytes()), split(after.Bytes())
	var changes []string
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
	return changes, nil
}

func (p *program) releaseCommand() *cli.Command {
	return &cli.Command{
		Name:      "release",
		Usage:     "hand a certificate back to certbot",
		UsageText: "wildcard release [options] NAME",
		Description: `"certbot renew" renews it from then on, by our hooks. Refused if it could not.

  wildcard release example.com
  wildcard release --json example.com`,
		ArgsUsage: "NAME",
		Flags:     slices.Concat([]cli.Flag{yesFlag()}, commonFlags()),
		Action:    p.release,
	}
}

func (p *program) release(c *cli.Context) error {
	name, err := oneName(c)
	if err != nil {
		return err
	}
	e, err := p.engine(c)
	if err != nil {
		return err
	}
	defer e.close()
	lock, err := e.store.LockOrder(name)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	l, err := e.store.Lineage(name)
	if err != nil {
		return err
	}
	if !l.Owned() {
		return fault.Errorf(lineage.CodeNotOwned, fault.Usage, "%s is certbot's already", name)
	}
	s, _ := l.Conf.Settings()
	if why := inexpressible(s); why != nil {
		return fault.Errorf(codeNotOurs, fault.Failed, "%s cannot go back to certbot: %w", name, why)
	}
	if err := e.confirm(c, "Hand %s back to certbot?", name); err != nil {
		return err
	}
	if l, err = l.Release(c.Context); err != nil {
		return err
	}
	if e.json {
		e.answer(e.showAnswer(l))
		return nil
	}
	e.say("%s is certbot's from now on: certbot renew renews it, with %s.", name, l.Conf.Params().AuthHook)
	return nil
}
