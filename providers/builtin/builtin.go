// Package builtin is the list of the providers we ship. To add one, write its package under providers and add its line to
// [Registry].
package builtin

import (
	"io"
	"log/slog"
	"slices"
	"strings"

	"wildcard/conoha"
	"wildcard/providers"
	"wildcard/providers/designate"
	"wildcard/providers/plugin"
	"wildcard/providers/rfc2136"
	"wildcard/providers/settings"
)

// Config is what a provider may know of the run when it is opened.
type Config struct {
	Settings  settings.Sources
	RunDir    string // private directory for what the next process may reuse, such as tokens; "" for none
	UserAgent string // how we name ourselves to services
	Log       *slog.Logger
	Environ   []string  // of our process, of which programs of others get what they need to work at all
	Stderr    io.Writer // what these programs say, line by line; nil drops it
	Certbot   bool      // certbot is the ACME client: challenges come without their ACME inputs
}

// Open opens the accounts that one spec stands for: usually one, two if the credentials hold two complete accounts. It
// reads settings and sends nothing.
type Open func(spec providers.Spec, c Config) ([]providers.Account, error)

// Providers are the providers a program has, by the NAME of their specs.
type Providers map[string]Open

// Registry returns the providers that are part of our programs.
func Registry() Providers {
	return Providers{
		"conoha": func(spec providers.Spec, c Config) ([]providers.Account, error) {
			return conoha.Open(spec, c.Settings, conoha.Options{RunDir: c.RunDir, UserAgent: c.UserAgent, Log: c.Log})
		},
		"certbot-hook": func(spec providers.Spec, c Config) ([]providers.Account, error) {
			return plugin.OpenCertbotHook(spec, c.program())
		},
		"designate": func(spec providers.Spec, c Config) ([]providers.Account, error) {
			return designate.Open(spec, c.Settings, designate.Options{RunDir: c.RunDir, UserAgent: c.UserAgent, Log: c.Log})
		},
		"exec": func(spec providers.Spec, c Config) ([]providers.Account, error) {
			return plugin.OpenExec(spec, c.program())
		},
		"lego": func(spec providers.Spec, c Config) ([]providers.Account, error) {
			return plugin.Open(spec, c.Settings, c.program())
		},
		"plugin": func(spec providers.Spec, c Config) ([]providers.Account, error) {
			return plugin.Open(spec, c.Settings, c.program())
		},
		"rfc2136": func(spec providers.Spec, c Config) ([]providers.Account, error) {
			return rfc2136.Open(spec, c.Settings, rfc2136.Options{Log: c.Log})
		},
	}
}

func (c Config) program() plugin.Options {
	return plugin.Options{Environ: c.Environ, Stderr: c.Stderr, Log: c.Log, Certbot: c.Certbot}
}

// Open opens the accounts of every spec, in order.
func (r Providers) Open(specs []providers.Spec, c Config) ([]providers.Account, error) {
	var accounts []providers.Account
	for _, spec := range specs {
		open, ok := r[spec.Name]
		if !ok {
			return nil, providers.Errorf(providers.CodeUnknownProvider, providers.Usage,
				"provider %s: there is no %s, only %s", spec, spec.Name, strings.Join(r.names(), ", "))
		}
		opened, err := open(spec, c)
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, opened...)
	}
	return accounts, nil
}

func (r Providers) names() []string {
	names := make([]string, 0, len(r))
	for name := range r {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
