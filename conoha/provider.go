package conoha

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"wildcard/internal/settings"
	"wildcard/internal/system/wait"
	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// Options is what a provider may know of the run.
type Options struct {
	// RunDir is a private directory for the token and the list of zones, which the next process may then use. It is made
	// if absent. "" keeps nothing.
	RunDir string
	// UserAgent is how requests name us, such as "wildcard/1.0".
	UserAgent string
	// Log gets one line per request at debug level; nil is silent.
	Log *slog.Logger
	// Dial makes the connections; nil makes every one.
	Dial httpclient.Dial
}

// Provider publishes challenges in the zones of one ConoHa account. It implements [providers.Zones],
// [providers.DelegationChecker], [providers.NameServers], [providers.LongestWait] and [providers.Closer] besides [providers.Provider].
type Provider struct {
	account  account
	identity *identity
	client   *client
	zones    *zones

	mu     sync.Mutex
	values map[string]*value // by name and contents
}

// value is a record that this process has tried to make.
type value struct {
	wait.Mutex

	tried bool
}

var (
	_ providers.Provider          = (*Provider)(nil)
	_ providers.Zones             = (*Provider)(nil)
	_ providers.DelegationChecker = (*Provider)(nil)
	_ providers.NameServers       = (*Provider)(nil)
	_ providers.Limited           = (*Provider)(nil)
	_ providers.LongestWait       = (*Provider)(nil)
	_ providers.Closer            = (*Provider)(nil)
)

// Open reads an account's settings and returns its provider, or two if the source holds a Ver.2.0 and a Ver.3.0 account.
// It sends nothing. Errors are those of [settings.Sources.Credentials], and CodeBadSettings for a setting that cannot be
// used as it is.
func Open(spec providers.Spec, src settings.Sources, o Options) ([]providers.Account, error) {
	if spec.Arg != "" {
		return nil, providers.Errorf(providers.CodeBadSpec, providers.Usage,
			"provider %s: conoha takes nothing after a colon", spec)
	}
	sets, err := src.Credentials(spec, Families())
	if err != nil {
		return nil, err
	}
	var opened []providers.Account
	for _, set := range sets {
		a, err := newAccount(set)
		if err != nil {
			return nil, err
		}
		// The same account may be there under both families of names.
		if slices.ContainsFunc(opened, func(o providers.Account) bool { return o.Fingerprint == a.fingerprint() }) {
			continue
		}
		opened = append(opened, providers.Account{
			Provider:    newProvider(a, o),
			Spec:        spec,
			Fingerprint: a.fingerprint(),
			Label:       a.label(),
			Source:      a.source,
		})
	}
	return opened, nil
}

func newProvider(a account, o Options) *Provider {
	log := cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	calls := httpclient.New("conoha", o.UserAgent, a.timeout, o.Dial, log)
	calls.Mask.Add(a.password.Reveal())
	calls.Mask.Add(a.user)
	logins := *calls // over the same connections
	logins.MaxBody = maxTokenBody
	identity := &identity{account: a, http: &logins, now: time.Now}
	client := &client{
		base: a.dnsURL, paged: a.generation.paged, http: calls, log: log,
		session: &session{
			flight: newSingleFlight(), login: identity.login, store: newStore(o.RunDir, "token", a, log), mask: calls.Mask,
			lockWait: a.timeout, now: time.Now, log: log,
		},
	}
	return &Provider{
		account: a, identity: identity, client: client, values: map[string]*value{},
		zones: &zones{flight: newSingleFlight(), client: client, store: newStore(o.RunDir, "zones", a, log),
			lockWait: a.timeout, now: time.Now},
	}
}

// Present creates the challenge's TXT record and returns "ZONEUUID/RECORDUUID". A record that is there already, made by
// this provider or found after a reply that leaves it open, is not made twice.
func (p *Provider) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	c, err := check("create", c)
	if err != nil {
		return "", err
	}
	fqdn := c.FQDN
	v := p.value(fqdn, c.Value)
	if v.Lock(ctx) != nil {
		return "", failed(httpclient.Unavailable(ctx.Err()), "create TXT %s", fqdn)
	}
	defer v.Unlock()
	look := v.tried
	sent := false
	var h providers.Handle
	err = p.inZone(ctx, "create", c, func(zoneID string) error {
		v.tried, sent = true, true
		id, err := p.client.create(ctx, zoneID, fqdn, c.Value, p.account.ttl, look)
		h = handle(zoneID, id)
		return err
	})
	if status := httpclient.StatusOf(err); sent && p.mayBeFull(status) {
		err = p.full(ctx, c, err)
	}
	if err != nil && !look && !sent {
		err = providers.Unmade(err)
	}
	if err != nil {
		return "", err
	}
	return h, nil
}

// CleanUp deletes the record that h names. With an h that names none, it deletes every record equal to the challenge's in
// name, type and data. A record that is not there any more is deleted.
func (p *Provider) CleanUp(ctx context.Context, c providers.Challenge, h providers.Handle) error {
	c, err := check("delete", c)
	if err != nil {
		return err
	}
	fqdn := c.FQDN
	if zoneID, id, ok := parseHandle(h); ok {
		err = p.deleteKnown(ctx, fqdn, zoneID, id)
	} else {
		err = p.inZone(ctx, "delete", c, func(zoneID string) error {
			ids, err := p.client.find(ctx, zoneID, fqdn, c.Value)
			for _, id := range ids {
				if _, deleteErr := p.client.delete(ctx, zoneID, id); err == nil {
					err = deleteErr
				}
			}
			return err
		})
	}
	if err == nil {
		p.forget(fqdn, c.Value)
	}
	return err
}

// deleteKnown deletes a record by its ids. "Not found" is an answer about this account only, so it counts only if the zone
// is one of this account's.
func (p *Provider) deleteKnown(ctx context.Context, fqdn, zoneID, id string) error {
	there, err := p.client.delete(ctx, zoneID, id)
	if err != nil || there {
		return failed(err, "delete TXT %s", fqdn)
	}
	ours, err := p.zones.lists(ctx, zoneID)
	if err == nil && !ours {
		err = providers.Errorf(providers.CodeNoZone, providers.Misconfigured, "404, and the account lists no zone %s", zoneID)
	}
	return failed(err, "delete TXT %s", fqdn)
}

// inZone does work in the zone that holds the challenge's record. If a list from before, of ours or of the caller's, led to a zone
// that the service does not take the record in, it is done once more in the one that the account lists now.
func (p *Provider) inZone(ctx context.Context, verb string, c providers.Challenge,
	work func(zoneID string) error) error {
	fqdn := c.FQDN
	zone, cached, err := p.zones.holding(ctx, fqdn, c.Zone)
	if err != nil {
		return failed(err, "%s TXT %s", verb, fqdn)
	}
	id, err := zone.id()
	if err == nil {
		err = work(id)
	}
	if (cached || c.Zone != "") && refusesContent(httpclient.StatusOf(err)) {
		list, listErr := p.zones.get(ctx, true)
		if now, ok := list.holding(fqdn, ""); listErr == nil && ok && now.ID != zone.ID {
			zone = now
			if id, err = now.id(); err == nil {
				err = work(id)
			}
		}
	}
	return failed(err, "%s TXT %s in %s", verb, fqdn, zone.Name)
}

// Zones returns the names of all the account's zones. A list is good for ten minutes unless fresh is set.
func (p *Provider) Zones(ctx context.Context, fresh bool) ([]string, error) {
	list, err := p.zones.get(ctx, fresh)
	if err != nil {
		return nil, providers.Errorf(providers.CodeOf(err), providers.ClassOf(err), "conoha: %w", err)
	}
	return list.names(), nil
}

// LongestWait is CONOHA_PROPAGATION_TIMEOUT: how long to wait for publication. 0 means that it is not set.
func (p *Provider) LongestWait() time.Duration { return p.account.longestWait }

// Close closes idle connections. The provider can still be used.
func (p *Provider) Close() error {
	return p.client.http.Close()
}

// check refuses what is no challenge's record, and returns the challenge with its names in canonical form.
func check(verb string, c providers.Challenge) (providers.Challenge, error) {
	fqdn, err := providers.ParseRecord(c)
	if err != nil {
		return c, failed(err, "%s TXT", verb)
	}
	if c.FQDN = fqdn; c.Zone != "" {
		c.Zone = providers.CanonicalName(c.Zone)
	}
	return c, nil
}

// value returns what this process knows of a record.
func (p *Provider) value(fqdn, contents string) *value {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := fqdn + " " + contents
	if p.values[key] == nil {
		p.values[key] = &value{Mutex: wait.NewMutex()}
	}
	return p.values[key]
}

func (p *Provider) forget(fqdn, contents string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.values, fqdn+" "+contents)
}
