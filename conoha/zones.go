package conoha

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// keepZones is how long a list of zones is good. A name that is not in it is reason enough for a new one.
const keepZones = 10 * time.Minute

// zones is the list of an account's zones, fetched once per run and kept for the next process.
type zones struct {
	flight   *singleFlight
	client   *client
	store    *store
	lockWait time.Duration // for another process that lists them
	now      func() time.Time

	current zoneList // guarded by flight
}

// zoneList is a list of zones and when it was fetched. It is also the form on disk.
type zoneList struct {
	Zones  []item    `json:"zones"` // ID and Name only
	Listed time.Time `json:"listed"`
}

// zoneForm keeps out names that no zone can have, since names end up in messages. The slash is that of RFC 2317.
var zoneForm = regexp.MustCompile(`^([a-z0-9_/-]{1,63}\.)+$`)

// get returns the list. With fresh set, only one that was fetched after the call began will do.
func (z *zones) get(ctx context.Context, fresh bool) (zoneList, error) {
	began, before := z.now(), z.flight.count()
	if z.flight.Lock(ctx) != nil {
		return zoneList{}, httpclient.Unavailable(ctx.Err())
	}
	defer z.flight.Unlock()
	if done, err := z.flight.since(before); done {
		return z.current, err
	}
	good := func() bool {
		age := z.now().Sub(z.current.Listed)
		return age >= 0 && age < keepZones && !(fresh && z.current.Listed.Before(began))
	}
	load := func() {
		if kept := (zoneList{}); z.store.read(&kept) {
			z.current = kept
		}
	}
	if good() {
		return z.current, nil
	}
	if load(); good() {
		return z.current, nil
	}
	unlock := z.store.lock(ctx, z.lockWait)
	defer unlock()
	if load(); good() {
		return z.current, nil
	}
	items, err := z.client.list(ctx, "/v1/domains", "domains")
	if err != nil {
		err = providers.Errorf(providers.CodeOf(err), providers.ClassOf(err), "list zones: %w", err)
		if ctx.Err() == nil {
			z.flight.finish(err)
		}
		return zoneList{}, err
	}
	z.current = zoneList{Listed: z.now()}
	listed := map[string]bool{}
	for _, it := range items {
		if name := providers.CanonicalName(it.Name); zoneForm.MatchString(name) && !listed[name] {
			listed[name] = true
			z.current.Zones = append(z.current.Zones, item{ID: cmp.Or(it.UUID, it.ID), Name: name})
		}
	}
	z.flight.finish(nil)
	z.store.write(z.current)
	return z.current, nil
}

// holding returns the zone of that name, or if name is "" the longest zone that holds fqdn (§5). cached says that the list it is
// from was fetched before the call.
func (z *zones) holding(ctx context.Context, fqdn, name string) (zone item, cached bool, err error) {
	began := z.now()
	list, err := z.get(ctx, false)
	if err != nil {
		return item{}, false, err
	}
	zone, ok := list.holding(fqdn, name)
	cached = list.Listed.Before(began)
	if !ok && cached {
		if list, err = z.get(ctx, true); err != nil {
			return item{}, false, err
		}
		zone, ok = list.holding(fqdn, name)
		cached = false
	}
	if !ok {
		return item{}, false, providers.Errorf(providers.CodeNoZone, providers.Misconfigured, "the account lists %w",
			providers.Foreign(list.String()))
	}
	return zone, cached, nil
}

// lists reports whether the account lists a zone of that id.
func (z *zones) lists(ctx context.Context, id string) (bool, error) {
	began := z.now()
	list, err := z.get(ctx, false)
	if err == nil && !list.has(id) && list.Listed.Before(began) {
		list, err = z.get(ctx, true)
	}
	return list.has(id), err
}

func (l zoneList) has(id string) bool {
	return slices.ContainsFunc(l.Zones, func(z item) bool { return strings.EqualFold(z.ID, id) })
}

func (l zoneList) names() []string {
	names := make([]string, len(l.Zones))
	for i, zone := range l.Zones {
		names[i] = zone.Name
	}
	return names
}

func (l zoneList) holding(fqdn, name string) (item, bool) {
	if name == "" {
		name = providers.LongestZone(fqdn, l.names())
	}
	i := slices.IndexFunc(l.Zones, func(z item) bool { return z.Name == name })
	if i < 0 {
		return item{}, false
	}
	return l.Zones[i], true
}

// String names the zones, but not a thousand of them.
func (l zoneList) String() string {
	const most = 20
	names := l.names()
	slices.Sort(names)
	switch {
	case len(names) == 0:
		return "no zones at all"
	case len(names) > most:
		return fmt.Sprintf("only %s and %d more", strings.Join(names[:most], " "), len(names)-most)
	}
	return "only " + strings.Join(names, " ")
}
