package lineage

import "context"

// own applies change and makes the .conf ours: a [wildcard] section, and autorenew = False in [renewalparams], with which
// certbot's timer passes the lineage over while --force-renewal still works (storage.py, should_autorenew; certbot keeps the
// value when it rewrites the file). A value that was there before is remembered for [Lineage.Release].
func own(conf *Conf, change func(*Conf) error) error {
	before, had := conf.Get(params, "autorenew")
	already := conf.Has(section)
	if change != nil {
		if err := change(conf); err != nil {
			return err
		}
	}
	if had && !already {
		if err := conf.Set(section, "autorenew_before", before); err != nil {
			return err
		}
	}
	if !conf.Has(section) {
		if err := conf.Set(section, "format", "1"); err != nil {
			return err
		}
	}
	return conf.Set(params, "autorenew", "False")
}

// Adopt makes a lineage ours, whichever program made it; change writes the settings (SetSettings, and SetParams for new hooks). The
// certificate stays as it is. The lineage's live set must be good, or repairable afterwards; its .conf must name the paths of
// this directory (CodeDamaged).
func (l *Lineage) Adopt(ctx context.Context, change func(*Conf) error) (*Lineage, error) {
	s := l.store
	err := s.locked(ctx, func() error {
		now, err := s.Lineage(l.Name)
		if err != nil {
			return err
		}
		if err := now.checkWritable("adopt"); err != nil {
			return err
		}
		return s.saveConf(now, func(c *Conf) error { return own(c, change) })
	})
	if err != nil {
		return nil, failed("adopt "+l.Name, err)
	}
	return s.Lineage(l.Name)
}

// Release gives a lineage of ours back to certbot: the [wildcard] section goes, and autorenew is what it was before. Certificate,
// hooks and account stay. Whether certbot can renew it is for the caller to know.
func (l *Lineage) Release(ctx context.Context) (*Lineage, error) {
	s := l.store
	err := s.rewrite(ctx, l.Name, "release", func(now *Lineage) error {
		return s.saveConf(now, func(c *Conf) error {
			before, had := c.Get(section, "autorenew_before")
			c.RemoveSection(section)
			if had {
				return c.Set(params, "autorenew", before)
			}
			c.Remove(params, "autorenew")
			return nil
		})
	})
	if err != nil {
		return nil, failed("release "+l.Name, err)
	}
	return s.Lineage(l.Name)
}
