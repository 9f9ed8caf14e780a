package cli

import (
	"context"

	"github.com/urfave/cli/v2"

	"wildcard/internal/fault"
	"wildcard/internal/lineage"
)

// When a run of "renew" runs deploy hooks. The last two are the halves of the first, for a timer whose first half is in a
// sandbox that hooks do not fit into (package units).
const (
	deployNow   = "now"
	deployLater = "later" // they wait, as they do after a failure
	deployOnly  = "only"  // those that wait are run, and nothing is renewed
)

func deployFlag() cli.Flag {
	return &cli.StringFlag{Name: "deploy", Value: deployNow, DefaultText: deployNow,
		Usage: "`WHEN` deploy hooks run: now, later, or only those waiting"}
}

// deployWhen reads --deploy.
func deployWhen(c *cli.Context) (string, error) {
	when := c.String("deploy")
	switch when {
	case deployNow, deployLater:
	case deployOnly:
		for _, flag := range []string{"dry-run", "force"} {
			if c.Bool(flag) {
				return "", usage("--deploy only renews nothing, and --%s makes no sense with it", flag)
			}
		}
	default:
		return "", usage("--deploy %s: it is now, later or only", fault.Excerpt(when))
	}
	return when, nil
}

// deployWaiting runs the deploy hooks of a lineage if they wait, under its lock. A lineage where they do not wait any more
// was seen to by another run, and has no outcome.
func (r *renewRun) deployWaiting(ctx context.Context, name string) (result renewed) {
	l, err := r.store.Lineage(name)
	if err != nil {
		return renewed{name: name, outcome: "failed", err: err}
	}
	if s, _ := l.Conf.Settings(); !s.Deploy {
		return renewed{name: name, outcome: "kept", got: certificate{Leaf: l.Leaf, Lineage: l}}
	}
	if err := r.deploy(ctx, l); err != nil {
		return renewed{name: name, outcome: "failed", err: err}
	}
	return renewed{name: name, outcome: "deployed", got: certificate{Leaf: l.Leaf, Lineage: l}}
}

// deploy writes the combined file and runs the deploy hooks of a lineage, and remembers that it is done. What fails is done
// again by the next run, also when nothing is renewed.
func (e *engine) deploy(ctx context.Context, l *lineage.Lineage) error {
	if e.deployLater {
		e.log.Info("deploy hooks are left to another run", "lineage", l.Name)
		return nil
	}
	s, _ := l.Conf.Settings()
	if s.Combined != "" {
		set, err := l.Set()
		if err == nil {
			err = e.store.WriteCombined(s.Combined, set)
		}
		if err != nil {
			return err
		}
	}
	names := s.Domains
	if l.Leaf != nil {
		names = l.Leaf.DNSNames
	}
	if err := e.hooks.Deploy(ctx, l.Dir(), names, deployCommands(l.Conf.Params(), s)); err != nil {
		return err
	}
	_, err := l.Update(ctx, func(c *lineage.Conf) error {
		s, _ := c.Settings()
		s.Deploy = false
		return c.SetSettings(s)
	})
	return err
}
