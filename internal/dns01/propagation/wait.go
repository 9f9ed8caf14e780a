package propagation

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"wildcard/internal/fault"
	"wildcard/providers"
)

const (
	UsualLimit = 15 * time.Minute // the longest wait, if the settings say no other
	MostLimit  = 50 * time.Minute // the longest that may be said: authorizations may live no longer than an hour

	confirm = 100 * time.Millisecond
)

// Record is one TXT record that is waited for.
type Record struct {
	Zone  string // the account's zone that holds FQDN; "" if the account cannot tell
	FQDN  string // owner, CNAMEs followed
	Value string // exact contents

	Origin Origin // tells what the server has to which it was written; nil if that is not known
}

// Wait is a wait until the name servers publish TXT records.
type Wait struct {
	// Resolver finds the name servers, and says how to ask them.
	Resolver *Resolver
	// Limit is the longest wait; 0 means 15 min, and never is it more than 50 min.
	Limit time.Duration
	// DeadAfter is how long a silent, unreachable or lame name server holds up the wait after the first one of its zone has
	// everything; 0 means 10 s.
	DeadAfter time.Duration
	// ResolverAfter is when resolvers are first asked for a value if no name server can be asked, in zones without a
	// history; 0 means 180 s. ResolverEvery is the time from one such question to the next; 0 means 30 s.
	ResolverAfter, ResolverEvery time.Duration
	// CompareAfter is when the server written to is first asked, if no awaited server has anything by then: those may be others
	// that never will; 0 means 4 s, and then twice as long each time.
	CompareAfter time.Duration
	// HistoryDir is where it is kept how long publication takes in each zone; "" keeps nothing.
	HistoryDir string
	// Observe is told of every change of state, one at a time and in order, on the goroutine that called Run. First come
	// all values at all servers, as pending. It may be nil.
	Observe func(Event)
	// Log gets a line for every change of state; nil is silent.
	Log *slog.Logger
}

// Run waits until every address of every name server of every zone has every value, asks all of them once more after a
// tenth of a second, and returns. Records of the same name are found only together, in one answer.
//
// Errors: [fault.CodeNotPublished] (Temporary) if the limit passes while a server answers without the values, and
// [fault.CodeNoAnswer] (Temporary) if it passes with servers that do not answer at all, or if the resolvers do not
// answer; [fault.CodeTooManyValues] (Misconfigured) if no server can tell all values of a name; [fault.CodeOtherServers] (Misconfigured) if the server written to has the values and those awaited are others;
// [fault.CodeIntercepted] (Temporary) if it passes while something answers in the servers' place; [fault.CodeCNAME]
// (Misconfigured) if a resolver that stands in for them sees a CNAME at a name that leads elsewhere; [fault.CodeDelegatedElsewhere] (Misconfigured) if a record's zone is not delegated. When ctx ends, Run
// returns its cause at once. The report is filled in as far as Run came.
func (w *Wait) Run(ctx context.Context, records []Record) (Report, error) {
	start := time.Now()
	all, err := tasks(records)
	if err != nil || len(all) == 0 {
		return Report{Path: PathDirect}, err
	}
	s, err := w.Resolver.open()
	if err != nil {
		return Report{Path: PathDirect}, err
	}
	defer s.close()
	limit := min(orDefault(w.Limit, UsualLimit), MostLimit)
	limited, cancel := context.WithTimeoutCause(ctx, limit, fault.Errorf(fault.CodeNoAnswer, fault.Temporary,
		"propagation: wait for TXT %s: its name servers were not found within %v", all[0].fqdn, limit))
	defer cancel()
	if err := s.locate(limited, all); err != nil {
		return Report{Path: PathDirect, Elapsed: time.Since(start)}, err
	}
	b := newPublication(all, start, orDefault(w.DeadAfter, 10*time.Second), w.HistoryDir, len(s.nameServers) > 0)
	origins := map[string]Origin{}
	for _, record := range records {
		if record.Origin != nil {
			origins[providers.CanonicalName(record.FQDN)] = record.Origin
		}
	}
	report, err := w.follow(limited, watcher{s, b}, origins, limit)
	switch {
	case err == nil && !report.Unverified:
		w.remember(b)
	case err != nil && ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	return report, err
}

// follow lets every address be watched, and judges.
func (w *Wait) follow(parent context.Context, watcher watcher, origins map[string]Origin,
	limit time.Duration) (Report, error) {
	ctx, cancel := context.WithCancel(parent)
	direct, stop := context.WithCancel(ctx)
	f := &following{Wait: w, watcher: watcher, b: watcher.publication, limit: limit, stop: stop}
	others, again := make(chan error, 1), time.NewTimer(0)
	defer f.group.Wait()
	defer cancel()
	defer stop()
	defer again.Stop()
	for _, a := range f.b.addresses {
		f.group.Go(func() { watcher.watch(direct, a) })
	}
	if len(origins) > 0 {
		f.group.Go(func() {
			if err := watcher.compareUntil(ctx, origins, orDefault(w.CompareAfter, 4*time.Second)); err != nil {
				others <- err
			}
		})
	}
	for {
		v := f.b.judge()
		f.begin(ctx, v)
		w.tell(f.b)
		switch {
		case v.byResolver:
			return f.b.report(true), nil
		case v.elsewhere != nil:
			return f.b.report(true), v.elsewhere
		case v.tooLarge != nil:
			return f.b.report(false), v.tooLarge
		}
		again.Stop()
		if !v.again.IsZero() {
			again.Reset(time.Until(v.again))
		}
		select {
		case <-f.b.changed:
		case <-again.C:
		case err := <-others:
			return f.failed(err)
		case state := <-f.examined:
			if err := f.concluded(ctx, state); err != nil {
				return f.failed(err)
			}
		case state := <-f.doubt:
			f.concludedZone(state)
		case generation := <-f.confirmed:
			f.confirmed = nil
			// Nothing was gained or lost since: all that there is was confirmed.
			if v := f.b.judge(); v.done && v.generation == generation && ctx.Err() == nil {
				w.tell(f.b)
				return f.b.report(false), nil
			}
		case <-ctx.Done():
			return f.failed(f.b.failure(limit, watcher.session))
		}
	}
}

func (f *following) failed(err error) (Report, error) {
	f.tell(f.b)
	return f.b.report(false), err
}

// following is a wait that is under way, with what it finds out beside watching the servers.
type following struct {
	*Wait
	watcher watcher
	b       *publication
	limit   time.Duration
	stop    func() // asks the name servers no more
	group   sync.WaitGroup

	confirmed chan int   // the generation that was confirmed
	examined  chan State // why no server answers with authority
	doubt     chan State // why none of the doubtful zone does
	doubtful  *zone
}

// begin begins what the state of the publication calls for and is not under way.
func (f *following) begin(ctx context.Context, v verdict) {
	if v.unanswered && f.examined == nil {
		examined := make(chan State, 1)
		f.examined = examined
		f.group.Go(func() { examined <- f.watcher.examine(ctx, f.b.zones[0]) })
	}
	if v.doubtful != nil && f.doubt == nil {
		doubt := make(chan State, 1)
		f.doubt, f.doubtful = doubt, v.doubtful
		f.group.Go(func() { doubt <- f.watcher.examine(ctx, v.doubtful) })
	}
	if v.done && f.confirmed == nil && !v.byResolver && v.elsewhere == nil && v.tooLarge == nil {
		confirmed := make(chan int, 1)
		f.confirmed = confirmed
		f.group.Go(func() {
			f.watcher.confirm(ctx, confirm)
			confirmed <- v.generation
		})
	}
}

// concludedZone takes up why no server of the doubtful zone does.
func (f *following) concludedZone(state State) {
	f.b.concludeZone(f.doubtful, state)
	f.doubt = nil
	if state == Intercepted {
		f.b.post(Event{Zone: f.doubtful.name, State: state, detail: cutOffWords(state)})
	}
}

// concluded takes up why no server answers with authority. The error is what ends the wait.
func (f *following) concluded(ctx context.Context, state State) error {
	f.b.conclude(state)
	if state == Intercepted {
		f.stop() // it might ask a resolver in turn, which would remember a "no"
	}
	if state == "" {
		return nil
	}
	f.b.post(Event{State: state, detail: cutOffWords(state)})
	if state == Intercepted && len(f.watcher.session.standIns()) == 0 {
		return f.b.failure(0, f.watcher.session)
	}
	f.group.Go(func() {
		f.watcher.askResolvers(ctx, f.firstResolverLook(f.b, f.limit), orDefault(f.ResolverEvery, 30*time.Second))
	})
	return nil
}

// examine finds out why no server of z answers with authority.
func (w watcher) examine(ctx context.Context, z *zone) State {
	zone := cmp.Or(z.name, parent(z.servers[0].checks[0].fqdn))
	var addrs []Address
	for _, server := range z.servers {
		addrs = append(addrs, server.Address)
	}
	w.publication.mu.Lock()
	reached := w.publication.reached
	w.publication.mu.Unlock()
	return w.session.cutOff(ctx, zone, addrs, reached)
}

// firstResolverLook is when resolvers are first asked: never before all values were there on any earlier occasion,
// since an early question spoils the answer for as long as the resolver remembers it. A short limit brings it forward, as
// after the limit the answer would be of no use.
func (w *Wait) firstResolverLook(b *publication, limit time.Duration) time.Duration {
	var first time.Duration
	for _, z := range b.zones {
		delay := z.history.longest()
		if delay == 0 {
			delay = orDefault(w.ResolverAfter, 180*time.Second)
		}
		first = max(first, delay)
	}
	return min(first, limit*3/4)
}

// tell passes on what happened.
func (w *Wait) tell(b *publication) {
	log := orSilent(w.Log)
	for _, e := range b.take() {
		if e.detail != "" || e.State != Pending {
			log.Log(context.Background(), level(e), "publication", "state", string(e.State), "server", e.Server, "addr", e.Addr,
				"zone", e.Zone, "fqdn", e.FQDN, "value", e.Value, "detail", e.detail, "elapsed", e.Elapsed.Round(time.Millisecond))
		}
		if w.Observe != nil {
			w.Observe(e)
		}
	}
}

func level(e Event) slog.Level {
	switch {
	case e.State == Blocked, e.State == Intercepted:
		return slog.LevelWarn
	case e.quiet:
	case e.State == Published, e.State == SteppedOver:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// remember keeps how long it took.
func (w *Wait) remember(b *publication) {
	for _, z := range b.zones {
		if err := z.history.add(w.HistoryDir, z.lastGain.Sub(b.start)); err != nil {
			orSilent(w.Log).Debug("history not kept", "zone", z.name, "error", err)
		}
	}
}
