package cli

import (
	"cmp"
	"context"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"wildcard/internal/certificates"
	"wildcard/internal/doctor"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
)

func doctorCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "doctor",
		Usage:     "what is wrong, why it matters, and the command that fixes it",
		UsageText: "wildcard doctor [options] [NAME...]",
		Description: `Looks at settings, services, DNS, CA, files, timers, and with --endpoint at servers; all certificates, or those that are
named. A NAME of which there is no certificate yet is looked at as "issue" would. Nothing is written without --probe or
--fix. Exit status: 0 without errors and warnings, 1 with warnings, else that of the worst error.

  wildcard doctor
  wildcard doctor --probe --endpoint www.example.com '*.example.com'`,
		ArgsUsage: "[NAME...]",
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "probe", Usage: "make a TXT record in each zone, wait for the name servers, delete it"},
			&cli.BoolFlag{Name: "fix", Usage: "put our certificates' files in order"},
			&cli.StringSliceFlag{Name: "endpoint", Usage: "`ADDRESS` of a server to compare with the files: [CERTIFICATE=]HOST[:PORT][,PROTOCOL]; may be repeated"},
		}, caFlags(), dnsFlags(), commonFlags()),
		Action: p.action(runDoctor),
	}
}

// findingLine is a finding in the answer of "doctor --json".
type findingLine struct {
	Code     string `json:"code,omitempty"`
	Severity string `json:"severity"`
	Subject  string `json:"subject"`
	What     string `json:"what"`
	Why      string `json:"why,omitempty"`
	Fix      string `json:"fix,omitempty"`
	Cause    string `json:"cause,omitempty"` // code of the error behind it
	Exit     int    `json:"exit_status"`
}

// doctorAnswer is the answer of "doctor --json".
type doctorAnswer struct {
	Findings []findingLine `json:"findings"`
	Good     []findingLine `json:"good"` // what was looked at and is as it should be
	Repaired []string      `json:"repaired,omitempty"`
	Exit     int           `json:"exit_status"`
}

func runDoctor(p *program, c *cli.Context) error {
	var endpoints []doctor.Endpoint
	for _, text := range c.StringSlice("endpoint") {
		endpoint, err := doctor.ParseEndpoint(text)
		if err != nil {
			return usage("--endpoint: %w", err)
		}
		endpoints = append(endpoints, endpoint)
	}
	chosen, err := p.dns(c)
	if err != nil {
		return err
	}
	m, err := examiner(p, c)
	if err != nil {
		return err
	}
	defer m.close()
	cases, err := casesOf(m, c, chosen)
	if err != nil {
		return err
	}
	binding, err := registration(p, c)
	if err != nil {
		return err
	}
	self, _ := os.Executable() // where it is not known, doctor says no path
	d := doctor.Doctor{
		Program: self, Environ: p.environ,
		Store: m.manager.Store, Dirs: m.dirs, State: m.manager.State, Journal: m.manager.Journal, Log: m.log, Now: p.now,
		Root: p.root, Router: m.manager.Services.Router, Resolver: m.manager.Services.Resolver, CA: m.manager.Services.CA,
		Target:  m.manager.Targets.CheckText,
		Binding: binding, Endpoints: endpoints, Probe: c.Bool("probe"), Fix: c.Bool("fix"),
		Others: !c.Args().Present(),
	}
	if d.Probe {
		m.display.Notice("a TXT record is made in each zone and deleted when every name server has it: this takes as long as publication does")
	}
	report := d.Examine(c.Context, cases)
	m.display.Close()
	answer := doctorAnswer{Findings: findingLinesOf(m, report.Findings), Good: findingLinesOf(m, report.Good),
		Repaired: report.Repaired, Exit: report.Exit()}
	if m.json {
		m.answer(answer)
	} else {
		printReport(m, answer)
	}
	if err := context.Cause(c.Context); err != nil {
		return err
	}
	if answer.Exit != 0 {
		return &outcomeError{answer.Exit}
	}
	return nil
}

// examiner is the engine of an examination. Only a probe, which has to be journalled, makes folders; tokens of earlier runs
// are not used, since they would hide that a password is wrong by now.
func examiner(p *program, c *cli.Context) (*machine, error) {
	return p.open(c, certificates.Options{ReadOnly: !c.Bool("probe"), FreshTokens: true})
}

// casesOf are the certificates to look at: those that are named, else all of ours. Names that belong to no certificate are
// looked at together, with the settings of the command line and the environment.
func casesOf(m *machine, c *cli.Context, chosen certificates.DNS) ([]doctor.Case, error) {
	var cases []doctor.Case
	add := func(l *lineage.Lineage) error {
		if slices.ContainsFunc(cases,
			func(known doctor.Case) bool { return known.Lineage != nil && known.Lineage.Name == l.Name }) {
			return nil
		}
		found, err := caseOf(m, c, chosen, l)
		cases = append(cases, found)
		return err
	}
	ours := map[string]*lineage.Lineage{} // by the names on them
	for l, err := range m.manager.Store.All() {
		if err != nil || !l.Owned() {
			continue // what cannot be read is one of the findings
		}
		s, _ := l.Conf.Settings()
		for _, name := range s.Domains {
			ours[name] = l
		}
		if !c.Args().Present() {
			if err := add(l); err != nil {
				return nil, err
			}
		}
	}
	var free []string
	for _, arg := range c.Args().Slice() {
		l, err := m.manager.Store.Lineage(arg)
		if err != nil && fault.CodeOf(err) != lineage.CodeNotFound && fault.CodeOf(err) != lineage.CodeName {
			return nil, err
		}
		if l == nil {
			names, err := issuance.ParseNames([]string{arg})
			if err != nil {
				return nil, err
			}
			if l = ours[names[0]]; l == nil {
				free = append(free, names[0])
				continue
			}
		}
		if err := add(l); err != nil {
			return nil, err
		}
	}
	if len(free) > 0 || len(cases) == 0 {
		found, err := caseOf(m, c, chosen, nil)
		if err != nil {
			return nil, err
		}
		found.Domains = free
		cases = append(cases, found)
	}
	return cases, nil
}

// caseOf is a lineage with the settings in force; nil is one that is not there yet.
func caseOf(m *machine, c *cli.Context, chosen certificates.DNS, l *lineage.Lineage) (doctor.Case, error) {
	found := doctor.Case{Lineage: l}
	if l != nil {
		ours := false
		found.Params = l.Conf.Params()
		if found.Settings, ours = l.Conf.Settings(); !ours {
			found.Settings = certificates.SettingsOfHook(found.Params.AuthHook, m.dirs.Config)
		}
		found.Domains = found.Settings.Domains
		if len(found.Domains) == 0 && l.Leaf != nil {
			found.Domains = l.Leaf.DNSNames
		}
	}
	if err := chosen.Over(&found.Settings); err != nil {
		return found, err
	}
	bundle, err := m.path(c, "ca-bundle", "WILDCARD_CA_BUNDLE")
	if err != nil {
		return found, err
	}
	found.Settings.CABundle = bundle.Over(found.Settings.CABundle, found.Settings.CABundle != "")
	server := m.server(c).Over(found.Params.Server, found.Params.Server != "")
	if server != found.Params.Server {
		found.Params.Server, found.Params.Account = server, ""
	}
	if c.IsSet("account") {
		found.Params.Account = c.String("account")
	}
	found.CheckDelegation = certificates.ChecksDelegation(found.Settings)
	return found, nil
}

func findingLinesOf(m *machine, findings []doctor.Finding) []findingLine {
	lines := []findingLine{}
	for _, f := range findings {
		lines = append(lines, findingLine{
			Code: f.Code, Severity: string(f.Severity), Subject: f.Subject, What: f.What.In(m.language),
			Why: f.Why.In(m.language), Fix: f.Fix.In(m.language), Cause: f.Cause, Exit: f.Exit,
		})
	}
	return lines
}

// severity is the word of a severity, or for what was repaired, in the user's language, as wide as the longest.
func severity(m *machine, word string) string {
	said := map[string]messages.Text{
		string(doctor.OK): "ok", string(doctor.Note): "note", "repaired": "repaired",
		string(doctor.Warning): "warning", string(doctor.Error): "error",
	}
	return messages.Pad(m.language.Translate(said[word]), len("repaired"))
}

// printReport prints what is wrong, the worst first; what is right comes before, so that it scrolls away and not the rest.
func printReport(m *machine, answer doctorAnswer) {
	if !m.quiet {
		for _, line := range answer.Good {
			m.say("%s %s: %s", severity(m, line.Severity), messages.OneLine(strings.TrimSuffix(line.Subject, ".")), line.What)
		}
	}
	for _, name := range answer.Repaired {
		m.say("%s %s: its files are in order again", severity(m, "repaired"), name)
	}
	count := map[string]int{}
	for i, line := range answer.Findings {
		count[line.Severity]++
		if i > 0 || !m.quiet {
			m.say("")
		}
		code := line.Code
		if line.Cause != "" && line.Cause != code {
			code += ", " + line.Cause
		}
		m.say("%s %s: %s [%s]", severity(m, line.Severity), messages.OneLine(strings.TrimSuffix(line.Subject, ".")),
			messages.OneLine(line.What), code)
		m.say("%-8s %s", "", line.Why)
		m.say("%-8s > %s", "", messages.OneLine(cmp.Or(line.Fix, "-")))
	}
	switch {
	case len(answer.Findings) > 0:
		m.say("")
		m.say("Errors: %d, warnings: %d, notes: %d.", count[string(doctor.Error)], count[string(doctor.Warning)],
			count[string(doctor.Note)])
	case !m.quiet:
		m.say("Nothing is wrong.")
	}
}
