package conformance

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wildcard/providers"
)

// flawed is a provider with one method that is wrong; a nil function leaves the right one.
type flawed struct {
	provider
	present func(ctx context.Context, c providers.Challenge) (providers.Handle, error)
	cleanUp func(ctx context.Context, c providers.Challenge, h providers.Handle) error
	zones   []string
}

func (f flawed) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	if f.present == nil {
		return f.provider.Present(ctx, c)
	}
	return f.present(ctx, c)
}

func (f flawed) CleanUp(ctx context.Context, c providers.Challenge, h providers.Handle) error {
	if f.cleanUp == nil {
		return f.provider.CleanUp(ctx, c, h)
	}
	return f.cleanUp(ctx, c, h)
}

func (f flawed) Zones(ctx context.Context, fresh bool) ([]string, error) {
	if f.zones == nil {
		return f.provider.Zones(ctx, fresh)
	}
	return f.zones, nil
}

// flaw is a mistake that was made, or could be, and the check that has to find it.
type flaw struct {
	check   providers.Text
	mistake string
	open    func(p provider) flawed // called for each instance
}

// TestFlaws runs each check against providers that break its rule.
func TestFlaws(t *testing.T) {
	t.Parallel()
	for _, f := range flaws() {
		t.Run(string(f.check)+"/"+f.mistake, func(t *testing.T) {
			t.Parallel()
			m := newMemory()
			c := m.config(func() providers.Provider {
				p := f.open(provider{m})
				p.memory = m
				return p
			})
			c.Grace = 50 * time.Millisecond
			c.OneValue = strings.HasPrefix(string(f.check), "a second value")
			checks, err := c.Checks()
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(checks, func(c Check) bool { return c.Name == f.check })
			if i < 0 {
				t.Fatal("there is no such check")
			}
			failures := Try(t.Context(), checks[i].Run)
			if len(failures) == 0 {
				t.Error("the check did not find the mistake")
			}
			t.Logf("%q", failures)
		})
	}
}

// TestEveryCheckCanFail keeps a check from being added without a mistake that it finds.
func TestEveryCheckCanFail(t *testing.T) {
	t.Parallel()
	for _, rule := range rules() {
		if !slices.ContainsFunc(flaws(), func(f flaw) bool { return f.check == rule.name }) {
			t.Errorf("%q finds no mistake in TestFlaws", rule.name)
		}
	}
}

func flaws() []flaw {
	return []flaw{
		{"zones are canonical and hold the zone", "no trailing dot", func(provider) flawed {
			return flawed{zones: []string{"example.com"}}
		}},
		{"zones are canonical and hold the zone", "upper case beside it", func(provider) flawed {
			return flawed{zones: []string{"example.com.", "Example.net."}}
		}},
		{"zones are canonical and hold the zone", "Unicode beside it", func(provider) flawed {
			return flawed{zones: []string{"example.com.", "例え.jp."}}
		}},
		{"zones are canonical and hold the zone", "the first page only", func(provider) flawed {
			return flawed{zones: []string{"example.co.jp."}}
		}},
		{"zones are canonical and hold the zone", "one twice", func(provider) flawed {
			return flawed{zones: []string{"example.com.", "example.com."}}
		}},
		{"present adds the value", "success without a record", func(provider) flawed {
			return flawed{present: func(context.Context, providers.Challenge) (providers.Handle, error) { return "", nil }}
		}},
		{"present adds the value", "quotes around the value", func(p provider) flawed {
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				c.Value = `"` + c.Value + `"`
				return p.Present(ctx, c)
			}}
		}},
		{"present adds the value", "one label below the zone at most", func(p provider) flawed {
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				labels := strings.Split(c.FQDN, ".")
				c.FQDN = labels[0] + "." + strings.Join(labels[max(1, len(labels)-4):], ".")
				return p.Present(ctx, c)
			}}
		}},
		{"clean up removes it", "success without a deletion", func(provider) flawed {
			return flawed{cleanUp: func(context.Context, providers.Challenge, providers.Handle) error { return nil }}
		}},
		{"a second value is refused and does not replace the first", "replaces the record set", func(p provider) flawed {
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				if err := p.deleteIf(ctx, c.FQDN, func(txt) bool { return true }); err != nil {
					return "", err
				}
				return p.Present(ctx, c)
			}}
		}},
		{"a second value is refused and does not replace the first", "refuses when it has replaced", func(p provider) flawed {
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				before := p.snapshot(func(r txt) bool { return r.fqdn == c.FQDN && r.value != c.Value })
				if err := p.deleteIf(ctx, c.FQDN, func(txt) bool { return true }); err != nil {
					return "", err
				}
				h, err := p.Present(ctx, c)
				if err == nil && len(before) > 0 {
					err = errors.New("memory: there was a value already")
				}
				return h, err
			}}
		}},
		{"two values share a name", "replaces the record set", func(p provider) flawed {
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				if err := p.deleteIf(ctx, c.FQDN, func(txt) bool { return true }); err != nil {
					return "", err
				}
				return p.Present(ctx, c)
			}}
		}},
		{"two values share a name", "takes any record at the name for its own", func(p provider) flawed {
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				if records, err := p.list(ctx, c.FQDN); err != nil || len(records) > 0 {
					return "", err
				}
				return p.Present(ctx, c)
			}}
		}},
		{"deleting one keeps the other", "deletes by name", func(p provider) flawed { return flawed{cleanUp: p.deleteAll} }},
		{"deleting one keeps the other", "remembers one record per name", func(p provider) flawed {
			var mu sync.Mutex
			last := map[string]providers.Handle{}
			return flawed{
				present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
					h, err := p.Present(ctx, c)
					mu.Lock()
					defer mu.Unlock()
					last[c.FQDN] = h
					return h, err
				},
				cleanUp: func(ctx context.Context, c providers.Challenge, _ providers.Handle) error {
					mu.Lock()
					defer mu.Unlock()
					return p.CleanUp(ctx, c, last[c.FQDN])
				},
			}
		}},
		{"records of others stay", "deletes what it does not know", func(p provider) flawed {
			var known sync.Map
			return flawed{
				present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
					known.Store(c.Value, true)
					return p.Present(ctx, c)
				},
				cleanUp: func(ctx context.Context, c providers.Challenge, _ providers.Handle) error {
					return p.deleteIf(ctx, c.FQDN, func(r txt) bool {
						_, ours := known.Load(r.value)
						return r.value == c.Value || !ours
					})
				},
			}
		}},
		{"a value stays while others come and go", "deletes the oldest", func(p provider) flawed {
			return flawed{cleanUp: func(ctx context.Context, c providers.Challenge, _ providers.Handle) error {
				records, err := p.list(ctx, c.FQDN)
				if err != nil || len(records) == 0 {
					return err
				}
				return p.delete(ctx, records[0].id)
			}}
		}},
		{"a value stays while others come and go", "keeps one value", func(p provider) flawed {
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				if err := p.deleteIf(ctx, c.FQDN, func(r txt) bool { return r.value != c.Value }); err != nil {
					return "", err
				}
				return p.Present(ctx, c)
			}}
		}},
		{"a lost reply takes nothing away", "begins with an empty name", func(p provider) flawed {
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				_, err := p.createBlindly(ctx, c)
				if errors.Is(err, errLost) {
					err = p.deleteAll(ctx, c, "")
				}
				return "", err
			}}
		}},
		{"present twice leaves one", "creates without looking", func(p provider) flawed { return flawed{present: p.createBlindly} }},
		{"present twice leaves one", "refuses the second", func(p provider) flawed {
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				if id, err := p.find(ctx, c); err != nil || id != "" {
					return "", errors.Join(err, errors.New("memory: 409"))
				}
				return p.Present(ctx, c)
			}}
		}},
		{"present twice leaves one", "looks only into its own memory", func(p provider) flawed {
			var made sync.Map
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				if _, twice := made.LoadOrStore(c.Value, true); twice {
					return p.Present(ctx, c)
				}
				return p.createBlindly(ctx, c)
			}}
		}},
		{"clean up twice succeeds", "a missing record is an error", func(p provider) flawed {
			return flawed{cleanUp: func(ctx context.Context, c providers.Challenge, h providers.Handle) error {
				if id, ok := strings.CutPrefix(string(h), handlePrefix); ok {
					return p.delete(ctx, id)
				}
				return p.CleanUp(ctx, c, h)
			}}
		}},
		{"clean up of what was never presented succeeds", "nothing found is an error", func(p provider) flawed {
			return flawed{cleanUp: func(ctx context.Context, c providers.Challenge, h providers.Handle) error {
				if id, err := p.find(ctx, c); err != nil || id == "" {
					return errors.Join(err, errors.New("memory: nothing to delete"))
				}
				return p.CleanUp(ctx, c, h)
			}}
		}},
		{"clean up of what was never presented succeeds", "deletes the last one if the value is not there", func(p provider) flawed {
			return flawed{cleanUp: func(ctx context.Context, c providers.Challenge, h providers.Handle) error {
				if len(p.values(c.FQDN)) == 1 {
					return p.deleteAll(ctx, c, h)
				}
				return p.CleanUp(ctx, c, h)
			}}
		}},
		{"clean up without handle goes by name, type and value", "matches a part of the value", func(p provider) flawed {
			return p.deleting(func(value string, c providers.Challenge) bool { return strings.Contains(value, c.Value) })
		}},
		{"clean up without handle goes by name, type and value", "ignores the case of the value", func(p provider) flawed {
			return p.deleting(func(value string, c providers.Challenge) bool { return strings.EqualFold(value, c.Value) })
		}},
		{"clean up without handle goes by name, type and value", "trims quotes and spaces", func(p provider) flawed {
			return p.deleting(func(value string, c providers.Challenge) bool { return value == strings.Trim(c.Value, `" `) })
		}},
		{"clean up without handle goes by name, type and value", "an empty value means all", func(p provider) flawed {
			return p.deleting(func(value string, c providers.Challenge) bool { return c.Value == "" || value == c.Value })
		}},
		{"clean up without handle goes by name, type and value", "ignores the name", func(p provider) flawed {
			return flawed{cleanUp: func(ctx context.Context, c providers.Challenge, _ providers.Handle) error {
				for _, fqdn := range p.names() {
					if err := p.deleteIf(ctx, fqdn, func(r txt) bool { return r.value == c.Value }); err != nil {
						return err
					}
				}
				return nil
			}}
		}},
		{"clean up without handle goes by name, type and value", "does nothing without a handle", func(p provider) flawed {
			return flawed{cleanUp: p.onlyByHandle}
		}},
		{"letter case of names does not matter", "compares names byte by byte to delete", func(p provider) flawed {
			return flawed{cleanUp: func(ctx context.Context, c providers.Challenge, _ providers.Handle) error {
				return p.deleteIf(ctx, c.FQDN, func(r txt) bool { return r.fqdn == c.FQDN && r.value == c.Value })
			}}
		}},
		{"letter case of names does not matter", "compares names byte by byte to look", func(p provider) flawed {
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				records, err := p.list(ctx, c.FQDN)
				if err != nil || slices.ContainsFunc(records, func(r txt) bool { return r.fqdn == c.FQDN && r.value == c.Value }) {
					return "", err
				}
				return p.createBlindly(ctx, c)
			}}
		}},
		{"certbot's challenges have a value only", "computes the value from the key authorization", func(p provider) flawed {
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				c.Value = digest(c.KeyAuth)
				return p.Present(ctx, c)
			}}
		}},
		{"a value may begin with a hyphen", "takes it for an option", func(p provider) flawed {
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				if strings.HasPrefix(c.Value, "-") {
					return "", errors.New("flag provided but not defined")
				}
				return p.Present(ctx, c)
			}}
		}},
		{"hostile values are refused or stored exactly", "a semicolon begins a comment", func(p provider) flawed {
			return p.storing(func(v string) []string { before, _, _ := strings.Cut(v, ";"); return []string{before} })
		}},
		{"hostile values are refused or stored exactly", "quotes are taken off", func(p provider) flawed {
			return p.storing(func(v string) []string { return []string{strings.Trim(v, `"`)} })
		}},
		{"hostile values are refused or stored exactly", "a backslash escapes", func(p provider) flawed {
			return p.storing(func(v string) []string { return []string{strings.ReplaceAll(v, `\`, "")} })
		}},
		{"hostile values are refused or stored exactly", "a new line begins a new record", func(p provider) flawed {
			return p.storing(func(v string) []string { return strings.Split(v, "\n") })
		}},
		{"hostile values are refused or stored exactly", "cut at 255 octets", func(p provider) flawed {
			return p.storing(func(v string) []string { return []string{v[:min(len(v), 255)]} })
		}},
		{"hostile values are refused or stored exactly", "an empty value stores nothing", func(p provider) flawed {
			return p.storing(func(v string) []string { return slices.DeleteFunc([]string{v}, func(v string) bool { return v == "" }) })
		}},
		{"hostile values are refused or stored exactly", "cleaning up after a refusal deletes by name", func(p provider) flawed {
			return flawed{
				present: strict{p}.Present,
				cleanUp: func(ctx context.Context, c providers.Challenge, h providers.Handle) error {
					if _, err := providers.ParseValue(c.Value); err != nil {
						return p.deleteAll(ctx, c, h)
					}
					return p.CleanUp(ctx, c, h)
				},
			}
		}},
		{"names outside the zones are refused", "writes anywhere", func(p provider) flawed { return flawed{present: p.createBlindly} }},
		{"names outside the zones are refused", "no label boundary", func(p provider) flawed {
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				if !strings.HasSuffix(c.FQDN, "example.com.") {
					return "", errors.New("memory: no such zone")
				}
				return p.createBlindly(ctx, c)
			}}
		}},
		{"names outside the zones are refused", "writes below its zone before it refuses", func(p provider) flawed {
			return flawed{present: func(_ context.Context, c providers.Challenge) (providers.Handle, error) {
				p.put("_acme-challenge.example.com.", c.Value)
				return "", errors.New("memory: no such zone")
			}}
		}},
		{"names outside the zones are refused", "refuses too late", func(p provider) flawed {
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				h, err := p.createBlindly(ctx, c)
				return h, errors.Join(err, errors.New("memory: no such zone"))
			}}
		}},
		{"handles are short and printable", "a space", func(p provider) flawed { return p.handing(func(h string) string { return "the record " + h }) }},
		{"handles are short and printable", "a line end", func(p provider) flawed { return p.handing(func(h string) string { return h + "\n" }) }},
		{"handles are short and printable", "not ASCII", func(p provider) flawed { return p.handing(func(h string) string { return h + "é" }) }},
		{"handles are short and printable", "a whole document", func(p provider) flawed {
			return p.handing(func(h string) string { return h + strings.Repeat("x", 512) })
		}},
		{"handles work in another process", "remembered by one instance", func(p provider) flawed {
			var own sync.Map
			return flawed{
				present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
					h, err := p.Present(ctx, c)
					own.Store(h, true)
					return h, err
				},
				cleanUp: func(ctx context.Context, c providers.Challenge, h providers.Handle) error {
					if _, ok := own.Load(h); !ok {
						return nil
					}
					return p.CleanUp(ctx, c, h)
				},
			}
		}},
		{"mangled handles delete nothing else", "an unknown handle deletes the collection", func(p provider) flawed {
			return flawed{cleanUp: func(ctx context.Context, c providers.Challenge, h providers.Handle) error {
				if id, ok := strings.CutPrefix(string(h), handlePrefix); ok && id != "" {
					return p.CleanUp(ctx, c, h)
				}
				return p.deleteAll(ctx, c, h)
			}}
		}},
		{"mangled handles delete nothing else", "a part of an id matches", func(p provider) flawed {
			return flawed{cleanUp: func(ctx context.Context, c providers.Challenge, h providers.Handle) error {
				id, ok := strings.CutPrefix(string(h), handlePrefix)
				if !ok {
					return p.CleanUp(ctx, c, h)
				}
				return p.deleteIf(ctx, c.FQDN, func(r txt) bool { return strings.HasPrefix(r.id, id) })
			}}
		}},
		{"many names at once", "writes back the whole zone", func(p provider) flawed { return p.rewriting(func(txt, string) bool { return true }) }},
		{"many names at once", "refuses side-by-side calls", func(p provider) flawed { return flawed{present: p.oneAtATime()} }},
		{"many values at once", "writes back the whole record set", func(p provider) flawed {
			return p.rewriting(func(r txt, fqdn string) bool { return r.fqdn == fqdn })
		}},
		{"many values at once", "keeps ten", func(p provider) flawed {
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				if len(p.values(c.FQDN)) >= 10 {
					return "", nil
				}
				return p.Present(ctx, c)
			}}
		}},
		{"present and clean up at once", "a deletion writes back what it read", func(p provider) flawed {
			var reading atomic.Int32
			return flawed{cleanUp: func(_ context.Context, c providers.Challenge, _ providers.Handle) error {
				kept := p.snapshot(func(r txt) bool { return r.value != c.Value })
				reading.Add(1)
				p.await(func() bool { return reading.Load() > 1 })
				p.restore(kept, func(txt) bool { return true })
				return nil
			}}
		}},
		{"an ended context ends the call", "Present ignores it", func(p provider) flawed {
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				return p.Present(context.WithoutCancel(ctx), c)
			}}
		}},
		{"an ended context ends the call", "CleanUp takes it for success", func(p provider) flawed {
			return flawed{cleanUp: func(ctx context.Context, c providers.Challenge, h providers.Handle) error {
				if ctx.Err() != nil {
					return nil
				}
				return p.CleanUp(ctx, c, h)
			}}
		}},
		{"an ended context ends the call", "only the deadline counts", func(p provider) flawed {
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < 0 {
					return "", context.DeadlineExceeded
				}
				return p.Present(context.WithoutCancel(ctx), c)
			}}
		}},
		{"a call cancelled on the way leaves nothing", "the record is made, its handle lost, and never looked for", func(p provider) flawed {
			return flawed{
				present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
					if _, err := p.Present(ctx, c); err != nil {
						return "", err
					}
					<-ctx.Done()
					return "", ctx.Err()
				},
				cleanUp: p.onlyByHandle,
			}
		}},
		{"a silent service does not outlast the deadline", "waits for the answer", func(p provider) flawed {
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				return p.Present(context.WithoutCancel(ctx), c)
			}}
		}},
		{"a silent service does not outlast the deadline", "no answer to a deletion is success", func(p provider) flawed {
			return flawed{cleanUp: func(ctx context.Context, c providers.Challenge, h providers.Handle) error {
				if err := p.CleanUp(ctx, c, h); err != nil && ctx.Err() == nil {
					return err
				}
				return nil
			}}
		}},
		{"a lost reply makes no second record", "creates once more", func(p provider) flawed {
			return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
				h, err := p.createBlindly(ctx, c)
				if errors.Is(err, errLost) {
					h, err = p.createBlindly(ctx, c)
				}
				return h, err
			}}
		}},
		{"a lost reply makes no second record", "cannot find what it made", func(p provider) flawed {
			return flawed{present: p.createIfAbsent, cleanUp: p.onlyByHandle}
		}},
	}
}
