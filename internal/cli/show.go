package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/certificates"
	"wildcard/internal/cli/display"
	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/state"
)

// mostHistory is how many attempts "show" shows.
const mostHistory = 10

func showCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "details of one certificate",
		UsageText: "wildcard show [options] NAME",
		Description: `Nothing is written and no server is asked.

  wildcard show example.com
  wildcard show --json example.com`,
		ArgsUsage: "NAME",
		Flags:     commonFlags(),
		Action:    p.action(runShow),
	}
}

// showAnswer is the answer of "show --json".
type showAnswer struct {
	listLine
	Version          int      `json:"version,omitempty"`
	Serial           string   `json:"serial,omitempty"`
	Issuer           string   `json:"issuer,omitempty"`
	NotBefore        string   `json:"not_before,omitempty"`
	Fingerprint      string   `json:"sha256,omitempty"`
	KeyType          string   `json:"key_type"`
	ReuseKey         bool     `json:"reuse_key"`
	Server           string   `json:"server"`
	Account          string   `json:"account"`
	Challenge        string   `json:"challenge,omitempty"` // that was chosen; else auto
	ProvenBy         string   `json:"proven_by,omitempty"` // dns-persist-01 if no DNS service was needed the last time
	Profile          string   `json:"profile,omitempty"`
	ProfileIfOffered bool     `json:"profile_if_offered,omitempty"` // else it is ordered in any case
	PreferredChain   string   `json:"preferred_chain,omitempty"`
	Providers        []string `json:"providers,omitempty"`
	EnvFile          string   `json:"env_file,omitempty"`
	Resolvers        []string `json:"resolvers,omitempty"`
	NameServers      []string `json:"nameservers,omitempty"`
	ExtraWait        string   `json:"extra_wait,omitempty"` // seconds
	CACache          string   `json:"ca_cache,omitempty"`   // seconds
	AuthHook         string   `json:"auth_hook,omitempty"`
	DeployHooks      []string `json:"deploy_hooks,omitempty"`
	Targets          []string `json:"targets,omitempty"`
	Verify           []string `json:"verify,omitempty"`
	Rollback         bool     `json:"rollback,omitempty"`
	RolledBack       string   `json:"rolled_back,omitempty"` // the version that was not served
	RenewalWhy       string   `json:"renewal_reason,omitempty"`
	CertbotCannot    string   `json:"certbot_cannot_renew,omitempty"` // why
	Adopted          bool     `json:"adopted,omitempty"`              // it was certbot's, and can go back as it was
	OrderUnderWay    string   `json:"order_under_way,omitempty"`      // URL

	HookRuns []state.HookRun `json:"hook_runs,omitempty"` // the last run of each hook, oldest first

	History []attemptLine `json:"history,omitempty"` // the last attempts that the ledger has, oldest first
}

func runShow(p *program, c *cli.Context) error {
	name, err := oneArgument(c)
	if err != nil {
		return err
	}
	m, err := p.reader(c)
	if err != nil {
		return err
	}
	defer m.close()
	l, err := m.manager.Store.Lineage(name)
	if err != nil {
		return err
	}
	answer := showAnswerOf(m, l)
	if m.json {
		m.answer(answer)
		return nil
	}
	printShow(m, answer)
	return nil
}

func showAnswerOf(m *machine, l *lineage.Lineage) showAnswer {
	s, ours := l.Conf.Settings()
	params := l.Conf.Params()
	ledger := m.manager.State
	a := showAnswer{
		listLine: listLineOf(m, l, ledger), Version: l.Version, KeyType: string(certificates.KeyTypeOf(params)),
		ReuseKey: params.ReuseKey,
		Server:   params.Server, Account: params.Account, PreferredChain: params.PreferredChain,
		Profile:          certificates.ProfileOf(params, s),
		ProfileIfOffered: s.Profile == "" && params.Required == "" && params.Preferred != "",
		Challenge:        s.Challenge, ProvenBy: s.ProvenBy,
		Providers: s.SpecTexts(), EnvFile: s.EnvFile, Resolvers: s.Resolvers, NameServers: s.NameServers,
		ExtraWait: s.ExtraWait, CACache: s.CACache,
		AuthHook: params.AuthHook, DeployHooks: certificates.DeployCommands(params, s),
		Targets: s.Targets, Verify: s.Verify, Rollback: s.Rollback, RolledBack: s.RolledBack,
	}
	if l.Leaf != nil {
		digest := sha256.Sum256(l.Leaf.Raw)
		a.Serial, a.Issuer = hex.EncodeToString(l.Leaf.SerialNumber.Bytes()), l.Leaf.Issuer.String()
		a.NotBefore = l.Leaf.NotBefore.UTC().Format(time.RFC3339)
		a.Fingerprint = hex.EncodeToString(digest[:])
	}
	if ours {
		a.Adopted = l.Adopted()
		if why := certificates.CertbotCannot(s); why != nil {
			a.CertbotCannot = m.language.Error(why)
		}
		if l.Leaf != nil {
			a.RenewalWhy = a.why.In(m.language)
		}
	}
	if ledger != nil {
		a.HookRuns, _ = ledger.HookRuns(l.Name)                  // what cannot be read is not there
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

func printShow(m *machine, a showAnswer) {
	m.say("%s", a.Lineage)
	d := m.details()
	d.Value("names", strings.Join(a.Names, " "))
	status := statusOf(a.Status)
	if a.Problem != "" {
		status = messages.New("%s: %s", status, a.Problem)
	}
	d.Entry("status", status)
	if a.NotAfter != nil {
		d.Entry("valid", messages.New("until %s, %s", messages.Instant(*a.NotAfter), until(m.now(), *a.NotAfter)))
	}
	d.Value("issuer", messages.OneLine(a.Issuer))
	d.Value("serial", a.Serial)
	d.Value("sha256", a.Fingerprint)
	key := messages.New("%s", a.KeyType)
	if a.ReuseKey {
		key = messages.New("%s, kept in renewals", a.KeyType)
	}
	d.Entry("key", key)
	d.Value("renewed by", a.Owner)
	if a.RenewAt != nil {
		d.Entry("renewal", messages.New("%s, %s: %s", messages.Instant(*a.RenewAt), until(m.now(), *a.RenewAt), a.RenewalWhy))
	}
	for i, past := range a.History {
		word := messages.Text("attempts")
		if i > 0 {
			word = " "
		}
		text := messages.New("%s: %s", messages.Instant(past.Time), outcomeOf(past.Outcome))
		if past.Message != "" {
			text = messages.New("%s: %s", text, messages.OneLine(past.Message))
		}
		d.Entry(word, text)
	}
	d.Value("order", a.OrderUnderWay)
	printSettings(d, a)
	printDeployment(d, a)
	if a.Paths != nil {
		d.Value("certificate", a.Paths.Certificate)
		d.Value("chain", a.Paths.Chain)
		d.Value("fullchain", a.Paths.Fullchain)
		d.Value("private key", a.Paths.Key)
		d.Value("combined", a.Paths.Combined)
		d.Value("PKCS #12", a.Paths.PKCS12)
		d.Value("JKS", a.Paths.JKS)
	}
	switch {
	case a.CertbotCannot != "" && a.Adopted:
		d.Entry("certbot", messages.New("cannot renew it as it is: %s; wildcard release %s gives it back as it was", a.CertbotCannot, a.Lineage))
	case a.CertbotCannot != "":
		d.Entry("certbot", messages.New("cannot renew it: %s", a.CertbotCannot))
	case a.Owner == "wildcard":
		d.Entry("certbot", messages.New("can renew it with --force-renewal; wildcard release %s hands it back", a.Lineage))
	default:
		d.Entry("certbot", messages.New("renews it; wildcard adopt %s takes it over", a.Lineage))
	}
}

// printDeployment prints what follows a renewal, and what came of it the last time.
func printDeployment(d display.Details, a showAnswer) {
	for _, hook := range a.DeployHooks {
		d.Value("deploy hook", messages.OneLine(hook))
	}
	for _, target := range a.Targets {
		d.Value("target", messages.OneLine(target))
	}
	for _, address := range a.Verify {
		d.Value("verify", messages.OneLine(address))
	}
	if a.Rollback {
		d.Entry("rollback", messages.New("the former certificate, where the new one is not served"))
	}
	printHookRuns(d, a.HookRuns)
}

func printHookRuns(d display.Details, runs []state.HookRun) {
	for i, run := range runs {
		word := messages.Text("hooks run")
		if i > 0 {
			word = " "
		}
		came := outcomeOf(string(state.Succeeded))
		if run.Error != "" {
			came = messages.New("%s: %s", outcomeOf(string(state.Failed)), run.Error)
		}
		took := time.Duration(run.Seconds * float64(time.Second))
		switch run.Kind {
		case state.KindTarget:
			d.Entry(word, messages.New("%s, in %s: target %s: %s", messages.Instant(run.Time), took,
				messages.OneLine(run.Command), came))
			continue
		case state.KindProof:
			d.Entry(word, messages.New("%s, in %s: served at %s: %s", messages.Instant(run.Time), took,
				messages.OneLine(run.Command), came))
			continue
		}
		d.Entry(word, messages.New("%s, in %s: %s hook %s: %s", messages.Instant(run.Time), took, run.Kind,
			messages.OneLine(run.Command), came))
	}
}

// printSettings prints how a lineage is renewed.
func printSettings(d display.Details, a showAnswer) {
	d.Value("CA", a.Server)
	d.Value("account", a.Account)
	if a.ProfileIfOffered {
		d.Entry("profile", messages.New("%s, if the CA offers it", a.Profile))
	} else {
		d.Value("profile", a.Profile)
	}
	d.Value("preferred", a.PreferredChain)
	d.Value("challenge", a.Challenge)
	if a.ProvenBy != "" {
		d.Entry("proof", messages.New("%s, the last time: no DNS service was needed", a.ProvenBy))
	}
	d.Value("providers", strings.Join(a.Providers, " "))
	d.Value("env file", a.EnvFile)
	d.Value("resolvers", strings.Join(a.Resolvers, " "))
	d.Value("name servers", strings.Join(a.NameServers, " "))
	if a.ExtraWait != "" {
		d.Value("extra wait", a.ExtraWait+" s")
	}
	if a.CACache != "" {
		d.Value("CA's cache", a.CACache+" s")
	}
}

// outcomeOf says what came of an attempt.
func outcomeOf(outcome string) messages.Message {
	switch outcome {
	case string(state.Succeeded):
		return messages.New("succeeded")
	case string(state.Failed):
		return messages.New("failed")
	}
	return messages.New("%s", outcome)
}

// oneArgument is the name of a lineage that is shown, whatever certbot takes for one.
func oneArgument(c *cli.Context) (string, error) {
	if c.NArg() != 1 {
		return "", usage("%s wants the name of one certificate; wildcard list shows them", c.Command.Name)
	}
	return c.Args().First(), nil
}

// oneName is the name of a lineage that a command is about.
func oneName(c *cli.Context) (string, error) {
	name, err := oneArgument(c)
	if err != nil {
		return "", err
	}
	if name, err = lineage.ParseName(name); err != nil {
		return "", fault.Errorf(fault.CodeOf(err), fault.Usage, "%w", err)
	}
	return name, nil
}
