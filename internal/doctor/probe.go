package doctor

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/providers"
)

func probeKinds() []Kind {
	return []Kind{
		{
			Code: FoundProbe, Severity: Error, Class: fault.Failed,
			What: fault.Verbatim("%s"),
			Why:  "A real run would fail in the same way.",
			Fix:  fault.Verbatim("%s"),
		},
		{
			Code: FoundProbeLeft, Severity: Warning,
			What: "%s TXT %s could not be deleted: %s",
			Why:  "The journal has it; the next run tries again.",
			Fix:  fault.Verbatim("wildcard clean"),
		},
	}
}

const (
	probeWait    = 15 * time.Minute // as in a real run, unless the service has a limit of its own
	probeCleanUp = time.Minute
)

// probes makes a record in each zone and account that was found, waits until every name server has it, and deletes it.
// Zones are probed side by side.
func (v *visit) probes(ctx context.Context) {
	v.mu.Lock()
	places := v.places
	v.mu.Unlock()
	var checks []check
	var wait time.Duration
	for _, p := range places {
		where := cmp.Or(p.Route.Zone, p.FQDN)
		if v.first("probe", p.Route.Account.Fingerprint, where) {
			wait = max(wait, p.wait())
			checks = append(checks, check{"a record in " + where, func(ctx context.Context) { v.probe(ctx, p) }})
		}
	}
	// Also who does not want to wait any more has the records deleted first.
	v.do(ctx, wait+2*probeCleanUp, probeCleanUp+usualGrace, checks)
}

// wait is how long the publication of a probe is waited for.
func (p place) wait() time.Duration {
	if patient, ok := p.Route.Account.Provider.(providers.Patience); ok && patient.PropagationTimeout() > 0 {
		return patient.PropagationTimeout()
	}
	return probeWait
}

// probe makes the round with one record: at a random label under the challenge's name, so that no CA and no other client ever
// looks at it. It is in the journal before it is made, and so is not forgotten whatever happens to us.
func (v *visit) probe(ctx context.Context, p place) {
	c := challenge(p)
	if err := v.round(ctx, p, c); err != nil && ctx.Err() == nil {
		v.fail(FoundProbe, c.FQDN, err, next{fault.CodeOf(err)})
	}
}

// challenge is one that no CA has asked for. Services that work out the record themselves, as an ACME client would, make none
// but at the challenge's name of a domain, so the random label is part of the domain there.
func challenge(p place) providers.Challenge {
	var random [40]byte
	_, _ = rand.Read(random[:]) // never fails (crypto/rand)
	token := base64.RawURLEncoding.EncodeToString(random[:32])
	keyAuth := token + ".probe"
	digest := sha256.Sum256([]byte(keyAuth))
	label := "probe-" + hex.EncodeToString(random[32:]) + "."
	fqdn := label + p.FQDN
	domain, ordinary := strings.CutPrefix(p.FQDN, providers.ChallengeLabel+".")
	if h, ok := p.Route.Account.Provider.(providers.Hasher); ok && h.NeedsKeyAuth() && ordinary {
		fqdn = providers.ChallengeLabel + "." + label + domain
	}
	_, single := p.Route.Account.Provider.(providers.Aliases)
	if single || p.Route.Zone == p.FQDN { // there may be no other name that the service can write
		fqdn = p.FQDN
	}
	return providers.Challenge{
		Domain: p.domain, FQDN: fqdn, Zone: p.Route.Zone,
		Value: base64.RawURLEncoding.EncodeToString(digest[:]), Token: token, KeyAuth: keyAuth,
	}
}

func (v *visit) round(ctx context.Context, p place, c providers.Challenge) (err error) {
	owner, err := journal.Self()
	if err != nil {
		return err
	}
	account := p.Route.Account
	entry, err := v.Journal.Add(journal.Entry{
		Spec: account.Spec.String(), Fingerprint: account.Fingerprint, Zone: p.Route.Zone,
		Domain: c.Domain, FQDN: c.FQDN, Value: c.Value, KeyAuth: c.KeyAuth, Owner: owner,
	})
	if err != nil {
		return err
	}
	began := time.Now()
	handle, err := account.Present(ctx, c)
	if providers.IsUnmade(err) {
		return errors.Join(err, v.Journal.Remove(entry))
	}
	open := err != nil && ctx.Err() != nil // broken off: the service may carry it out after the deletion
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeCleanUp)
		defer cancel()
		cleanErr := account.CleanUp(last, c, handle)
		if cleanErr == nil && open {
			return // the entry stays: a later run looks again
		}
		if cleanErr == nil {
			cleanErr = v.Journal.Remove(entry)
		}
		if cleanErr != nil {
			v.find(FoundProbeLeft, c.FQDN, []any{c.FQDN, c.Value, messages.OneLine(cleanErr.Error())})
			return
		}
		if err == nil {
			v.good(c.FQDN, "probe: record made, seen on every name server after %s, and deleted", time.Since(began).Round(10*time.Millisecond))
		}
	}()
	if err != nil {
		return err
	}
	entry.Handle = handle
	if err := v.Journal.Update(entry); err != nil {
		return err
	}
	return v.publication(ctx, p, c)
}

// publication waits until the record is everywhere, the way a run does.
func (v *visit) publication(ctx context.Context, p place, c providers.Challenge) error {
	wait := propagation.Wait{Resolver: p.resolver, Limit: p.wait(), Log: v.Log}
	origin := dns01.Solver{Resolver: p.resolver, CheckDelegation: p.checked}.Origin(dns01.Place{Route: p.Route, FQDN: c.FQDN})
	_, err := wait.Run(ctx, []propagation.Record{{Zone: p.Route.Zone, FQDN: c.FQDN, Value: c.Value, Origin: origin}})
	return err
}
