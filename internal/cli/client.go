package cli

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/acmeserver"
	"wildcard/internal/cli/display"
	"wildcard/internal/messages"
)

func clientCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "client",
		Usage:     "the machines that may ask \"wildcard serve\"",
		UsageText: "wildcard client add|list|show|remove|explain [options]",
		Description: `What a client may have stands in CONFIG_DIR/serve/CLIENT.conf. A change counts at
once.

  wildcard client add web1 web1.example.com '*.web1.example.com'
  wildcard client explain web1 mail.example.com`,
		Subcommands: []*cli.Command{
			clientAddCommand(p),
			{
				Name: "list", Usage: "the clients, and what each may have", UsageText: "wildcard client list [options]",
				Flags: commonFlags(), Action: p.action(listClients),
			},
			{
				Name: "show", Usage: "one client, and its certificates", UsageText: "wildcard client show [options] CLIENT",
				ArgsUsage: "CLIENT", Flags: commonFlags(), Action: p.action(showClient),
			},
			{
				Name: "remove", Usage: "end a client, its key and its accounts",
				UsageText: "wildcard client remove [options] CLIENT",
				Description: `Its certificates stay valid; it gets no more.

  wildcard client remove web1
  wildcard client remove web1 --yes`,
				ArgsUsage: "CLIENT", Flags: append([]cli.Flag{yesFlag()}, commonFlags()...), Action: p.action(removeClient),
			},
			{
				Name: "explain", Usage: "whether a client may have a name, and why",
				UsageText: "wildcard client explain [options] CLIENT NAME...",
				Description: `Exits with 1 if it may not have one of them.

  wildcard client explain web1 web1.example.com
  wildcard client explain web1 web1.example.com '*.example.com'`,
				ArgsUsage: "CLIENT NAME...", Flags: commonFlags(), Action: p.action(explainClient),
			},
		},
	}
}

func clientAddCommand(p *program) *cli.Command {
	return &cli.Command{
		Name: "add", Usage: "let a machine have certificates, and print its key",
		UsageText: "wildcard client add [options] CLIENT NAME...",
		Description: `NAME is a name, *.NAME, .NAME (all names below it) or *..NAME (all wildcards
below it). *.NAME is never implied. The key is shown once.

  wildcard client add web1 web1.example.com '*.web1.example.com'
  wildcard client add lab .lab.example.com --from 192.0.2.0/24`,
		ArgsUsage: "CLIENT NAME...",
		Flags: append([]cli.Flag{
			&cli.StringSliceFlag{Name: "from", Usage: "`NETWORK` that it must come from; may be repeated (default: any)"},
			&cli.IntFlag{Name: "orders-per-hour", Usage: "`NUMBER` of orders that it may make in an hour (default 60)"},
		}, commonFlags()...),
		Action: p.action(addClient),
	}
}

// clients opens what the commands about clients need.
func (p *program) clients(c *cli.Context) (m *machine, all *acmeserver.Clients, directory string, err error) {
	if m, err = p.machine(c); err != nil {
		return nil, nil, "", err
	}
	state, err := acmeserver.OpenState(m.dirs)
	if err != nil {
		m.close()
		return nil, nil, "", err
	}
	return m, acmeserver.NewClients(m.dirs, state), acmeserver.Directory(state), nil
}

// clientLine is a client in an answer of --json.
type clientLine struct {
	Client    string    `json:"client"`
	KeyID     string    `json:"kid"`
	Key       string    `json:"hmac_key,omitempty"` // of a new one
	Directory string    `json:"directory,omitempty"`
	Names     []string  `json:"names"`
	From      []string  `json:"from,omitempty"`
	Quota     int       `json:"orders_per_hour,omitempty"`
	File      string    `json:"file"`
	Created   time.Time `json:"created"`
}

func clientLineOf(all *acmeserver.Clients, client acmeserver.Client) clientLine {
	line := clientLine{Client: client.Name, KeyID: client.KeyID, Names: client.Names, Quota: client.Quota,
		File: all.Path(client.Name), Created: client.Created.UTC()}
	for _, net := range client.From {
		line.From = append(line.From, net.String())
	}
	return line
}

func addClient(p *program, c *cli.Context) error {
	args := c.Args().Slice()
	if len(args) < 2 {
		return usage("client add wants the client's name and what it may have: wildcard client add web1 web1.example.com")
	}
	var policy acmeserver.Policy
	var err error
	if policy.Names, err = acmeserver.ParseAllowed(args[1:]); err != nil {
		return err
	}
	if policy.From, err = acmeserver.ParseNetworks(c.StringSlice("from")); err != nil {
		return err
	}
	policy.Quota = c.Int("orders-per-hour")
	if c.IsSet("orders-per-hour") && (policy.Quota < 1 || policy.Quota > 100_000) {
		return usage("--orders-per-hour is from 1 to 100000")
	}
	m, all, directory, err := p.clients(c)
	if err != nil {
		return err
	}
	defer m.close()
	client, key, err := all.Add(args[0], policy, p.now())
	m.display.Close()
	if err != nil {
		return err
	}
	line := clientLineOf(all, client)
	line.Key, line.Directory = key, directory
	if m.json {
		m.answer(line)
		return nil
	}
	m.say("The client %s may have %s.", client.Name, words(client.Names))
	m.say("Its key, which is shown this once:")
	fmt.Fprintf(m.out, "  kid       %s\n  hmac_key  %s\n\n", line.KeyID, key)
	if directory == "" {
		m.say("The server has not run yet: put its name in the place of ACME-SERVER.")
		line.Directory = "https://ACME-SERVER/directory"
	}
	fmt.Fprint(m.out, forClients(line))
	return nil
}

// forClients are complete commands and settings for other programs. HOST stands for what is below a name.
func forClients(l clientLine) string {
	var names []string
	for _, name := range l.Names {
		below := strings.Replace(strings.TrimPrefix(name, "."), "*..", "*.", 1)
		if below != name {
			below = strings.Replace("HOST."+below, "HOST.*.", "*.HOST.", 1)
		}
		names = append(names, below)
	}
	quotedNames := make([]string, len(names))
	for i, name := range names {
		quotedNames[i] = quoted([]string{name})
	}
	each := " -d " + strings.Join(quotedNames, " -d ")
	fill := strings.NewReplacer("{url}", l.Directory, "{kid}", l.KeyID, "{key}", l.Key, "{names}", each,
		"{first}", quotedNames[0], "{bare}", names[0])
	return fill.Replace(clientCommands)
}

//go:embed clients.txt
var clientCommands string

func listClients(p *program, c *cli.Context) error {
	if c.Args().Present() {
		return usage("client list takes no names")
	}
	m, all, _, err := p.clients(c)
	if err != nil {
		return err
	}
	defer m.close()
	clients, errs := all.All()
	for _, err := range errs {
		m.display.Notice("%v", err)
	}
	m.display.Close()
	lines := []clientLine{}
	for _, client := range clients {
		lines = append(lines, clientLineOf(all, client))
	}
	if m.json {
		m.answer(map[string]any{"clients": lines})
		return nil
	}
	if len(lines) == 0 {
		m.say("There are no clients; wildcard client add makes one.")
		return nil
	}
	t := display.NewTable("CLIENT", "NAMES", "FROM")
	for _, line := range lines {
		t.Row(line.Client, words(line.Names), words(line.From))
	}
	sayTable(p, t)
	return nil
}

// heldLine is a certificate of a client in an answer of --json.
type heldLine struct {
	Names    []string  `json:"names"`
	Issued   time.Time `json:"issued"`
	NotAfter time.Time `json:"not_after"`
	Revoked  bool      `json:"revoked,omitempty"`
}

func showClient(p *program, c *cli.Context) error {
	if c.Args().Len() != 1 {
		return usage("client show takes the name of one client")
	}
	m, all, _, err := p.clients(c)
	if err != nil {
		return err
	}
	defer m.close()
	client, err := all.Get(c.Args().First())
	if err != nil {
		return err
	}
	held, err := acmeserver.HeldBy(m.dirs, client.Name)
	m.display.Close()
	if err != nil {
		return err
	}
	certificates := []heldLine{}
	for _, o := range held {
		certificates = append(certificates, heldLine{o.Names, o.Issued.UTC(), o.NotAfter.UTC(), o.Revoked})
	}
	line := clientLineOf(all, client)
	if m.json {
		m.answer(struct {
			clientLine
			Certificates []heldLine `json:"certificates"`
		}{line, certificates})
		return nil
	}
	m.say("The client %s may have %s.", line.Client, words(line.Names))
	m.say("  kid %s, made at %s, policy in %s", line.KeyID, messages.Instant(line.Created), line.File)
	for _, one := range certificates {
		if one.Revoked {
			m.say("  %s: revoked", words(one.Names))
			continue
		}
		m.say("  %s: valid until %s", words(one.Names), messages.Instant(one.NotAfter))
	}
	return nil
}

func removeClient(p *program, c *cli.Context) error {
	if c.Args().Len() != 1 {
		return usage("client remove takes the name of one client")
	}
	name := c.Args().First()
	m, all, _, err := p.clients(c)
	if err != nil {
		return err
	}
	defer m.close()
	if err := all.Known(name); err != nil {
		return err
	}
	if err := m.confirm(c, "Remove the client %s? Its machine gets no more certificates.", name); err != nil {
		return err
	}
	if err := all.Remove(name); err != nil {
		return err
	}
	m.display.Close()
	if m.json {
		m.answer(map[string]any{"removed": name})
		return nil
	}
	m.say("The client %s is removed.", name)
	return nil
}

func explainClient(p *program, c *cli.Context) error {
	args := c.Args().Slice()
	if len(args) < 2 {
		return usage("client explain wants the client's name and the names that it asks for")
	}
	m, all, _, err := p.clients(c)
	if err != nil {
		return err
	}
	defer m.close()
	client, err := all.Get(args[0])
	if err != nil {
		return err
	}
	m.display.Close()
	verdicts := []acmeserver.Verdict{}
	for _, name := range args[1:] {
		verdict, err := client.Explain(name)
		if err != nil {
			return err
		}
		verdicts = append(verdicts, verdict)
	}
	if m.json {
		m.answer(map[string]any{"client": client.Name, "verdicts": verdicts})
	}
	for _, v := range verdicts {
		switch {
		case m.json:
		case v.Allowed:
			m.say("%s: yes, by the line %s", v.Name, v.By)
		case v.Near != "":
			m.say("%s: no; the line %s does not cover it", v.Name, v.Near)
		default:
			m.say("%s: no; no line of %s is near", v.Name, all.Path(client.Name))
		}
	}
	if slices.ContainsFunc(verdicts, func(v acmeserver.Verdict) bool { return !v.Allowed }) {
		return &outcomeError{1}
	}
	return nil
}
