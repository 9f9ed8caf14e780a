package cli

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/dns01/journal"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/settings"
	"wildcard/internal/state"
	"wildcard/internal/timeline"
	"wildcard/providers"
)

// sweepLimit is what removing the leftovers of dead processes may take at a start; what is not done waits for the next.
const sweepLimit = 5 * time.Second

// machine is what this machine has: folders, and what is in them.
type machine struct {
	*program
	dirs  settings.Directories
	store *lineage.Store
	log   *slog.Logger
	json  bool
	quiet bool
	plain bool
}

// machine finds the folders of a command. It writes nothing.
func (p *program) machine(c *cli.Context) (*machine, error) {
	m := &machine{program: p, json: c.Bool("json"), quiet: c.Bool("quiet"), plain: c.Bool("plain"), log: slog.New(slog.DiscardHandler)}
	level := slog.LevelInfo
	if c.Bool("vv") {
		level = slog.LevelDebug
	}
	if c.Bool("verbose") || c.Bool("vv") {
		m.plain = true
		m.log = slog.New(slog.NewTextHandler(p.lines, &slog.HandlerOptions{Level: level}))
	}
	m.log = slog.New(p.trace.Handler(m.log.Handler()))
	var err error
	if m.dirs, err = settings.FindDirectories(c.String("config-dir"), c.String("state-dir"), p.environ); err != nil {
		return nil, err
	}
	m.store, err = lineage.Open(lineage.Options{ConfigDir: m.dirs.Config, RunDir: m.dirs.Run, Log: m.log})
	return m, err
}

// openState opens what is remembered between runs, and makes its folders.
func (m *machine) openState() (*state.State, *journal.Journal, error) {
	entries := filepath.Join(m.dirs.State, "journal")
	for _, dir := range []string{m.dirs.State, entries, m.dirs.Run} {
		if err := settings.PrivateDir(dir); err != nil {
			return nil, nil, err
		}
	}
	remembered, err := state.Open(m.dirs.State, m.log)
	if err != nil {
		return nil, nil, err
	}
	records, err := journal.Open(entries, m.log)
	return remembered, records, err
}

// sweep removes what dead processes left behind, as far as limit allows, but for what stands at these names. What it cannot remove
// stays in the journal and is no reason to stop.
func (m *machine) sweep(ctx context.Context, records *journal.Journal, accounts []providers.Account, limit time.Duration, but ...string) journal.SweepReport {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	swept := m.trace.Begin("", timeline.WorkSweep)
	report, err := records.Sweep(ctx, accounts, func(entry journal.Entry) bool {
		return slices.ContainsFunc(but, func(name string) bool { return issuance.Base(name) == entry.Domain })
	})
	swept(err)
	if err != nil {
		m.log.Warn("sweep", "error", err)
	}
	for _, e := range report.Swept {
		m.log.Info("removed a record that a dead process left", "fqdn", e.FQDN)
	}
	for _, k := range report.Kept {
		m.log.Info("a dead process's record is still there", "fqdn", k.Entry.FQDN, "reason", k.Reason)
	}
	return report
}
