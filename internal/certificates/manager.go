package certificates

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"wildcard/internal/deploy"
	"wildcard/internal/deploy/target"
	"wildcard/internal/dns01"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/memory"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/settings"
	"wildcard/internal/state"
	"wildcard/internal/system/wait"
	"wildcard/internal/timeline"
	"wildcard/providers"
	"wildcard/providers/manual"
)

// Options is what a Manager is made of. Only Dirs is needed.
type Options struct {
	Dirs settings.Directories
	// ReadOnly is for use cases that only look: no folder is made, and nothing is kept for the next run.
	ReadOnly bool
	// Alone says that this process has no other Manager open: records of its earlier ones are leftovers.
	Alone bool
	// FreshTokens leaves tokens of earlier runs unused: they would hide that a password is wrong by now.
	FreshTokens bool
	Program     string   // the program's path, beside which a file of credentials may be; "" has none
	UserAgent   string   // for CAs and DNS services
	Root        string   // of the file system in which what starts certbot is looked for; "" is /
	Environ     []string // "NAME=value", of which hooks and DNS services take what is theirs; nothing else is read from it

	Events func(Event)                                // told of what happens, by several goroutines; nil: not told
	Output io.Writer                                  // takes whole lines of hooks and plugins; nil is nowhere
	Person func(manual.Task)                          // does what a DNS service without an API wants done (provider "manual"); nil: there is no operator
	Log    *slog.Logger                               // nil is silent
	Now    func() time.Time                           // nil is [time.Now]
	Sleep  func(context.Context, time.Duration) error // before and between requests to a CA, and while it remembers; nil is a timer
	Trace  *timeline.Recorder                         // nil records nothing
}

// Event is something that happens while a use case goes on.
type Event struct {
	Lineage string           // "" if it is about the run
	Step    *issuance.Event  // a step of the lineage's order
	Note    messages.Message // without a Step: what a person should know
}

// Manager keeps certificates. Its use cases may go on side by side; those of one lineage wait for each other, in other
// processes too. It is for one run: what it has opened, and what could not be opened, stays so until Close, so a program that runs
// for long opens one for each round of work.
type Manager struct {
	Store    *lineage.Store
	State    *state.State     // nil where there is none yet and it is not to be made
	Journal  *journal.Journal // nil likewise
	Services *Services
	Accounts *Accounts
	Targets  *target.Opener

	options Options
	memory  *memory.Memory
	hooks   *deploy.Hooks
	prover  *deploy.Prover
	mu      sync.Mutex
	preRan  bool
	preRun  map[string]bool // pre hooks that ran
}

// Open opens what is there on this machine, and makes the folders that are not. It sends nothing. Close ends it.
func Open(o Options) (*Manager, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = wait.For
	}
	if o.Events == nil {
		o.Events = func(Event) {}
	}
	if o.Output == nil {
		o.Output = io.Discard
	}
	m := &Manager{options: o, Services: newServices(o), preRun: map[string]bool{}}
	m.memory = memory.Open(filepath.Join(o.Dirs.State, "memory"), o.Log)
	m.memory.Now, m.memory.Sleep = o.Now, o.Sleep
	m.hooks = &deploy.Hooks{ConfigDir: o.Dirs.Config, Environ: o.Environ, Stderr: o.Output, Log: o.Log}
	m.prover = &deploy.Prover{Now: o.Now, Sleep: o.Sleep}
	m.Targets = TargetsOf(o, m.prover)
	var err error
	if m.Store, err = lineage.Open(lineage.Options{ConfigDir: o.Dirs.Config, RunDir: o.Dirs.Run, Log: o.Log}); err != nil {
		return nil, err
	}
	m.Targets.Write = m.Store.Export
	m.Accounts = &Accounts{store: m.Store, services: m.Services}
	return m, m.openState()
}

// openState opens what is remembered between runs.
func (m *Manager) openState() error {
	dirs, log := m.options.Dirs, m.options.Log
	entries := filepath.Join(dirs.State, "journal")
	if m.options.ReadOnly {
		var err error
		if m.State, err = state.Open(dirs.State, log); err != nil {
			m.State = nil
			if !errors.Is(err, fs.ErrNotExist) {
				log.Warn("ledger", "error", err)
			}
		}
		if m.Journal, err = journal.Open(entries, log); err != nil {
			m.Journal = nil // not there yet, or not ours, which doctor finds
		}
		return nil
	}
	for _, dir := range []string{dirs.State, entries, dirs.Run} {
		if err := settings.PrivateDir(dir); err != nil {
			return err
		}
	}
	var err error
	if m.State, err = state.Open(dirs.State, log); err != nil {
		return err
	}
	if m.Journal, err = journal.Open(entries, log); err == nil && m.options.Alone {
		err = m.Journal.Alone()
	}
	return err
}

// Close ends what was opened at CAs and DNS services.
func (m *Manager) Close() { m.Services.close() }

func (m *Manager) now() time.Time { return m.options.Now() }

// note tells a person something.
func (m *Manager) note(format messages.Text, args ...any) {
	m.options.Events(Event{Note: messages.New(format, args...)})
}

// observe is told of the steps of a lineage's order.
func (m *Manager) observe(name string) func(issuance.Event) {
	return func(step issuance.Event) {
		m.options.Trace.Event(name, step)
		m.options.Events(Event{Lineage: name, Step: &step})
	}
}

// lookedAfter remembers that certificates are looked after here ("list --check" misses it), whatever came of them, and what else
// there is to remember.
func (m *Manager) lookedAfter(besides func(*state.Watch)) {
	if err := m.State.ChangeWatch(func(w *state.Watch) {
		w.LastRun = m.now().UTC().Truncate(time.Second)
		besides(w)
	}); err != nil {
		m.options.Log.Warn("watch", "error", err)
	}
}

// locked does something under a lineage's order lock.
func (m *Manager) locked(name string, do func() error) error {
	lock, err := m.Store.LockOrder(name)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	return do()
}

// Sweep removes what dead processes left behind, through the services of these settings. With an empty journal nothing is
// opened. What stands at the names but is left: their orders may be taken up again, with their records. A caller that gives names
// calls again without, when the orders have come to their end.
func (m *Manager) Sweep(ctx context.Context, all []lineage.Settings, but ...string) {
	if !unswept(m) {
		return
	}
	accounts, _ := m.Services.accountsOf(all) // what needs one that cannot be opened says so
	m.sweep(ctx, accounts, dns01.SweepAtStart, but...)
}

// unswept reports whether the journal has anything that may have to be deleted: not what stays.
func unswept(m *Manager) bool {
	entries, _, err := m.Journal.Entries()
	return err == nil && slices.ContainsFunc(entries, func(e journal.Entry) bool { return !e.Stands() })
}

// sweep is Sweep through accounts that are open, as far as limit allows. What it cannot remove stays in the journal and is no
// reason to stop.
func (m *Manager) sweep(ctx context.Context, accounts []providers.Account, limit time.Duration,
	but ...string) journal.SweepReport {
	solver := dns01.Solver{Router: providers.Router{Accounts: accounts}, Journal: m.Journal, Log: m.options.Log}
	swept := m.options.Trace.Begin("", timeline.WorkSweep)
	report, err := solver.Sweep(ctx, limit, func(entry journal.Entry) bool {
		return slices.ContainsFunc(but, func(name string) bool { return issuance.Base(name) == entry.Domain })
	})
	swept(err)
	return report
}
