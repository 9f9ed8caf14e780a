package cli

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/certificates"
	"wildcard/internal/cli/display"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/state"
)

func planCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "what issue would do, with the same options",
		UsageText: "wildcard plan [options] NAME...",
		Description: `Which zone, DNS service, credential and record each name leads to, which account
and limits apply. Services are asked; nothing is written anywhere.

  wildcard plan '*.example.com' example.com
  wildcard plan --server letsencrypt-staging --json '*.example.com'`,
		ArgsUsage: "NAME...",
		Flags:     slices.Concat(certificateFlags(), caFlags(), registrationFlags(), dnsFlags(), commonFlags()),
		Action:    p.action(runPlan),
	}
}

// planAnswer is the answer of "plan --json".
type planAnswer struct {
	Action   string              `json:"action"` // issue, renew, keep, test
	Why      string              `json:"why,omitempty"`
	Lineage  string              `json:"lineage"`
	Names    []string            `json:"names"`
	KeyType  string              `json:"key_type"`
	RenewAt  *time.Time          `json:"renew_at,omitempty"` // of what is there
	Server   string              `json:"server"`
	Account  string              `json:"account,omitempty"` // URL; "" if one would be made
	Register bool                `json:"register"`          // an account would be made
	Profile  string              `json:"profile,omitempty"`
	Targets  []plannedTarget     `json:"targets,omitempty"`
	Verify   []string            `json:"verify,omitempty"`
	Records  []planRecord        `json:"records"`
	Notes    []string            `json:"notes,omitempty"` // what may be in the way, and names that are left out
	Problems []*messages.Failure `json:"problems"`
}

// plannedTarget is a target that the certificate would be brought to.
type plannedTarget struct {
	Target string `json:"target"`
	Does   string `json:"does"`
}

// planRecord is one TXT record that would be made and deleted again: *.example.com and example.com share their name.
type planRecord struct {
	Domain     string            `json:"domain"`
	Names      []string          `json:"names"`
	FQDN       string            `json:"record,omitempty"`   // CNAMEs followed
	Standing   bool              `json:"standing,omitempty"` // it is there, and stays
	Zone       string            `json:"zone,omitempty"`
	Provider   string            `json:"provider,omitempty"`
	Credential string            `json:"credential,omitempty"`
	Failed     int               `json:"failed_validations"` // within the last hour, as the ledger has it
	Most       int               `json:"most_failed_validations"`
	Remembered float64           `json:"ca_remembers,omitempty"` // seconds for which the CA may see what stood there before
	Problem    *messages.Failure `json:"problem,omitempty"`
}

func runPlan(p *program, c *cli.Context) error {
	noticeFiles(p, c)
	request, err := p.request(c, c.Args().Slice())
	if err != nil {
		return err
	}
	m, err := p.reader(c)
	if err != nil {
		return err
	}
	defer m.close()
	plan, err := m.manager.Plan(c.Context, request)
	if err != nil {
		return err
	}
	answer := planAnswerOf(m, plan)
	m.display.Close()
	if m.json {
		m.answer(answer)
	} else {
		printPlan(m, answer)
	}
	code := 0
	for _, err := range plan.Problems {
		if !m.json {
			m.complain(err)
		}
		code = fault.Worse(code, fault.ExitCode(err))
	}
	if code != 0 {
		return &outcomeError{code}
	}
	return nil
}

// planAnswerOf puts a plan into words.
func planAnswerOf(m *machine, plan certificates.Plan) planAnswer {
	answer := planAnswer{
		Action: planActions()[plan.Outcome], Lineage: plan.Lineage, Names: plan.Names, KeyType: string(plan.KeyType),
		Server:  plan.Server,
		Account: plan.Account, Register: plan.Register, Profile: plan.Profile, Verify: plan.Verify,
		Why:   plan.Why.In(m.language),
		Notes: m.texts(plan.Notes), Problems: []*messages.Failure{},
	}
	if !plan.RenewAt.IsZero() {
		at := plan.RenewAt.UTC()
		answer.RenewAt = &at
	}
	for _, t := range plan.Targets {
		answer.Targets = append(answer.Targets, plannedTarget{t.Spec.String(), t.Does.In(m.language)})
	}
	for _, r := range plan.Records {
		record := planRecord{
			Domain: r.Domain, Names: r.Names, FQDN: r.FQDN, Zone: r.Zone, Credential: r.Account.Label, Failed: r.Failed,
			Most: state.MostFailures, Standing: r.Standing, Remembered: r.Remembered.Seconds(), Problem: m.errorOf(r.Err),
		}
		if r.FQDN != "" && !r.Standing {
			record.Provider = r.Account.Spec.String()
		}
		answer.Records = append(answer.Records, record)
	}
	for _, err := range plan.Problems {
		answer.Problems = append(answer.Problems, m.errorOf(err))
	}
	return answer
}

// planActions says what would be done, in the words of the answer.
func planActions() map[certificates.Outcome]string {
	return map[certificates.Outcome]string{
		certificates.Issued: "issue", certificates.Renewed: "renew", certificates.Kept: "keep", certificates.Tested: "test",
	}
}

func printPlan(m *machine, answer planAnswer) {
	t := display.NewTable("NAME", "ZONE", "PROVIDER", "RECORD", "CREDENTIAL")
	for _, r := range answer.Records {
		for _, name := range r.Names {
			t.Row(name, dash(r.Zone), dash(r.Provider), dash(r.FQDN), dash(r.Credential))
		}
	}
	sayTable(m.program, t)
	m.say("")
	switch answer.Action {
	case "test":
		m.say("A try with %s; nothing of it would be kept.", answer.Server)
	case "issue":
		m.say("A certificate %s would be issued (%s).", answer.Lineage, answer.Why)
	case "renew":
		m.say("The certificate %s would be renewed (%s).", answer.Lineage, answer.Why)
	default:
		m.say("The certificate %s would be kept until %s (%s).", answer.Lineage, messages.Instant(*answer.RenewAt),
			answer.Why)
	}
	d := m.details()
	d.Value("CA", answer.Server)
	if answer.Register {
		d.Entry("account", messages.New("a new one"))
	}
	d.Value("account", answer.Account)
	d.Value("profile", answer.Profile)
	d.Value("key", answer.KeyType)
	for _, t := range answer.Targets {
		d.Value("target", t.Target+": "+t.Does)
	}
	d.Value("verify", strings.Join(answer.Verify, " "))
	for _, r := range answer.Records {
		if r.Standing {
			d.Entry("proof", messages.New("%s is there already: no DNS service is needed", r.FQDN))
		}
		if r.Remembered > 0 {
			d.Entry("wait", messages.New("%d s, until the CA's resolvers have forgotten what stood at %s before",
				int(r.Remembered), r.FQDN))
		}
		if r.Failed > 0 {
			d.Entry("limit", messages.New("%d of %d failed validations of %s within an hour are spent", r.Failed, r.Most,
				r.Domain))
		}
	}
	for _, note := range answer.Notes {
		m.say("%s", note)
	}
	if len(answer.Problems) > 0 && answer.Action != "keep" {
		m.say("This would fail.")
	}
}

// dash is what stands in a table for what is not known.
func dash(s string) string { return cmp.Or(s, "-") }
