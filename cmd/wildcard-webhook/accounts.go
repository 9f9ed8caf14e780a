package main

import (
	"log/slog"
	"slices"
	"strings"
	"sync"

	core "k8s.io/api/core/v1"

	"wildcard/internal/settings"
	environment "wildcard/internal/system/environ"
	"wildcard/providers"
	"wildcard/providers/builtin"
)

// How many accounts stay open. Issuers may come and go for years.
const (
	mostOpen      = 256
	mostOpenOfOne = 32 // namespace
)

// accounts are the open accounts of one kind of provider. An account that stays open keeps its login and its list of zones.
type accounts struct {
	registry  builtin.Providers
	environ   []string
	endpoints *endpoints
	log       *slog.Logger

	mu   sync.Mutex
	open []opened // least recently used first
}

// opened is what was opened with a Secret and settings as they were.
type opened struct {
	place   string // which Issuers share it: spec, namespace and name of the Secret
	version string // of the Secret, and the settings
	all     []providers.Account
	owner   string          // the Secret's namespace
	users   *sync.WaitGroup // calls that are using it
}

func newAccounts(registry builtin.Providers, environ []string, log *slog.Logger) *accounts {
	allowed, err := parseEndpoints(environment.Get(environ, endpointsVariable))
	if err != nil { // the program has not started with it
		allowed = &endpoints{}
	}
	return &accounts{registry: registry, environ: environ, endpoints: allowed, log: log}
}

// use returns the accounts for a config and its Secret, and what is to be called when they are no longer used. Accounts of an
// earlier version of the Secret are closed once no call uses them.
func (a *accounts) use(c parsed, namespace string, secret *core.Secret) ([]providers.Account, func(), error) {
	place := strings.Join([]string{c.spec.String(), namespace, c.SecretRef.Name}, "\x00")
	version := version(c, secret)
	a.mu.Lock()
	defer a.mu.Unlock()
	at := slices.IndexFunc(a.open, func(o opened) bool { return o.place == place && o.version == version })
	if at < 0 {
		all, err := a.registry.Open([]providers.Spec{c.spec}, builtin.Config{
			Settings:  settings.Sources{Environ: variables(c, secret)},
			UserAgent: "wildcard-webhook",
			Log:       a.log,
			Environ:   a.environ,
			Stderr:    nil,
			Dial:      a.endpoints.dial,
			Certbot:   true, // nor does cert-manager tell more than the value
		})
		if err != nil {
			return nil, nil, err
		}
		a.open = slices.DeleteFunc(a.open, func(o opened) bool {
			old := o.place == place && sameSecret(o.version, version)
			if old {
				go a.close(o)
			}
			return old
		})
		a.makeRoom(namespace)
		a.open = append(a.open, opened{place: place, version: version, all: all, owner: namespace, users: &sync.WaitGroup{}})
		at = len(a.open) - 1
	}
	o := a.open[at]
	a.open = append(slices.Delete(a.open, at, at+1), o)
	o.users.Add(1)
	return o.all, o.users.Done, nil
}

// makeRoom closes what was used least recently: of the namespace, if it has its share, so that one does not close what others use.
func (a *accounts) makeRoom(namespace string) {
	own := func(o opened) bool { return o.owner == namespace }
	count := 0
	for _, o := range a.open {
		if own(o) {
			count++
		}
	}
	least := -1
	switch {
	case count >= mostOpenOfOne:
		least = slices.IndexFunc(a.open, own)
	case len(a.open) >= mostOpen:
		least = 0
	}
	if least >= 0 {
		go a.close(a.open[least])
		a.open = slices.Delete(a.open, least, least+1)
	}
}

// close closes accounts when their last user is done.
func (a *accounts) close(o opened) {
	o.users.Wait()
	for _, account := range o.all {
		account.Close(a.log)
	}
}

// version tells settings apart: those of the config, and the Secret as the API server counts its versions.
func version(c parsed, secret *core.Secret) string {
	var b strings.Builder
	if secret != nil {
		b.WriteString(string(secret.UID) + " " + secret.ResourceVersion)
	}
	for _, entry := range variables(parsed{Config: Config{Settings: c.Settings}}, nil) {
		b.WriteString("\x00" + entry)
	}
	return b.String()
}

// sameSecret reports whether two versions differ in the Secret only: the older one will not come again.
func sameSecret(a, b string) bool {
	_, x, _ := strings.Cut(a, "\x00")
	_, y, _ := strings.Cut(b, "\x00")
	return x == y
}

// variables are a provider's variables, as an environment: those of the Secret, then the settings.
func variables(c parsed, secret *core.Secret) []string {
	var environ []string
	if secret != nil {
		for name, value := range secret.Data {
			environ = append(environ, name+"="+strings.TrimSuffix(string(value), "\n"))
		}
	}
	for name, value := range c.Settings {
		environ = append(environ, name+"="+value)
	}
	// The Secret's come first, and the first of a name counts.
	slices.SortStableFunc(environ, func(x, y string) int {
		nameX, _, _ := strings.Cut(x, "=")
		nameY, _, _ := strings.Cut(y, "=")
		return strings.Compare(nameX, nameY)
	})
	return environ
}
