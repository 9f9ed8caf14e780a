package issuance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-acme/lego/v4/acme"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/providers"
)

const (
	createsPerZone = 4  // creations in one zone at a time
	deletesAtOnce  = 16 // in all zones together; the service's client has fewer connections
	lookupsAtOnce  = 16
)

// record is the TXT record of one authorization. Only where its way makes it has it an entry in the journal.
type record struct {
	name             string // on the certificate, "*." included
	place            dns01.Place
	authorization    string // URL
	challenge        acme.Challenge
	value            string
	keyAuthorization string
	way              *way
	held             atomic.Pointer[dns01.Record] // once its journal entry is written; nil of what is not made

	answered time.Time // when an earlier run told the CA to look, and has ended since
	deleted  bool      // and deleted the record
}

func (rec *record) dns() providers.Challenge {
	return providers.Challenge{
		Domain: Base(rec.name), FQDN: rec.place.FQDN, Value: rec.value,
		Token: rec.challenge.Token, KeyAuth: rec.keyAuthorization,
	}
}

// newSolver is how the run's records are made, waited for and deleted.
func (i *Issuer) newSolver() *dns01.Solver {
	account := ""
	if i.Method == DNSAccount {
		account = i.Account.URI
	}
	return &dns01.Solver{
		Account: account, Router: i.Router, Resolver: i.Resolver, CheckDelegation: i.CheckDelegation, Register: true,
		Journal: i.Journal, Memory: i.Memory, CA: MemoryOf(i.CA.Server(), i.Cache), HistoryDir: i.HistoryDir,
		WaitLimit: i.Wait, ExtraWait: i.ExtraWait, Linger: i.Pacing.Linger, Log: i.Log,
	}
}

// told passes on what the solver tells of.
func (r *run) told(e dns01.Event) {
	out := Event{Step: Step(e.Step), State: State(e.State), Err: e.Err, Left: e.Left, Others: e.Pause.Others,
		FQDN: e.Pause.Record.FQDN, Total: len(r.toMake())}
	if e.State == dns01.Finished {
		out.Done = out.Total
	}
	switch {
	case e.Step == dns01.Memory && e.State == dns01.Started:
		r.forgetting = time.Now()
	case e.Step == dns01.Memory && e.State != dns01.Progress:
		r.result.Forgot += time.Since(r.forgetting)
	case e.Record != nil:
		rec := r.recordOf(e.Record.Place.FQDN, e.Record.Challenge.Value)
		out.State, out.Domain, out.FQDN, out.Total = Noted, rec.name, rec.place.FQDN, 0
		out.Text = messages.New("the record of an earlier run is taken over")
		if e.State == dns01.Hidden {
			out.Text = messages.New("name servers still show the record that an earlier run deleted: waiting until they do not")
		}
	case e.Publication != nil:
		out.Publication, out.FQDN = e.Publication, e.Publication.FQDN
		if rec := r.recordOf(e.Publication.FQDN, e.Publication.Value); rec != nil {
			out.Domain = rec.name
		}
	case e.Report != nil && e.Err == nil:
		r.published(*e.Report)
	}
	r.observe(out)
}

func (r *run) recordOf(fqdn, value string) *record {
	for _, rec := range r.records {
		if rec.place.FQDN == fqdn && rec.value == value {
			return rec
		}
	}
	return nil
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
	var mu sync.Mutex
	err := r.sideBySide(lookupsAtOnce, len(domains), func(i int) error {
		p, err := r.solver.Locate(ctx, domains[i])
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		places[domains[i]] = p
		if want := dns01.ChallengeName(r.solver, domains[i]); p.FQDN != want {
			r.observe(Event{Step: StepZones, State: Noted, Domain: domains[i], FQDN: p.FQDN,
				Text: messages.New("a CNAME leads there from %s", want)})
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
	records := r.toMake()
	for _, rec := range records {
		if zone := rec.zoneKey(); zones[zone] == nil {
			zones[zone] = make(chan struct{}, atOnce(createsPerZone, len(records), rec.place.Route.Account.Provider))
		}
	}
	var mu sync.Mutex
	done := 0
	errFailed := errors.New("another record could not be created")
	err := r.sideBySide(len(records), len(records), func(i int) error {
		rec := records[i]
		slots := zones[rec.zoneKey()]
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return nil // its cause says why
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
		r.observe(Event{Step: StepRecords, State: Progress, Domain: rec.name, FQDN: rec.place.FQDN, Done: done,
			Total: len(records)})
		return nil
	})
	if parent.Err() != nil {
		return context.Cause(parent)
	}
	return err
}

// atOnce is how many calls a provider gets at a time: all, if it gathers them.
func atOnce(usual, all int, p providers.Provider) int {
	if g, ok := p.(providers.Gatherer); ok && g.Gathers() {
		return max(usual, all)
	}
	return usual
}

func (rec *record) zoneKey() string {
	return rec.place.Route.Account.Fingerprint + " " + rec.place.Route.Zone
}

// create writes the journal entry and then creates the record, unless an earlier run did.
func (r *run) create(ctx context.Context, rec *record) error {
	owner := r.owner
	owner.Order, owner.Resumed = r.result.Order, r.result.Resumed
	held, err := r.solver.Enter(ctx, owner, rec.place, rec.dns())
	if err != nil {
		return err
	}
	rec.held.Store(held)
	rec.answered, rec.deleted = r.solver.Answered(held)
	if err := r.solver.Make(ctx, held); err != nil {
		return fmt.Errorf("%s: %w", rec.name, err)
	}
	return nil
}

// wait waits, once for all records, until the CA may look at them.
func (r *run) wait(ctx context.Context) error {
	var held []*dns01.Record
	for _, rec := range r.toMake() {
		held = append(held, rec.held.Load())
	}
	_, err := r.solver.Wait(ctx, held)
	return err
}

// published notes what a person should know of the publication.
func (r *run) published(report propagation.Report) {
	for _, server := range report.SteppedOver {
		r.note(StepPublication, "name server skipped: %s", server)
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
}

// cleanUp deletes the records that may be there, whatever has happened to ctx, and returns what it could not. It may be
// called several times, from several goroutines; what is deleted stays so.
func (r *run) cleanUp(ctx context.Context) error {
	r.cleaning.Lock()
	defer r.cleaning.Unlock()
	var left []*dns01.Record
	limit := deletesAtOnce
	for _, rec := range r.records {
		if held := rec.held.Load(); held != nil && held.Left() {
			left = append(left, held)
			limit = atOnce(limit, len(r.records), rec.place.Route.Account.Provider)
		}
	}
	if len(left) == 0 {
		return nil
	}
	until := time.Now().Add(cmp.Or(r.Pacing.CleanUp, time.Minute))
	return r.step(StepCleanup, len(left), func() error {
		return r.sideBySide(limit, len(left), func(i int) error {
			solver := *r.solver
			solver.CleanUpLimit = max(time.Until(until), 1) // one limit for all
			if err := solver.CleanUp(ctx, left[i]); err != nil {
				return fault.Errorf(CodeCleanUp, fault.Temporary, "%w", err)
			}
			return nil
		})
	})
}
