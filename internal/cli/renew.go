package cli

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/cli/display"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/notify"
	"wildcard/internal/timeline"
	"wildcard/providers"
)

const (
	renewalsAtOnce = 4
	longestJitter  = time.Minute
	ordersPer10s   = 10 // what one CA is asked for; Let's Encrypt takes 300 orders in 3 hours
)

func (p *program) renewCommand() *cli.Command {
	return &cli.Command{
		Name:      "renew",
		Usage:     "renew the certificates that are due",
		UsageText: "wildcard renew [options]",
		Description: `Those of "wildcard issue" and "wildcard adopt"; certbot's own are certbot's to
renew. What fails stops nothing else; the exit status is that of the worst.

  wildcard renew --quiet
  wildcard renew --dry-run --cert-name example.com`,
		Flags: slices.Concat(
			[]cli.Flag{
				&cli.StringFlag{Name: "cert-name", Usage: "`NAME` of the one certificate to renew"},
				&cli.BoolFlag{Name: "dry-run", Usage: "try all with their CA's staging service, keep nothing"},
				&cli.BoolFlag{Name: "force", Usage: "renew although it is not due"},
				deployFlag(),
				&cli.BoolFlag{Name: "no-jitter", Usage: "begin at once, also without a terminal"},
				prometheusFlag(), traceFlag(),
			},
			notifyFlags(), dnsFlags(), commonFlags(),
		),
		Action: p.traced(p.renew),
	}
}

// renewed is what came of one lineage.
type renewed struct {
	name    string
	outcome string // renewed, tested, kept, deployed, failed
	got     certificate
	at      time.Time // when it is due next
	err     error
}

func (p *program) renew(c *cli.Context) error {
	if c.Args().Present() {
		return usage("renew takes no names: --cert-name %s renews one certificate", fault.Excerpt(c.Args().First()))
	}
	if err := p.dnsOptions(c, &lineage.Settings{}); err != nil {
		return err
	}
	when, err := deployWhen(c)
	if err != nil {
		return err
	}
	measurements, err := p.prometheusFile(c)
	if err != nil {
		return err
	}
	e, err := p.engine(c)
	if err != nil {
		return err
	}
	defer e.close()
	if when != deployLater { // whose sandbox has no place for them; the other half writes them
		defer e.measure(c.Context, measurements)
	}
	var people notify.Channels
	if when != deployLater {
		if people, err = e.channels(c); err != nil {
			return err
		}
	}
	if c.Bool("notify-test") {
		return e.notifyTest(c.Context, people)
	}
	e.deployLater = when == deployLater
	r := &renewRun{engine: e, c: c, deployOnly: when == deployOnly, unattended: !display.IsTerminal(p.stdin), began: p.now()}
	if err := r.choose(c.Context); err != nil {
		return err
	}
	if r.orders > 0 {
		if err := r.jitter(c.Context); err != nil {
			return err
		}
	}
	r.run(c.Context)
	if !c.Bool("dry-run") && !c.IsSet("cert-name") && !r.deployOnly {
		r.ran()
	}
	err = r.summary(c.Context)
	r.told(c.Context, people)
	return err
}

// renewRun is one call of "renew".
type renewRun struct {
	*engine
	c          *cli.Context
	deployOnly bool
	unattended bool
	began      time.Time
	names      []string // those with something to do
	orders     int      // those that are due
	ordered    []string // the names on certificates that may be ordered
	kept       int
	mu         sync.Mutex
	results    []renewed
}

// choose goes through the lineages, one in memory at a time, and picks those that have something to do.
func (r *renewRun) choose(ctx context.Context) error {
	if name := r.c.String("cert-name"); name != "" {
		l, err := r.store.Lineage(name)
		if err != nil {
			return err
		}
		if !l.Owned() {
			return fault.Errorf(lineage.CodeNotOwned, fault.Usage, "%s is certbot's: wildcard adopt %s takes it over", name, name)
		}
		return r.consider(ctx, l)
	}
	names, err := r.store.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		l, err := r.store.Lineage(name)
		if err == nil && !l.Owned() {
			continue
		}
		if err == nil {
			err = r.consider(ctx, l)
		}
		if err != nil {
			r.add(renewed{name: name, outcome: "failed", err: err})
		}
	}
	return nil
}

func (r *renewRun) consider(ctx context.Context, l *lineage.Lineage) error {
	s, _ := l.Conf.Settings()
	if r.deployOnly {
		if s.Deploy {
			r.names = append(r.names, l.Name)
		}
		return nil
	}
	if r.c.Bool("force") || r.c.Bool("dry-run") || l.NeedsRepair() {
		r.names = append(r.names, l.Name)
		r.orders++
		r.ordered = append(r.ordered, certifiedNames(l, s)...)
		return nil
	}
	v, err := r.judge(ctx, l)
	switch {
	case err != nil:
		return err
	case v.due:
		r.orders++
		r.ordered = append(r.ordered, certifiedNames(l, s)...)
	case !s.Deploy && !r.hasStored(l):
		r.kept++
		if r.c.String("cert-name") != "" {
			r.add(renewed{name: l.Name, outcome: "kept", got: certificate{Leaf: l.Leaf, Lineage: l}, at: v.at})
		}
		return nil
	}
	r.names = append(r.names, l.Name)
	return nil
}

// jitter waits for a while, so that not all machines of the world come on the minute.
func (r *renewRun) jitter(ctx context.Context) error {
	if !r.unattended || r.c.Bool("no-jitter") || r.c.Bool("force") || r.c.Bool("dry-run") || r.c.IsSet("cert-name") || r.underSystemd() {
		return nil // systemd's timer has a delay of its own
	}
	wait := time.Duration(rand.Int64N(int64(longestJitter))).Round(time.Second)
	r.display.Notice("waiting %v before the first order, so that not everybody comes at once (--no-jitter)", wait)
	defer r.trace.Begin("", timeline.WorkWait)(nil)
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// underSystemd reports whether a unit runs us (systemd.exec(5), INVOCATION_ID), and nobody at a terminal that a unit started.
func (r *renewRun) underSystemd() bool { return r.unattended && r.environment("INVOCATION_ID") != "" }

// run renews what was chosen, some side by side.
func (r *renewRun) run(ctx context.Context) {
	var accounts []providers.Account
	if !r.deployOnly {
		accounts, _ = r.everyAccount(r.c, false) // whoever needs one that cannot be opened says so
	}
	if len(accounts) > 0 {
		r.sweep(ctx, r.journal, accounts, sweepLimit, r.ordered...)
		if len(r.ordered) > 0 {
			defer r.sweep(ctx, r.journal, accounts, sweepLimit) // what no order took over
		}
	}
	if len(r.names) == 0 {
		return
	}
	slots := make(chan struct{}, renewalsAtOnce)
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
			r.add(renewed{name: name, outcome: "failed", err: context.Cause(ctx)})
			continue
		}
		group.Go(func() {
			defer func() { <-slots }()
			r.add(r.one(ctx, name))
		})
	}
	group.Wait()
}

func (r *renewRun) add(result renewed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results = append(r.results, result)
	if result.err != nil {
		r.trace.Note(result.name, result.err.Error())
	}
}

// one renews one lineage. A panic is its failure, and nobody else's.
func (r *renewRun) one(ctx context.Context, name string) (result renewed) {
	result = renewed{name: name, outcome: "failed"}
	defer func() {
		if v := recover(); v != nil {
			result.err = fault.Errorf("internal", fault.Internal, "internal error: %v", v)
		}
	}()
	lock, err := r.store.LockOrder(name)
	if err != nil {
		result.err = err
		return result
	}
	defer func() { _ = lock.Unlock() }()
	if r.deployOnly {
		return r.deployWaiting(ctx, name)
	}
	o, v, err := r.order(ctx, name)
	switch {
	case err != nil:
		result.err = err
		return result
	case o == nil: // not due after all, or repaired
		l, err := r.store.Lineage(name)
		if err != nil {
			result.err = err
			return result
		}
		result.outcome, result.at = "kept", v.at
		result.got = certificate{Leaf: l.Leaf, Lineage: l}
		r.forgetStored(l)
		if s, _ := l.Conf.Settings(); s.Deploy {
			result.got.Deploy = r.deploy(ctx, l)
		}
		return result
	}
	result.got, result.err = r.obtain(ctx, o)
	switch {
	case result.err != nil:
	case o.dryRun:
		result.outcome = "tested"
	default:
		result.outcome = "renewed"
		s, _ := result.got.Lineage.Conf.Settings()
		result.at, _ = renewal(result.got.Lineage, s)
	}
	return result
}

// order is what a lineage wants, under its lock; nil if there is nothing to order.
func (r *renewRun) order(ctx context.Context, name string) (*order, verdict, error) {
	l, err := r.store.Lineage(name)
	if err != nil {
		return nil, verdict{}, err
	}
	dry, force := r.c.Bool("dry-run"), r.c.Bool("force")
	if l.NeedsRepair() && !dry {
		r.display.Notice("%s: its files are not as they should be: repairing", name)
		repaired, err := l.Repair(ctx)
		switch {
		case err == nil:
			l = repaired
		case fault.CodeOf(err) != lineage.CodeDamaged:
			return nil, verdict{}, err
		}
	}
	if !dry && !force {
		v, err := r.judge(ctx, l) // another run may have renewed it since it was chosen
		if err != nil || !v.due {
			return nil, v, err
		}
		if l, err = r.store.Lineage(name); err != nil { // with what judging kept
			return nil, verdict{}, err
		}
	}
	o := &order{name: name, live: l, params: l.Conf.Params(), dryRun: dry, force: force, mayRegister: dry, unattended: r.unattended,
		registration: issuance.Registration{AgreeToTerms: dry}, observe: r.observe(name)}
	o.settings, _ = l.Conf.Settings()
	if err := r.dnsOptions(r.c, &o.settings); err != nil {
		return nil, verdict{}, err
	}
	if o.settings.CABundle == "" {
		o.settings.CABundle = r.environment("WILDCARD_CA_BUNDLE")
	}
	if o.names, err = issuance.ParseNames(certifiedNames(l, o.settings)); err != nil {
		return nil, verdict{}, err
	}
	o.keyType = keyTypeOf(o.params)
	if dry {
		if staging, ok := issuance.StagingOf(o.params.Server); ok {
			o.params.Server, o.params.Account = staging, ""
		}
	}
	facts, _ := issuance.KnownCA(o.params.Server)
	o.names, o.covered = facts.WithoutCovered(o.names)
	r.sayCovered(o)
	return o, verdict{}, nil
}

// certifiedNames are the names of a lineage: those of its settings, else those on its certificate.
func certifiedNames(l *lineage.Lineage, s lineage.Settings) []string {
	if len(s.Domains) == 0 && l.Leaf != nil {
		return l.Leaf.DNSNames // adopted, or the section was edited
	}
	return s.Domains
}

func (e *engine) preRan() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.preRun[""]
}

func compact(all []string) []string {
	all = slices.DeleteFunc(all, func(s string) bool { return s == "" })
	slices.Sort(all)
	return slices.Compact(all)
}
