package certificates

import (
	"context"
	"crypto/x509"
	"strings"
	"sync"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/settings"
	"wildcard/providers"
	"wildcard/providers/builtin"
)

// Services are the CAs and the DNS services of a run, each opened once and shared by all its lineages.
type Services struct {
	options Options
	mu      sync.Mutex
	cas     map[string]*dialled
	opened  map[string]*opened
}

type dialled struct {
	once sync.Once
	ca   *issuance.CA
	err  error
}

type opened struct {
	once     sync.Once
	accounts []providers.Account
	err      error
}

func newServices(o Options) *Services {
	return &Services{options: o, cas: map[string]*dialled{}, opened: map[string]*opened{}}
}

func (s *Services) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.opened {
		for _, account := range o.accounts {
			account.Close(s.options.Log)
		}
	}
	for _, d := range s.cas {
		if d.ca != nil {
			d.ca.Close()
		}
	}
}

// CA reads the directory of the CA at a URL, once in a run. bundle is a file with further roots for its TLS, or "".
func (s *Services) CA(ctx context.Context, server, bundle string) (*issuance.CA, error) {
	s.mu.Lock()
	d := s.cas[server+" "+bundle]
	if d == nil {
		d = &dialled{}
		s.cas[server+" "+bundle] = d
	}
	s.mu.Unlock()
	d.once.Do(func() {
		var roots *x509.CertPool
		if roots, d.err = rootsOf(bundle); d.err != nil {
			return
		}
		d.ca, d.err = issuance.Dial(ctx, issuance.Options{
			Server: server, UserAgent: s.options.UserAgent, RootCAs: roots, Log: s.options.Log, Now: s.options.Now,
			Sleep: s.options.Sleep,
		})
	})
	return d.ca, d.err
}

// rootsOf are the system's roots and those of a file; nil is the system's alone.
func rootsOf(bundle string) (*x509.CertPool, error) {
	if bundle == "" {
		return nil, nil //nolint:nilnil // which is what [issuance.Options] wants
	}
	roots, err := settings.Roots(bundle)
	if err != nil {
		return nil, fault.Errorf(fault.CodeOf(err), fault.Misconfigured, "ca bundle: %w", err)
	}
	return roots, nil
}

// Router opens the DNS services of a lineage, once in a run for the same settings. It reads files and sends nothing.
func (s *Services) Router(l lineage.Settings) (providers.Router, error) {
	key := strings.Join(l.SpecTexts(), " ") + "\n" + l.EnvFile
	s.mu.Lock()
	o := s.opened[key]
	if o == nil {
		o = &opened{}
		s.opened[key] = o
	}
	s.mu.Unlock()
	o.once.Do(func() { o.accounts, o.err = s.Open(l.Providers, l.EnvFile) })
	return providers.Router{Accounts: o.accounts}, o.err
}

// accountsOf opens the DNS services of all these settings, each account once. What cannot be opened is no reason not to try
// the rest: each such error is returned once.
func (s *Services) accountsOf(all []lineage.Settings) (accounts []providers.Account, failed []error) {
	seen, said := map[string]bool{}, map[string]bool{}
	for _, l := range all {
		router, err := s.Router(l)
		if err != nil && !said[err.Error()] {
			said[err.Error()] = true
			failed = append(failed, err)
		}
		for _, account := range router.Accounts {
			if !seen[account.Fingerprint] {
				seen[account.Fingerprint] = true
				accounts = append(accounts, account)
			}
		}
	}
	return accounts, failed
}

// Open opens DNS services anew. It reads files and sends nothing. The caller closes the accounts.
func (s *Services) Open(specs []providers.Spec, envFile string) ([]providers.Account, error) {
	runDir := s.options.Dirs.Run
	if s.options.ReadOnly || s.options.FreshTokens {
		runDir = "" // which keeps no tokens for the next run
	}
	return builtin.Registry().Open(specs, builtin.Config{
		Settings:  settings.FromProcess(s.options.Program, s.options.Environ, envFile, s.options.Dirs.Config),
		RunDir:    runDir,
		UserAgent: s.options.UserAgent,
		Log:       s.options.Log,
		Environ:   s.options.Environ,
		Stderr:    s.options.Output,
		Person:    s.options.Person,
	})
}

// Resolver is how the DNS is asked for a lineage.
func (s *Services) Resolver(l lineage.Settings) (*propagation.Resolver, error) {
	return propagation.NewResolver(l.Resolvers, l.NameServers, s.options.Log)
}

// ChecksDelegation reports whether zones of a lineage must be delegated to their service.
func ChecksDelegation(s lineage.Settings) bool {
	return dns01.ChecksDelegation(s.NameServers, s.Resolvers)
}
