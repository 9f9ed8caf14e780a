package issuance

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/go-acme/lego/v4/acme"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/providers"
)

const (
	createsPerZone = 4  // creations and deletions in one zone at a time
	createsAtOnce  = 16 // in all zones together
	lookupsAtOnce  = 16
)

// record is the TXT record of one authorization.
type record struct {
	name             string // on the certificate, "*." included
	place            dns01.Place
	authorization    string // URL
	challenge        acme.Challenge
	value            string
	keyAuthorization string

	mu      sync.Mutex
	entry   journal.Entry // with an ID as long as something may be there
	open    bool          // a creation was broken off: the service may carry it out after our deletion
	doubled bool          // a dead run's creation may have been carried out beside ours
}

// tokenForm is what a token looks like (RFC 8555 §8.3). Nothing else is hashed, shown or handed on.
var tokenForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

func (r *run) newRecord(name, url string, a acme.Authorization, p dns01.Place) (*record, error) {
	rec := &record{name: name, place: p, authorization: url}
	for _, c := range a.Challenges {
		if c.Type == "dns-01" {
			rec.challenge = c
		}
	}
	switch {
	case rec.challenge.Type == "":
		return nil, fault.Errorf(CodeNoChallenge, fault.Failed, "acme: authorization of %s: the CA offers no dns-01", name)
	case !tokenForm.MatchString(rec.challenge.Token):
		return nil, fault.Errorf(CodeReply, fault.Failed, "acme: authorization of %s: not a token: %s", name, printable(rec.challenge.Token, 60))
	case rec.challenge.URL == "":
		return nil, fault.Errorf(CodeReply, fault.Failed, "acme: authorization of %s: the challenge has no URL", name)
	}
	err := guard(func() (err error) {
		rec.keyAuthorization, err = r.session.core.GetKeyAuthorization(rec.challenge.Token)
		return err
	})
	if err != nil {
		return nil, explain("key authorization of "+name, err)
	}
	digest := sha256.Sum256([]byte(rec.keyAuthorization))
	rec.value = base64.RawURLEncoding.EncodeToString(digest[:])
	return rec, nil
}

func (rec *record) dns() providers.Challenge {
	return providers.Challenge{
		Domain: Base(rec.name), FQDN: rec.place.FQDN, Zone: rec.place.Route.Zone, Value: rec.value,
		Token: rec.challenge.Token, KeyAuth: rec.keyAuthorization,
	}
}

func (r *run) solver() dns01.Solver {
	return dns01.Solver{Router: r.Router, Resolver: r.Resolver, CheckDelegation: r.CheckDelegation, Register: true}
}

// locate finds the place of every name's record. Nothing is created before all are found.
func (r *run) locate(ctx context.Context) (map[string]dns01.Place, error) {
	var domains []string
	places := map[string]dns01.Place{}
	for _, name := range r.request.Names {
		if _, ok := places[Base(name)]; !ok {
			places[Base(name)] = dns01.Place{}
			domains = append(domains, Base(name))
		}
	}
	solver := r.solver()
	var mu sync.Mutex
	err := r.sideBySide(lookupsAtOnce, len(domains), func(i int) error {
		p, err := solver.Locate(ctx, domains[i])
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		places[domains[i]] = p
		if want := providers.ChallengeName(domains[i]); p.FQDN != want {
			r.observe(Event{Step: StepZones, State: Noted, Domain: domains[i], FQDN: p.FQDN, Text: messages.New("a CNAME leads there from %s", want)})
		}
		return nil
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return places, err
}

// present creates all records. When one cannot be created, those not begun are left, and nothing is answered at the CA.
func (r *run) present(parent context.Context) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	zones := map[string]chan struct{}{}
	for _, rec := range r.records {
		if zone := rec.zoneKey(); zones[zone] == nil {
			zones[zone] = make(chan struct{}, createsPerZone)
		}
	}
	var mu sync.Mutex
	done := 0
	errFailed := errors.New("another record could not be created")
	err := r.sideBySide(len(r.records), len(r.records), func(i int) error {
		rec := r.records[i]
		slots := zones[rec.zoneKey()]
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return nil // whoever ended it says why
		}
		if err := r.create(ctx, rec); err != nil {
			if errors.Is(err, errFailed) {
				return nil
			}
			cancel(errFailed)
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		done++
		r.observe(Event{Step: StepRecords, State: Progress, Domain: rec.name, FQDN: rec.place.FQDN, Done: done, Total: len(r.records)})
		return nil
	})
	if parent.Err() != nil {
		return context.Cause(parent)
	}
	return err
}

func (rec *record) zoneKey() string {
	return rec.place.Route.Account.Fingerprint + " " + rec.place.Route.Zone
}

// create writes the journal entry and then creates the record, unless an earlier run did.
func (r *run) create(ctx context.Context, rec *record) error {
	entered, err := r.enter(ctx, rec)
	if err != nil {
		return err
	}
	rec.doubled = entered.Doubled
	rec.set(entered.Entry)
	there, err := r.fromEarlier(ctx, rec, &entered)
	entry := entered.Entry
	rec.set(entry)
	if err != nil {
		return fmt.Errorf("%s: %w", rec.name, err)
	}
	if there {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	// A creation is not broken off half-way at once, or nobody would know whether the service will still carry it out.
	calm, cancel := dns01.Lingering(ctx, orDefault(r.Pacing.Linger, 20*time.Second))
	defer cancel()
	entry.Handle, err = rec.place.Route.Account.Present(calm, rec.dns())
	if err != nil {
		rec.open = calm.Err() != nil
		if providers.IsUnmade(err) && !entered.Taken && !entered.Shared { // else it may be another's, who leaves it to us
			rec.set(journal.Entry{})
			err = errors.Join(err, r.Journal.Remove(entry))
		}
		return fmt.Errorf("%s: %w", rec.name, err)
	}
	entry.CleaningUp = false
	rec.set(entry)
	return r.Journal.Update(entry)
}

func (rec *record) set(e journal.Entry) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.entry = e
}

func (rec *record) journalled() journal.Entry {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.entry
}

// publication waits, once for all records, until the zones' name servers publish them.
func (r *run) publication(ctx context.Context) error {
	var asked []propagation.Record
	solver := r.solver()
	for _, rec := range r.records {
		asked = append(asked, propagation.Record{
			Zone: rec.place.Route.Zone, FQDN: rec.place.FQDN, Value: rec.value, Origin: solver.Origin(rec.place),
		})
	}
	return r.askNameServers(ctx, asked)
}

func (r *run) askNameServers(ctx context.Context, asked []propagation.Record) error {
	names := map[string]string{}
	for _, rec := range r.records {
		names[rec.place.FQDN+" "+rec.value] = rec.name
	}
	wait := propagation.Wait{
		Resolver: r.Resolver, Limit: r.waitLimit, HistoryDir: r.HistoryDir, Log: r.log,
		Observe: func(e propagation.Event) {
			r.observe(Event{Step: StepPublication, State: Progress, Domain: names[e.FQDN+" "+e.Value], FQDN: e.FQDN, Publication: &e, Total: len(r.records)})
		},
	}
	report, err := wait.Run(ctx, asked)
	if err != nil {
		return err
	}
	r.published = report
	for _, server := range report.SteppedOver {
		r.note(StepPublication, "name server stepped over: %s", server)
	}
	for _, d := range report.Behind {
		r.note(StepPublication, "the resolvers are behind: of zone %s they know the name servers %s, its parent delegates to %s",
			d.Zone, strings.Join(d.Cached, " "), strings.Join(d.Delegated, " "))
	}
	switch {
	case report.Unverified && report.CutOff == propagation.Intercepted:
		r.note(StepPublication, "not verified: something answers on port 53 in the place of the name servers; %s says the records are published", report.Path)
	case report.Unverified:
		r.note(StepPublication, "not verified: no name server could be asked on port 53; %s says the records are published", report.Path)
	}
	return nil
}

// cleanUp deletes the records that may be there, whatever has happened to ctx, and returns what it could not. It may be
// called several times, from several goroutines; what is gone is gone.
func (r *run) cleanUp(ctx context.Context) error {
	r.cleaning.Lock()
	defer r.cleaning.Unlock()
	var left []*record
	for _, rec := range r.records {
		if rec.journalled().ID != "" {
			left = append(left, rec)
		}
	}
	if len(left) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), orDefault(r.Pacing.CleanUp, time.Minute))
	defer cancel()
	return r.step(StepCleanup, len(left), func() error {
		return r.sideBySide(createsAtOnce, len(left), func(i int) error {
			rec := left[i]
			entry := rec.journalled()
			if err := r.delete(ctx, rec, entry); err != nil {
				return fault.Errorf(CodeCleanUp, fault.Temporary, "cleanup of %s is pending, the next run tries again: %w", entry.FQDN, err)
			}
			rec.set(journal.Entry{})
			if rec.open {
				return nil // the entry stays: a later run looks again
			}
			return r.Journal.Remove(entry)
		})
	})
}

// delete deletes a record, unless another living run has it. Its entry says so first: a run that takes it over after our death
// must not count on the record.
func (r *run) delete(ctx context.Context, rec *record, entry journal.Entry) error {
	ours, err := r.Journal.Delete(entry)
	if err != nil {
		r.log.Warn("journal", "error", err) // deleting matters more
	}
	if !ours {
		return nil
	}
	account := rec.place.Route.Account
	if err := account.CleanUp(ctx, rec.dns(), entry.Handle); err != nil || !rec.doubled || entry.Handle == "" {
		return err
	}
	return account.CleanUp(ctx, rec.dns(), "")
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}
