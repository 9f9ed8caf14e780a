package cli

import (
	"cmp"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/certificates"
	"wildcard/internal/dns01/memory"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/settings"
	"wildcard/internal/system/environ"
	"wildcard/providers"
)

// commonFlags are flags of every command.
func commonFlags() []cli.Flag {
	return grouped(groupCommon, []cli.Flag{
		&cli.StringFlag{Name: "config-dir", Usage: "`DIR`: certbot's (WILDCARD_CONFIG_DIR; /etc/letsencrypt)"},
		&cli.StringFlag{Name: "state-dir", Usage: "`DIR`: journal, history (WILDCARD_STATE_DIR; /var/lib/wildcard)"},
		&cli.StringFlag{Name: "lang", Usage: "`LANG`: such as en or ja (default: that of the locale)"},
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
		&cli.StringFlag{Name: "resolver", Usage: "`LIST` of resolvers, each IP[:PORT] or https://URL (DNS over HTTPS), with commas. Where port 53 is closed they are asked in place of the name servers, and the result is told as not verified: other servers may lack the record (WILDCARD_RESOLVERS; default the system's)"},
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

// choice is what a flag says, else what the environment does, which counts less than what is stored.
func (p *program) choice(c *cli.Context, flag, variable string) certificates.Choice[string] {
	if c.IsSet(flag) {
		return certificates.Choice[string]{Value: c.String(flag), Firm: true}
	}
	if variable == "" {
		return certificates.Choice[string]{}
	}
	return certificates.Choice[string]{Value: p.environment(variable)}
}

// path is choice for a file's name, as one that holds in every working directory.
func (p *program) path(c *cli.Context, flag, variable string) (certificates.Choice[string], error) {
	chosen := p.choice(c, flag, variable)
	var err error
	chosen.Value, err = absolute("--"+flag, chosen.Value)
	return chosen, err
}

// dns reads what concerns DNS services and look-ups.
func (p *program) dns(c *cli.Context) (d certificates.DNS, err error) {
	texts := strings.Fields(p.environment("WILDCARD_PROVIDER"))
	if d.Providers.Firm = c.IsSet("provider"); d.Providers.Firm {
		texts = c.StringSlice("provider")
	}
	for _, text := range texts {
		spec, err := providers.ParseSpec(text)
		if err != nil {
			return d, err
		}
		d.Providers.Value = append(d.Providers.Value, spec)
	}
	if d.EnvFile, err = p.path(c, "env-file", "WILDCARD_ENV_FILE"); err != nil {
		return d, err
	}
	if d.Resolvers, err = p.servers(c, "resolver", "WILDCARD_RESOLVERS"); err != nil {
		return d, err
	}
	if d.NameServers, err = p.servers(c, "nameserver", "WILDCARD_NAMESERVERS"); err != nil {
		return d, err
	}
	if d.ExtraWait, err = p.seconds(c, "extra-wait", "WILDCARD_EXTRA_WAIT", propagation.ParseExtraWait); err != nil {
		return d, err
	}
	d.CACache, err = p.seconds(c, "ca-cache", "WILDCARD_CA_CACHE", memory.ParseKeep)
	return d, err
}

// seconds is choice for a length of time.
func (p *program) seconds(c *cli.Context, flag, variable string,
	parse func(string) (time.Duration, error)) (certificates.Choice[string], error) {
	chosen := p.choice(c, flag, variable)
	if chosen.Value == "" {
		return chosen, nil
	}
	_, err := parse(chosen.Value)
	switch {
	case err != nil && chosen.Firm:
		return chosen, usage("--%s %w", flag, err)
	case err != nil:
		return chosen, fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "%s %w", variable, err)
	}
	return chosen, nil
}

// servers is choice for a list of servers.
func (p *program) servers(c *cli.Context, flag, variable string) (list certificates.Choice[[]string], err error) {
	chosen := p.choice(c, flag, variable)
	list.Firm = chosen.Firm
	if chosen.Value == "" {
		return list, nil
	}
	if list.Value, err = propagation.ParseServers(chosen.Value); err != nil && chosen.Firm {
		err = usage("--%s: %w", flag, err)
	}
	return list, err
}

// server is the URL of the CA's directory.
func (p *program) server(c *cli.Context) certificates.Choice[string] {
	chosen := p.choice(c, "server", "WILDCARD_SERVER")
	chosen.Value = issuance.ServerURL(cmp.Or(chosen.Value, "letsencrypt"))
	return chosen
}

// registration is what a new account is to be made with.
func registration(p *program, c *cli.Context) (issuance.Registration, error) {
	key, err := bindingKey(p, c)
	return issuance.Registration{
		Emails: c.StringSlice("email"), AgreeToTerms: c.Bool("agree-tos"),
		EABKeyID: p.choice(c, "eab-kid", "WILDCARD_EAB_KID").Value, EABKey: key,
	}, err
}

// bindingKey is the key of an external account binding: the flag's, the environment's, or that of the file which it names.
func bindingKey(p *program, c *cli.Context) (string, error) {
	const variable = "WILDCARD_EAB_HMAC_KEY"
	key, path := p.choice(c, "eab-hmac-key", variable), p.environment(variable+"_FILE")
	switch {
	case path == "" || key.Firm:
		return key.Value, nil
	case key.Value != "":
		return "", fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "%s and %s_FILE are both set; remove one",
			variable, variable)
	}
	sources := settings.Sources{CredentialsDir: p.environment("CREDENTIALS_DIRECTORY")}
	text, err := sources.ReadSecretFile(path)
	if err != nil {
		return "", fault.Errorf(fault.CodeOf(err), fault.ClassOf(err), "%s_FILE: %w", variable, err)
	}
	return strings.TrimSpace(text.Reveal()), nil
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
