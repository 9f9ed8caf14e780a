package certificates

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"wildcard/internal/lineage"
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
	if err := m.hooks.Deploy(ctx, l.Dir(), names, DeployCommands(l.Conf.Params(), s)); err != nil {
		return err
	}
	_, err := l.Update(ctx, func(c *lineage.Conf) error {
		s, _ := c.Settings()
		s.Deploy = false
		return c.SetSettings(s)
	})
	return err
}

// pre runs the pre hooks, each once in a run, before the first order.
func (m *Manager) pre(ctx context.Context, commands ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := !m.preRan
	m.preRan = true
	var fresh []string
	for _, command := range commands {
		if command != "" && !m.preRun[command] {
			m.preRun[command] = true
			fresh = append(fresh, command)
		}
	}
	if !first && len(fresh) == 0 {
		return nil
	}
	return m.hooks.Pre(ctx, fresh)
}

// hasHooks reports whether a lineage has deploy hooks, its own or those for all.
func hasHooks(configDir string, commands []string) bool {
	entries, err := os.ReadDir(filepath.Join(configDir, "renewal-hooks", "deploy"))
	return len(commands) > 0 || err == nil && len(entries) > 0 || err != nil && !errors.Is(err, os.ErrNotExist)
}

// DeployCommands are the deploy hooks of a lineage: certbot's, then ours.
func DeployCommands(params lineage.Params, s lineage.Settings) []string {
	commands := slices.Clone(s.DeployHooks)
	if params.DeployHook != "" {
		commands = slices.Insert(commands, 0, params.DeployHook)
	}
	return commands
}
