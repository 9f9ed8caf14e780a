package live

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"wildcard/internal/dns01/propagation"
	"wildcard/providers"
	"wildcard/providers/conformance"
)

const (
	firstPause = 250 * time.Millisecond // between two looks at the name servers
	mostPause  = 5 * time.Second
	confirmIn  = 100 * time.Millisecond // before the look that confirms
)

// view is what the name servers of the zone have.
type view struct {
	*Suite
	log        *slog.Logger
	limit      time.Duration
	overridden bool // the name servers are not the delegated ones but those that the user lists

	mu         sync.Mutex
	delegation propagation.Delegation // without the addresses that were waited for long enough
	dead       []string               // these
}

// open finds the name servers and sees whether one of them answers.
func (v *view) open(ctx context.Context, zone string) error {
	var err error
	name := providers.ChallengeLabel + "." + zone
	if v.delegation, err = v.Resolver.Delegation(ctx, name); err != nil {
		return err
	}
	v.overridden = v.delegation.Zone == ""
	if found := v.delegation.Zone; found != "" && found != zone {
		return providers.Errorf(providers.CodeDelegatedElsewhere, providers.Misconfigured,
			"live: the DNS knows no zone %s: it ends at %s, served by %s", zone, found,
			strings.Join(v.delegation.NameServers, ", "))
	}
	state, err := v.Resolver.CutOff(ctx, v.delegation, zone)
	switch {
	case err != nil:
		return err
	case state != "":
		return propagation.CutOffError(state, zone)
	}
	answers, err := v.look(ctx, name)
	if err != nil {
		return err
	}
	for _, a := range answers {
		if a.Err == nil {
			return nil
		}
		err = a.Err
	}
	if err == nil {
		err = providers.Errorf(providers.CodeNoAnswer, providers.Temporary, "live: no name server of %s can be reached",
			zone)
	}
	return err
}

// look asks all addresses that are not known to be dead.
func (v *view) look(ctx context.Context, fqdn string) ([]propagation.Answer, error) {
	v.mu.Lock()
	d := v.delegation
	v.mu.Unlock()
	return v.Resolver.Everywhere(ctx, d, fqdn)
}

// drop leaves an address out from now on, and reports whether it was there.
func (v *view) drop(server propagation.Address) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	kept := slices.DeleteFunc(slices.Clone(v.delegation.Addrs), func(a propagation.Address) bool { return a == server })
	dropped := len(kept) < len(v.delegation.Addrs)
	v.delegation.Addrs = kept
	return dropped
}

// stepOver drops an address that does not answer: it has been waited for once, and each look would wait for it again.
func (v *view) stepOver(server propagation.Address) {
	if v.drop(server) {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.dead = append(v.dead, server.String())
	}
}

// records are all values that some name server has at a name.
func (v *view) records(ctx context.Context, fqdn string) []string {
	answers, err := v.look(ctx, fqdn)
	if err != nil {
		return nil
	}
	var values []string
	for _, a := range answers {
		for _, text := range a.Texts {
			if !slices.Contains(values, text) {
				values = append(values, text)
			}
		}
	}
	return values
}

// await is that of the suite: it returns the values of a name server that does not fit, if there is one.
func (v *view) await(r conformance.Reporter, fqdn string, fit func([]string) bool) []string {
	have, why := v.follow(r.Context(), providers.CanonicalName(fqdn), fit)
	if why != "" {
		r.Errorf("%s", why)
	}
	return have
}

// follow looks at the name servers until the values at a name fit everywhere, twice in a row. why says what has not come
// about, and is empty if all is well.
func (v *view) follow(ctx context.Context, fqdn string, fit func([]string) bool) (have []string, why string) {
	start, pause, before := time.Now(), firstPause, false
	for {
		answers, err := v.look(ctx, fqdn)
		if err != nil {
			return have, err.Error()
		}
		var late string
		have, late = v.judge(answers, fit, time.Since(start))
		if late == "" && before {
			return have, ""
		}
		wait := pause
		if late == "" {
			wait = confirmIn
		} else {
			pause = min(pause*5/4, mostPause)
			v.log.Debug("not everywhere yet", "fqdn", fqdn, "server", late)
		}
		before = late == ""
		if late != "" && time.Since(start) > v.limit {
			return have, "not within " + v.limit.String() + " at " + late
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return have, context.Cause(ctx).Error()
		}
	}
}

// judge returns the first name server whose values do not fit, or that does not answer and may yet do so, and what there is;
// "" if there is none and a server has answered.
func (v *view) judge(answers []propagation.Answer, fit func([]string) bool,
	elapsed time.Duration) (have []string, late string) {
	late = "any name server: none answers"
	for _, a := range answers {
		if a.Err == nil {
			have, late = a.Texts, ""
		}
	}
	if late != "" {
		return nil, late
	}
	for _, a := range answers {
		switch {
		case a.Err == nil && !fit(a.Texts):
			return a.Texts, a.Server.String()
		case a.NotServed && v.overridden:
			v.drop(a.Server) // they may be those of several zones
		case a.Err != nil && elapsed < cmp.Or(v.DeadAfter, 10*time.Second):
			late = a.Server.String()
		case a.Err != nil:
			v.stepOver(a.Server)
		}
	}
	return have, late
}
