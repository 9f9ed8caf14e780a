package hooks

import (
	"errors"
	"flag"
	"io"
	"path/filepath"
	"strings"
	"time"

	"wildcard/internal/dns01/memory"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/system/environ"
	"wildcard/providers"
)

// options are a hook's flags. certbot tells its hooks neither lineage nor directories, so what differs from the defaults
// stands on the command line that certbot keeps, or in the environment.
type options struct {
	specs       []providers.Spec
	envFile     string
	configDir   string
	stateDir    string
	resolvers   []string      // none: the system's
	nameServers []string      // none: the delegated ones
	extraWait   time.Duration // from publication until certbot goes on
	caCache     time.Duration // how long the CA's resolvers keep an answer
	verbose     bool
}

// errHelp is returned when help was asked for.
var errHelp = errors.New("help")

// parseOptions reads the command line, and for what it does not say the environment.
func parseOptions(program string, args, environment []string) (options, error) {
	env := environ.Map(environment)
	var o options
	var specs []string
	resolvers, nameServers := env["WILDCARD_RESOLVERS"], env["WILDCARD_NAMESERVERS"]
	caCache, extraWait := env["WILDCARD_CA_CACHE"], env["WILDCARD_EXTRA_WAIT"]

	flags := flag.NewFlagSet(program, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("provider", "", func(s string) error { specs = append(specs, s); return nil })
	flags.StringVar(&o.envFile, "env-file", "", "")
	flags.StringVar(&o.configDir, "config-dir", "", "")
	flags.StringVar(&o.stateDir, "state-dir", "", "")
	flags.StringVar(&resolvers, "resolver", resolvers, "")
	flags.StringVar(&nameServers, "nameserver", nameServers, "")
	flags.StringVar(&extraWait, "extra-wait", extraWait, "")
	flags.StringVar(&caCache, "ca-cache", caCache, "")
	flags.BoolVar(&o.verbose, "v", false, "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return o, errHelp
	case err != nil:
		return o, usageOf(flags, err)
	case flags.NArg() > 0:
		return o, usage("unexpected argument %s", fault.Excerpt(flags.Arg(0)))
	}

	if o.envFile != "" {
		var err error
		if o.envFile, err = filepath.Abs(o.envFile); err != nil {
			return o, usage("--env-file: %w", err)
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
			return o, fault.Errorf(fault.CodeBadSpec, fault.Usage,
				"provider %s: lego's services compute the value themselves, and certbot gives its hooks only the finished one: use wildcard issue in place of certbot for these names", spec)
		}
		o.specs = append(o.specs, spec)
	}
	var err error
	if o.resolvers, err = parseServers(flags, "resolver", resolvers); err != nil {
		return o, err
	}
	if o.nameServers, err = parseServers(flags, "nameserver", nameServers); err != nil {
		return o, err
	}
	if extraWait != "" {
		if o.extraWait, err = propagation.ParseExtraWait(extraWait); err != nil {
			return o, fault.Errorf(fault.CodeOf(err), fault.ClassOf(err), "--extra-wait (WILDCARD_EXTRA_WAIT): %w", err)
		}
	}
	o.caCache = memory.DefaultKeep
	if caCache != "" {
		if o.caCache, err = memory.ParseKeep(caCache); err != nil {
			return o, fault.Errorf(fault.CodeOf(err), fault.ClassOf(err), "--ca-cache (WILDCARD_CA_CACHE): %w", err)
		}
	}
	return o, nil
}

// parseServers parses a list that a flag or, without it, the environment gives.
func parseServers(flags *flag.FlagSet, name, list string) ([]string, error) {
	if list == "" {
		return nil, nil
	}
	servers, err := propagation.ParseServers(list)
	flags.Visit(func(f *flag.Flag) {
		if err != nil && f.Name == name {
			err = usage("--%s: %w", name, err)
		}
	})
	return servers, err
}

// usageOf is the error for what the flag library does not understand, with the nearest flag if it is an unknown one.
func usageOf(flags *flag.FlagSet, err error) error {
	unknown, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !ok {
		return usage("%w", err)
	}
	names := []string{"help", "lang"}
	flags.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	if nearest := messages.Nearest(unknown, names); nearest != "" {
		return usage("no option --%s: did you mean --%s?", unknown, nearest)
	}
	return usage("no option --%s", unknown)
}

// usage is an error of the command line.
func usage(format messages.Text, args ...any) error {
	return fault.Errorf(fault.CodeUsage, fault.Usage, "%w", messages.New(format, args...))
}
