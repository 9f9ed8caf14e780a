package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"wildcard/providers"
)

// memory is a DNS service: an account, its zones, and an API whose calls list, create and delete records.
type memory struct {
	zones []string

	mu        sync.Mutex
	records   []txt
	made      int
	loseReply bool
	silent    chan struct{} // nil, or open for as long as the service does not answer
}

type txt struct{ id, fqdn, value string }

var (
	errNotFound = errors.New("memory: 404")
	errLost     = errors.New("memory: connection reset")
)

func newMemory() *memory { return &memory{zones: []string{"example.com.", "example.co.jp."}} }

// config is all that a suite can be told about a memory; open makes its instances.
func (m *memory) config(open func() providers.Provider) Config {
	return Config{
		Zone:    "Example.COM",
		Open:    func(Reporter) providers.Provider { return open() },
		Records: func(_ Reporter, fqdn string) []string { return m.values(fqdn) },
		Foreign: func(_ Reporter, fqdn, value string) func() {
			id := m.put(fqdn, value)
			return func() { m.remove(id) }
		},
		Stall:     m.stall,
		LoseReply: func(Reporter) { m.mu.Lock(); defer m.mu.Unlock(); m.loseReply = true },
	}
}

// answer waits until the service answers.
func (m *memory) answer(ctx context.Context) error {
	m.mu.Lock()
	silent := m.silent
	m.mu.Unlock()
	if silent != nil {
		select {
		case <-silent:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (m *memory) list(ctx context.Context, fqdn string) ([]txt, error) {
	if err := m.answer(ctx); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.records), func(r txt) bool { return !strings.EqualFold(r.fqdn, fqdn) }), nil
}

func (m *memory) create(ctx context.Context, fqdn, value string) (string, error) {
	if err := m.answer(ctx); err != nil {
		return "", err
	}
	id := m.put(fqdn, value)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.loseReply {
		m.loseReply = false
		return "", errLost
	}
	return id, nil
}

func (m *memory) delete(ctx context.Context, id string) error {
	if err := m.answer(ctx); err != nil {
		return err
	}
	if !m.remove(id) {
		return errNotFound
	}
	return nil
}

func (m *memory) put(fqdn, value string) (id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.made++
	id = fmt.Sprintf("r%04d", m.made)
	m.records = append(m.records, txt{id, fqdn, value})
	return id
}

func (m *memory) remove(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.records)
	m.records = slices.DeleteFunc(m.records, func(r txt) bool { return r.id == id })
	return len(m.records) < before
}

func (m *memory) values(fqdn string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var values []string
	for _, r := range m.records {
		if strings.EqualFold(r.fqdn, fqdn) {
			values = append(values, r.value)
		}
	}
	return values
}

func (m *memory) stall(Reporter) (resume func()) {
	silent := make(chan struct{})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.silent = silent
	return func() { close(silent) }
}

// provider keeps the contract. It stores any value exactly.
type provider struct{ *memory }

var (
	_ providers.Zones  = provider{}
	_ providers.Closer = provider{}
)

const handlePrefix = "memory/"

func (p provider) Zones(context.Context, bool) ([]string, error) { return p.zones, nil }
func (p provider) Close() error                                  { return nil }

func (p provider) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	if providers.LongestZone(c.FQDN, p.zones) == "" {
		return "", errors.New("memory: no such zone")
	}
	if id, err := p.find(ctx, c); id != "" || err != nil {
		return providers.Handle(id), err
	}
	id, err := p.create(ctx, c.FQDN, c.Value)
	if errors.Is(err, errLost) {
		found, err := p.find(ctx, c)
		return providers.Handle(found), err
	}
	if err != nil {
		return "", err
	}
	return providers.Handle(handlePrefix + id), nil
}

// find returns the handle of a record equal to c, or "".
func (p provider) find(ctx context.Context, c providers.Challenge) (string, error) {
	records, err := p.list(ctx, c.FQDN)
	for _, r := range records {
		if r.value == c.Value {
			return handlePrefix + r.id, nil
		}
	}
	return "", err
}

func (p provider) CleanUp(ctx context.Context, c providers.Challenge, h providers.Handle) error {
	if id, ok := strings.CutPrefix(string(h), handlePrefix); ok {
		if err := p.delete(ctx, id); err != nil && !errors.Is(err, errNotFound) {
			return err
		}
		return nil
	}
	return p.deleteIf(ctx, c.FQDN, func(r txt) bool { return r.value == c.Value })
}

func (p provider) deleteIf(ctx context.Context, fqdn string, which func(txt) bool) error {
	records, err := p.list(ctx, fqdn)
	for _, r := range records {
		if which(r) {
			if err := p.delete(ctx, r.id); err != nil && !errors.Is(err, errNotFound) {
				return err
			}
		}
	}
	return err
}

// strict refuses whatever is no challenge.
type strict struct{ provider }

func (p strict) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	if err := p.check(c); err != nil {
		return "", err
	}
	return p.provider.Present(ctx, c)
}

func (p strict) CleanUp(ctx context.Context, c providers.Challenge, h providers.Handle) error {
	if err := p.check(c); err != nil {
		return err
	}
	return p.provider.CleanUp(ctx, c, h)
}

func (strict) check(c providers.Challenge) error {
	if c.FQDN != providers.CanonicalName(c.FQDN) {
		return errors.New("memory: name is not canonical")
	}
	_, err := providers.ParseValue(c.Value)
	return err
}

// oneValued refuses a second value at a name.
type oneValued struct{ provider }

func (p oneValued) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	if len(p.snapshot(func(r txt) bool { return r.fqdn == providers.CanonicalName(c.FQDN) && r.value != c.Value })) > 0 {
		return "", errors.New("memory: there is a value already")
	}
	return p.provider.Present(ctx, c)
}

// hashing computes the value itself, as lego's providers do, and leaves handles unknown.
type hashing struct{ provider }

func (p hashing) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	if digest(c.KeyAuth) != c.Value {
		return "", errors.New("memory: not the digest of the key authorization")
	}
	_, err := p.provider.Present(ctx, c)
	return "", err
}

func (p hashing) CleanUp(ctx context.Context, c providers.Challenge, _ providers.Handle) error {
	return p.provider.CleanUp(ctx, c, "")
}

// rolling keeps two values at its only name and deletes nothing, as acme-dns does. A new value takes the place of one that
// was cleaned up.
type rolling struct {
	*memory

	free *sync.Map // values that were cleaned up
}

func (p rolling) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	if c.FQDN != "example.com." {
		return "", errors.New("memory: not the registered name")
	}
	if err := p.answer(ctx); err != nil {
		return "", err
	}
	p.free.Delete(c.Value)
	have := p.values(c.FQDN)
	if slices.Contains(have, c.Value) {
		return "", nil
	}
	if len(have) == 2 {
		p.mu.Lock()
		older := slices.IndexFunc(p.records, func(r txt) bool { _, free := p.free.Load(r.value); return free })
		p.mu.Unlock()
		if older < 0 {
			return "", errors.New("memory: both values are in use")
		}
		p.remove(p.records[older].id)
	}
	id, err := p.create(ctx, c.FQDN, c.Value)
	return providers.Handle(id), err
}

func (p rolling) CleanUp(_ context.Context, c providers.Challenge, _ providers.Handle) error {
	p.free.Store(c.Value, true)
	return nil
}
