package lineage

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"wildcard/internal/fault"
)

// own applies change and makes the .conf ours: a [wildcard] section, and autorenew = False in [renewalparams], with which
// certbot's timer passes the lineage over while --force-renewal still works (storage.py, should_autorenew; certbot keeps the
// value when it rewrites the file).
func own(conf *Conf, change func(*Conf) error) error {
	if change != nil {
		if err := change(conf); err != nil {
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

// before is the key of our section with the text of the .conf as it was when it was adopted: what [Lineage.Release] gives back.
// certbot's rewriting would drop the options of an authenticator that is no longer named, and keeps our section.
const before = "before"

// Adopt makes a lineage ours, whichever program made it, with its files in order; change writes the settings (SetSettings, and SetParams
// for new hooks). The .conf is written last, after all that can be refused ([Lineage.Adoptable]) and fail; its text is kept for
// [Lineage.Release]. The live set stays, or is repaired as by [Lineage.Repair].
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
		text, already := now.Conf.text, now.Owned()
		if err := own(now.Conf, change); err != nil {
			return err
		}
		if !already {
			if err := now.Conf.Set(section, before, escaped(text)); err != nil {
				return err
			}
		}
		if err := s.repair(now); err != nil || now.Conf.text == text {
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

// escaped writes a text in one line that means the same to a shell, to ConfigObj and to us.
func escaped(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		digit, letter := '0' <= c && c <= '9', 'a' <= c|0x20 && c|0x20 <= 'z'
		if digit || letter || strings.IndexByte(" /:@=_.-[]", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// Adopted reports whether a lineage of ours was certbot's before, so that it can go back as it was.
func (l *Lineage) Adopted() bool {
	_, ok := l.Conf.Get(section, before)
	return ok
}

// Released is a .conf of ours as certbot gets it back. One that was adopted has the text of then, byte for byte, with what others have
// changed since: a key that we never write (params.go) and that has another value now, or that is new. The values of those we write
// are those of then, whatever was used between. Of one that we made, our section and autorenew go.
func (c *Conf) Released() (*Conf, error) {
	text, ok := c.Get(section, before)
	if !ok {
		return c.WithoutOurs(), nil
	}
	text, err := url.PathUnescape(text)
	if err != nil {
		return nil, fault.Errorf(CodeConf, fault.Misconfigured, "lineage: release: %s: %w", before, err)
	}
	was, err := ParseConf([]byte(text))
	if err != nil {
		return nil, err
	}
	lines := c.lines()
	for _, i := range c.items {
		ours := i.section == section ||
			i.section == params && (i.name == "autorenew" || slices.Contains(paramOrder, i.name))
		if i.header || ours || strings.Contains(i.section, "\x00") {
			continue
		}
		then, ok := was.find(i.section, i.name)
		if ok && then.list == i.list && slices.Equal(then.values, i.values) {
			continue
		}
		line := strings.TrimRight(strings.Join(lines[i.from:i.to], ""), "\r\n")
		if was, err = ParseConf([]byte(was.place(i.section, i.name, line))); err != nil {
			return nil, err
		}
	}
	return was, nil
}

// WithoutOurs is a .conf without our section and our autorenew.
func (c *Conf) WithoutOurs() *Conf {
	next := *c
	next.items = slices.Clone(c.items)
	next.RemoveSection(section)
	next.Remove(params, "autorenew")
	return &next
}

// Release gives a lineage of ours back to certbot, with the .conf that is [Conf.Released]. Whether certbot can renew it is for the
// caller to know.
func (l *Lineage) Release(ctx context.Context) (*Lineage, error) {
	s := l.store
	err := s.rewrite(ctx, l.Name, "release", func(now *Lineage) error {
		return s.saveConf(now, func(c *Conf) error {
			released, err := c.Released()
			if err == nil {
				*c = *released
			}
			return err
		})
	})
	if err != nil {
		return nil, failed("release "+l.Name, err)
	}
	return s.Lineage(l.Name)
}
