package certificates

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"

	"wildcard/internal/deploy"
	"wildcard/internal/deploy/target"
	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/settings"
	"wildcard/internal/state"
)

// TargetsOf opens targets on this machine.
func TargetsOf(o Options, prover *deploy.Prover) *target.Opener {
	return &target.Opener{
		Sources: settings.FromProcess(o.Program, o.Environ, "", o.Dirs.Config).WithoutFile(), Environ: o.Environ,
		Output: o.Output, Prover: prover, Log: o.Log, Now: o.Now,
	}
}

// toTargets brings the live certificate to targets, but those that are done, and remembers what came of each.
func (d deployment) toTargets(ctx context.Context, texts []string, done func(kind, command string) bool) error {
	var all []error
	var specs []target.Spec
	for _, text := range texts {
		s, err := target.Kept(text)
		switch {
		case err != nil:
			all = append(all, err)
		case !slices.Contains(specs, s) && (done == nil || !done(state.KindTarget, s.String())):
			specs = append(specs, s)
		}
	}
	if len(specs) == 0 {
		return target.Errors(all)
	}
	set, err := d.l.Set()
	if err != nil {
		return errors.Join(append(all, err)...)
	}
	c := target.Certificate{Name: d.l.Name, Dir: d.l.Dir(), Names: d.l.Leaf.DNSNames, Set: set, Leaf: d.l.Leaf}
	d.m.Targets.Deploy(ctx, specs, c, func(r target.Result) {
		if ctx.Err() != nil && r.Err != nil {
			return // the run ends
		}
		if all = append(all, r.Err); r.Err == nil {
			d.m.note("%s has the certificate of %s, after %s", r.Spec, d.l.Name, r.Took)
		}
		keepRun(d.m, []string{d.l.Name}, d.l.Leaf,
			deploy.Run{Kind: state.KindTarget, Command: r.Spec.String(), Took: r.Took, Err: r.Err})
	})
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return target.Errors(all)
}

// done tells which hooks and targets have done their work for the live certificate. That counts for nothing where it was not served then.
func (d deployment) done(s lineage.Settings) func(kind, command string) bool {
	if d.all || d.m.State == nil || d.l.Leaf == nil {
		return nil
	}
	runs, err := d.m.State.HookRuns(d.l.Name)
	if err != nil {
		return nil // they are done again
	}
	if len(s.Verify) > 0 && slices.ContainsFunc(runs, func(r state.HookRun) bool {
		return r.Kind == state.KindProof && r.Command == strings.Join(s.Verify, " ") && r.Error != ""
	}) {
		return nil
	}
	own := fingerprint(d.l.Leaf)
	return func(kind, command string) bool {
		return slices.ContainsFunc(runs, func(r state.HookRun) bool {
			return r.Kind == kind && r.Command == command && r.Error == "" && r.Certificate == own
		})
	}
}

// fingerprint is a certificate's SHA-256; "" of none.
func fingerprint(leaf *x509.Certificate) string {
	if leaf == nil {
		return ""
	}
	digest := sha256.Sum256(leaf.Raw)
	return hex.EncodeToString(digest[:])
}

// DeployTo brings the live certificate of a lineage to one of its targets now. The other parts of its deployment are left as they are.
func DeployTo(ctx context.Context, m *Manager, name, to string) (RenewResult, error) {
	return deploying(m, name, func() (*lineage.Lineage, error) {
		l, err := m.Store.Lineage(name)
		if err != nil {
			return nil, err
		}
		s, _ := l.Conf.Settings()
		if !slices.Contains(s.Targets, to) {
			return nil, fault.Errorf(fault.CodeUsage, fault.Usage, "%w", noSuchTarget(name, to, s.Targets))
		}
		d := deployment{m: m, l: l}
		waits := s.Deploy
		// A run that ends on the way leaves it to the next one.
		keepRun(m, []string{name}, nil, deploy.Run{Kind: state.KindTarget, Command: to, Err: messages.New("not finished")})
		s.Deploy = true
		if err := d.save(ctx, s); err != nil {
			return l, err
		}
		if err = d.toTargets(ctx, []string{to}, nil); err == nil && !waits {
			s.Deploy = false
			err = d.save(ctx, s)
		}
		return l, err
	})
}

func noSuchTarget(name, to string, there []string) messages.Message {
	if len(there) == 0 {
		return messages.New("%s has no targets", name)
	}
	return messages.New("%s has no target %s; it has %s", name, fault.Excerpt(to), strings.Join(there, " "))
}

// PlannedTarget is a target that a certificate would be brought to.
type PlannedTarget struct {
	Spec target.Spec
	Does messages.Message
}

// planTargets opens targets, and says what would be done.
func planTargets(m *Manager, texts []string) (all []PlannedTarget, err error) {
	specs, err := target.ParseSpecs(slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return text == "" }))
	if err != nil {
		return nil, err
	}
	for _, s := range specs {
		t, err := m.Targets.Open(s)
		if err != nil {
			return all, err
		}
		all = append(all, PlannedTarget{s, t.Does()})
	}
	return all, nil
}

// targets says what would be done with those that are asked for, else with those of the lineage, which come after the order and keep
// nothing from it.
func (p *planning) targets(asked []string) {
	all, err := planTargets(p.m, asked)
	if err != nil {
		p.plan.Problems = append(p.plan.Problems, err)
	}
	if len(asked) > 0 {
		p.plan.Targets = all
		return
	}
	for _, text := range p.o.settings.Targets {
		one, err := planTargets(p.m, []string{text})
		if err != nil {
			p.plan.Notes = append(p.plan.Notes, messages.New("target %s would fail: %v", strconv.QuoteToASCII(text), err))
		}
		p.plan.Targets = append(p.plan.Targets, one...)
	}
}
