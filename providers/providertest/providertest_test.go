package providertest

import (
	"testing"

	"wildcard/providers"
)

// TestRun has providers of all the kinds that keep the contract.
func TestRun(t *testing.T) {
	t.Parallel()
	t.Run("exact", func(t *testing.T) {
		m := newMemory()
		Run(t, m.config(func() providers.Provider { return provider{m} }))
		m.wantEmpty(t)
	})
	t.Run("strict", func(t *testing.T) {
		m := newMemory()
		Run(t, m.config(func() providers.Provider { return strict{provider{m}} }))
		m.wantEmpty(t)
	})
	t.Run("strangers unavailable", func(t *testing.T) {
		m := newMemory()
		c := m.config(func() providers.Provider { return provider{m} })
		c.Foreign, c.Stall, c.LoseReply = nil, nil, nil
		Run(t, c)
		m.wantEmpty(t)
	})
	t.Run("hashing", func(t *testing.T) {
		m := newMemory()
		c := m.config(func() providers.Provider { return hashing{provider{m}} })
		c.NeedsKeyAuth = true
		Run(t, c)
		m.wantEmpty(t)
	})
	t.Run("rolling", func(t *testing.T) {
		m := newMemory()
		c := m.config(func() providers.Provider { return rolling{m} })
		c.Rolling = true
		Run(t, c)
	})
}

// wantEmpty fails the test if the suite left a record at the service.
func (m *memory) wantEmpty(t *testing.T) {
	t.Helper()
	if len(m.records) > 0 {
		t.Errorf("the suite left %d records: %v", len(m.records), m.records)
	}
}

func TestIncompleteConfig(t *testing.T) {
	t.Parallel()
	m := newMemory()
	whole := m.config(func() providers.Provider { return provider{m} })
	for name, spoil := range map[string]func(*Config){
		"Open":    func(c *Config) { c.Open = nil },
		"Records": func(c *Config) { c.Records = nil },
		"Zone":    func(c *Config) { c.Zone = "" },
	} {
		c := whole
		spoil(&c)
		if failures := record(t, c.validate); len(failures) == 0 {
			t.Errorf("a Config without %s is accepted", name)
		}
	}
	if failures := record(t, whole.validate); len(failures) > 0 {
		t.Error(failures)
	}
}
