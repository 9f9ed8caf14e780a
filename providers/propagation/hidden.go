package propagation

import (
	"context"
	"slices"
	"time"

	"wildcard/providers"
)

const (
	firstHiddenLook  = 100 * time.Millisecond
	latestHiddenLook = time.Second
)

// Shows reports whether some name server of a name's zone has a TXT record with the value there now, and which. Servers that do not
// answer count for nothing. Errors are those of [Resolver.Delegation] and [Resolver.Everywhere].
func (r *Resolver) Shows(ctx context.Context, fqdn, value string) (server string, shows bool, err error) {
	d, err := r.Delegation(ctx, fqdn)
	if err != nil {
		return "", false, err
	}
	return r.showsOf(ctx, d, fqdn, value)
}

func (r *Resolver) showsOf(ctx context.Context, d Delegation, fqdn, value string) (server string, shows bool, err error) {
	answers, err := r.Everywhere(ctx, d, fqdn)
	for _, a := range answers {
		if slices.Contains(a.Texts, value) {
			return a.Server.String(), true, nil
		}
	}
	return "", false, err
}

// UntilHidden waits until no name server that answers shows a TXT record with the value any more. Whoever makes a record anew
// that was deleted just now needs it: a server that has heard neither of the deletion nor of the creation shows what is to be
// waited for, and loses it for a while soon after. Errors are those of [Resolver.Shows], [providers.CodeNotPublished]
// (Temporary) at the limit, and the cause of ctx's end.
func (r *Resolver) UntilHidden(ctx context.Context, fqdn, value string, limit time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, providers.Errorf(providers.CodeNotPublished, providers.Temporary,
		"propagation: TXT at %s: a record that was deleted is still shown after %v", fqdn, limit))
	defer cancel()
	d, err := r.Delegation(ctx, fqdn)
	if err != nil {
		return err
	}
	for pause := firstHiddenLook; ; pause = min(pause*3/2, latestHiddenLook) {
		server, shows, err := r.showsOf(ctx, d, fqdn, value)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil || !shows:
			return err
		}
		orSilent(r.Log).Debug("a record that was deleted is still shown", "fqdn", fqdn, "server", server)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
