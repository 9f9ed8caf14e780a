package hooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/memory"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/settings"
	"wildcard/internal/system/failpoint"
	"wildcard/internal/system/signals"
	"wildcard/providers"
	"wildcard/providers/builtin"
)

// Every step has its own limit, since certbot has none (package comment).
const (
	createLimit  = 5 * time.Minute  // zone, CNAME, delegation and the create call with its retries
	cleanUpLimit = 60 * time.Second // deleting one record with its retries
)

// Program is what the operating system gives a hook program.
type Program struct {
	Args    []string // the program's name as it was called, then its arguments
	Environ []string
	Stdout  io.Writer
	Stderr  io.Writer
}

// hook is one run of either hook, ready to act: arguments and variables parsed, settings found, nothing sent yet.
type hook struct {
	options  options
	request  request
	receipts io.Writer
	aside    io.Writer // what programs of others say; nil without -v, since a hook that succeeds is silent there
	log      *slog.Logger
	dirs     settings.Directories
	owner    journal.Process // the certbot that called us
	solver   *dns01.Solver
}

// run prepares a hook, calls act, and turns what comes of it into an exit code and, on failure, a few lines for the user.
func run(p Program, program string, duty messages.Message, act func(context.Context, *hook) error) (code int) {
	// A reader that went away must not kill us between the record and the journal; writing then fails with EPIPE.
	signal.Ignore(syscall.SIGPIPE)
	chosen, args := messages.Take(p.Args[1:])
	language, languageErr := messages.Choose(chosen, p.Environ)
	p.Stdout, p.Stderr = language.Writer(p.Stdout, p.Environ), language.Writer(p.Stderr, p.Environ)
	fail := func(err error) int {
		fmt.Fprintln(p.Stderr, failureLines(language, program, err))
		return fault.ExitCode(err)
	}
	defer func() {
		if r := recover(); r != nil {
			code = fail(fault.Errorf("internal", fault.Internal,
				"internal error: %v (the journal knows what is left; the next run removes it)", r))
		}
	}()

	h := &hook{receipts: p.Stdout, log: slog.New(slog.DiscardHandler)}
	var err error
	switch h.options, err = parseOptions(program, args, p.Environ); {
	case languageErr != nil:
		return fail(usage("%w", languageErr))
	case errors.Is(err, errHelp):
		fmt.Fprint(p.Stdout, help(language, program, duty))
		return 0
	case err != nil:
		return fail(err)
	}
	if h.request, err = parseRequest(p.Environ); err != nil {
		return fail(err)
	}
	if err = settings.CheckProxies(p.Environ); err != nil {
		return fail(err)
	}
	if h.options.verbose {
		h.aside = p.Stderr
		h.log = slog.New(slog.NewTextHandler(p.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	ctx, stop := signals.Context(context.Background())
	defer stop()
	if err = h.open(p); err == nil {
		defer h.close()
		err = act(ctx, h)
	} else {
		h.print(receipt{})
	}
	if err != nil {
		return fail(err)
	}
	return 0
}

// open finds directories, credentials and certbot, and opens journal and accounts. It reads; it sends nothing.
func (h *hook) open(p Program) error {
	began := time.Now()
	h.solver = &dns01.Solver{
		Register: true, CheckDelegation: dns01.ChecksDelegation(h.options.nameServers, h.options.resolvers),
		CA: memory.CA{Keep: h.options.caCache}, ExtraWait: h.options.extraWait,
		Within:       func() time.Duration { return propagation.MostLimit - time.Since(began) },
		CleanUpLimit: cleanUpLimit, Log: h.log,
	}
	var err error
	if h.dirs, err = settings.FindDirectories(h.options.configDir, h.options.stateDir, p.Environ); err != nil {
		return err
	}
	if err = h.openAccounts(p); err != nil {
		return err
	}
	if h.owner, err = journal.Client(); err != nil {
		return err
	}
	if h.solver.Resolver, err = propagation.NewResolver(h.options.resolvers, h.options.nameServers, h.log); err != nil {
		return err
	}
	entries := filepath.Join(h.dirs.State, "journal")
	for _, dir := range []string{h.dirs.State, entries} {
		if err = settings.PrivateDir(dir); err != nil {
			return err
		}
	}
	h.solver.HistoryDir = filepath.Join(h.dirs.State, "history")
	h.solver.Memory = memory.Open(filepath.Join(h.dirs.State, "memory"), h.log)
	h.solver.Journal, err = journal.Open(entries, h.log)
	return err
}

func (h *hook) openAccounts(p Program) error {
	// What is kept for the next process only saves time: without a run directory we do without.
	runDir := h.dirs.Run
	if err := settings.PrivateDir(runDir); err != nil {
		h.log.Debug("nothing is kept for the next hook", "error", err)
		runDir = ""
	}
	accounts, err := builtin.Registry().Open(h.options.specs, builtin.Config{
		Settings:  settings.FromProcess(p.Args[0], p.Environ, h.options.envFile, h.dirs.Config),
		RunDir:    runDir,
		UserAgent: userAgent(),
		Log:       h.log,
		Environ:   p.Environ,
		Stderr:    h.aside,
		Certbot:   true,
	})
	h.solver.Router = providers.Router{Accounts: accounts}
	return err
}

func (h *hook) close() {
	for _, account := range h.solver.Router.Accounts {
		account.Close(h.log)
	}
}

// print writes the receipt. That it is not read is no failure, since the journal has the record too; and a full pipe must
// not hold us up for ever.
func (h *hook) print(r receipt) {
	done := make(chan error, 1)
	go func() {
		done <- failpoint.Do("receipt", "write", func() error { _, err := fmt.Fprintln(h.receipts, r); return err })
	}()
	select {
	case err := <-done:
		if err != nil {
			h.log.Debug("printing the receipt", "error", err)
		}
	case <-time.After(10 * time.Second):
		h.log.Debug("printing the receipt: standard output is closed")
	}
}

// sweep removes what dead processes left behind, as far as limit allows, but for what leave says may be taken over. What cannot be
// swept is no reason to stop, and logged.
func (h *hook) sweep(ctx context.Context, limit time.Duration, leave func(journal.Entry) bool) {
	_, _ = h.solver.Sweep(ctx, limit, leave)
}

// userAgent identifies us to services.
func userAgent() string {
	version := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		version = info.Main.Version
	}
	return "wildcard/" + version
}

// Harden is [settings.Harden]. A program calls it first.
func Harden() { settings.Harden() }
