package rfc2136

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"wildcard/internal/settings"
	"wildcard/providers"
)

// Options is what a provider may know of the run.
type Options struct {
	// Log gets one line per request at debug level; nil is silent.
	Log *slog.Logger
	// Dial makes the connections, as [net.Dialer.DialContext] does; nil makes every one.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Provider publishes challenges by updates at one server with one key. It implements [providers.LongestWait] and
// [providers.Origin] besides [providers.Provider].
type Provider struct {
	account account
	bound   string // the ZONE= of the spec, canonical; "" without one
	server  *server
	pause   time.Duration // before the second attempt; then twice as long each time
}

// zoned is a Provider that was told its zones.
type zoned struct{ *Provider }

// Zones returns the zones of RFC2136_ZONE.
func (z zoned) Zones(context.Context, bool) ([]string, error) {
	return slices.Clone(z.account.zones), nil
}

var (
	_ providers.Provider    = (*Provider)(nil)
	_ providers.LongestWait = (*Provider)(nil)
	_ providers.Origin      = (*Provider)(nil)
	_ providers.Zones       = zoned{}
)

// Open reads an account's settings and returns its provider, which is a [providers.Zones] if RFC2136_ZONE is set. It sends
// nothing. Errors are those of [settings.Sources.Credentials], and CodeBadSettings for a setting that cannot be used as it
// is.
func Open(spec providers.Spec, src settings.Sources, o Options) ([]providers.Account, error) {
	if spec.Arg != "" {
		return nil, providers.Errorf(providers.CodeBadSpec, providers.Usage,
			"provider %s: rfc2136 takes nothing after a colon", spec)
	}
	sets, err := src.Credentials(spec, Families())
	if err != nil {
		return nil, err
	}
	var opened []providers.Account
	for _, set := range sets {
		a, err := newAccount(set, src)
		if err != nil {
			return nil, err
		}
		log := o.Log
		if log == nil {
			log = slog.New(slog.DiscardHandler)
		}
		p := &Provider{
			account: a,
			bound:   spec.Zone,
			server:  &server{address: a.address, key: a.key, timeout: a.timeout, dial: o.Dial, now: time.Now, log: log},
			pause:   250 * time.Millisecond,
		}
		account := providers.Account{Provider: p, Spec: spec, Fingerprint: a.fingerprint(), Label: a.label(),
			Source: a.source}
		if len(a.zones) > 0 {
			account.Provider = zoned{p}
		}
		opened = append(opened, account)
	}
	return opened, nil
}

// Present adds the challenge's TXT record and returns "NAME|ZONE|VALUE". A record that is there already stays the only one.
func (p *Provider) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	fqdn, err := p.check("create", c)
	if err != nil {
		return "", err
	}
	var zone string
	open := false // an update may have been carried out
	err = p.persist(ctx, func() (err error) {
		zone, err = p.server.add(ctx, fqdn, c.Value, p.account.ttl, p.zoneOf(ctx, fqdn, c.Zone))
		_, lost := errors.AsType[*lostError](err)
		open = open || lost && zone != ""
		return err
	})
	if err != nil {
		err = failed(err, "create TXT %s%s", fqdn, in(zone))
		if !open {
			err = providers.Unmade(err)
		}
		return "", err
	}
	return handle(fqdn, zone, c.Value), nil
}

// CleanUp deletes the challenge's TXT record, in the zone that h names. Without a usable h the server is asked for the zone
// first. A record that is not there any more is deleted.
func (p *Provider) CleanUp(ctx context.Context, c providers.Challenge, h providers.Handle) error {
	fqdn, err := p.check("delete", c)
	if err != nil {
		return err
	}
	known := zoneIn(h, fqdn, c.Value)
	if known != "" && p.allows(known) != nil {
		known = ""
	}
	var zone string
	err = p.persist(ctx, func() error {
		if zone, known = known, ""; zone != "" {
			err := p.server.remove(ctx, zone, fqdn, c.Value)
			if providers.CodeOf(err) != providers.CodeNoZone { // else the zone has been divided or joined since
				return err
			}
		}
		set, err := p.server.look(ctx, fqdn)
		if err != nil {
			return err
		}
		zone, err = p.zoneOf(ctx, fqdn, c.Zone)(set)
		if err != nil || !slices.Contains(set.values, c.Value) && !set.lags {
			return err
		}
		return p.server.remove(ctx, zone, fqdn, c.Value)
	})
	return failed(err, "delete TXT %s%s", fqdn, in(zone))
}

// LongestWait is RFC2136_PROPAGATION_TIMEOUT: how long to wait for publication. 0 means that it is not set.
func (p *Provider) LongestWait() time.Duration { return p.account.longestWait }

// persist does work again when it is left open whether it was done. Work begins by looking.
func (p *Provider) persist(ctx context.Context, work func() error) error {
	const attempts = 3
	pause := p.pause
	for attempt := 1; ; attempt++ {
		err := work()
		if _, open := errors.AsType[*lostError](err); !open || attempt == attempts {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
			pause *= 2
		}
	}
}

// check refuses what is no challenge's record, and names that this account may not write.
func (p *Provider) check(verb string, c providers.Challenge) (fqdn string, err error) {
	if fqdn, err = providers.ParseRecord(c); err != nil {
		return "", failed(err, "%s TXT", verb)
	}
	no := func(format string, args ...any) error {
		return failed(providers.Errorf(providers.CodeNoZone, providers.Misconfigured, format, args...), "%s TXT %s", verb,
			fqdn)
	}
	switch {
	case p.bound == "" && len(p.account.zones) == 0:
		return "", no("DNS servers do not tell which zones a key is for: write the zone before the provider, as in example.com=rfc2136, or set %s", zoneList)
	case p.bound != "" && !providers.InZone(fqdn, p.bound):
		return "", no("it does not lie in %s, the zone of the spec", p.bound)
	case len(p.account.zones) > 0 && providers.LongestZone(fqdn, p.account.zones) == "":
		return "", no("it lies in no zone of %s, which has only %s", zoneList, strings.Join(p.account.zones, " "))
	}
	return fqdn, nil
}

// zoneOf tells in which zone a name is to be written, given what the server holds there. A zone that the challenge names saves
// the search, unless it is the ZONE= of the spec, within which the server may have several.
func (p *Provider) zoneOf(ctx context.Context, fqdn, given string) func(recordSet) (string, error) {
	return func(set recordSet) (zone string, err error) {
		listed := len(p.account.zones) > 0
		switch {
		case given != "" && (listed || providers.CanonicalName(given) != p.bound):
			zone = providers.CanonicalName(given)
		case listed:
			zone = providers.LongestZone(fqdn, p.account.zones)
		}
		switch {
		case listed && set.zone != "" && set.zone != zone:
			return "", providers.Errorf(providers.CodeNoZone, providers.Misconfigured,
				"%s: it holds the name in %s, not in %s of %s",
				p.server.address, set.zone, zone, zoneList)
		case set.zone != "":
			zone = set.zone
		case zone == "":
			zone, err = p.server.walk(ctx, fqdn, p.bound)
		}
		if err == nil {
			err = p.allows(zone)
		}
		if err != nil {
			return "", err
		}
		return zone, nil
	}
}

// allows returns an error unless the account may write in a zone.
func (p *Provider) allows(zone string) error {
	switch {
	case p.bound != "" && !providers.InZone(zone, p.bound):
		return providers.Errorf(providers.CodeNoZone, providers.Misconfigured,
			"%s: the zone there is %s, which reaches beyond %s of the spec: write %s=rfc2136 if all of it may be written",
			p.server.address, zone, p.bound, strings.TrimSuffix(zone, "."))
	case len(p.account.zones) > 0 && !slices.Contains(p.account.zones, zone):
		return providers.Errorf(providers.CodeNoZone, providers.Misconfigured, "%s is not in %s", zone, zoneList)
	}
	return nil
}

func in(zone string) string {
	if zone == "" {
		return ""
	}
	return " in " + zone
}
