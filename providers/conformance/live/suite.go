package live

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/propagation"
	"wildcard/providers"
	"wildcard/providers/conformance"
)

// sideBySide is how many checks run at the same time.
const sideBySide = 4

// Suite is a provider and the zone in which it is tried.
type Suite struct {
	// Open opens a new instance of the account at each call, as another process would have it. They are closed.
	Open func() (providers.Account, error)
	// Zone is the account's zone.
	Zone     string
	Resolver *propagation.Resolver
	Journal  *journal.Journal
	// OneValue says that the service holds one value at a name (conformance.Config).
	OneValue bool
	// Limit is how long one change is waited for; 0 leaves it to the account's settings, else 15 min.
	Limit time.Duration
	// DeadAfter is for how long a name server that does not answer is waited for before it is stepped over; 0 means 10 s.
	DeadAfter time.Duration
	// Observe is told of the result of each check when it is there, one at a time. It may be nil.
	Observe func(Result)
	Log     *slog.Logger // nil is silent
}

// Result is what a check came to.
type Result struct {
	Check    providers.Text
	Failures []string // none if the provider keeps the rule
	Took     time.Duration
}

// Report is what a run came to.
type Report struct {
	Results     []Result // in the order in which they are best read
	SteppedOver []string // name servers that did not answer
}

// Run runs all checks that a zone in use can bear. Checks that fail are no error. When ctx ends, what has run so far is returned with its cause, and the records are
// deleted first. Errors besides: [CodeLeft] (Temporary) if records are still there, those of the journal and of finding the zone's name
// servers, and [providers.CodeDelegatedElsewhere] (Misconfigured) if the DNS knows no zone of that name.
func (t *Suite) Run(ctx context.Context) (Report, error) {
	zone := providers.CanonicalName(t.Zone)
	account, err := t.Open()
	if err != nil {
		return Report{}, err
	}
	defer account.Close(t.Log)
	solver := &dns01.Solver{
		Router: providers.Router{Accounts: []providers.Account{account}}, Resolver: t.Resolver, Journal: t.Journal,
		WaitLimit: t.Limit, CleanUpLimit: cleanUpLimit, Log: t.Log,
		Linger: -1, // that a call ends with its context is one of the rules
	}
	v := &view{Suite: t, log: cmp.Or(t.Log, slog.New(slog.DiscardHandler)), limit: solver.LongestWait()}
	if err := v.open(ctx, zone); err != nil {
		return Report{}, err
	}
	l, err := newLedger(solver, zone)
	if err != nil {
		return Report{}, err
	}
	c := conformance.Config{
		Zone: zone, Live: true, NeedsKeyAuth: needsKeyAuth(account), OneValue: t.OneValue,
		Open: func(r conformance.Reporter) providers.Provider {
			instance, err := t.Open()
			if err != nil {
				r.Fatalf("open: %v", err)
			}
			return l.journalled(instance)
		},
		Records: func(r conformance.Reporter, fqdn string) []string { return v.records(r.Context(), fqdn) },
		Await:   v.await,
	}
	checks, err := c.Checks()
	if err != nil {
		return Report{}, err
	}
	results := t.runAll(ctx, checks)
	err = l.cleanUp(ctx, v)
	return Report{results, v.dead}, err
}

// runAll runs checks side by side until ctx ends.
func (t *Suite) runAll(ctx context.Context, checks []conformance.Check) []Result {
	var (
		mu    sync.Mutex
		group sync.WaitGroup
		all   = make([]*Result, len(checks))
		slots = make(chan struct{}, sideBySide)
	)
	for i, check := range checks {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		group.Go(func() {
			defer func() { <-slots }()
			start := time.Now()
			failures := conformance.Try(ctx, check.Run)
			if ctx.Err() != nil {
				return // what it found is worth nothing
			}
			mu.Lock()
			defer mu.Unlock()
			all[i] = &Result{check.Name, failures, time.Since(start)}
			if t.Observe != nil {
				t.Observe(*all[i])
			}
		})
	}
	group.Wait()
	var results []Result
	for _, r := range all {
		if r != nil {
			results = append(results, *r)
		}
	}
	return results
}

func needsKeyAuth(account providers.Account) bool {
	h, ok := account.Provider.(providers.ValueComputer)
	return ok && h.NeedsKeyAuth()
}

// Name returns a domain in a zone that has not been used, such as a check writes to.
func Name(zone string) string {
	return strings.TrimSuffix(conformance.NewDomain(providers.CanonicalName(zone)), ".")
}
