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
// stands on the command line that certbot keeps, or in the environment. What a lineage keeps of it is written and read in
// internal/certificates/hookline.go: adopt passes over an option that is not there.
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
	t := texts{
		resolvers: env["WILDCARD_RESOLVERS"], nameServers: env["WILDCARD_NAMESERVERS"],
		extraWait: env["WILDCARD_EXTRA_WAIT"], caCache: env["WILDCARD_CA_CACHE"],
	}
	flags := flag.NewFlagSet(program, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("provider", "", func(s string) error { t.specs = append(t.specs, s); return nil })
	flags.StringVar(&o.envFile, "env-file", "", "")
	flags.StringVar(&o.configDir, "config-dir", "", "")
	flags.StringVar(&o.stateDir, "state-dir", "", "")
	flags.StringVar(&t.resolvers, "resolver", t.resolvers, "")
	flags.StringVar(&t.nameServers, "nameserver", t.nameServers, "")
	flags.StringVar(&t.extraWait, "extra-wait", t.extraWait, "")
	flags.StringVar(&t.caCache, "ca-cache", t.caCache, "")
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
	if len(t.specs) == 0 {
		t.specs = strings.Fields(env["WILDCARD_PROVIDER"])
	}
	if len(t.specs) == 0 {
		t.specs = []string{"conoha"}
	}
	return o, o.read(flags, t)
}

// texts are options that have yet to be read.
type texts struct {
	specs                                      []string
	resolvers, nameServers, extraWait, caCache string
}

func (o *options) read(flags *flag.FlagSet, t texts) (err error) {
	for _, s := range t.specs {
		spec, err := providers.ParseSpec(s)
		if err != nil {
			return err
		}
		if spec.Name == "lego" {
			return fault.Errorf(fault.CodeBadSpec, fault.Usage,
				"provider %s: lego's services compute the value themselves, and certbot gives its hooks only the finished one: use wildcard issue in place of certbot for these names", spec)
		}
		o.specs = append(o.specs, spec)
	}
	if o.resolvers, err = parseServers(flags, "resolver", t.resolvers); err != nil {
		return err
	}
	if o.nameServers, err = parseServers(flags, "nameserver", t.nameServers); err != nil {
		return err
	}
	if t.extraWait != "" {
		if o.extraWait, err = propagation.ParseExtraWait(t.extraWait); err != nil {
			return fault.Errorf(fault.CodeOf(err), fault.ClassOf(err), "--extra-wait (WILDCARD_EXTRA_WAIT): %w", err)
		}
	}
	o.caCache = memory.DefaultKeep
	if t.caCache != "" {
		if o.caCache, err = memory.ParseKeep(t.caCache); err != nil {
			return fault.Errorf(fault.CodeOf(err), fault.ClassOf(err), "--ca-cache (WILDCARD_CA_CACHE): %w", err)
		}
	}
	return nil
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
