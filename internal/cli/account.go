package cli

import (
	"bytes"
	"crypto"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/certificates"
	"wildcard/internal/cli/display"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/settings"
)

func accountCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "account",
		Usage:     "the accounts at CAs",
		UsageText: "wildcard account register|show|deactivate|import [options]",
		Description: `They are certbot's: what one program registers, the other uses.

  wildcard account register --agree-tos --email you@example.com
  wildcard account show --server letsencrypt-staging`,
		Subcommands: []*cli.Command{
			{
				Name:      "register",
				Usage:     "make an account, if there is none",
				UsageText: "wildcard account register [options]",
				Description: `"wildcard issue" does so by itself. The key of an external account binding is best
given in WILDCARD_EAB_HMAC_KEY.

  wildcard account register --agree-tos --email you@example.com
  wildcard account register --server zerossl --agree-tos --eab-kid ID`,
				Flags:  slices.Concat(serverFlags(), registrationFlags(), commonFlags()),
				Action: p.action(registerAccount),
			},
			{
				Name:      "show",
				Usage:     "the accounts, and what the CA knows of them",
				UsageText: "wildcard account show [options]",
				Description: `  wildcard account show
  wildcard account show --server letsencrypt-staging --json`,
				Flags:  slices.Concat(serverFlags(), []cli.Flag{accountFlag()}, commonFlags()),
				Action: p.action(showAccounts),
			},
			{
				Name:      "deactivate",
				Usage:     "end an account for good",
				UsageText: "wildcard account deactivate [options]",
				Description: `Its certificates stay valid; it can order no more. The files are removed.

  wildcard account deactivate --server letsencrypt-staging
  wildcard account deactivate --account 0a1b`,
				Flags:  slices.Concat(serverFlags(), []cli.Flag{accountFlag(), yesFlag()}, commonFlags()),
				Action: p.action(deactivateAccount),
			},
			{
				Name:      "import",
				Usage:     "take the account of another client, by its key",
				UsageText: "wildcard account import [options] FILE",
				Description: `FILE has the private key: PEM (lego, acme.sh, dehydrated) or a JWK (certbot).
The CA is asked for the account.

  wildcard account import ~/.lego/accounts/CA/you@example.com/keys/you.key
  wildcard account import --server letsencrypt-staging account.key`,
				ArgsUsage: "FILE",
				Flags:     slices.Concat(serverFlags(), commonFlags()),
				Action:    p.action(importAccount),
			},
		},
	}
}

// serverFlags are the flags of caFlags that say which CA.
func serverFlags() []cli.Flag { return caFlags()[:2] }

func accountFlag() cli.Flag { return caFlags()[2] }

// accountLine is an account in an answer of --json.
type accountLine struct {
	ID      string            `json:"id"`
	Server  string            `json:"server"`
	URI     string            `json:"uri"`
	Created time.Time         `json:"created"`
	Host    string            `json:"host,omitempty"`
	Status  string            `json:"status,omitempty"`
	Contact []string          `json:"contact,omitempty"`
	Error   *messages.Failure `json:"error,omitempty"`
}

func accountLineOf(a lineage.Account) accountLine {
	return accountLine{ID: a.ID, Server: a.Server, URI: a.URI, Created: a.Created.UTC(), Host: a.Host}
}

// accounts opens what a command about accounts needs, and reads which CA the command line names.
func (p *program) accounts(c *cli.Context) (m *machine, at certificates.CA, err error) {
	bundle, err := p.path(c, "ca-bundle", "WILDCARD_CA_BUNDLE")
	if err != nil {
		return nil, at, err
	}
	m, err = p.machine(c)
	return m, certificates.CA{Server: p.server(c).Value, Bundle: bundle.Value}, err
}

func registerAccount(p *program, c *cli.Context) error {
	if c.Args().Present() {
		return usage("account register takes no names")
	}
	m, at, err := p.accounts(c)
	if err != nil {
		return err
	}
	defer m.close()
	wanted, err := registration(p, c)
	if err != nil {
		return err
	}
	a, existed, err := m.manager.Accounts.Register(c.Context, at, wanted)
	switch {
	case err != nil:
		return err
	case existed:
		return sayAccounts(m, []accountLine{accountLineOf(a)}, "The account %s is there already.")
	}
	return sayAccounts(m, []accountLine{accountLineOf(a)}, "The account %s is registered.")
}

func sayAccounts(m *machine, lines []accountLine, format messages.Text) error {
	m.display.Close()
	if m.json {
		m.answer(map[string]any{"accounts": lines})
		return nil
	}
	if m.quiet {
		return nil
	}
	for _, line := range lines {
		m.say(format, line.URI)
		m.say("  id %s, at %s", line.ID, line.Server)
	}
	return nil
}

func showAccounts(p *program, c *cli.Context) error {
	if c.Args().Present() {
		return usage("account show takes no names: --account chooses by id")
	}
	m, at, err := p.accounts(c)
	if err != nil {
		return err
	}
	defer m.close()
	found, err := m.manager.Accounts.At(c.Context, at, c.String("account"))
	if err != nil {
		return err
	}
	lines := []accountLine{}
	code := 0
	for _, a := range found.All {
		line := accountLineOf(a.Account)
		if a.Err != nil {
			line.Error, code = p.errorOf(a.Err), fault.Worse(code, fault.ExitCode(a.Err))
		}
		line.Status, line.Contact = a.Info.Status, a.Info.Contact
		lines = append(lines, line)
	}
	if m.json {
		m.answer(map[string]any{"accounts": lines})
	} else {
		printAccounts(m, found, lines)
	}
	if code != 0 {
		return &outcomeError{code}
	}
	return nil
}

func printAccounts(m *machine, at certificates.AccountsAt, lines []accountLine) {
	if len(lines) == 0 {
		m.say("There is no account at %s: wildcard account register --agree-tos makes one.", at.Server)
		return
	}
	t := display.NewTable("ID", "STATUS", "CREATED", "CONTACT", "ACCOUNT")
	for _, line := range lines {
		status := accountStatus(line.Status)
		contact := strings.Join(line.Contact, " ")
		if contact == "" {
			contact = "-"
		}
		t.Row(line.ID, status, line.Created.Format(time.DateOnly), messages.OneLine(contact), line.URI)
	}
	sayTable(m.program, t)
	if at.Facts.NoContact {
		m.say("%s keeps no contact addresses.", at.Facts.Company)
	}
	for _, line := range lines {
		if line.Error != nil {
			m.complainOf("account "+line.ID, line.Error)
		}
	}
	if at.Facts.NoAccountURL && slices.ContainsFunc(lines, func(l accountLine) bool { return l.Error != nil }) {
		m.say("%s answers every question for an account so; orders are not affected.", at.Facts.Company)
	}
}

// accountStatus says what the CA knows of an account (RFC 8555 §7.1.2); "" if it could not be asked.
func accountStatus(status string) messages.Message {
	switch status {
	case "valid":
		return messages.New("valid")
	case "deactivated":
		return messages.New("deactivated")
	case "revoked":
		return messages.New("revoked")
	case "":
		return messages.New("unknown")
	}
	return messages.New("%s", messages.OneLine(status))
}

func deactivateAccount(p *program, c *cli.Context) error {
	if c.Args().Present() {
		return usage("account deactivate takes no names: --account chooses by id")
	}
	m, at, err := p.accounts(c)
	if err != nil {
		return err
	}
	defer m.close()
	a, err := m.manager.Accounts.Deactivate(c.Context, at, c.String("account"), func(a lineage.Account) error {
		return m.confirm(c, "Deactivate the account %s? This cannot be undone.", a.URI)
	})
	if err != nil {
		return err
	}
	return sayAccounts(m, []accountLine{accountLineOf(a)}, "The account %s is deactivated, and its files are removed.")
}

func importAccount(p *program, c *cli.Context) error {
	if c.NArg() != 1 {
		return usage("account import wants the file of one private key")
	}
	text, err := settings.ReadKey(c.Args().First())
	if err != nil {
		return fault.Errorf(lineage.CodeAccount, fault.Misconfigured, "import: %w", err)
	}
	key, err := accountKey(text)
	if err != nil {
		return fault.Errorf(lineage.CodeAccount, fault.Misconfigured, "import %s: %w", c.Args().First(), err)
	}
	m, at, err := p.accounts(c)
	if err != nil {
		return err
	}
	defer m.close()
	a, err := m.manager.Accounts.Import(c.Context, at, key)
	if err != nil {
		return err
	}
	return sayAccounts(m, []accountLine{accountLineOf(a)}, "The account %s is imported.")
}

// accountKey reads a private key, PEM or JWK.
func accountKey(text []byte) (crypto.Signer, error) {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return lineage.ParseJWK(text)
	}
	return issuance.ParseKey(text)
}
