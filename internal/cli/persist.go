package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/certificates"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/messages"
)

func persistCommand(p *program) *cli.Command {
	flags := func(more ...cli.Flag) []cli.Flag { return slices.Concat(more, caFlags(), dnsFlags(), commonFlags()) }
	until := &cli.StringFlag{Name: "until", Usage: "`DATE` from when it holds no more, as 2027-12-31 or in days, as 400d (default: never)"}
	return &cli.Command{
		Name:      "persist",
		Usage:     "records that stay, by which names are proven without DNS credentials",
		UsageText: "wildcard persist show|set|check|remove [options] NAME...",
		Description: `dns-persist-01: a record at _validation-persist.NAME lets the account prove the
name for as long as it stands. A renewal then writes nothing to the DNS.

  wildcard persist set '*.example.com' example.com
  wildcard issue --challenge dns-persist-01 '*.example.com' example.com`,
		Subcommands: []*cli.Command{
			{
				Name: "show", Usage: "the record for each CA in use, to be set by hand", ArgsUsage: "NAME...",
				UsageText: "wildcard persist show [options] NAME...",
				Description: `As a line of a zone, for nsupdate, or for Terraform's provider hashicorp/dns.

  wildcard persist show '*.example.com' example.com
  wildcard persist show --form nsupdate '*.example.com' | nsupdate -k KEY`,
				Flags: flags(until, &cli.StringFlag{Name: "form", Value: "zone", DefaultText: "zone",
					Usage: "`FORM` of the answer: zone, nsupdate, terraform"}),
				Action: p.action(showPersist),
			},
			{
				Name: "set", Usage: "publish it, by the DNS service of the zone", ArgsUsage: "NAME...",
				UsageText: "wildcard persist set [options] NAME...",
				Description: `Beside the records of others, which stay as they are. It is waited for until all
name servers have it. The journal knows that it stays: no run removes it.

  wildcard persist set '*.example.com' example.com
  wildcard persist set --until 400d --provider rfc2136 '*.example.com'`,
				Flags:  flags(until),
				Action: p.action(setPersist),
			},
			{
				Name: "check", Usage: "whether it is there, at every name server, and holds", ArgsUsage: "NAME...",
				UsageText: "wildcard persist check [options] NAME...",
				Description: `Every address of every name server is asked, and the record read as strictly as
the strictest CA reads it. The exit status is 78 if it would not do.

  wildcard persist check '*.example.com' example.com
  wildcard persist check --json example.com`,
				Flags:  flags(),
				Action: p.action(checkPersist),
			},
			{
				Name: "remove", Usage: "delete what set has published here, and nothing else", ArgsUsage: "NAME...",
				UsageText: "wildcard persist remove [options] NAME...",
				Description: `Those that the journal has of the names, for all CAs and accounts.

  wildcard persist remove '*.example.com' example.com
  wildcard persist remove --yes example.com`,
				Flags:  flags(yesFlag()),
				Action: p.action(removePersist),
			},
		},
	}
}

// persistLine is a record in an answer of --json.
type persistLine struct {
	Names   []string          `json:"names"`
	Server  string            `json:"server"`
	Account string            `json:"account"`
	Shape   string            `json:"shape"` // of the draft: -01, -02
	FQDN    string            `json:"record"`
	Value   string            `json:"value"`
	Text    string            `json:"text,omitempty"`    // in the form that was asked for
	Verdict string            `json:"verdict,omitempty"` // of what the name servers have
	Found   string            `json:"found,omitempty"`   // that it is about
	Until   *time.Time        `json:"until,omitempty"`
	Ours    bool              `json:"ours,omitempty"` // set from here
	Problem *messages.Failure `json:"problem,omitempty"`
}

func persistLineOf(r certificates.PersistRecord) persistLine {
	return persistLine{Names: r.Names, Server: r.Server, Account: r.Account, Shape: string(r.Shape), FQDN: r.FQDN,
		Value: r.Value}
}

// persistRequest is what the command line asks for.
func persistRequest(p *program, c *cli.Context) (r certificates.PersistRequest, err error) {
	if r.Names, err = issuance.ParseNames(c.Args().Slice()); err != nil {
		return r, err
	}
	r.Server, r.Account = p.server(c), p.choice(c, "account", "")
	if r.CABundle, err = p.path(c, "ca-bundle", "WILDCARD_CA_BUNDLE"); err != nil {
		return r, err
	}
	if text := c.String("until"); text != "" {
		if r.Until, err = parseUntil(text, p.now()); err != nil {
			return r, err
		}
	}
	r.DNS, err = p.dns(c)
	return r, err
}

// parseUntil reads --until: the end of a day in UTC, or a number of days from now.
func parseUntil(text string, now time.Time) (time.Time, error) {
	until, err := time.Parse(time.DateOnly, text)
	if err == nil {
		until = until.Add(24*time.Hour - time.Second)
	}
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		n, notNumber := strconv.ParseUint(days, 10, 16)
		until, err = now.AddDate(0, 0, int(n)).UTC().Truncate(time.Second), notNumber
	}
	if err != nil || !until.After(now) {
		return until, usage("--until %s: it is a day to come, as 2027-12-31, or days from now, as 400d", fault.Excerpt(text))
	}
	return until, nil
}

func showPersist(p *program, c *cli.Context) error {
	forms := map[string]func(certificates.PersistRecord) string{
		"zone": zoneForm, "nsupdate": nsupdateForm, "terraform": terraformForm,
	}
	form, ok := forms[c.String("form")]
	if !ok {
		return usage("--form %s: it is zone, nsupdate or terraform", fault.Excerpt(c.String("form")))
	}
	request, err := persistRequest(p, c)
	if err != nil {
		return err
	}
	m, err := p.reader(c)
	if err != nil {
		return err
	}
	defer m.close()
	records, err := certificates.PersistentOf(m.manager).Records(c.Context, request)
	m.display.Close()
	if err != nil {
		return err
	}
	lines := []persistLine{}
	for _, record := range records {
		line := persistLineOf(record)
		line.Text = form(record)
		lines = append(lines, line)
	}
	if m.json {
		m.answer(map[string]any{"records": lines})
		return nil
	}
	for _, line := range lines {
		fmt.Fprintln(p.out, line.Text)
	}
	if c.String("form") == "nsupdate" {
		fmt.Fprintln(p.out, "send")
	}
	return nil
}

// recordTTL is the TTL that is shown; the CA does not go by it.
const recordTTL = 3600

// stringsOf are the character strings of a TXT record, 255 octets at most each (RFC 1035 §3.3.14), in quotes.
func stringsOf(value string) string {
	var all []string
	for part := range slices.Chunk([]byte(value), 255) {
		all = append(all, strconv.Quote(string(part)))
	}
	return strings.Join(all, " ")
}

func zoneForm(r certificates.PersistRecord) string {
	return fmt.Sprintf("%s %d IN TXT %s", r.FQDN, recordTTL, stringsOf(r.Value))
}

func nsupdateForm(r certificates.PersistRecord) string {
	return fmt.Sprintf("update add %s %d TXT %s", r.FQDN, recordTTL, stringsOf(r.Value))
}

// terraformForm is a resource of hashicorp/dns. It has all values of the name: what stands there besides is to be added to txt.
func terraformForm(r certificates.PersistRecord) string {
	label, _, _ := strings.Cut(r.FQDN, ".")
	name := strings.NewReplacer(".", "_", "-", "_").Replace(r.Domain)
	const form = `resource "dns_txt_record_set" "validation_persist_%s" {
  zone = %q
  name = %q
  txt  = [%q]
  ttl  = %d
}`
	return fmt.Sprintf(form, name, r.Domain+".", label, r.Value, recordTTL)
}

func setPersist(p *program, c *cli.Context) error {
	return lookAtPersist(p, c, func(m *machine, r certificates.PersistRequest) ([]certificates.PersistSeen, error) {
		return certificates.PersistentOf(m.manager).Set(c.Context, r)
	})
}

func checkPersist(p *program, c *cli.Context) error {
	return lookAtPersist(p, c, func(m *machine, r certificates.PersistRequest) ([]certificates.PersistSeen, error) {
		return certificates.PersistentOf(m.manager).Check(c.Context, r)
	})
}

// lookAtPersist does something with the records of names, and says what there is afterwards.
func lookAtPersist(p *program, c *cli.Context,
	do func(*machine, certificates.PersistRequest) ([]certificates.PersistSeen, error)) error {
	request, err := persistRequest(p, c)
	if err != nil {
		return err
	}
	m, err := p.machine(c)
	if err != nil {
		return err
	}
	defer m.close()
	all, err := do(m, request)
	m.display.Close()
	if err != nil {
		return err
	}
	lines, code := []persistLine{}, 0
	for _, seen := range all {
		line := persistLineOf(seen.PersistRecord)
		line.Verdict, line.Found, line.Ours = string(seen.Found.Verdict), seen.Found.Text, seen.Ours
		if until := seen.Found.Record.Until; !until.IsZero() {
			line.Until = &until
		}
		if missing := seen.Missing(); missing != nil {
			line.Problem, code = p.errorOf(missing), fault.Worse(code, fault.ExitCode(missing))
		}
		lines = append(lines, line)
		if !m.json {
			saySeen(m, seen)
		}
	}
	if m.json {
		m.answer(map[string]any{"records": lines})
	}
	if code != 0 {
		return &outcomeError{code}
	}
	return nil
}

// saySeen says what the name servers have of a record.
func saySeen(m *machine, seen certificates.PersistSeen) {
	if missing := seen.Missing(); missing != nil {
		m.complain(missing)
		return
	}
	if m.quiet {
		return
	}
	m.say("%s lets the account %s prove %s.", seen.FQDN, seen.Account, strings.Join(seen.Names, " "))
	d := m.details()
	d.Value("CA", seen.Server)
	d.Value("record", messages.OneLine(seen.Found.Text))
	if until := seen.Found.Record.Until; !until.IsZero() {
		d.Entry("valid", messages.New("until %s", messages.Instant(until)))
	}
	if seen.Ours {
		d.Entry("set", messages.New("from here: wildcard persist remove %s deletes it", seen.Domain))
	}
}

// removedAnswer is the answer of "persist remove --json".
type removedAnswer struct {
	Removed []recordLine `json:"removed"`
	Used    []string     `json:"used_by,omitempty"` // certificates that were renewed by such a record the last time
}

func removePersist(p *program, c *cli.Context) error {
	names, err := issuance.ParseNames(c.Args().Slice())
	if err != nil {
		return err
	}
	dns, err := p.dns(c)
	if err != nil {
		return err
	}
	m, err := p.machine(c)
	if err != nil {
		return err
	}
	defer m.close()
	confirm := func(would certificates.PersistRemoved) error {
		if len(would.Used) > 0 {
			m.display.Print(m.language.Sprintf("By such a record these were renewed: %s", strings.Join(would.Used, " ")))
			m.lines.Flush()
		}
		return m.confirm(c, "Delete %d records that let names be proven?", len(would.Removed))
	}
	done, err := certificates.PersistentOf(m.manager).Remove(c.Context, names, dns, confirm)
	m.display.Close()
	if err != nil {
		return err
	}
	answer := removedAnswer{Removed: linesOf(done.Removed), Used: done.Used}
	switch {
	case m.json:
		m.answer(answer)
	case len(answer.Removed) == 0:
		m.say("Of these names no record was set from here, so nothing is deleted.")
	case !m.quiet:
		for _, line := range answer.Removed {
			m.say("removed  %s TXT %s", line.FQDN, line.Value)
		}
	}
	return nil
}
