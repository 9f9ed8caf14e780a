package propagation

import (
	"context"
	"slices"
	"time"

	"wildcard/internal/fault"
	"wildcard/providers"
)

const (
	firstHiddenLook  = 100 * time.Millisecond
	latestHiddenLook = time.Second
)

// Shows reports whether some name server of a name's zone has a TXT record with the value there now. Servers that do not answer
// count for nothing. Errors are those of [Resolver.Delegation] and [Resolver.Everywhere].
func (r *Resolver) Shows(ctx context.Context, fqdn, value string) (bool, error) {
	d, err := r.Delegation(ctx, fqdn)
	if err != nil {
		return false, err
	}
	with, _, err := r.views(ctx, d, fqdn, value)
	return with > 0, err
}

// views counts the addresses that show a value and those that answer without it.
func (r *Resolver) views(ctx context.Context, d Delegation, fqdn, value string) (with, without int, err error) {
	answers, err := r.Everywhere(ctx, d, fqdn)
	for _, a := range answers {
		switch {
		case a.Err != nil:
		case slices.Contains(a.Texts, value):
			with++
		default:
			without++
		}
	}
	return with, without, err
}

// UntilHidden waits until no name server that answers shows the record any more. A run that makes a record anew that was deleted just
// now needs it: a server that has heard neither of the deletion nor of the creation shows what is to be waited for, and loses it for
// a while soon after. If all of them still show it when the zone's longest delay is well over (w.HistoryDir; without a history 180 s),
// nothing was deleted, as by services and scripts that never do, and UntilHidden returns.
//
// Errors are those of [Resolver.Shows], [fault.CodeNotPublished] (Temporary) at the limit, and the cause of ctx's end.
func (w *Wait) UntilHidden(ctx context.Context, record Record) error {
	began := time.Now()
	limit := min(orDefault(w.Limit, UsualLimit), MostLimit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fault.Errorf(fault.CodeNotPublished, fault.Temporary,
		"propagation: TXT at %s: a record that was deleted is still shown after %v", record.FQDN, limit))
	defer cancel()
	d, err := w.Resolver.Delegation(ctx, record.FQDN)
	if err != nil {
		return err
	}
	heard := w.heardOfAll(d, record)
	for pause := firstHiddenLook; ; pause = min(pause*3/2, latestHiddenLook) {
		with, without, err := w.Resolver.views(ctx, d, record.FQDN, record.Value)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil, with == 0, without == 0 && time.Since(began) > heard:
			return err
		}
		orSilent(w.Log).Debug("a record that was deleted is still shown", "fqdn", record.FQDN, "servers", with)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// heardOfAll is after how long some name server of the zone has heard of every change.
func (w *Wait) heardOfAll(d Delegation, record Record) time.Duration {
	zone := d.Zone
	if len(w.Resolver.NameServers) > 0 {
		zone = providers.CanonicalName(record.Zone)
	}
	longest := readHistory(w.HistoryDir, zone).longest()
	if longest == 0 {
		return orDefault(w.ResolverAfter, 180*time.Second)
	}
	return longest*3/2 + latestHiddenLook
}
