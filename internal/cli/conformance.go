package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/certificates"
	"wildcard/internal/cli/display"
	"wildcard/internal/dns01"
	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/providers"
	"wildcard/providers/conformance/live"
)

func providersTestCommand(p *program) *cli.Command {
	flags := slices.DeleteFunc(dnsFlags(), func(f cli.Flag) bool { return slices.Contains(f.Names(), "provider") })
	return &cli.Command{
		Name:      "test",
		Usage:     "check in a zone of yours whether a provider works as required",
		UsageText: "wildcard providers test [options] SPEC",
		Description: `TXT records are made, looked for at all name servers of the zone, and deleted,
below new names (_acme-challenge.t-RANDOM.ZONE) only; what a run that dies leaves
is removed by the next. Hostile values, lost replies and silence are left out.
It takes some twenty times as long as the zone takes to publish a change.

  wildcard providers test --zone example.com conoha
  wildcard providers test example.net=exec:/usr/local/bin/my-script`,
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "zone", Usage: "the `ZONE` to write in (default: that of SPEC)"},
			&cli.StringFlag{Name: "limit", Usage: "longest `TIME` (90s, 10m) to wait for one change (default: the provider's, else 15m)"},
			&cli.BoolFlag{Name: "one-value", Usage: "the service holds one value at a name: a second one has to be refused"},
		}, flags, commonFlags()),
		Action: p.action(runProvidersTest),
	}
}

// testAnswer is the answer of "providers test --json".
type testAnswer struct {
	Spec        string            `json:"provider"`
	Account     string            `json:"account"`
	Zone        string            `json:"zone"`
	Checks      []checkLine       `json:"checks"`
	Failed      int               `json:"failed"`
	SteppedOver []string          `json:"stepped_over,omitempty"` // name servers that did not answer
	Error       *messages.Failure `json:"error,omitempty"`        // records that are still there, or why it ended early
}

type checkLine struct {
	Check    messages.Text `json:"check"`
	OK       bool          `json:"ok"`
	Failures []string      `json:"failures,omitempty"`
	Seconds  float64       `json:"seconds"`
}

func runProvidersTest(p *program, c *cli.Context) error {
	if c.Args().Len() != 1 {
		return usage("providers test takes one provider")
	}
	spec, zone, err := testedSpec(c.Args().First(), c.String("zone"))
	if err != nil {
		return err
	}
	var limit time.Duration
	if text := c.String("limit"); text != "" {
		if limit, err = time.ParseDuration(text); err != nil || limit <= 0 {
			return usage("--limit %s: want a time such as 90s or 10m", fault.Excerpt(text))
		}
	}
	dns, err := p.dns(c)
	if err != nil {
		return err
	}
	s := lineage.Settings{Providers: []providers.Spec{spec}}
	if err := dns.Over(&s); err != nil {
		return err
	}
	m, err := p.machine(c)
	if err != nil {
		return err
	}
	defer m.close()
	m.manager.Sweep(c.Context, []lineage.Settings{s})
	account, err := testedAccount(m, c.Context, s, zone)
	if err != nil {
		return err
	}
	resolver, err := m.manager.Services.Resolver(s)
	if err != nil {
		return err
	}
	answer := testAnswer{
		Spec: spec.String(), Account: account.Label, Zone: strings.TrimSuffix(zone, "."), Checks: []checkLine{},
	}
	if !m.json {
		m.say("%s in %s", answer.Account, answer.Zone)
	}
	t := live.Suite{
		Open: func() (providers.Account, error) { return instance(m, spec, s.EnvFile, account) },
		Zone: zone, Resolver: resolver, Journal: m.manager.Journal, Limit: limit, OneValue: c.Bool("one-value"), Log: m.log,
		Observe: func(r live.Result) {
			if !m.json {
				printCheck(m, r)
			}
		},
	}
	report, err := t.Run(c.Context)
	fillTest(m, &answer, report, err)
	return reportTest(m, answer, err)
}

// testedSpec is the provider, bound to the zone that is written in.
func testedSpec(text, zone string) (providers.Spec, string, error) {
	spec, err := providers.ParseSpec(text)
	if err != nil {
		return spec, "", err
	}
	if spec.Name == "manual" {
		return spec, "", usage("manual is a person, who is not tested")
	}
	if zone == "" && spec.Zone == "" {
		return spec, "", usage("%s: which zone? --zone ZONE", spec)
	}
	if zone == "" {
		return spec, spec.Zone, nil
	}
	if zone, err = providers.ParseZone(zone); err != nil {
		return spec, "", usage("--zone: %w", err)
	}
	if spec.Zone == "" {
		spec.Zone = zone
	}
	if !providers.InZone(zone, spec.Zone) {
		return spec, "", usage("--zone: %s is not in the zone of %s", zone, spec)
	}
	return spec, zone, nil
}

// testedAccount finds the account that writes in the zone, and looks at all that could be wrong before anything is written.
func testedAccount(m *machine, ctx context.Context, s lineage.Settings, zone string) (providers.Account, error) {
	router, err := m.manager.Services.Router(s)
	if err != nil {
		return providers.Account{}, err
	}
	resolver, err := m.manager.Services.Resolver(s)
	if err != nil {
		return providers.Account{}, err
	}
	for _, account := range router.Accounts {
		if _, ok := account.Provider.(providers.CNAMETargets); ok {
			return account, usage("%s: what is written there cannot be deleted, so it is not tested", account.Spec.Name)
		}
	}
	domain := live.Name(zone)
	place, err := (&dns01.Solver{Router: router, Resolver: resolver, CheckDelegation: certificates.ChecksDelegation(s),
		Foresee: true}).Locate(ctx, domain)
	if err != nil {
		return providers.Account{}, err
	}
	if place.FQDN != providers.ChallengeName(domain) {
		return providers.Account{}, fault.Errorf(fault.CodeCNAME, fault.Misconfigured,
			"zone %s: a CNAME for all names leads to %s, so new names cannot be tried there", zone, place.FQDN)
	}
	if found := place.Route.Zone; found != "" && found != zone {
		return providers.Account{}, fault.Errorf(fault.CodeNoZone, fault.Misconfigured,
			"zone %s: the account has it as a part of %s: --zone %s", zone, found, strings.TrimSuffix(found, "."))
	}
	return place.Route.Account, nil
}

// instance opens an account once more.
func instance(m *machine, spec providers.Spec, envFile string, like providers.Account) (providers.Account, error) {
	accounts, err := m.manager.Services.Open([]providers.Spec{spec}, envFile)
	if err != nil {
		return providers.Account{}, err
	}
	var found providers.Account
	for _, account := range accounts {
		if account.Fingerprint == like.Fingerprint {
			found = account
		} else {
			account.Close(m.log)
		}
	}
	if found.Provider == nil {
		return found, fault.Errorf(fault.CodeMissing, fault.Misconfigured,
			"provider %s: its credentials have changed meanwhile", spec)
	}
	return found, nil
}

func fillTest(m *machine, a *testAnswer, report live.Report, err error) {
	for _, r := range report.Results {
		line := checkLine{Check: r.Check, OK: len(r.Failures) == 0, Seconds: r.Took.Round(time.Millisecond).Seconds()}
		for _, failure := range r.Failures {
			line.Failures = append(line.Failures, messages.OneLine(failure))
		}
		if !line.OK {
			a.Failed++
		}
		a.Checks = append(a.Checks, line)
	}
	a.SteppedOver, a.Error = report.SteppedOver, m.errorOf(err)
}

func printCheck(m *machine, r live.Result) {
	if len(r.Failures) == 0 {
		m.say("  ok      %s (%s)", m.language.Translate(r.Check), display.Seconds(r.Took))
		return
	}
	m.say("  FAILED  %s (%s)", m.language.Translate(r.Check), display.Seconds(r.Took))
	for _, failure := range r.Failures {
		m.say("          %s", messages.OneLine(failure))
	}
}

// reportTest prints what came of it. A check that failed is a failure, also when records are left besides.
func reportTest(m *machine, answer testAnswer, err error) error {
	if m.json {
		m.answer(answer)
	}
	for _, server := range answer.SteppedOver {
		m.display.Notice("name server skipped, since it does not answer: %s", server)
	}
	if err != nil {
		if m.json {
			m.display.Notice("%v", err)
			return &outcomeError{fault.ExitCode(err)}
		}
		return err
	}
	if !m.json {
		m.say("%s, %d failed. Nothing is left in %s.",
			messages.Count(len(answer.Checks), "check"), answer.Failed, answer.Zone)
	}
	if answer.Failed > 0 {
		return &outcomeError{fault.Failed.ExitCode()}
	}
	return nil
}
