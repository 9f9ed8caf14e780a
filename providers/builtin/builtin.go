// Package builtin is the list of the providers we ship. To add one, write its package under providers and add its entry to
// [Registry]; "wildcard providers" shows what stands there.
package builtin

import (
	"cmp"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"wildcard/conoha"
	"wildcard/internal/messages"
	"wildcard/internal/settings"
	"wildcard/providers"
	"wildcard/providers/acmedns"
	"wildcard/providers/designate"
	"wildcard/providers/httpclient"
	"wildcard/providers/manual"
	"wildcard/providers/plugin"
	"wildcard/providers/rfc2136"
)

// Config is what a provider may know of the run when it is opened.
type Config struct {
	Settings  settings.Sources
	RunDir    string // private directory for what the next process may reuse, such as tokens; "" for none
	UserAgent string // how we name ourselves to services
	Log       *slog.Logger
	Environ   []string        // of our process, of which programs of others get what they need to work at all
	Stderr    io.Writer       // what these programs say, line by line; nil drops it
	Dial      httpclient.Dial // makes the connections of our own providers, as [net.Dialer.DialContext]; nil makes every one
	Certbot   bool            // certbot is the ACME client: challenges come without their ACME inputs
	// Person is told what is to be done by hand; nil means that there is no terminal.
	Person func(manual.Task)
}

// Open opens the accounts that one spec stands for: usually one, two if the credentials hold two complete accounts. It
// reads settings and sends nothing.
type Open func(spec providers.Spec, c Config) ([]providers.Account, error)

// Kind is one kind of provider: how to open it, and what a person needs to know to use it.
type Kind struct {
	Summary  providers.Text      // the service in a few words
	Form     string              // how its specs are written, without @ENVFILE: "conoha", "ZONE=exec:/PATH"
	Link     string              // where there is more to read; "" if nowhere
	Families []settings.Family   // what it logs in with; none if the kind alone does not say
	Settings []settings.Variable // what may be set besides
	Hosts    []string            // the domains of the service's own endpoints; none if everybody runs one of their own
	Open     Open
}

// Providers are the providers a program has, by the NAME of their specs.
type Providers map[string]Kind

// Registry returns the providers that are part of our programs.
func Registry() Providers {
	all := services()
	maps.Copy(all, programs())
	return all
}

// services are those that this program talks to itself, and the person who sets records.
func services() Providers {
	return Providers{
		"acmedns": {
			Summary: "acme-dns, to which a CNAME leads from each domain", Form: "acmedns", Link: "https://github.com/joohoi/acme-dns", Families: acmedns.Families(),
			Open: func(spec providers.Spec, c Config) ([]providers.Account, error) {
				return acmedns.Open(spec, c.Settings,
					acmedns.Options{RunDir: c.RunDir, UserAgent: c.UserAgent, Log: c.Log, Dial: c.Dial})
			},
		},
		"conoha": {
			Summary: "ConoHa, VPS Ver.2.0 and Ver.3.0", Form: "conoha", Link: "https://doc.conoha.jp/reference/api-vps3/",
			Families: conoha.Families(), Settings: conoha.Settings(), Hosts: []string{"conoha.io"},
			Open: func(spec providers.Spec, c Config) ([]providers.Account, error) {
				return conoha.Open(spec, c.Settings,
					conoha.Options{RunDir: c.RunDir, UserAgent: c.UserAgent, Log: c.Log, Dial: c.Dial})
			},
		},
		"designate": {
			Summary: "OpenStack DNS", Form: "designate", Link: "https://docs.openstack.org/designate/latest/", Families: designate.Families(),
			Open: func(spec providers.Spec, c Config) ([]providers.Account, error) {
				return designate.Open(spec, c.Settings,
					designate.Options{RunDir: c.RunDir, UserAgent: c.UserAgent, Log: c.Log, Dial: c.Dial})
			},
		},
		"manual": {
			Summary: "a person, who is shown the records to set", Form: "manual",
			Open: func(spec providers.Spec, c Config) ([]providers.Account, error) {
				return manual.Open(spec, manual.Options{Tell: c.Person, Certbot: c.Certbot})
			},
		},
		"rfc2136": {
			Summary: "BIND, Knot, PowerDNS and others, by signed DNS updates", Form: "ZONE=rfc2136", Link: "https://www.rfc-editor.org/rfc/rfc2136",
			Families: rfc2136.Families(),
			Open: func(spec providers.Spec, c Config) ([]providers.Account, error) {
				return rfc2136.Open(spec, c.Settings, rfc2136.Options{Log: c.Log, Dial: c.Dial})
			},
		},
	}
}

// programs are those that another program talks to.
func programs() Providers {
	return Providers{
		"certbot-hook": {
			Summary: "any pair of certbot's manual hooks, with the variables of @ENVFILE",
			Form:    "ZONE=certbot-hook:/AUTH[,/CLEANUP]",
			Link:    "https://eff-certbot.readthedocs.io/en/stable/using.html#pre-and-post-validation-hooks",
			Open: func(spec providers.Spec, c Config) ([]providers.Account, error) {
				return plugin.OpenCertbotHook(spec, c.program())
			},
		},
		"exec": {
			Summary: "a script, called as lego's exec calls it, with the variables of @ENVFILE", Form: "ZONE=exec:/PATH",
			Link: "https://go-acme.github.io/lego/dns/exec/",
			Open: func(spec providers.Spec, c Config) ([]providers.Account, error) {
				return plugin.OpenExec(spec, c.program())
			},
		},
		"lego": {
			Summary: "one of lego's DNS services, by the plugin wildcard-dns-lego", Form: "ZONE=lego:NAME", Link: "https://go-acme.github.io/lego/dns/",
			Open: func(spec providers.Spec, c Config) ([]providers.Account, error) {
				return plugin.Open(spec, c.Settings, c.program())
			},
		},
		"plugin": {
			Summary: "the program wildcard-dns-NAME", Form: "[ZONE=]plugin:NAME",
			Open: func(spec providers.Spec, c Config) ([]providers.Account, error) {
				return plugin.Open(spec, c.Settings, c.program())
			},
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
		kind, ok := r[spec.Name]
		if !ok {
			return nil, r.Unknown(spec)
		}
		opened, err := kind.Open(spec, c)
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, opened...)
	}
	return accounts, nil
}

// Unknown is the error of a spec with a NAME that there is none of: with what was meant by it, where that can be told, a service of
// lego's before all.
func (r Providers) Unknown(spec providers.Spec) error {
	legos := plugin.LegoService(spec.Name)
	meant := messages.Nearest(spec.Name, append(r.Names(), plugin.LegoServices()...))
	if plain := strings.ReplaceAll(strings.TrimPrefix(spec.Name, "dns-"), "-", ""); slices.Contains(r.Names(), plain) {
		meant = plain
	}
	switch {
	case legos != "" && (meant == "" || !slices.Contains(r.Names(), meant)):
		zone := cmp.Or(strings.TrimSuffix(spec.Zone, "."), "example.com")
		return unknown("provider %s: there is no %s of ours; lego has it: --provider %s=lego:%s", spec, spec.Name, zone, legos)
	case meant != "":
		return unknown("provider %s: there is no %s: did you mean %s?", spec, spec.Name, meant)
	}
	return unknown("provider %s: there is no %s, only %s, and lego:NAME for lego's services", spec, spec.Name, strings.Join(r.Names(), ", "))
}

func unknown(format string, args ...any) error {
	return providers.Errorf(providers.CodeUnknownProvider, providers.Usage, format, args...)
}

// Names returns the names of all kinds, sorted.
func (r Providers) Names() []string { return slices.Sorted(maps.Keys(r)) }
