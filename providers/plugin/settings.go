package plugin

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/settings"
	"wildcard/providers"
)

// describeLimit is what a plugin may take to describe itself.
const describeLimit = 20 * time.Second

// Describe asks a plugin about itself, or about one of its services. It needs no credentials.
func Describe(ctx context.Context, name, service string, o Options) (Description, error) {
	for _, text := range []string{name, service} {
		if text != "" && !nameForm.MatchString(text) || name == "" {
			return Description{},
				providers.Errorf(providers.CodeBadSpec, providers.Usage, "plugin %s: want plugin:NAME or lego:NAME",
					providers.Excerpt(text))
		}
	}
	d, _, err := describe(ctx, name, service, o)
	return d, err
}

func describe(ctx context.Context, name, service string, o Options) (Description, string, error) {
	fail := func(err error) (Description, string, error) {
		return Description{}, "", providers.Errorf(providers.CodeOf(err), providers.ClassOf(err), "plugin %s: %w", name, err)
	}
	path, err := find(name, service, o.Environ)
	if err != nil {
		return fail(err)
	}
	s, err := start(path, environment(o.Environ), o.stderr(), "plugin "+name+": ", confined)
	if err != nil {
		return fail(err)
	}
	defer s.close()
	reply, err := s.ask(ctx, Request{Op: "describe", Service: service}, describeLimit, false)
	if err == nil {
		if bad := cmp.Or(reply.Description.check(), reply.Description.reaches()); bad != nil {
			err = providers.Errorf(providers.CodeService, providers.Failed, "%w", bad)
		}
	}
	if err != nil {
		if providers.ClassOf(err) == providers.Usage {
			err = providers.Errorf(providers.CodeUnknownProvider, providers.Usage, "%w", err) // nothing but the service was asked for
		}
		return fail(err)
	}
	return reply.Description, path, nil
}

// Family are a plugin's variables as settings of an account. Where none is plainly required, one must be set that has no
// default; secrets are named first.
func (d Description) Family(account string) settings.Family {
	f := settings.Family{Account: account, Name: "variables of " + account}
	required := false
	var secrets, others, aliases []string
	for _, v := range d.Variables {
		help := v.Help
		if v.Default != "" {
			help = strings.TrimPrefix(help+", default "+v.Default, ", ")
		}
		f.Variables = append(f.Variables, settings.Variable{Name: v.Name, Help: fault.Verbatim(help), Optional: !v.Required,
			Secret: v.Secret})
		required = required || v.Required
		switch {
		case tuning(v.Name): // which logs no one in
		case v.isAlias():
			aliases = append(aliases, v.Name)
		case v.Secret:
			secrets = append(secrets, v.Name)
		case v.Default == "":
			others = append(others, v.Name)
		}
	}
	names := append(secrets, others...)
	if !required && len(names) > 0 {
		f.Check = func(get func(string) string) []string {
			for _, name := range append(slices.Clone(names), aliases...) {
				if get(name) != "" {
					return nil
				}
			}
			return []string{"one or more of " + strings.Join(names[:min(len(names), 12)], ", ")}
		}
	}
	return f
}

// tuning reports whether a variable says how a service is called, and not who calls it, by the end of its name.
func tuning(name string) bool {
	return slices.ContainsFunc([]string{"TIMEOUT", "INTERVAL", "TTL", "RETRIES", "BASE_URL"}, func(end string) bool {
		return strings.HasSuffix(name, "_"+end)
	})
}

// isAlias reports whether a variable is another name of one, as the plugin of lego's services says it.
func (v Variable) isAlias() bool {
	return strings.HasPrefix(v.Help, "Alias to ") || strings.HasPrefix(v.Help, "The same as ")
}
