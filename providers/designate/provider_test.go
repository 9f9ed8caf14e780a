package designate

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/providers"
	"wildcard/providers/conformance/conformancetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conformancetest.Run(t, conformancetest.Config{
		Zone:    "example.com.",
		Open:    func(t testing.TB) providers.Provider { return (&world{w.fake, t, w.dir, w.log}).open() },
		Records: func(_ testing.TB, fqdn string) []string { return w.texts(fqdn) },
		Foreign: func(_ testing.TB, fqdn, value string) func() {
			w.locked(func() { w.put(fqdn, `"`+value+`"`) })
			return func() { w.locked(func() { w.drop(fqdn, `"`+value+`"`) }) }
		},
		Stall: func(testing.TB) func() {
			hang := make(chan struct{})
			w.on(func(*http.Request) *fault { return &fault{hang: hang} })
			return func() { w.on(nil); close(hang) }
		},
		LoseReply: func(testing.TB) { w.once("POST", &fault{lose: true}) },
	})
}

const (
	login  = "POST /identity/v3/auth/tokens"
	list   = "GET /dns/v2/zones"
	look   = "GET /dns/v2/zones/ID/recordsets"
	create = "POST /dns/v2/zones/ID/recordsets"
	update = "PUT /dns/v2/zones/ID/recordsets/ID"
	remove = "DELETE /dns/v2/zones/ID/recordsets/ID"
)

// A value costs a look, a change and a look; five zones come in three pages.
func TestRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open()
	first, second := challenge("example.com", 1), challenge("example.com", 2)
	h1 := w.present(p, first)
	w.requests(login, list, list, list, look, create, look)
	h2 := w.present(p, second)
	w.requests(look, update, look)
	w.holds(first.FQDN, first.Value, second.Value)
	w.cleanUp(p, first, h1)
	w.requests(look, update, look)
	other := w.open()
	w.cleanUp(other, second, h2)
	w.requests(login, look, remove, look)
	w.holds(first.FQDN)
	if !strings.HasPrefix(string(h1), w.zones[2].ID+"|") {
		t.Errorf("handle %q", h1)
	}
}

// Whatever others have in the set stays as they wrote it, with its TTL.
func TestRecordsOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open("DESIGNATE_TTL=77")
	c := challenge("example.com", 1)
	w.locked(func() { w.put(c.FQDN, `"another program"`) })
	h := w.present(p, c)
	w.holds(c.FQDN, "another program", c.Value)
	w.cleanUp(p, c, h)
	w.holds(c.FQDN, "another program")
	w.locked(func() {
		if *w.sets[0].TTL != 4321 {
			t.Errorf("TTL %d", *w.sets[0].TTL)
		}
	})
	own := challenge("www.example.com", 2)
	w.present(p, own)
	w.locked(func() {
		if *w.sets[1].TTL != 77 {
			t.Errorf("TTL %d", *w.sets[1].TTL)
		}
	})
}

// Another program writes between our look and our change: nothing of ours is lost, and what can be kept of theirs is.
func TestPresent_AnotherProgramIsQuicker(t *testing.T) {
	t.Parallel()
	c := challenge("example.com", 1)
	for name, test := range map[string]struct {
		there  string
		method string
		before func(*fake)
		want   []string
	}{
		"creates the set":          {"", "POST", func(f *fake) { f.put(c.FQDN, `"theirs"`) }, []string{"theirs", c.Value}},
		"deletes the set":          {"old", "PUT", func(f *fake) { f.drop(c.FQDN, `"old"`) }, []string{c.Value}},
		"makes the set anew":       {"old", "PUT", func(f *fake) { f.drop(c.FQDN, `"old"`); f.put(c.FQDN, `"theirs"`) }, []string{"theirs", c.Value}},
		"creates ours in our name": {"", "POST", func(f *fake) { f.put(c.FQDN, quoted(c.Value)) }, []string{c.Value}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if test.there != "" {
				w.locked(func() { w.put(c.FQDN, `"`+test.there+`"`) })
			}
			p := w.open()
			w.once(test.method, &fault{before: test.before})
			w.present(p, c)
			w.holds(c.FQDN, test.want...)
		})
	}
}

// What another program puts into a set between our look and its deletion is put back.
func TestCleanUp_AnotherProgramIsQuicker(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ create *fault }{ // what putting it back meets
		"alone":                  {},
		"and makes the set anew": {create: &fault{before: func(f *fake) { f.put("_acme-challenge.example.com.", `"newer"`) }}},
		"the reply is lost":      {create: &fault{lose: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.open()
			c := challenge("example.com", 1)
			h := w.present(p, c)
			w.on(func(r *http.Request) *fault {
				switch r.Method {
				case "DELETE":
					return &fault{before: func(f *fake) { f.put(c.FQDN, `"theirs"`) }}
				case "POST":
					f := test.create
					test.create = nil
					return f
				}
				return nil
			})
			want := []string{"theirs"}
			if test.create != nil && test.create.before != nil {
				want = append(want, "newer")
			}
			w.cleanUp(p, c, h)
			w.holds(c.FQDN, want...)
			w.locked(func() {
				if ttl := *w.sets[0].TTL; name == "alone" && ttl != 60 {
					t.Errorf("TTL %d", ttl)
				}
			})
		})
	}
}

// It is put back also when the caller has given up the deletion.
func TestCleanUp_CallerGivesUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open()
	c := challenge("example.com", 1)
	h := w.present(p, c)
	ctx, cancel := context.WithCancel(t.Context())
	w.on(func(r *http.Request) *fault {
		switch {
		case r.Method == "DELETE":
			return &fault{before: func(f *fake) { f.put(c.FQDN, `"theirs"`) }}
		case r.Method == "POST" && ctx.Err() == nil:
			cancel()
			return &fault{status: http.StatusServiceUnavailable}
		}
		return nil
	})
	_ = p.CleanUp(ctx, c, h) // it may have come to its end, or not
	w.holds(c.FQDN, "theirs")
}

// What the service names a zone ends up in tables, URLs and handles; what cannot be written in is passed over.
func TestZones(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.locked(func() {
		w.zones = append(w.zones,
			fakeZone{newID(), "a\x1b[31m.example.", "PRIMARY"}, fakeZone{newID(), "", "PRIMARY"}, fakeZone{newID(), "..", "PRIMARY"},
			fakeZone{"../../v2/pools", "id.example.", "PRIMARY"}, fakeZone{newID(), "second.example.", "SECONDARY"}, fakeZone{newID(), "Last.Example.", "PRIMARY"})
	})
	zones, err := w.open().Zones(t.Context(), false)
	want := []string{"example.org.", "example.net.", "example.com.", "sub.example.com.", "other.example.", "last.example."}
	if err != nil || !slices.Equal(zones, want) {
		t.Errorf("%q, %v", zones, err)
	}
}

// A challenge that says in which zone it is gets there, though the account lists a longer one.
func TestPresent_ZoneGiven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open()
	c := challenge("www.sub.example.com", 1)
	c.Zone = "example.com."
	h := w.present(p, c)
	if zone := w.zones[2]; zone.Name != c.Zone || !strings.HasPrefix(string(h), zone.ID+"|") {
		t.Errorf("%q, want zone %v", h, zone)
	}
	w.cleanUp(p, c, "")
	w.holds(c.FQDN)
	c.Zone = "other.example."
	_, err := p.Present(t.Context(), c)
	w.fails(err, providers.CodeBadChallenge, providers.Usage)
}

// A zone that is deleted and made anew has another ID than the one that we know.
func TestCleanUp_ZoneMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open()
	c, d := challenge("example.com", 1), challenge("www.example.com", 2)
	h := w.present(p, c)
	anew := func() {
		w.locked(func() {
			w.sets = nil
			w.zones[2].ID = newID()
			w.put(d.FQDN, quoted(d.Value))
		})
	}
	anew()
	w.cleanUp(p, d, "") // the list of zones has the old ID
	w.holds(d.FQDN)
	anew()
	w.cleanUp(p, d, h)
	w.present(p, c)
	w.holds(c.FQDN, c.Value)
	anew()
	w.present(p, d)
	w.cleanUp(p, c, providers.Handle(strings.Replace(string(h), c.Value, d.Value, 1)))
}

// A change that another program writes over is made again; one that is written over for ever is given up.
func TestPresent_WrittenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open()
	c := challenge("example.com", 1)
	overs, most := 0, 2
	w.on(func(r *http.Request) *fault {
		if r.Method != "GET" || overs >= most || len(w.sets) == 0 {
			return nil
		}
		overs++
		return &fault{before: func(f *fake) { f.sets[0].Records = []string{`"theirs"`} }}
	})
	w.present(p, c)
	w.holds(c.FQDN, "theirs", c.Value)
	w.locked(func() { most = 1000 })
	_, err := p.Present(t.Context(), challenge("example.com", 2))
	w.fails(err, providers.CodeUnavailable, providers.Temporary, "designate: create TXT "+c.FQDN, "change under our hands")
}

// Processes keep from each other by a lock for each name.
func TestPresent_ManyProcesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var all sync.WaitGroup
	for i := range 8 {
		p := w.open()
		all.Go(func() {
			if _, err := p.Present(t.Context(), challenge("example.com", i)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if have := w.texts("_acme-challenge.example.com."); len(have) != 8 {
		t.Errorf("%q", have)
	}
	p := w.open()
	user := w.user()
	unlock, err := p.locks.Lock(t.Context(), "_acme-challenge.example.com.")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	for _, other := range []*Provider{w.open(), user} { // also with other credentials
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err = other.Present(ctx, challenge("example.com", 9))
		w.fails(err, providers.CodeUnavailable, providers.Temporary, "another process")
	}
}
