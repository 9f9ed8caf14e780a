package conformance

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/providers"
)

// run runs the suite as package conformancetest does.
func run(t *testing.T, c Config) {
	t.Helper()
	checks, err := c.Checks()
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range checks {
		t.Run(string(check.Name), func(t *testing.T) { check.Run(t) })
	}
}

// TestChecks has providers of all the kinds that keep the contract.
func TestChecks(t *testing.T) {
	t.Parallel()
	t.Run("exact", func(t *testing.T) {
		m := newMemory()
		run(t, m.config(func() providers.Provider { return provider{m} }))
		m.wantEmpty(t)
	})
	t.Run("strict", func(t *testing.T) {
		m := newMemory()
		run(t, m.config(func() providers.Provider { return strict{provider{m}} }))
		m.wantEmpty(t)
	})
	t.Run("strangers unavailable", func(t *testing.T) {
		m := newMemory()
		c := m.config(func() providers.Provider { return provider{m} })
		c.Foreign, c.Stall, c.LoseReply = nil, nil, nil
		run(t, c)
		m.wantEmpty(t)
	})
	t.Run("hashing", func(t *testing.T) {
		m := newMemory()
		c := m.config(func() providers.Provider { return hashing{provider{m}} })
		c.NeedsKeyAuth = true
		run(t, c)
		m.wantEmpty(t)
	})
	t.Run("one value", func(t *testing.T) {
		m := newMemory()
		c := m.config(func() providers.Provider { return oneValued{provider{m}} })
		c.OneValue = true
		run(t, c)
		m.wantEmpty(t)
	})
	t.Run("rolling", func(t *testing.T) {
		m := newMemory()
		free := &sync.Map{}
		c := m.config(func() providers.Provider { return rolling{m, free} })
		c.Rolling = true
		run(t, c)
	})
}

// wary is what a zone in use must be spared.
type wary struct {
	strict

	mu   sync.Mutex
	harm []string
}

func (w *wary) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	w.look(c.FQDN, c.Value, "")
	return w.strict.Present(ctx, c)
}

func (w *wary) CleanUp(ctx context.Context, c providers.Challenge, h providers.Handle) error {
	w.look(c.FQDN, c.Value, h)
	return w.strict.CleanUp(ctx, c, h)
}

func (w *wary) look(fqdn, value string, h providers.Handle) {
	name := strings.ToLower(fqdn)
	tame := strings.Trim(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == "" && len(value) >= 42
	below := strings.HasPrefix(name, "_acme-challenge.") && strings.HasSuffix(name, ".example.com.") && name != "_acme-challenge.example.com."
	if !tame || !below || h != "" && !strings.HasPrefix(string(h), handlePrefix) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.harm = append(w.harm, name+" "+value+" "+string(h))
	}
}

// In a zone that is in use, only new names are written to, nothing strange is asked for, and what the name servers have is
// waited for: here they are behind by some looks.
func TestLive(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.put("_acme-challenge.example.com.", "another program's")
	w := &wary{strict: strict{provider{m}}}
	c := m.config(func() providers.Provider { return w })
	all, err := c.Checks()
	if err != nil {
		t.Fatal(err)
	}
	late := 0
	c.Live, c.Foreign = true, nil
	c.Await = func(_ Reporter, fqdn string, fit func([]string) bool) []string {
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if late++; late%3 == 0 && fit(m.values(fqdn)) {
				break
			}
		}
		return m.values(fqdn)
	}
	run(t, c)
	live, err := c.Checks()
	if err != nil || len(live) < 15 || len(live) >= len(all) {
		t.Errorf("%d checks of %d, %v", len(live), len(all), err)
	}
	if len(w.harm) > 0 {
		t.Errorf("asked for: %q", w.harm)
	}
	if late == 0 || !slices.Equal(m.values("_acme-challenge.example.com."), []string{"another program's"}) || len(m.records) != 1 {
		t.Errorf("%d looks, left %v", late, m.records)
	}
}

// A run that is ended leaves nothing all the same.
func TestEnded(t *testing.T) {
	t.Parallel()
	m := newMemory()
	c := m.config(func() providers.Provider { return provider{m} })
	ctx, cancel := context.WithCancel(t.Context())
	c.Await = func(Reporter, string, func([]string) bool) []string { cancel(); return nil }
	checks, err := c.Checks()
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range checks {
		if failures := Try(ctx, check.Run); check.Name == "two values share a name" && len(failures) == 0 {
			t.Error("what was not found is no failure")
		}
	}
	m.wantEmpty(t)
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
		if _, err := c.Checks(); err == nil {
			t.Errorf("a Config without %s is accepted", name)
		}
	}
}
