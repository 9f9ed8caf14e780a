package hooks

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"wildcard/providers"
	"wildcard/providers/propagation"
)

// options are a hook's flags. certbot tells its hooks neither lineage nor directories, so what differs from the defaults
// stands on the command line that certbot keeps, or in the environment.
type options struct {
	specs       []providers.Spec
	envFile     string
	configDir   string
	stateDir    string
	resolvers   []string // none: the system's
	nameServers []string // none: the delegated ones
	verbose     bool
}

const usage = `usage: %s [--provider SPEC]... [--env-file FILE] [--config-dir DIR] [--state-dir DIR]
       [--resolver IP[:PORT],...] [--nameserver IP[:PORT],...] [-v]

certbot runs this program: it %s.

  certbot certonly --manual --preferred-challenges dns \
    --manual-auth-hook wildcard-auth-hook --manual-cleanup-hook wildcard-cleanup-hook \
    -d example.com -d '*.example.com'

  --provider SPEC     DNS service, [ZONE=]NAME[:ARG][@ENVFILE]; may be repeated (WILDCARD_PROVIDER; default conoha)
  --env-file FILE     file with the credentials (WILDCARD_ENV_FILE; else /etc/letsencrypt/conoha/.env)
  --config-dir DIR    certbot's directory (WILDCARD_CONFIG_DIR; default /etc/letsencrypt)
  --state-dir DIR     where the journal is kept (WILDCARD_STATE_DIR; default /var/lib/wildcard)
  --resolver LIST     resolvers for look-ups (WILDCARD_RESOLVERS; default the system's)
  --nameserver LIST   name servers to ask for publication, in place of the delegated ones (WILDCARD_NAMESERVERS)
  -v                  say on standard error what is done
`

// errHelp is returned when help was asked for and printed.
var errHelp = errors.New("help")

// parseOptions reads the command line, and for what it does not say the environment.
func parseOptions(program, duty string, args, environ []string, help io.Writer) (options, error) {
	env := variables(environ)
	var o options
	var specs []string
	resolvers, nameServers := env["WILDCARD_RESOLVERS"], env["WILDCARD_NAMESERVERS"]

	flags := flag.NewFlagSet(program, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("provider", "", func(s string) error { specs = append(specs, s); return nil })
	flags.StringVar(&o.envFile, "env-file", "", "")
	flags.StringVar(&o.configDir, "config-dir", "", "")
	flags.StringVar(&o.stateDir, "state-dir", "", "")
	flags.StringVar(&resolvers, "resolver", resolvers, "")
	flags.StringVar(&nameServers, "nameserver", nameServers, "")
	flags.BoolVar(&o.verbose, "v", false, "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(help, usage, program, duty)
		return o, errHelp
	case err != nil:
		return o, providers.Errorf(providers.CodeUsage, providers.Usage, "%w; --help lists the flags", err)
	case flags.NArg() > 0:
		return o, providers.Errorf(providers.CodeUsage, providers.Usage, "unexpected argument %s; --help lists the flags", providers.Excerpt(flags.Arg(0)))
	}

	if o.envFile != "" {
		var err error
		if o.envFile, err = filepath.Abs(o.envFile); err != nil {
			return o, providers.Errorf(providers.CodeUsage, providers.Usage, "--env-file: %w", err)
		}
	}
	if len(specs) == 0 {
		specs = strings.Fields(env["WILDCARD_PROVIDER"])
	}
	if len(specs) == 0 {
		specs = []string{"conoha"}
	}
	for _, s := range specs {
		spec, err := providers.ParseSpec(s)
		if err != nil {
			return o, err
		}
		if spec.Name == "lego" {
			return o, providers.Errorf(providers.CodeBadSpec, providers.Usage,
				"provider %s: lego's services compute the value themselves, and certbot gives its hooks only the finished one: use wildcard issue in place of certbot for these names", spec)
		}
		o.specs = append(o.specs, spec)
	}
	var err error
	if o.resolvers, err = parseServers(flags, "resolver", resolvers); err != nil {
		return o, err
	}
	o.nameServers, err = parseServers(flags, "nameserver", nameServers)
	return o, err
}

// parseServers parses a list that a flag or, without it, the environment gives.
func parseServers(flags *flag.FlagSet, name, list string) ([]string, error) {
	if list == "" {
		return nil, nil
	}
	servers, err := propagation.ParseServers(list)
	flags.Visit(func(f *flag.Flag) {
		if err != nil && f.Name == name {
			err = providers.Errorf(providers.CodeUsage, providers.Usage, "--%s: %w", name, err)
		}
	})
	return servers, err
}
