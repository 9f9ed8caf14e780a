package cli

import (
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/cli/display/help"
	"wildcard/internal/fault"
)

// manualCommand writes the manual pages, for packages and for who installs without one.
func manualCommand() *cli.Command {
	return &cli.Command{
		Hidden:    true, // for packages
		Name:      "manual",
		Usage:     "write the manual pages",
		UsageText: "wildcard manual DIR",
		ArgsUsage: "DIR",
		Description: `One for each command, into a folder that is there. Packages install them.

  wildcard manual .
  wildcard manual /usr/local/share/man/man1`,
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usage("manual wants the folder for its pages")
			}
			for name, page := range manualPages(c.App) {
				if err := writeFile(filepath.Join(c.Args().First(), name+".1"), []byte(page)); err != nil {
					return fault.Errorf(codeOutput, fault.Failed, "manual: %w", err)
				}
			}
			return nil
		},
	}
}

// manualPages makes the pages by name: "wildcard" and "wildcard-COMMAND". The commands below a command are in its page.
func manualPages(app *cli.App) map[string]string {
	pages := map[string]string{}
	var all []string
	for _, c := range app.Commands {
		all = append(all, "wildcard-"+c.Name)
	}
	top := newPage("wildcard", app.Usage)
	top.synopsis(app.UsageText)
	top.section("DESCRIPTION")
	top.text(app.Description)
	top.section("COMMANDS")
	for _, c := range app.Commands {
		top.item(`\fB`+dashes(c.Name)+`\fR`, c.Usage+`: wildcard-`+c.Name+`(1).`)
	}
	top.section("ENVIRONMENT")
	for _, v := range variables() {
		top.item(`\fB`+roff(v[0])+`\fR`, v[1])
	}
	top.section("FILES")
	for _, f := range files() {
		top.item(`\fI`+roff(f[0])+`\fR`, f[1])
	}
	top.exitStatus()
	top.seeAlso(append(slices.Clone(all), "wildcard-auth-hook", "wildcard-cleanup-hook"))
	pages["wildcard"] = top.String()
	for _, c := range app.Commands {
		page := newPage("wildcard-"+c.Name, c.Usage)
		page.synopsis(c.UsageText)
		page.section("DESCRIPTION")
		page.text(c.Description)
		page.options(c.Flags)
		for _, below := range c.Subcommands {
			if !below.Hidden {
				page.section("wildcard " + c.Name + " " + below.Name)
				page.text(below.Usage + ":\n\n  " + below.UsageText + "\n\n" + below.Description)
				page.flags(below.Flags)
			}
		}
		page.exitStatus()
		page.seeAlso([]string{"wildcard"})
		pages["wildcard-"+c.Name] = page.String()
	}
	return pages
}

// page is a manual page being written, in the macros of man(7).
type page struct{ strings.Builder }

func newPage(name, usage string) *page {
	p := &page{}
	p.line(`.TH "` + roff(strings.ToUpper(name)) + `" "1" "` + committed() + `" "wildcard" "wildcard"`)
	p.line(".nh")
	p.line(".ad l")
	p.section("NAME")
	p.line(dashes(name) + ` \- ` + roff(usage))
	return p
}

// committed is the day of the sources that this program was built from, if the Go command knew it.
func committed() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.time" && len(s.Value) > len(time.DateOnly) {
				return s.Value[:len(time.DateOnly)]
			}
		}
	}
	return ""
}

func (p *page) line(text string) { p.WriteString(text + "\n") }

func (p *page) section(title string) { p.line(`.SH "` + dashes(title) + `"`) }

func (p *page) synopsis(usage string) {
	p.section("SYNOPSIS")
	p.line(`\fB` + dashes(usage) + `\fR`)
}

// text writes paragraphs. Indented lines are examples, and stay as they are.
func (p *page) text(text string) {
	example, paragraph, first := false, false, true
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		indented := strings.HasPrefix(line, "  ")
		if line == "" {
			paragraph = true
			continue
		}
		if example && !indented {
			p.line(".EE")
			paragraph = true
		}
		if paragraph && !first && (!example || !indented) {
			p.line(".PP")
		}
		if indented && !example {
			p.line(".EX")
		}
		if indented {
			p.line("    " + dashes(strings.TrimPrefix(line, "  ")))
		} else {
			p.line(roff(line))
		}
		example, paragraph, first = indented, false, false
	}
	if example {
		p.line(".EE")
	}
}

func (p *page) item(term, text string) {
	p.line(".TP")
	p.line(term)
	p.line(roff(text))
}

func (p *page) options(flags []cli.Flag) {
	if len(flags) > 0 {
		p.section("OPTIONS")
		p.flags(flags)
	}
}

func (p *page) flags(flags []cli.Flag) {
	for _, flag := range flags {
		documented, ok := flag.(cli.DocGenerationFlag)
		if !ok || help.Hidden(flag) || slices.Contains(flag.Names(), "help") {
			continue
		}
		placeholder, usage := placeholderOf(documented.GetUsage())
		var terms []string
		for _, name := range flag.Names() {
			term := `\fB` + dashes("-"+name) + `\fR`
			if len(name) > 1 {
				term = `\fB` + dashes("--"+name) + `\fR`
			}
			if documented.TakesValue() && placeholder != "" {
				term += ` \fI` + roff(placeholder) + `\fR`
			}
			terms = append(terms, term)
		}
		p.item(strings.Join(terms, ", "), usage)
	}
}

func (p *page) exitStatus() {
	p.section("EXIT STATUS")
	for _, status := range [][2]string{
		{"0", "done; nothing was due"}, {"1", "failed"}, {"2", "wrong usage or hostile input"}, {"70", "internal error"},
		{"75", "try again later: locked, rate limited, network down"}, {"77", "refused: credentials or terms"},
		{"78", "configuration"},
		{"130, 143", "interrupted; its records were removed first"},
	} {
		p.item(`\fB`+status[0]+`\fR`, status[1])
	}
}

func (p *page) seeAlso(names []string) {
	p.section("SEE ALSO")
	for i, name := range names {
		end := ","
		if i == len(names)-1 {
			end = ""
		}
		p.line(`.BR ` + dashes(name) + ` (1)` + end)
	}
}

// roff writes text in which nothing is a command.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "`", `\(ga`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`, `"`, `\(dq`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}

// dashes is roff for what is typed, with hyphens that can be copied.
func dashes(text string) string { return strings.ReplaceAll(roff(text), "-", `\-`) }

// variables are those of the environment that concern more than one option.
func variables() [][2]string {
	return [][2]string{
		{"WILDCARD_CONFIG_DIR, WILDCARD_STATE_DIR, WILDCARD_RUN_DIR",
			"folders of certificates, of journal and history, and of locks"},
		{"WILDCARD_PROVIDER", "DNS services, [ZONE=]NAME[:ARG][@ENVFILE], several separated by spaces (conoha)"},
		{"WILDCARD_ENV_FILE", "file with the credentials"},
		{"WILDCARD_RESOLVERS, WILDCARD_NAMESERVERS", "resolvers for look-ups (IP[:PORT] or https://URL), and name servers that are asked for publication (IP[:PORT])"},
		{"WILDCARD_SERVER, WILDCARD_CA_BUNDLE", "the CA, and further roots for its own TLS"},
		{"WILDCARD_EXTRA_WAIT", "for how many seconds more the CA is not told to look when all name servers have the records (0)"},
		{"WILDCARD_CA_CACHE", "for how many seconds the CA's resolvers keep an answer (60, as those of Let's Encrypt)"},
		{"WILDCARD_EAB_KID, WILDCARD_EAB_HMAC_KEY, WILDCARD_EAB_HMAC_KEY_FILE", "external account binding"},
		{"HTTPS_PROXY, NO_PROXY", "are honoured"},
		{"CONOHA_REGION, CONOHA_TENANT_ID, CONOHA_API_USERNAME, CONOHA_API_USER_ID, CONOHA_API_PASSWORD", "credentials of ConoHa; \"wildcard providers\" shows those of every service"},
	}
}

// files are those that people look for.
func files() [][2]string {
	return [][2]string{
		{"/etc/letsencrypt/live/NAME/{privkey,cert,chain,fullchain}.pem", "a certificate and its key, as certbot names them"},
		{"/etc/letsencrypt/renewal/NAME.conf", "how it is renewed"},
		{"/etc/letsencrypt/conoha/.env", "credentials, mode 600"},
		{"/var/lib/wildcard", "journal of records, history, limits, orders under way"},
		{"/run/wildcard", "locks and short-lived caches"},
		{"/etc/default/wildcard", "environment of the systemd units"},
	}
}
