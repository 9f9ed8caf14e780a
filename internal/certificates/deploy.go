package certificates

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"wildcard/internal/deploy"
	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/state"
)

// mostReason is how much is remembered of why a hook or target failed, in bytes.
const mostReason = 1 << 10

// lastDay is the part of a certificate's life in which it is not made live again, and not kept any more for the sake of its being served.
const lastDay = 24 * time.Hour

// deployment is what follows the renewal of a lineage.
type deployment struct {
	m   *Manager
	l   *lineage.Lineage
	all bool // also the parts that have succeeded for the live certificate
}

// do writes the files, runs the deploy hooks, brings the certificate to its targets, looks whether it is served where it should be, and
// remembers that it is done. What fails is done again by the next run, also when nothing is renewed. later leaves all of it to that.
func (d deployment) do(ctx context.Context, later bool) error {
	if later {
		d.m.options.Log.Info("deploy hooks are left to another run", "lineage", d.l.Name)
		return nil
	}
	s, _ := d.l.Conf.Settings()
	if s.RolledBack == strconv.Itoa(d.l.Version) { // a run ended between what it wrote and what it did
		if former, ok := d.former(s); ok {
			return d.rollBack(ctx, former, nil)
		}
		s.RolledBack = ""
		if err := d.save(ctx, s); err != nil {
			return err
		}
	}
	if s.RolledBack != "" && !s.Deploy {
		return d.rolledBack(nil)
	}
	err := d.parts(ctx, s)
	if ctx.Err() != nil {
		return err
	}
	if s.RolledBack != "" {
		return errors.Join(d.rolledBack(err), d.finish(ctx, err))
	}
	if fault.CodeOf(err) == deploy.CodeNotServed {
		if former, ok := d.former(s); ok {
			return d.rollBack(ctx, former, err)
		}
	}
	return errors.Join(err, d.finish(ctx, err))
}

// finish remembers that all of it succeeded, if it did.
func (d deployment) finish(ctx context.Context, err error) error {
	if err != nil {
		return nil
	}
	s, _ := d.l.Conf.Settings()
	s.Deploy = false
	return d.save(ctx, s)
}

// save keeps whether the deployment waits, and the version that was not served.
func (d deployment) save(ctx context.Context, now lineage.Settings) error {
	_, err := d.l.Update(ctx, func(c *lineage.Conf) error {
		s, _ := c.Settings()
		s.Deploy, s.RolledBack = now.Deploy, now.RolledBack
		return c.SetSettings(s)
	})
	return err
}

// parts does each part. A hook or target that fails does not keep the servers from being looked at, whose word counts more: that they do
// not serve the certificate is the first thing in the error. Hooks and targets that have succeeded for the certificate are left alone,
// unless it is not served.
func (d deployment) parts(ctx context.Context, s lineage.Settings) error {
	if err := d.write(s); err != nil {
		return err
	}
	names := s.Domains
	if d.l.Leaf != nil {
		names = d.l.Leaf.DNSNames
	}
	hooks, done := d.m.hooksFor(d.l), d.done(s)
	hooks.Done = done
	err := hooks.Deploy(ctx, d.l.Dir(), names, DeployCommands(d.l.Conf.Params(), s))
	if ctx.Err() != nil {
		return err
	}
	err = errors.Join(err, d.toTargets(ctx, s.Targets, done))
	if ctx.Err() != nil {
		return err
	}
	if unproved := d.prove(ctx, s); unproved != nil {
		return errors.Join(unproved, err)
	}
	return err
}

// prove looks whether the certificate is served at its addresses, and remembers what came of it.
func (d deployment) prove(ctx context.Context, s lineage.Settings) error {
	m := d.m
	endpoints, err := deploy.ParseEndpoints(s.Verify)
	if err != nil {
		return fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "%s %w", "verify", err)
	}
	if len(endpoints) == 0 || d.l.Leaf == nil {
		return nil
	}
	began := m.now()
	proved, err := m.prover.Prove(ctx, endpoints, d.l.Leaf)
	if ctx.Err() != nil {
		return err
	}
	took := m.now().Sub(began).Round(time.Millisecond)
	for _, look := range proved {
		m.note("%s serves the certificate of %s, after %s", look.Where(), d.l.Name, took)
	}
	keepRun(m, []string{d.l.Name}, d.l.Leaf,
		deploy.Run{Kind: state.KindProof, Command: strings.Join(s.Verify, " "), Took: took, Err: err})
	return err
}

// former is the version that is made live where the new one is not served: one that is good for longer than a day. None is wanted
// unless the lineage says so.
func (d deployment) former(s lineage.Settings) (lineage.Version, bool) {
	if !s.Rollback {
		return lineage.Version{}, false
	}
	former, ok := d.l.Former()
	if !ok || !d.m.now().Before(heldUntil(former.Leaf)) {
		return former, false
	}
	_, revoked, err := d.m.State.Revoked(former.Leaf)
	return former, !revoked && err == nil
}

// heldUntil is for how long a certificate may be kept in the place of a newer one.
func heldUntil(leaf *x509.Certificate) time.Time {
	return leaf.NotAfter.Add(-min(lastDay, leaf.NotAfter.Sub(leaf.NotBefore)/8))
}

// rollBack makes the former version live again, under a number of its own, since certbot takes the greatest for the newest. Then all
// parts are done with it. The version that was not served is kept, and [Manager.Deploy] tries it again.
func (d deployment) rollBack(ctx context.Context, former lineage.Version, why error) error {
	d.m.note("%s: the new certificate is not served, so the former one is made live again", d.l.Name)
	set, _, err := d.l.SetOf(former.Number)
	if err != nil {
		return errors.Join(why, err)
	}
	failed := strconv.Itoa(d.l.Version)
	back, err := d.l.Renew(ctx, set, func(c *lineage.Conf) error {
		s, _ := c.Settings()
		s.RolledBack, s.Deploy = failed, true
		return c.SetSettings(s)
	})
	if err != nil {
		return errors.Join(why, err)
	}
	d.l, d.all = back, true
	s, _ := back.Conf.Settings()
	err = d.parts(ctx, s)
	return errors.Join(d.rolledBack(why), err, d.finish(ctx, err))
}

// rolledBack is the error of a lineage whose former version is live, for a reason that may be known.
func (d deployment) rolledBack(why error) error {
	what := messages.New("%s: the new certificate was not served where it should be, so the former one is live", d.l.Name)
	if why != nil {
		what = messages.New("%w (%w)", what, why)
	}
	return fault.Errorf(deploy.CodeRolledBack, fault.Failed, "%w", what)
}

// Deploy does all parts of a lineage's deployment now, whether or not one waits. A version that was not served, for which the former
// one is live, is made live again.
func (m *Manager) Deploy(ctx context.Context, name string) (RenewResult, error) {
	return deploying(m, name, func() (*lineage.Lineage, error) {
		l, err := begunAgain(ctx, m, name)
		if err != nil {
			return nil, err
		}
		if err := m.State.RemoveHookRuns(l.Name); err != nil { // a run that ends on the way leaves all of it to the next one
			return l, err
		}
		return l, deployment{m: m, l: l, all: true}.do(ctx, false)
	})
}

// deploying does something about the deployment of a lineage of ours under its lock.
func deploying(m *Manager, name string, do func() (*lineage.Lineage, error)) (RenewResult, error) {
	r := &renewal{m: m, RenewRequest: RenewRequest{Lineage: name, Deploy: DeployOnly}}
	l, err := m.Store.Lineage(name)
	if err != nil {
		return RenewResult{}, err
	}
	if !l.Owned() {
		return RenewResult{}, notOwned(l.Name)
	}
	if err := l.Unsafe(); err != nil {
		return RenewResult{}, err
	}
	r.add(r.attended(name, func() (Result, error) {
		l, err := do()
		if l == nil {
			return Result{}, err
		}
		result := kept(l, Due{})
		result.Outcome = Deployed
		return result, err
	}))
	return r.result, nil
}

// begunAgain is a lineage, under its lock, as after the renewal whose deployment is done again: with the version live that is to be
// served.
func begunAgain(ctx context.Context, m *Manager, name string) (*lineage.Lineage, error) {
	l, err := m.Store.Lineage(name)
	if err != nil {
		return nil, err
	}
	if l.NeedsRepair() {
		m.note("%s: its files are not as they should be: repairing", name)
		if l, err = repaired(ctx, l); err != nil {
			return nil, err
		}
	}
	wait := func(c *lineage.Conf) error {
		s, _ := c.Settings()
		s.Deploy, s.RolledBack = true, ""
		return c.SetSettings(s)
	}
	s, _ := l.Conf.Settings()
	if s.RolledBack == "" {
		return l.Update(ctx, wait)
	}
	number, err := strconv.Atoi(s.RolledBack)
	if err != nil {
		return nil, fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "%s %w", "rolled_back", err)
	}
	set, _, err := l.SetOf(number)
	if err != nil {
		return nil, err
	}
	m.note("%s: the certificate that was not served is made live again", name)
	return l.Renew(ctx, set, wait)
}

// hooksFor are the hooks, each run of which is told of and kept with a lineage and its live certificate.
func (m *Manager) hooksFor(l *lineage.Lineage) *deploy.Hooks {
	hooks := hooksOf(m, func(string) []string { return nil })
	tell := hooks.Ran
	hooks.Ran = func(run deploy.Run) {
		tell(run)
		keepRun(m, []string{l.Name}, l.Leaf, run)
	}
	return hooks
}

// hooksOf are the hooks, each run of which is told of and kept with the lineages that its command is of.
func hooksOf(m *Manager, names func(command string) []string) *deploy.Hooks {
	hooks := *m.hooks
	hooks.Ran = func(run deploy.Run) {
		if run.Err == nil { // else what runs it says so
			m.note("%s hook %s was run, in %s", run.Kind, strconv.Quote(messages.OneLine(run.Command)),
				run.Took.Round(time.Millisecond))
		}
		keepRun(m, names(run.Command), nil, run)
	}
	return &hooks
}

// keepRun remembers what came of a hook, of a target, or of looking at the servers, for lineages; and for which certificate, if it is
// known.
func keepRun(m *Manager, names []string, leaf *x509.Certificate, run deploy.Run) {
	kept := state.HookRun{
		Kind: run.Kind, Command: run.Command, Time: m.now().UTC().Truncate(time.Second),
		Seconds: run.Took.Round(time.Millisecond).Seconds(), Certificate: fingerprint(leaf),
	}
	if run.Err != nil {
		kept.Error = messages.Short(run.Err.Error(), mostReason)
	}
	for _, name := range names {
		if err := m.State.AddHookRun(name, kept); err != nil {
			m.options.Log.Warn("hooks", "error", err)
		}
	}
}

// pre runs the pre hooks, each once in a run, before the first order.
func (m *Manager) pre(ctx context.Context, o *order) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := !m.preRan
	m.preRan = true
	var fresh []string
	if command := o.params.PreHook; command != "" && !m.preRun[command] {
		m.preRun[command] = true
		fresh = append(fresh, command)
	}
	if !first && len(fresh) == 0 {
		return nil
	}
	if o.outside() { // there is no lineage
		return hooksOf(m, func(string) []string { return nil }).Pre(ctx, fresh)
	}
	return hooksOf(m, func(string) []string { return []string{o.name} }).Pre(ctx, fresh)
}

// deploys reports whether there is something to do after a certificate of a lineage was stored.
func (o *order) deploys(m *Manager) bool {
	s := o.settings
	return len(outputsOf(m, s))+len(s.Verify)+len(s.Targets) > 0 ||
		hasHooks(m.options.Dirs.Config, DeployCommands(o.params, s))
}

// hasHooks reports whether a lineage has deploy hooks, its own or those for all.
func hasHooks(configDir string, commands []string) bool {
	entries, err := os.ReadDir(filepath.Join(configDir, "renewal-hooks", "deploy"))
	return len(commands) > 0 || err == nil && len(entries) > 0 || err != nil && !errors.Is(err, os.ErrNotExist)
}

// DeployCommands are the deploy hooks of a lineage: certbot's, then ours. One that stands twice, as in a .conf that several versions
// of certbot wrote, is run once.
func DeployCommands(params lineage.Params, s lineage.Settings) []string {
	var commands []string
	for _, command := range append([]string{params.DeployHook, params.DeployHook53}, s.DeployHooks...) {
		if command != "" && !slices.Contains(commands, command) {
			commands = append(commands, command)
		}
	}
	return commands
}

// HookCommands are all command lines that run around the renewals of a lineage; some may be empty.
func HookCommands(params lineage.Params, s lineage.Settings) []string {
	return append(DeployCommands(params, s), params.PreHook, params.PostHook)
}
