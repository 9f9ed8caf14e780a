package cli

import (
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/certificates"
	"wildcard/internal/fault"
	"wildcard/internal/foreign"
	"wildcard/internal/issuance"
	"wildcard/internal/messages"
)

func importCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "import",
		Usage:     "take over what another ACME client has",
		UsageText: "wildcard import [options] CLIENT [PATH]",
		Description: `Certificates with keys, accounts, and what its DNS service is logged in with. CLIENT
is acme.sh, lego, dehydrated, caddy, traefik, cert-manager, uacme or getssl. Its own files
stay as they are. What does not come is named, and so is what ends its renewals.

  wildcard import --dry-run acme.sh
  wildcard import --provider conoha lego /etc/lego`,
		ArgsUsage: "CLIENT [PATH]",
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: "only show what would come"},
			&cli.StringSliceFlag{Name: "server", Usage: "`CA` where the client does not say it: URL of its directory, or a name; may be repeated"},
			&cli.StringSliceFlag{Name: "deploy-hook", Usage: "`COMMAND`: run it after each renewal; may be repeated"},
			&cli.StringFlag{Name: "ca-bundle", Usage: "`FILE` with further roots for the CA's own TLS (WILDCARD_CA_BUNDLE)"},
		}, dnsFlags(), commonFlags()),
		Action: p.action(runImport),
	}
}

// importAnswer is the answer of "import --json".
type importAnswer struct {
	Client       string              `json:"client"`
	Paths        []string            `json:"paths"`
	DryRun       bool                `json:"dry_run"`
	Certificates []importCertificate `json:"certificates"`
	Accounts     []importAccountLine `json:"accounts"`
	Files        []string            `json:"files"`          // of credentials
	Lost         []string            `json:"no_counterpart"` // settings for all
	Unread       []string            `json:"not_understood"` // FILE:LINE
	Renewals     []importRenewal     `json:"renewals"`       // of the client itself
	Notes        []string            `json:"notes,omitempty"`
}

type importCertificate struct {
	Source   string            `json:"source"`
	Outcome  string            `json:"outcome"` // imported, there, not imported
	Lineage  string            `json:"lineage,omitempty"`
	Names    []string          `json:"names"`
	NotAfter *time.Time        `json:"not_after,omitempty"`
	Server   string            `json:"server,omitempty"`
	Account  string            `json:"account,omitempty"` // URL
	Provider string            `json:"provider,omitempty"`
	Lost     []string          `json:"no_counterpart,omitempty"`
	Notes    []string          `json:"notes,omitempty"`
	Error    *messages.Failure `json:"error,omitempty"`
}

type importAccountLine struct {
	Source  string            `json:"source"`
	Outcome string            `json:"outcome"`
	ID      string            `json:"id,omitempty"`
	Server  string            `json:"server,omitempty"`
	URI     string            `json:"uri,omitempty"`
	Error   *messages.Failure `json:"error,omitempty"`
}

type importRenewal struct {
	File string `json:"file,omitempty"`
	Line string `json:"line"`
	End  string `json:"end"`
}

func runImport(p *program, c *cli.Context) error {
	if c.NArg() < 1 || c.NArg() > 2 {
		return usage("import wants the name of a client (%s), and perhaps a path", strings.Join(foreign.Clients(), ", "))
	}
	r := certificates.ImportRequest{Client: c.Args().First(), DryRun: c.Bool("dry-run"),
		DeployHooks: c.StringSlice("deploy-hook")}
	var err error
	if r.Path, err = absolute("PATH", c.Args().Get(1)); err != nil {
		return err
	}
	for _, server := range c.StringSlice("server") {
		r.Servers = append(r.Servers, issuance.ServerURL(server))
	}
	if r.DNS, err = p.dns(c); err != nil {
		return err
	}
	if r.CABundle, err = p.path(c, "ca-bundle", "WILDCARD_CA_BUNDLE"); err != nil {
		return err
	}
	m, err := p.open(c, certificates.Options{ReadOnly: r.DryRun})
	if err != nil {
		return err
	}
	defer m.close()
	got, err := m.manager.Import(c.Context, r)
	m.display.Close()
	if err != nil {
		return err
	}
	return sayImported(m, got, r.DryRun)
}

// sayImported says what came, what did not, and what is left to do. The exit status is that of the worst that did not come.
func sayImported(m *machine, got certificates.Imported, dryRun bool) error {
	answer, code := importAnswerOf(m, got, dryRun)
	switch {
	case m.json:
		m.answer(answer)
	case !m.quiet:
		printImported(m, answer)
	}
	if !m.json {
		for _, c := range answer.Certificates {
			if c.Error != nil {
				m.complainOf(c.Source, c.Error)
			}
		}
		for _, a := range answer.Accounts {
			if a.Error != nil {
				m.complainOf(a.Source, a.Error)
			}
		}
	}
	if code != 0 {
		return &outcomeError{code}
	}
	return nil
}

// importAnswerOf is the answer, and the exit status: that of the worst that was not imported.
func importAnswerOf(m *machine, got certificates.Imported, dryRun bool) (importAnswer, int) {
	a, code := importAnswer{Client: got.Client, Paths: got.Paths, DryRun: dryRun, Certificates: []importCertificate{},
		Accounts: []importAccountLine{}, Files: append([]string{}, got.Files...), Lost: append([]string{}, got.Lost...),
		Unread: append([]string{}, got.Unread...), Renewals: []importRenewal{}, Notes: m.texts(got.Extra)}, 0
	failure := func(err error) *messages.Failure {
		if err == nil {
			return nil
		}
		code = fault.Worse(code, fault.ExitCode(err))
		return m.errorOf(err)
	}
	for _, c := range got.Certificates {
		line := importCertificate{Source: c.Source, Outcome: string(c.Outcome), Lineage: c.Lineage, Names: c.Names,
			Server: c.Server, Account: c.Account, Provider: c.Provider, Lost: c.Lost, Notes: m.texts(c.Notes),
			Error: failure(c.Err)}
		if !c.NotAfter.IsZero() {
			end := c.NotAfter.UTC()
			line.NotAfter = &end
		}
		a.Certificates = append(a.Certificates, line)
	}
	for _, of := range got.Accounts {
		a.Accounts = append(a.Accounts,
			importAccountLine{of.Source, string(of.Outcome), of.ID, of.Server, of.URI, failure(of.Err)})
	}
	for _, r := range got.Renewals {
		a.Renewals = append(a.Renewals, importRenewal(r))
	}
	return a, code
}

// printImported prints the answer for a person. What a source has said passes the cleaner.
func printImported(m *machine, a importAnswer) {
	one := messages.OneLine
	for _, c := range a.Certificates {
		switch c.Outcome {
		case string(certificates.ImportNot):
			continue // an error says it
		case string(certificates.ImportThere):
			m.say("%s is there already, from %s.", c.Lineage, one(c.Source))
			continue
		}
		m.say("%s, from %s", c.Lineage, one(c.Source))
		m.say("  names: %s", one(strings.Join(c.Names, " ")))
		m.say("  until %s, at %s, DNS service %s", messages.Instant(*c.NotAfter), one(c.Server), one(c.Provider))
		if c.Account != "" {
			m.say("  account: %s", one(c.Account))
		}
		if len(c.Lost) > 0 {
			m.say("  no counterpart here: %s", one(strings.Join(c.Lost, ", ")))
		}
		for _, note := range c.Notes {
			m.say("  %s", note)
		}
	}
	for _, of := range a.Accounts {
		if of.Error == nil {
			m.say("account %s (%s), from %s", one(of.URI), of.ID, one(of.Source))
		}
	}
	for _, file := range a.Files {
		m.say("credentials: %s", one(file))
	}
	for _, name := range a.Lost {
		m.say("no counterpart here: %s", one(name))
	}
	for _, line := range a.Unread {
		m.say("not understood, and not taken over: %s", one(line))
	}
	printRenewals(m, a)
	if a.DryRun {
		m.say("Nothing was written.")
		return
	}
	m.say("Nothing of %s was changed. wildcard renew --dry-run tries the renewals.", a.Client)
}

// printRenewals says what renews the certificates in the client's name, and what ends that.
func printRenewals(m *machine, a importAnswer) {
	if len(a.Renewals) == 0 {
		m.say("No line that runs %s was found: where one does, it goes on renewing, too.", a.Client)
		return
	}
	for _, note := range a.Notes {
		m.say("%s", note)
	}
	for _, r := range a.Renewals {
		if r.File == "" {
			m.say("%s: %s", messages.OneLine(r.Line), messages.OneLine(r.End))
			continue
		}
		m.say("%s goes on renewing, by %s:", a.Client, messages.OneLine(r.File))
		m.say("  %s", messages.OneLine(r.Line))
		m.say("  what ends it: %s", messages.OneLine(r.End))
	}
}
