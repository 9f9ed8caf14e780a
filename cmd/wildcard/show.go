package main

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/urfave/cli/v2"

	"wildcard/lineage"
	"wildcard/providers"
)

// mostHistory is how many attempts "show" shows.
const mostHistory = 10

func (p *program) showCommand() *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "all there is to know about one certificate",
		UsageText: "wildcard show [options] NAME",
		Description: `Nothing is written and nobody is asked.

  wildcard show example.com
  wildcard show --json example.com`,
		ArgsUsage: "NAME",
		Flags:     commonFlags(),
		Action:    p.show,
	}
}

// showAnswer is the answer of "show --json".
type showAnswer struct {
	listLine
	Version        int      `json:"version,omitempty"`
	Serial         string   `json:"serial,omitempty"`
	Issuer         string   `json:"issuer,omitempty"`
	NotBefore      string   `json:"not_before,omitempty"`
	Fingerprint    string   `json:"sha256,omitempty"`
	KeyType        string   `json:"key_type"`
	ReuseKey       bool     `json:"reuse_key"`
	Server         string   `json:"server"`
	Account        string   `json:"account"`
	Profile        string   `json:"profile,omitempty"`
	PreferredChain string   `json:"preferred_chain,omitempty"`
	Providers      []string `json:"providers,omitempty"`
	EnvFile        string   `json:"env_file,omitempty"`
	Resolvers      []string `json:"resolvers,omitempty"`
	NameServers    []string `json:"nameservers,omitempty"`
	AuthHook       string   `json:"auth_hook,omitempty"`
	DeployHooks    []string `json:"deploy_hooks,omitempty"`
	RenewalWhy     string   `json:"renewal_reason,omitempty"`
	CertbotCannot  string   `json:"certbot_cannot_renew,omitempty"` // why
	OrderUnderWay  string   `json:"order_under_way,omitempty"`      // URL

	History []attemptLine `json:"history,omitempty"` // the last attempts that the ledger has, oldest first
}

func (p *program) show(c *cli.Context) error {
	name, err := oneName(c)
	if err != nil {
		return err
	}
	m, err := p.machine(c)
	if err != nil {
		return err
	}
	l, err := m.store.Lineage(name)
	if err != nil {
		return err
	}
	answer := m.showAnswer(l)
	if m.json {
		m.answer(answer)
		return nil
	}
	m.printShow(answer)
	return nil
}

func (m *machine) showAnswer(l *lineage.Lineage) showAnswer {
	s, ours := l.Conf.Settings()
	params := l.Conf.Params()
	ledger := m.ledger()
	a := showAnswer{
		listLine: m.listLine(l, ledger), Version: l.Version, KeyType: string(keyTypeOf(params)), ReuseKey: params.ReuseKey,
		Server: params.Server, Account: params.Account, Profile: s.Profile, PreferredChain: params.PreferredChain,
		Providers: s.Providers, EnvFile: s.EnvFile, Resolvers: s.Resolvers, NameServers: s.NameServers,
		AuthHook: params.AuthHook, DeployHooks: deployCommands(params, s),
	}
	if l.Leaf != nil {
		digest := sha256.Sum256(l.Leaf.Raw)
		a.Serial, a.Issuer, a.NotBefore = hex.EncodeToString(l.Leaf.SerialNumber.Bytes()), l.Leaf.Issuer.String(), l.Leaf.NotBefore.UTC().Format("2006-01-02T15:04:05Z07:00")
		a.Fingerprint = hex.EncodeToString(digest[:])
	}
	if ours {
		a.CertbotCannot = inexpressible(s)
		if l.Leaf != nil {
			_, a.RenewalWhy = renewal(l, s)
		}
	}
	if ledger != nil {
		recent, _ := ledger.Recent(l.Name, m.now(), mostHistory) // listLine read the same ledger
		for _, past := range recent {
			a.History = append(a.History, attemptLine{past.Time, string(past.Outcome), past.Code, past.Text})
		}
		if pending, ok, err := ledger.Pending(l.Name); err == nil && ok {
			a.OrderUnderWay = pending.Order
		}
	}
	return a
}

func (m *machine) printShow(a showAnswer) {
	line := func(what, value string) {
		if value != "" {
			m.say("  %-12s %s", what, value)
		}
	}
	m.say("%s", a.Lineage)
	line("names", strings.Join(a.Names, " "))
	status := a.Status
	if a.Problem != "" {
		status += ": " + a.Problem
	}
	line("status", status)
	if a.NotAfter != nil {
		line("valid", "until "+day(*a.NotAfter)+", "+until(m.now(), *a.NotAfter))
	}
	line("issuer", oneLine(a.Issuer))
	line("serial", a.Serial)
	line("sha256", a.Fingerprint)
	key := a.KeyType
	if a.ReuseKey {
		key += ", kept in renewals"
	}
	line("key", key)
	line("renewed by", a.Owner)
	if a.RenewAt != nil {
		line("renewal", day(*a.RenewAt)+", "+until(m.now(), *a.RenewAt)+": "+a.RenewalWhy)
	}
	for i, past := range a.History {
		what := "attempts"
		if i > 0 {
			what = " "
		}
		text := day(past.Time) + ": " + past.Outcome
		if past.Message != "" {
			text += ": " + oneLine(past.Message)
		}
		line(what, text)
	}
	line("order", a.OrderUnderWay)
	line("CA", a.Server)
	line("account", a.Account)
	line("profile", a.Profile)
	line("chain", a.PreferredChain)
	line("providers", strings.Join(a.Providers, " "))
	line("env file", a.EnvFile)
	line("resolvers", strings.Join(a.Resolvers, " "))
	line("name servers", strings.Join(a.NameServers, " "))
	for _, hook := range a.DeployHooks {
		line("deploy hook", oneLine(hook))
	}
	if a.Paths != nil {
		line("certificate", a.Paths.Certificate)
		line("chain", a.Paths.Chain)
		line("fullchain", a.Paths.Fullchain)
		line("private key", a.Paths.Key)
		line("combined", a.Paths.Combined)
	}
	switch {
	case a.CertbotCannot != "":
		line("certbot", "cannot renew it: "+a.CertbotCannot)
	case a.Owner == "wildcard":
		line("certbot", "can renew it with --force-renewal; wildcard release "+a.Lineage+" hands it back")
	default:
		line("certbot", "renews it; wildcard adopt "+a.Lineage+" takes it over")
	}
}

// oneName is the name of a lineage that a command is about.
func oneName(c *cli.Context) (string, error) {
	if c.NArg() != 1 {
		return "", usage("%s wants the name of one certificate; wildcard list shows them", c.Command.Name)
	}
	name, err := lineage.ParseName(c.Args().First())
	if err != nil {
		return "", providers.Errorf(providers.CodeOf(err), providers.Usage, "%w", err)
	}
	return name, nil
}
