package certificates

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"wildcard/internal/deploy"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/state"
)

// deploy writes the combined file and runs the deploy hooks of a lineage, and remembers that it is done. What fails is done
// again by the next run, also when nothing is renewed. later leaves all of it to that.
func (m *Manager) deploy(ctx context.Context, l *lineage.Lineage, later bool) error {
	if later {
		m.options.Log.Info("deploy hooks are left to another run", "lineage", l.Name)
		return nil
	}
	s, _ := l.Conf.Settings()
	if s.Combined != "" {
		set, err := l.Set()
		if err == nil {
			err = m.Store.WriteCombined(s.Combined, set)
		}
		if err != nil {
			return err
		}
	}
	names := s.Domains
	if l.Leaf != nil {
		names = l.Leaf.DNSNames
	}
	if err := m.hooksFor(l.Name).Deploy(ctx, l.Dir(), names, DeployCommands(l.Conf.Params(), s)); err != nil {
		return err
	}
	_, err := l.Update(ctx, func(c *lineage.Conf) error {
		s, _ := c.Settings()
		s.Deploy = false
		return c.SetSettings(s)
	})
	return err
}

// hooksFor are the hooks, each run of which is told of and kept with a lineage.
func (m *Manager) hooksFor(name string) *deploy.Hooks {
	return hooksOf(m, func(string) []string { return []string{name} })
}

// hooksOf are the hooks, each run of which is told of and kept with the lineages that its command is of.
func hooksOf(m *Manager, names func(command string) []string) *deploy.Hooks {
	hooks := *m.hooks
	hooks.Ran = func(run deploy.Run) {
		kept := state.HookRun{
			Kind: run.Kind, Command: run.Command, Time: m.now().UTC().Truncate(time.Second),
			Seconds: run.Took.Round(time.Millisecond).Seconds(),
		}
		if run.Err != nil { // what runs it says so
			kept.Error = messages.OneLine(run.Err.Error())
		} else {
			m.note("%s hook %s was run, in %s", run.Kind, strconv.Quote(messages.OneLine(run.Command)),
				run.Took.Round(time.Millisecond))
		}
		for _, name := range names(run.Command) {
			if err := m.State.AddHookRun(name, kept); err != nil {
				m.options.Log.Warn("hooks", "error", err)
			}
		}
	}
	return &hooks
}

// pre runs the pre hooks, each once in a run, before the first order.
func (m *Manager) pre(ctx context.Context, o *order) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := !m.preRan
	m.preRan = true
	var fresh []string
	if command := o.params.PreHook; command != "" && !m.preRun[command] {
		m.preRun[command] = true
		fresh = append(fresh, command)
	}
	if !first && len(fresh) == 0 {
		return nil
	}
	if o.csr != nil { // there is no lineage
		return hooksOf(m, func(string) []string { return nil }).Pre(ctx, fresh)
	}
	return m.hooksFor(o.name).Pre(ctx, fresh)
}

// hasHooks reports whether a lineage has deploy hooks, its own or those for all.
func hasHooks(configDir string, commands []string) bool {
	entries, err := os.ReadDir(filepath.Join(configDir, "renewal-hooks", "deploy"))
	return len(commands) > 0 || err == nil && len(entries) > 0 || err != nil && !errors.Is(err, os.ErrNotExist)
}

// DeployCommands are the deploy hooks of a lineage: certbot's, then ours. One that stands twice, as in a .conf that several versions
// of certbot wrote, is run once.
func DeployCommands(params lineage.Params, s lineage.Settings) []string {
	var commands []string
	for _, command := range append([]string{params.DeployHook, params.DeployHook53}, s.DeployHooks...) {
		if command != "" && !slices.Contains(commands, command) {
			commands = append(commands, command)
		}
	}
	return commands
}

// HookCommands are all command lines that run around the renewals of a lineage; some may be empty.
func HookCommands(params lineage.Params, s lineage.Settings) []string {
	return append(DeployCommands(params, s), params.PreHook, params.PostHook)
}
