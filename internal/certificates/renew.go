package certificates

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"wildcard/internal/dns01"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/state"
	"wildcard/internal/timeline"
	"wildcard/providers"
)

const (
	runsLate = 3 * 24 * time.Hour // how long "renew" may not have run where it has: its timer runs several times a day
	runTakes = 3 * time.Hour      // what "renew --every" may take for one run
)

// RunIsLate reports whether "renew" should have run again by now, and since when it has not.
func RunIsLate(w state.Watch, now time.Time) (since time.Time, late bool) {
	switch {
	case w.NextRun.IsZero():
		return w.LastRun, !w.LastRun.IsZero() && now.Sub(w.LastRun) >= runsLate
	case w.LastRun.After(w.NextRun): // which was another command
		return w.NextRun, now.Sub(w.NextRun) >= runTakes
	}
	return w.LastRun, now.Sub(w.NextRun) >= runTakes
}

const (
	RenewalsAtOnce = 4  // orders that Renew has under way side by side
	ordersPer10s   = 10 // what one CA is asked for; Let's Encrypt takes 300 orders in 3 hours
)

// When says when deploy hooks run. The last two are the halves of the first, for a timer whose first half is in a sandbox that
// hooks do not fit into (package units).
type When string

// The times at which deploy hooks run.
const (
	DeployNow   When = "now"
	DeployLater When = "later" // they wait, as they do after a failure
	DeployOnly  When = "only"  // those that wait are run, and nothing is renewed
)

// RenewRequest says what Renew is to renew.
type RenewRequest struct {
	Lineage    string // the only one; "" is all of ours that are due
	DryRun     bool   // try each with its CA's staging service, and keep nothing
	Force      bool   // renew although it is not due
	Deploy     When   // "" is DeployNow
	Unattended bool   // a timer's run, which the ledger makes wait for longer after failures
	Jitter     time.Duration
	Next       time.Duration // after this run comes the next one of this process; 0 if something else starts it
	CABundle   string        // for lineages that have none
	Challenge  Choice[string]
	DNS        DNS
}

// RenewResult is what came of a run, the lineages by name.
type RenewResult struct {
	Lineages []Result // that had something to do, and the one that was asked for
	Kept     int      // how many others had nothing to do
	Post     error    // post hooks that failed
}

// Renew renews the lineages that are due, some side by side, and runs deploy hooks that wait. What fails stops nothing else.
// Before the first order it waits for a while at random, up to Jitter, so that not all machines of the world come on the minute.
func (m *Manager) Renew(ctx context.Context, r RenewRequest) (RenewResult, error) {
	run := &renewal{m: m, RenewRequest: r}
	if err := run.choose(ctx); err != nil {
		return RenewResult{}, err
	}
	if run.orders > 0 && r.Jitter > 0 {
		if err := m.jitter(ctx, r.Jitter); err != nil {
			return RenewResult{}, err
		}
	}
	run.run(ctx)
	if !r.DryRun && (r.Lineage == "" || r.Next > 0) && r.Deploy != DeployOnly {
		m.lookedAfter(r.planNext)
	}
	slices.SortFunc(run.result.Lineages, func(a, b Result) int { return strings.Compare(a.Name, b.Name) })
	run.post(ctx)
	return run.result, nil
}

// planNext remembers when this process will run again. A run beside such a process leaves what that one has planned, until it should
// have been.
func (r RenewRequest) planNext(w *state.Watch) {
	switch {
	case r.Next > 0:
		w.NextRun = w.LastRun.Add(r.Next)
	case !w.NextRun.After(w.LastRun):
		w.NextRun = time.Time{}
	}
}

// renewal is one call of Renew.
type renewal struct {
	RenewRequest
	m       *Manager
	names   []string // those with something to do
	orders  int      // those that are due
	ordered []string // the names on certificates that may be ordered
	mu      sync.Mutex
	result  RenewResult
}

// choose goes through the lineages, one in memory at a time, and picks those that have something to do.
func (r *renewal) choose(ctx context.Context) error {
	if r.Lineage != "" {
		l, err := r.m.Store.Lineage(r.Lineage)
		if err != nil {
			return err
		}
		if !l.Owned() {
			return notOwned(l.Name)
		}
		return r.consider(ctx, l)
	}
	names, err := r.m.Store.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		l, err := r.m.Store.Lineage(name)
		if err == nil && !l.Owned() {
			continue
		}
		if err == nil {
			err = r.consider(ctx, l)
		}
		if err != nil {
			r.add(Result{Name: name, Outcome: Failed, Err: err})
		}
	}
	return nil
}

func (r *renewal) consider(ctx context.Context, l *lineage.Lineage) error {
	if err := l.Unsafe(); err != nil {
		return err
	}
	s, _ := l.Conf.Settings()
	if r.Deploy == DeployOnly {
		if s.DeployWaits() {
			r.names = append(r.names, l.Name)
		}
		return nil
	}
	if r.Force || r.DryRun || l.NeedsRepair() {
		r.names = append(r.names, l.Name)
		r.orders++
		r.ordered = append(r.ordered, certifiedNames(l, s)...)
		return nil
	}
	due, err := r.m.due(ctx, l)
	switch {
	case err != nil:
		return err
	case due.Now:
		r.orders++
		r.ordered = append(r.ordered, certifiedNames(l, s)...)
	case !s.DeployWaits() && !r.m.hasStored(l):
		if r.Lineage == "" {
			r.result.Kept++
		} else {
			r.add(kept(l, due))
		}
		return nil
	}
	r.names = append(r.names, l.Name)
	return nil
}

// kept is the outcome of a lineage that stays as it is.
func kept(l *lineage.Lineage, due Due) Result {
	return Result{Certificate: Certificate{Leaf: l.Leaf, Lineage: l}, Name: l.Name, Outcome: Kept, Due: due}
}

// jitter waits for a while.
func (m *Manager) jitter(ctx context.Context, longest time.Duration) error {
	wait := time.Duration(rand.Int64N(int64(longest))).Round(time.Second)
	m.note("waiting %v before the first order, so that not all machines come at once (--no-jitter)", wait)
	defer m.options.Trace.Begin("", timeline.WorkWait)(nil)
	return m.options.Sleep(ctx, wait)
}

// run renews what was chosen, some side by side.
func (r *renewal) run(ctx context.Context) {
	var accounts []providers.Account
	if r.Deploy != DeployOnly {
		accounts, _ = r.m.everyAccount(r.DNS, false) // what needs one that cannot be opened says so
	}
	if len(accounts) > 0 {
		r.m.sweep(ctx, accounts, dns01.SweepAtStart, r.ordered...)
		if len(r.ordered) > 0 {
			defer r.m.sweep(ctx, accounts, dns01.SweepAtStart) // what no order took over
		}
	}
	if len(r.names) == 0 {
		return
	}
	slots := make(chan struct{}, RenewalsAtOnce)
	starts := time.NewTicker(10 * time.Second / ordersPer10s)
	defer starts.Stop()
	var group sync.WaitGroup
	for i, name := range r.names {
		if i >= ordersPer10s {
			select {
			case <-starts.C:
			case <-ctx.Done():
			}
		}
		slots <- struct{}{}
		if ctx.Err() != nil {
			<-slots
			r.add(Result{Name: name, Outcome: Failed, Err: context.Cause(ctx)})
			continue
		}
		group.Go(func() {
			defer func() { <-slots }()
			r.add(r.one(ctx, name))
		})
	}
	group.Wait()
}

func (r *renewal) add(result Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Lineages = append(r.result.Lineages, result)
	if result.Err != nil {
		r.m.options.Trace.Note(result.Name, result.Err.Error())
	}
}

// one renews one lineage under its lock.
func (r *renewal) one(ctx context.Context, name string) Result {
	return r.attended(name, func() (Result, error) {
		if r.Deploy == DeployOnly {
			return r.deployWaiting(ctx, name)
		}
		return r.renew(ctx, name)
	})
}

// attended does something with one lineage under its lock. A panic is its failure, and no other lineage's. One that another run is at work
// on is left to it, and no failure.
func (r *renewal) attended(name string, do func() (Result, error)) (result Result) {
	var err error
	defer func() {
		if v := recover(); v != nil {
			err = fault.Errorf("internal", fault.Internal, "internal error: %v", v)
		}
		if busy, ok := errors.AsType[*lineage.BusyError](err); ok {
			result = Result{Name: name, Outcome: Skipped, Process: busy.Process}
		} else if err != nil {
			result.Name, result.Outcome, result.Err = name, Failed, err
		}
	}()
	err = r.m.locked(name, func() (err error) {
		result, err = do()
		return err
	})
	return result
}

// notOwned is the error of a lineage of certbot's.
func notOwned(name string) error {
	return fault.Errorf(lineage.CodeNotOwned, fault.Usage, "%s is certbot's: wildcard adopt %s takes it over", name, name)
}

// renew renews a lineage that is still due. Of one that is not, or was repaired, deploy hooks may wait.
func (r *renewal) renew(ctx context.Context, name string) (Result, error) {
	m := r.m
	o, due, err := r.order(ctx, name)
	if err != nil {
		return Result{}, err
	}
	if o == nil {
		l, err := m.Store.Lineage(name)
		if err != nil {
			return Result{}, err
		}
		result := kept(l, due)
		m.forgetStored(l)
		if s, _ := l.Conf.Settings(); s.DeployWaits() {
			result.Deploy = deployment{m: m, l: l}.do(ctx, r.Deploy == DeployLater)
		}
		return result, nil
	}
	got, err := m.obtain(ctx, o)
	return o.result(got), err
}

// order is what a lineage wants, under its lock; nil if there is nothing to order.
func (r *renewal) order(ctx context.Context, name string) (*order, Due, error) {
	m := r.m
	l, err := m.Store.Lineage(name)
	if err != nil {
		return nil, Due{}, err
	}
	if l.NeedsRepair() && !r.DryRun {
		m.note("%s: its files are not as they should be: repairing", name)
		if l, err = repaired(ctx, l); err != nil {
			return nil, Due{}, err
		}
	}
	if !r.DryRun && !r.Force {
		due, err := m.due(ctx, l) // another run may have renewed it since it was chosen
		if err != nil || !due.Now {
			return nil, due, err
		}
		if l, err = m.Store.Lineage(name); err != nil { // with what is kept of the CA's answer
			return nil, Due{}, err
		}
	}
	o := &order{
		name: name, live: l, params: l.Conf.Params(), dryRun: r.DryRun, force: r.Force, mayRegister: r.DryRun,
		unattended: r.Unattended, registration: issuance.Registration{AgreeToTerms: r.DryRun},
		deployLater: r.Deploy == DeployLater,
	}
	o.settings, _ = l.Conf.Settings()
	if err := r.DNS.Over(&o.settings); err != nil {
		return nil, Due{}, err
	}
	if err := o.chooseMethod(r.Challenge); err != nil {
		return nil, Due{}, err
	}
	if o.settings.CABundle == "" {
		o.settings.CABundle = r.CABundle
	}
	if o.names, err = issuance.ParseNames(certifiedNames(l, o.settings)); err != nil {
		return nil, Due{}, err
	}
	o.keyType = KeyTypeOf(o.params)
	o.chooseProfile(nil)
	o.at(o.params.Server)
	noteCovered(m, o)
	return o, Due{}, nil
}

// deployWaiting runs the deploy hooks of a lineage if they wait. One where they do not wait any more was seen to by another run.
func (r *renewal) deployWaiting(ctx context.Context, name string) (Result, error) {
	l, err := r.m.Store.Lineage(name)
	if err != nil {
		return Result{}, err
	}
	result := kept(l, Due{})
	if s, _ := l.Conf.Settings(); s.DeployWaits() {
		result.Outcome, err = Deployed, deployment{m: r.m, l: l}.do(ctx, false)
	}
	return result, err
}

// post runs the post hooks, if pre hooks ran.
func (r *renewal) post(ctx context.Context) {
	m := r.m
	m.mu.Lock()
	ran := m.preRan
	m.mu.Unlock()
	if !ran {
		return
	}
	var good, bad, names []string
	of := map[string][]string{} // lineages, by post hook
	for _, result := range r.result.Lineages {
		switch {
		case result.Outcome == Skipped:
		case result.Err != nil:
			bad = append(bad, result.Name)
		case result.Outcome != Kept:
			good = append(good, result.Leaf.DNSNames...)
			if result.Lineage != nil {
				names = append(names, result.Name)
				command := result.Lineage.Conf.Params().PostHook
				of[command] = append(of[command], result.Name)
			}
		}
	}
	delete(of, "")
	hooks := hooksOf(m, func(command string) []string {
		if own := of[command]; own != nil {
			return own
		}
		return names // of a folder, for all
	})
	r.result.Post = hooks.Post(ctx, slices.Sorted(maps.Keys(of)), good, bad)
}

// certifiedNames are the names of a lineage: those of its settings, else those on its certificate.
func certifiedNames(l *lineage.Lineage, s lineage.Settings) []string {
	if len(s.Domains) == 0 && l.Leaf != nil {
		return l.Leaf.DNSNames // adopted, or the section was edited
	}
	return s.Domains
}
