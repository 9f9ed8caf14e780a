package doctor

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/journal"
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

const probeCleanUp = time.Minute // as long as the Solver takes for it at most

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
			wait = max(wait, p.solver.LongestWait())
			checks = append(checks, check{"a record in " + where, func(ctx context.Context) { v.probe(ctx, p) }})
		}
	}
	// Also who does not want to wait any more has the records deleted first.
	v.do(ctx, wait+2*probeCleanUp, probeCleanUp+usualGrace, checks)
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
	if h, ok := p.Route.Account.Provider.(providers.ValueComputer); ok && h.NeedsKeyAuth() && ordinary {
		fqdn = providers.ChallengeLabel + "." + label + domain
	}
	_, single := p.Route.Account.Provider.(providers.CNAMETargets)
	if single || p.Route.Zone == p.FQDN { // there may be no other name that the service can write
		fqdn = p.FQDN
	}
	return providers.Challenge{
		Domain: p.domain, FQDN: fqdn,
		Value: base64.RawURLEncoding.EncodeToString(digest[:]), Token: token, KeyAuth: keyAuth,
	}
}

func (v *visit) round(ctx context.Context, p place, c providers.Challenge) (err error) {
	self, err := journal.Self()
	if err != nil {
		return err
	}
	began := time.Now()
	record, err := p.solver.Present(ctx, dns01.Owner{Process: self}, dns01.Place{Route: p.Route, FQDN: c.FQDN}, c)
	if record == nil {
		return err
	}
	defer func() {
		cleanErr := p.solver.CleanUp(ctx, record)
		switch {
		case cleanErr != nil:
			v.find(FoundProbeLeft, c.FQDN, []any{c.FQDN, c.Value, messages.OneLine(cleanErr.Error())})
		case err == nil:
			v.good(c.FQDN, "probe: record made, seen on every name server after %s, and deleted",
				time.Since(began).Round(10*time.Millisecond))
		}
	}()
	if err == nil {
		_, err = p.solver.Wait(ctx, []*dns01.Record{record})
	}
	return err
}
