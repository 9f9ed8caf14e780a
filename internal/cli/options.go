package cli

import (
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/dns01/memory"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/system/environ"
	"wildcard/providers"
)

// commonFlags are flags of every command.
func commonFlags() []cli.Flag {
	return grouped(groupCommon, []cli.Flag{
		&cli.StringFlag{Name: "config-dir", Usage: "`DIR`: certbot's (WILDCARD_CONFIG_DIR; /etc/letsencrypt)"},
		&cli.StringFlag{Name: "state-dir", Usage: "`DIR`: journal, history (WILDCARD_STATE_DIR; /var/lib/wildcard)"},
		&cli.StringFlag{Name: "lang", Usage: "`LANG`: en or ja (default: that of the locale)"},
		&cli.BoolFlag{Name: "json", Usage: "print the answer as one JSON document"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "say nothing but failures"},
		&cli.BoolFlag{Name: "plain", Usage: "lines instead of a live picture"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "say what is done"},
		&cli.BoolFlag{Name: "vv", Usage: "say every request, too"},
	})
}

// dnsFlags say which DNS services publish the records, and how the DNS is asked.
func dnsFlags() []cli.Flag {
	return grouped(groupDNS, []cli.Flag{
		&cli.StringSliceFlag{Name: "provider", Usage: "`SPEC` of a DNS service, [ZONE=]NAME[:ARG][@ENVFILE]; may be repeated (WILDCARD_PROVIDER; default conoha)"},
		&cli.StringFlag{Name: "env-file", Usage: "`FILE` with the credentials (WILDCARD_ENV_FILE; /etc/letsencrypt/conoha/.env)"},
		&cli.StringFlag{Name: "resolver", Usage: "`IP[:PORT],...` of resolvers for look-ups (WILDCARD_RESOLVERS; default the system's)"},
		&cli.StringFlag{Name: "extra-wait", Usage: "`SECONDS` from when all name servers have the records until the CA is told to look, for servers that cannot be asked from here, such as anycast (WILDCARD_EXTRA_WAIT; default 0)"},
		&cli.StringFlag{Name: "ca-cache", Usage: "`SECONDS` for which the CA's resolvers keep an answer; 0 for a CA of your own that keeps none (WILDCARD_CA_CACHE; default 60, as Let's Encrypt)"},
		&cli.StringFlag{Name: "nameserver", Usage: "`IP[:PORT],...` of name servers to ask for publication in place of the delegated ones (WILDCARD_NAMESERVERS)"},
	})
}

// caFlags say which CA, and how its own TLS is verified.
func caFlags() []cli.Flag {
	return grouped(groupCA, []cli.Flag{
		&cli.StringFlag{Name: "server", Usage: "`CA`: URL of its directory, or a name in the table of \"help ca\", with -staging for tries (WILDCARD_SERVER; letsencrypt)"},
		&cli.StringFlag{Name: "ca-bundle", Usage: "`FILE` with further roots for the CA's own TLS (WILDCARD_CA_BUNDLE)"},
		&cli.StringFlag{Name: "account", Usage: "`ID` of the account to use, or its beginning, if there are several"},
	})
}

// registrationFlags say what a new account is made with.
func registrationFlags() []cli.Flag {
	return grouped(groupCA, []cli.Flag{
		&cli.StringSliceFlag{Name: "email", Aliases: []string{"m"}, Usage: "`ADDRESS` for a new account; may be repeated"},
		&cli.BoolFlag{Name: "agree-tos", Usage: "agree to the CA's terms of service"},
		&cli.StringFlag{Name: "eab-kid", Usage: "`ID` of the key of an external account binding (WILDCARD_EAB_KID)"},
		&cli.StringFlag{Name: "eab-hmac-key", Usage: "`KEY` of an external account binding, base64; better in WILDCARD_EAB_HMAC_KEY, since ps shows arguments"},
	})
}

// environment returns a variable of the process environment.
func (p *program) environment(name string) string {
	return environ.Get(p.environ, name)
}

// option returns what a flag says, else what was stored, else the environment's variable.
func (p *program) option(c *cli.Context, flag, stored, variable string) string {
	switch {
	case c.IsSet(flag):
		return c.String(flag)
	case stored != "":
		return stored
	case variable != "":
		return p.environment(variable)
	}
	return ""
}

// dnsOptions fills in the settings of a lineage that concern DNS services and look-ups, by flag, store, environment or
// default.
func (p *program) dnsOptions(c *cli.Context, s *lineage.Settings) error {
	texts := s.Providers
	if c.IsSet("provider") {
		texts = c.StringSlice("provider")
	}
	if len(texts) == 0 {
		texts = strings.Fields(p.environment("WILDCARD_PROVIDER"))
	}
	if len(texts) == 0 {
		texts = []string{"conoha"}
	}
	s.Providers = nil
	for _, text := range texts {
		spec, err := providers.ParseSpec(text)
		if err != nil {
			return err
		}
		s.Providers = append(s.Providers, spec.String())
	}
	var err error
	if s.EnvFile, err = absolute("--env-file", p.option(c, "env-file", s.EnvFile, "WILDCARD_ENV_FILE")); err != nil {
		return err
	}
	if s.Resolvers, err = p.servers(c, "resolver", s.Resolvers, "WILDCARD_RESOLVERS"); err != nil {
		return err
	}
	if s.NameServers, err = p.servers(c, "nameserver", s.NameServers, "WILDCARD_NAMESERVERS"); err != nil {
		return err
	}
	s.ExtraWait = p.option(c, "extra-wait", s.ExtraWait, "WILDCARD_EXTRA_WAIT")
	if err = checkSeconds(c, "extra-wait", "WILDCARD_EXTRA_WAIT", s.ExtraWait, propagation.ParseExtraWait); err != nil {
		return err
	}
	s.CACache = p.option(c, "ca-cache", s.CACache, "WILDCARD_CA_CACHE")
	return checkSeconds(c, "ca-cache", "WILDCARD_CA_CACHE", s.CACache, memory.ParseKeep)
}

// checkSeconds reports what is wrong with a flag, or with what stands for it in the environment or with the lineage.
func checkSeconds(c *cli.Context, flag, variable, text string, parse func(string) (time.Duration, error)) error {
	if text == "" {
		return nil
	}
	_, err := parse(text)
	switch {
	case err != nil && c.IsSet(flag):
		return usage("--%s %w", flag, err)
	case err != nil:
		return fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "%s %w", variable, err)
	}
	return nil
}

func (p *program) servers(c *cli.Context, flag string, stored []string, variable string) ([]string, error) {
	list := p.option(c, flag, strings.Join(stored, ","), variable)
	if list == "" {
		return nil, nil
	}
	servers, err := propagation.ParseServers(list)
	if err != nil && c.IsSet(flag) {
		return nil, usage("--%s: %w", flag, err)
	}
	return servers, err
}

// server is the URL of the CA's directory.
func (p *program) server(c *cli.Context, stored string) string {
	name := p.option(c, "server", stored, "WILDCARD_SERVER")
	if name == "" {
		name = "letsencrypt"
	}
	return issuance.ServerURL(name)
}

// registration is what a new account is to be made with.
func (p *program) registration(c *cli.Context) issuance.Registration {
	return issuance.Registration{
		Emails: c.StringSlice("email"), AgreeToTerms: c.Bool("agree-tos"),
		EABKeyID: p.option(c, "eab-kid", "", "WILDCARD_EAB_KID"), EABKey: p.option(c, "eab-hmac-key", "", "WILDCARD_EAB_HMAC_KEY"),
	}
}

// absolute makes the path that a flag gave one that holds in every working directory.
func absolute(what, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", usage("%s: %w", what, err)
	}
	return abs, nil
}

// day writes a date as people read it.
func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
