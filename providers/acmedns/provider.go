package acmedns

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"wildcard/internal/settings"
	"wildcard/internal/system/filelock"
	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// Options is what a provider may know of the run.
type Options struct {
	RunDir    string // private folder where processes tell each other which values are in use; "" for none
	UserAgent string
	// Log gets one line per request at debug level; nil is silent.
	Log *slog.Logger
	// Dial makes the connections; nil makes every one.
	Dial httpclient.Dial
}

// Provider publishes challenges at the names of one acme-dns server that are registered to us.
type Provider struct {
	account account
	spec    providers.Spec
	client  *client
	storage *storage // nil if the only registration stands in variables
	memory  *memory
	locks   *filelock.Locks // by name
	now     func() time.Time
	log     *slog.Logger
}

var (
	_ providers.Provider     = (*Provider)(nil)
	_ providers.CNAMETargets = (*Provider)(nil)
	_ providers.LongestWait  = (*Provider)(nil)
)

// Open reads an account's settings and returns its provider. It sends nothing. Errors are those of
// [settings.Sources.Credentials], and CodeBadSettings for a setting that cannot be used as it is.
func Open(spec providers.Spec, src settings.Sources, o Options) ([]providers.Account, error) {
	if spec.Arg != "" {
		return nil, providers.Errorf(providers.CodeBadSpec, providers.Usage,
			"provider %s: acmedns takes nothing after a colon", spec)
	}
	sets, err := src.Credentials(spec, Families())
	if err != nil {
		return nil, err
	}
	a, err := newAccount(sets[0], src.ConfigDir)
	if err != nil {
		return nil, err
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := &Provider{
		account: a, spec: spec, client: newClient(a, o, log), memory: &memory{dir: o.RunDir, kept: map[string]held{}},
		locks: filelock.New(o.RunDir, "acmedns"), now: time.Now, log: log,
	}
	if a.only == nil {
		p.storage = &storage{path: a.path, server: a.base, stated: a.stated, sources: src,
			locks: filelock.New(o.RunDir, "acmedns-accounts")}
	}
	return []providers.Account{{Provider: p, Spec: spec, Fingerprint: a.fingerprint(), Label: a.label()}}, nil
}

// Present makes the challenge's value one of the two at a registered name. A value that is there already is not sent again.
func (p *Provider) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	fqdn := providers.CanonicalName(c.FQDN)
	if _, err := providers.ParseValue(c.Value); err != nil {
		return "", failed(err, "update TXT %s", providers.Excerpt(fqdn))
	}
	all, err := p.registrations()
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(all, func(r registration) bool { return r.name == fqdn })
	if i < 0 {
		return "", failed(providers.Errorf(providers.CodeNoZone, providers.Misconfigured, "no account of ours is registered for that name"),
			"update TXT %s", providers.Excerpt(fqdn))
	}
	if ctx.Err() != nil {
		return "", httpclient.Unavailable(ctx.Err())
	}
	if err := p.put(ctx, all[i], c.Value); err != nil {
		return "", failed(err, "update TXT %s at %s", fqdn, p.account.base)
	}
	return providers.Handle(all[i].subdomain), nil
}

// CleanUp notes that the value may be replaced. acme-dns deletes nothing (package comment).
func (p *Provider) CleanUp(ctx context.Context, c providers.Challenge, _ providers.Handle) error {
	r := registration{name: providers.CanonicalName(c.FQDN)}
	return failed(p.forget(ctx, r, c.Value), "release TXT %s", providers.Excerpt(r.name))
}

// Zones returns the registered names.
func (p *Provider) Zones(context.Context, bool) ([]string, error) {
	all, err := p.registrations()
	var names []string
	for _, r := range all {
		names = append(names, r.name)
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// CNAMETarget returns the name registered for a domain. If there is none, it is "", or with register set a new one, which is in
// the file by then.
func (p *Provider) CNAMETarget(ctx context.Context, domain string, register bool) (string, error) {
	domain, err := providers.ParseDomain(domain)
	if err != nil {
		return "", err
	}
	if p.storage == nil {
		return p.account.only.name, nil
	}
	if !register {
		ours, _, err := p.storage.read()
		return ours[domain].name, err
	}
	r, err := p.storage.obtain(ctx, domain, func() (entry, error) {
		p.log.Info("acmedns: registering", "server", p.account.base, "domain", domain, "file", p.storage.path)
		return p.client.register(ctx)
	})
	return r.name, err
}

// LongestWait is ACMEDNS_PROPAGATION_TIMEOUT: how long to wait for publication. 0 means that it is not set.
func (p *Provider) LongestWait() time.Duration { return p.account.longestWait }

// Close ends the connections.
func (p *Provider) Close() error {
	return p.client.http.Close()
}

// registrations are all we have at the server.
func (p *Provider) registrations() ([]registration, error) {
	if p.storage == nil {
		return []registration{*p.account.only}, nil
	}
	ours, _, err := p.storage.read()
	var all []registration
	for _, r := range ours {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b registration) int { return strings.Compare(a.name, b.name) })
	return all, err
}

// failed says what could not be done; err keeps its code and class. A nil err stays nil.
func failed(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return providers.Errorf(providers.CodeOf(err), providers.ClassOf(err), "acmedns: %s: %w", fmt.Sprintf(format, args...),
		err)
}

func within(err error) error {
	return providers.Errorf(providers.CodeOf(err), providers.ClassOf(err), "acmedns: %w", err)
}
