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

// Adopt makes a lineage ours, whichever program made it, with its files in order; change writes the settings (SetSettings, and SetParams
// for new hooks). The .conf is written last, after all that can be refused ([Lineage.Adoptable]) and fail. The live set stays, or
// is repaired as by [Lineage.Repair].
func (l *Lineage) Adopt(ctx context.Context, change func(*Conf) error) (*Lineage, error) {
	s := l.store
	err := s.locked(ctx, func() error {
		now, err := s.Lineage(l.Name)
		if err != nil {
			return err
		}
		if err := now.Adoptable(); err != nil {
			return err
		}
		before := now.Conf.text
		if err := own(now.Conf, change); err != nil {
			return err
		}
		if err := s.repair(now); err != nil || now.Conf.text == before {
			return err
		}
		return s.writeConf(now)
	})
	if err != nil {
		return nil, failed("adopt "+l.Name, err)
	}
	return s.Lineage(l.Name)
}

// Adoptable is why Adopt would refuse a lineage, nil if it would not: CodeDamaged if its .conf names other paths than those of this
// directory, or if its files cannot be put in order.
func (l *Lineage) Adoptable() error {
	if err := l.checkWritable("adopt"); err != nil {
		return err
	}
	return l.repairable("adopt")
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
