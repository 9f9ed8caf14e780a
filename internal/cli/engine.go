package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/cli/display"
	"wildcard/internal/deploy"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/memory"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/settings"
	"wildcard/internal/state"
	"wildcard/providers"
	"wildcard/providers/builtin"
)

// engine is one run of a command that obtains certificates or speaks to a CA: what is opened once and shared by all
// lineages.
type engine struct {
	*machine
	state   *state.State
	journal *journal.Journal
	memory  *memory.Memory
	hooks   *deploy.Hooks
	display *display.Progress
	runDir  string // where providers keep tokens for the next run; "" keeps none
	// deployLater leaves deploy hooks waiting for another run.
	deployLater bool

	mu       sync.Mutex
	cas      map[string]*dialled
	services map[string]*opened
	register sync.Mutex // one new account at a time
	preRun   map[string]bool
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

// engine opens what a run needs on this machine. It sends nothing.
func (p *program) engine(c *cli.Context) (*engine, error) {
	m, err := p.machine(c)
	if err != nil {
		return nil, err
	}
	e := m.reader()
	if e.state, e.journal, err = m.openState(); err != nil {
		return nil, err
	}
	e.runDir = m.dirs.Run
	e.memory = memory.Open(filepath.Join(m.dirs.State, "memory"), m.log)
	e.memory.Now, e.memory.Sleep = m.now, m.sleep
	e.hooks = &deploy.Hooks{ConfigDir: m.dirs.Config, Environ: p.environ, Stderr: e.display, Log: m.log}
	return e, nil
}

// ran remembers that renewals are looked after here ("list --check" misses it), whatever came of them.
func (e *engine) ran() {
	if err := e.state.ChangeWatch(func(w *state.Watch) { w.LastRun = e.now().UTC().Truncate(time.Second) }); err != nil {
		e.log.Warn("watch", "error", err)
	}
}

// reader is the engine of a command that only looks: no folder is made, and nothing is kept for the next run.
func (m *machine) reader() *engine {
	e := &engine{machine: m, cas: map[string]*dialled{}, services: map[string]*opened{}, preRun: map[string]bool{}}
	e.display = display.NewProgress(m.lines, m.language, m.terminal(), m.quiet)
	return e
}

// close ends what was opened.
func (e *engine) close() {
	e.display.Close()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.services {
		for _, account := range s.accounts {
			e.shut(account)
		}
	}
	for _, d := range e.cas {
		if d.ca != nil {
			d.ca.Close()
		}
	}
}

// ca reads a CA's directory, once in a run.
func (e *engine) ca(ctx context.Context, server, bundle string) (*issuance.CA, error) {
	e.mu.Lock()
	d := e.cas[server+" "+bundle]
	if d == nil {
		d = &dialled{}
		e.cas[server+" "+bundle] = d
	}
	e.mu.Unlock()
	d.once.Do(func() {
		var roots *x509.CertPool
		if roots, d.err = rootsOf(bundle); d.err != nil {
			return
		}
		d.ca, d.err = issuance.Dial(ctx, issuance.Options{Server: server, UserAgent: userAgent(), RootCAs: roots, Log: e.log, Now: e.now})
	})
	return d.ca, d.err
}

// rootsOf are the system's roots and those of a file; nil is the system's alone.
func rootsOf(bundle string) (*x509.CertPool, error) {
	if bundle == "" {
		return nil, nil //nolint:nilnil // which is what [issuance.Options] wants
	}
	text, err := os.ReadFile(bundle)
	if err != nil {
		return nil, fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "ca bundle: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(text) {
		return nil, fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "ca bundle %s: no certificate in it", bundle)
	}
	return roots, nil
}

// router opens the DNS services of a lineage, once in a run for the same settings. It reads files and sends nothing.
func (e *engine) router(s lineage.Settings) (providers.Router, error) {
	key := strings.Join(s.Providers, " ") + "\n" + s.EnvFile
	e.mu.Lock()
	o := e.services[key]
	if o == nil {
		o = &opened{}
		e.services[key] = o
	}
	e.mu.Unlock()
	o.once.Do(func() {
		var specs []providers.Spec
		for _, text := range s.Providers {
			spec, err := providers.ParseSpec(text)
			if err != nil {
				o.err = err
				return
			}
			specs = append(specs, spec)
		}
		o.accounts, o.err = e.open(specs, s.EnvFile)
	})
	return providers.Router{Accounts: o.accounts}, o.err
}

// open opens DNS services. It reads files and sends nothing.
func (e *engine) open(specs []providers.Spec, envFile string) ([]providers.Account, error) {
	return builtin.Registry().Open(specs, builtin.Config{
		Settings:  settings.FromProcess(e.args[0], e.environ, envFile, e.dirs.Config),
		RunDir:    e.runDir,
		UserAgent: userAgent(),
		Log:       e.log,
		Environ:   e.environ,
		Stderr:    e.display,
		Person:    e.taskPrinter(),
	})
}

// shut ends what a DNS service holds.
func (e *engine) shut(account providers.Account) {
	if closer, ok := account.Provider.(providers.Closer); ok {
		if err := closer.Close(); err != nil {
			e.log.Debug("closing a provider", "account", account.Label, "error", err)
		}
	}
}

// resolver is how the DNS is asked for a lineage.
func (e *engine) resolver(s lineage.Settings) (*propagation.Resolver, error) {
	servers := s.Resolvers
	if len(servers) == 0 {
		var err error
		if servers, err = propagation.SystemServers("/etc/resolv.conf"); err != nil && len(s.NameServers) == 0 {
			return nil, err
		}
	}
	return &propagation.Resolver{Servers: servers, NameServers: s.NameServers, Found: new(propagation.Found), Log: e.log}, nil
}

// cache is how long the CA's resolvers keep an answer, if a lineage says so.
func cache(s lineage.Settings) *time.Duration {
	if s.CACache == "" {
		return nil
	}
	keep, err := memory.ParseKeep(s.CACache)
	if err != nil {
		return nil // [program.dnsOptions] says so
	}
	return &keep
}

// extraWait is how long a lineage waits for servers that cannot be asked.
func extraWait(s lineage.Settings) time.Duration {
	d, err := propagation.ParseExtraWait(s.ExtraWait)
	if err != nil {
		return 0 // not set; else [program.dnsOptions] has said so
	}
	return d
}

// checksDelegation reports whether zones must be delegated to their service: not where name servers had to be named and the
// resolvers are those of the system, which may know nothing of them.
func checksDelegation(s lineage.Settings) bool {
	return len(s.NameServers) == 0 || len(s.Resolvers) > 0
}

// sweepFor removes what dead processes left, through the services of these settings. With an empty journal nothing is
// opened. What stands at names that are about to be ordered is left: the order may be one that is taken up again, with its
// records. Whoever gives names calls again without, when the order has come to its end.
func (e *engine) sweepFor(ctx context.Context, all []lineage.Settings, names ...string) {
	if entries, _, err := e.journal.Entries(); err != nil || len(entries) == 0 {
		return
	}
	var accounts []providers.Account
	seen := map[string]bool{}
	for _, s := range all {
		router, err := e.router(s)
		if err != nil {
			continue // whoever needs these services says so
		}
		for _, account := range router.Accounts {
			if !seen[account.Fingerprint] {
				seen[account.Fingerprint] = true
				accounts = append(accounts, account)
			}
		}
	}
	e.sweep(ctx, e.journal, accounts, sweepLimit, names...)
}

// account is the ACME account that a lineage uses: the one that is there for the server, else a new one if mayRegister.
func (e *engine) account(ctx context.Context, ca *issuance.CA, id string, r issuance.Registration, mayRegister bool) (lineage.Account, error) {
	e.register.Lock()
	defer e.register.Unlock()
	stored, err := e.store.Account(ca.Server(), id)
	if fault.CodeOf(err) != lineage.CodeNotFound || id != "" {
		return stored, err
	}
	if !mayRegister {
		return stored, fault.Errorf(lineage.CodeNotFound, fault.Misconfigured, "%w: wildcard account register --server %s makes one", err, ca.Server())
	}
	made, err := ca.Register(ctx, nil, r)
	if err != nil {
		return stored, err
	}
	return e.store.AddAccount(ctx, lineage.Account{Server: ca.Server(), URI: made.URI, Key: made.Key})
}

// registerAgain gives the key of an account that the CA has forgotten a new account.
func (e *engine) registerAgain(ctx context.Context, ca *issuance.CA, old lineage.Account) (lineage.Account, error) {
	e.register.Lock()
	defer e.register.Unlock()
	made, err := ca.Register(ctx, old.Key, issuance.Registration{AgreeToTerms: true})
	if err != nil {
		return old, err
	}
	if err := e.store.RemoveAccount(ctx, old); err != nil {
		return old, err
	}
	old.URI = made.URI
	return e.store.AddAccount(ctx, old)
}

// pre runs the pre hooks, each once in a run, before the first order.
func (e *engine) pre(ctx context.Context, commands ...string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	first := !e.preRun[""]
	e.preRun[""] = true
	var fresh []string
	for _, command := range commands {
		if command != "" && !e.preRun[command] {
			e.preRun[command] = true
			fresh = append(fresh, command)
		}
	}
	if !first && len(fresh) == 0 {
		return nil
	}
	return e.hooks.Pre(ctx, fresh)
}

// hasHooks reports whether a lineage has deploy hooks, its own or those for all.
func (e *engine) hasHooks(commands []string) bool {
	entries, err := os.ReadDir(filepath.Join(e.dirs.Config, "renewal-hooks", "deploy"))
	return len(commands) > 0 || err == nil && len(entries) > 0 || err != nil && !errors.Is(err, os.ErrNotExist)
}

// deployCommands are the deploy hooks of a lineage: certbot's, then ours.
func deployCommands(params lineage.Params, s lineage.Settings) []string {
	commands := slices.Clone(s.DeployHooks)
	if params.DeployHook != "" {
		commands = slices.Insert(commands, 0, params.DeployHook)
	}
	return commands
}
