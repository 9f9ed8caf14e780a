package dns01_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/dns01"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/memory"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/providers"
)

const (
	fqdn    = "_acme-challenge.example.com."
	wanted  = "AAAA_first_value_43_characters_long_AAAAAAA"
	made    = "made"
	account = "conoha https://identity.example/v2.0 tenant user"
)

// service is a DNS service that writes to a fake ConoHa's name servers behind its API's back. Like every real one it is only called
// for records that the journal has.
type service struct {
	t       *testing.T
	conoha  *conohatest.Service
	journal *journal.Journal
	present func(context.Context) error // nil makes the record
	cleanUp func(context.Context) error // before a deletion

	made     int
	cleaned  []providers.Handle
	entry    journal.Entry // as it was when the record was made
	patience time.Duration
}

func (s *service) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	s.made++
	all, _, err := s.journal.Entries()
	i := slices.IndexFunc(all, func(e journal.Entry) bool { return e.FQDN == c.FQDN && e.Value == c.Value })
	if err != nil || i < 0 || c.Zone != "example.com." {
		s.t.Errorf("created %+v with %+v in the journal, %v", c, all, err)
		return "", errors.New("not in the journal")
	}
	s.entry = all[i]
	if s.present != nil {
		return "", s.present(ctx)
	}
	s.conoha.PutRecord("example.com", c.FQDN, "TXT", c.Value)
	return made, nil
}

func (s *service) CleanUp(ctx context.Context, c providers.Challenge, h providers.Handle) error {
	if s.cleanUp != nil {
		if err := s.cleanUp(ctx); err != nil {
			return err
		}
	}
	s.cleaned = append(s.cleaned, h)
	s.conoha.DeleteRecord("example.com", c.FQDN, "TXT", c.Value)
	return ctx.Err()
}

func (s *service) LongestWait() time.Duration { return s.patience }

// keeper is a service that deletes nothing.
type keeper struct{ *service }

func (keeper) Zones(context.Context, bool) ([]string, error)             { return nil, nil }
func (keeper) CNAMETarget(context.Context, string, bool) (string, error) { return "", nil }
func (keeper) CleanUp(context.Context, providers.Challenge, providers.Handle) error {
	panic("there is nothing to wait for afterwards")
}

// world is a solver at a service, and what a run of ours begins with.
type world struct {
	*dns01.Solver
	service   *service
	owner     dns01.Owner
	place     dns01.Place
	challenge providers.Challenge
	draft     journal.Entry
}

func newWorld(t *testing.T) *world {
	t.Helper()
	conoha, err := conohatest.Start(conohatest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conoha.Close() })
	conoha.AddZone(conoha.AddAccount(conohatest.Account{Version: 2}).Tenant, "example.com")
	dir := filepath.Join(t.TempDir(), "journal")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	self, err := journal.Self()
	if err != nil {
		t.Fatal(err)
	}
	s := &service{t: t, conoha: conoha, journal: j}
	w := &world{
		service: s, owner: dns01.Owner{Process: self, Round: "round"},
		challenge: providers.Challenge{Domain: "example.com", Value: wanted},
		draft:     journal.Entry{Spec: "conoha", Fingerprint: account, Zone: "example.com.", Domain: "example.com", FQDN: fqdn, Value: wanted, Owner: self},
		Solver:    &dns01.Solver{Journal: j, Resolver: &propagation.Resolver{NameServers: conoha.NameServers(2)}},
	}
	w.use(s)
	return w
}

// use lets a provider be the account's.
func (w *world) use(p providers.Provider) {
	a := providers.Account{Provider: p, Fingerprint: account, Spec: providers.Spec{Name: "conoha"}}
	w.Router = providers.Router{Accounts: []providers.Account{a}}
	w.place = dns01.Place{Route: providers.Route{Account: a, Zone: "example.com."}, FQDN: fqdn}
}

// dead puts an entry of a dead run into the journal.
func (w *world) dead(t *testing.T, h providers.Handle, cleaningUp bool) {
	t.Helper()
	e := w.draft
	e.Owner.StartTime++ // the number belongs to us, who began at another time
	e.Handle, e.CleaningUp = h, cleaningUp
	if _, err := w.Journal.Add(e); err != nil {
		t.Fatal(err)
	}
}

func (w *world) present(t *testing.T) *dns01.Record {
	t.Helper()
	record, err := w.Present(t.Context(), w.owner, w.place, w.challenge)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// entries has as many as are wanted.
func (w *world) entries(t *testing.T, want int) []journal.Entry {
	t.Helper()
	all, damaged, err := w.Journal.Entries()
	if err != nil || len(damaged) > 0 || len(all) != want {
		t.Errorf("the journal has %+v, %v, %v; want %d entries", all, damaged, err, want)
	}
	return all
}

// What an earlier run may have left, and what has to be done about it.
func TestEarlier(t *testing.T) {
	t.Parallel()
	entry := func(h providers.Handle, cleaningUp bool) *journal.Entry {
		return &journal.Entry{Handle: h, CleaningUp: cleaningUp}
	}
	for name, test := range map[string]struct {
		earlier *journal.Entry // handle and mark of a dead run's entry
		shown   bool
		keeps   bool // the service deletes nothing
		there   bool
		cleaned []providers.Handle // before the record is made
		later   []providers.Handle // at the end
	}{
		"nothing":                           {later: []providers.Handle{made}},
		"shown, and not in the journal":     {shown: true, cleaned: []providers.Handle{""}, later: []providers.Handle{made}},
		"there":                             {earlier: entry("a", false), shown: true, there: true, later: []providers.Handle{"a"}},
		"not published, or deleted by hand": {earlier: entry("a", false), later: []providers.Handle{made}},
		"killed while it was created":       {earlier: entry("", false), shown: true, later: []providers.Handle{made, ""}},
		"killed while it was deleted":       {earlier: entry("a", true), shown: true, cleaned: []providers.Handle{"a"}, later: []providers.Handle{made}},
		"killed when it was deleted":        {earlier: entry("a", true), cleaned: []providers.Handle{"a"}, later: []providers.Handle{made}},
		"the service deletes nothing":       {earlier: entry("a", true), shown: true, keeps: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if test.shown {
				w.service.conoha.PutRecord("example.com", fqdn, "TXT", wanted)
			}
			if test.earlier != nil {
				w.dead(t, test.earlier.Handle, test.earlier.CleaningUp)
			}
			if test.keeps {
				w.use(keeper{w.service})
			}
			w.owner.Resumed = true
			record := w.present(t)
			if s := w.service; s.made == 0 != test.there || !slices.Equal(s.cleaned, test.cleaned) {
				t.Errorf("made %d times, deleted by %q; want %v", s.made, s.cleaned, test)
			}
			if e := w.service.entry; len(test.cleaned) > 0 && (e.Handle != "" || !e.CleaningUp) {
				t.Errorf("the next run would have counted on the record: %+v", e)
			}
			if all := w.entries(t, 1); all[0].Handle != record.Handle() || all[0].CleaningUp || all[0].Owner != w.owner.Process {
				t.Errorf("the journal has %+v", all)
			}
			if test.keeps {
				return
			}
			w.service.cleaned = nil
			if err := w.CleanUp(t.Context(), record); err != nil || !slices.Equal(w.service.cleaned, test.later) {
				t.Errorf("deleted by %q, %v; want %q", w.service.cleaned, err, test.later)
			}
			w.entries(t, 0)
		})
	}
}

// What a living run has as well is neither asked for nor deleted, whatever is known of it; nor is it at the end.
func TestEarlier_OfALivingRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner.Order, w.owner.Resumed = "https://ca.example/order/1", true
	w.draft.Order = w.owner.Order
	if _, err := w.Journal.Add(w.draft); err != nil {
		t.Fatal(err)
	}
	record := w.present(t)
	if s := w.service; s.made != 1 || len(s.cleaned) > 0 {
		t.Errorf("made %d times, deleted by %q", s.made, s.cleaned)
	}
	w.entries(t, 2)
	if err := w.CleanUp(t.Context(), record); err != nil || len(w.service.cleaned) > 0 || record.Left() {
		t.Errorf("deleted by %q, %v", w.service.cleaned, err)
	}
	w.entries(t, 1)
}

// A call that was refused before anything was sent leaves nothing to delete, unless the record may be another run's.
func TestPresent_Unmade(t *testing.T) {
	t.Parallel()
	refused := fault.Errorf(fault.CodeCredentials, fault.Refused, "no")
	for _, taken := range []bool{false, true} {
		w := newWorld(t)
		w.service.present = func(context.Context) error { return providers.Unmade(refused) }
		if taken {
			w.dead(t, "", false)
		}
		record, err := w.Present(t.Context(), w.owner, w.place, w.challenge)
		if !errors.Is(err, refused) || record.Left() != taken {
			t.Errorf("%v, left %v; want %v", err, record.Left(), taken)
		}
		w.entries(t, map[bool]int{false: 0, true: 1}[taken])
		if err := w.CleanUp(t.Context(), record); err != nil || len(w.service.cleaned) > 0 != taken {
			t.Errorf("deleted by %q, %v", w.service.cleaned, err)
		}
		w.entries(t, 0)
	}
}

// A creation outlives its context for a while. What is broken off all the same may still be carried out: its entry stays.
func TestPresent_BrokenOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Linger = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	w.service.present = func(lasting context.Context) error {
		cancel()
		if lasting.Err() != nil {
			t.Error("it was broken off at once")
		}
		<-lasting.Done()
		return lasting.Err()
	}
	record, err := w.Present(ctx, w.owner, w.place, w.challenge)
	if err == nil || !record.Left() || !record.BrokenOff() {
		t.Fatalf("%v, %+v", err, record)
	}
	if err := w.CleanUp(ctx, record); err != nil || !slices.Equal(w.service.cleaned, []providers.Handle{""}) || record.Left() {
		t.Errorf("deleted by %q, %v", w.service.cleaned, err)
	}
	w.entries(t, 1)
}

// Before anything is made the end of the context counts, and the entry is forgotten by the clean-up.
func TestPresent_ContextEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	record, err := w.Present(ctx, w.owner, w.place, w.challenge)
	if !errors.Is(err, cause) || w.service.made > 0 {
		t.Fatalf("%v, made %d times", err, w.service.made)
	}
	if err := w.CleanUp(ctx, record); err != nil {
		t.Error(err)
	}
	w.entries(t, 0)
}

// A record whose creation outlived its context is there, to be cleaned up, and the end of the context is the error.
func TestPresent_ContextEndsMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	w.use(ending{w.service, func() { cancel(cause) }})
	record, err := w.Present(ctx, w.owner, w.place, w.challenge)
	if !errors.Is(err, cause) || record.Handle() != made {
		t.Fatalf("%v, %+v", err, record)
	}
	if err := w.CleanUp(ctx, record); err != nil || !slices.Equal(w.service.cleaned, []providers.Handle{made}) {
		t.Errorf("deleted by %q, %v", w.service.cleaned, err)
	}
	w.entries(t, 0)
}

// ending is a service at which a creation takes longer than its caller's context.
type ending struct {
	*service
	end func()
}

func (e ending) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	e.end()
	return e.service.Present(ctx, c)
}

// The same client that asks again has its earlier record, and not those at other places.
func TestPresent_Again(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner.Again, w.owner.Last = true, true
	w.present(t)
	elsewhere := w.place
	elsewhere.FQDN = "other." + fqdn
	record, err := w.Present(t.Context(), w.owner, elsewhere, w.challenge)
	if err != nil || w.service.made != 2 || !slices.Equal(w.service.cleaned, []providers.Handle{made}) {
		t.Fatalf("made %d times, deleted by %q, %v", w.service.made, w.service.cleaned, err)
	}
	if all := w.entries(t, 1); all[0].FQDN != elsewhere.FQDN {
		t.Errorf("%+v", all)
	}
	again, err := w.Present(t.Context(), w.owner, elsewhere, w.challenge)
	if err != nil || w.service.made != 2 || again.Handle() != record.Handle() {
		t.Errorf("made %d times, %v", w.service.made, err)
	}
	w.entries(t, 1)
}

// With the last call of a round what no call of it took over is swept, before anything is made.
func TestPresent_LastSweeps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.draft.Value = "BBBB_other_value_43_characters_long_BBBBBBB"
	w.dead(t, "b", false)
	w.owner.Last = true
	w.service.present = func(context.Context) error { w.entries(t, 1); return errors.New("later") }
	if _, err := w.Present(t.Context(), w.owner, w.place, w.challenge); err == nil || !slices.Equal(w.service.cleaned, []providers.Handle{"b"}) {
		t.Errorf("deleted by %q, %v", w.service.cleaned, err)
	}
}

// A deletion that fails keeps its code, and its entry for a later run, as one whose deletion has begun; one whose context has ended
// goes on.
func TestCleanUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	record := w.present(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.service.cleanUp = func(ctx context.Context) error {
		if _, limited := ctx.Deadline(); !limited || ctx.Err() != nil {
			t.Errorf("%v, limited %v", ctx.Err(), limited)
		}
		return fault.Errorf(fault.CodeCredentials, fault.Refused, "no")
	}
	if err := w.CleanUp(ctx, record); fault.CodeOf(err) != fault.CodeCredentials || !record.Left() {
		t.Errorf("%v", err)
	}
	if all := w.entries(t, 1); !all[0].CleaningUp {
		t.Errorf("%+v", all)
	}
	w.service.cleanUp = nil
	for range 2 {
		if err := w.CleanUp(ctx, record); err != nil || !slices.Equal(w.service.cleaned, []providers.Handle{made}) {
			t.Errorf("deleted by %q, %v", w.service.cleaned, err)
		}
	}
	w.entries(t, 0)
}

// The account that made a record is not configured any more: that is said, and the entry stays.
func TestCleanUp_AccountMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.present(t)
	w.Router = providers.Router{}
	records, err := w.Match("example.com", wanted)
	if err != nil || len(records) != 1 {
		t.Fatal(records, err)
	}
	if err := w.CleanUp(t.Context(), records[0]); fault.CodeOf(err) != fault.CodeMissing {
		t.Errorf("%v", err)
	}
	w.entries(t, 1)
}

// One rule says how long publication is waited for.
func TestLongestWait(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ asked, first, second, want time.Duration }{
		{0, 0, 0, 15 * time.Minute},
		{0, time.Minute, 0, time.Minute},
		{0, time.Minute, 20 * time.Minute, 20 * time.Minute},
		{time.Second, time.Minute, 0, time.Second},
		{0, 2 * time.Hour, 0, 50 * time.Minute},
		{2 * time.Hour, 0, 0, 50 * time.Minute},
	} {
		s := dns01.Solver{WaitLimit: test.asked, Router: providers.Router{Accounts: []providers.Account{
			{Provider: &service{patience: test.first}}, {Provider: &service{patience: test.second}},
		}}}
		if got := s.LongestWait(); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

// Name servers, then the extra wait, then the CA's memory of what it saw at the name; then the CA looks.
func TestWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Now()
	w.Memory, w.CA, w.ExtraWait = memory.Open("", nil), memory.CA{Keep: time.Minute}, time.Millisecond
	w.Memory.Now = func() time.Time { return now }
	w.Memory.Sleep = func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil }
	other := providers.Challenge{Domain: "example.com", FQDN: fqdn, Value: "BBBB_other_value_43_characters_long_BBBBBBB"}
	w.LookedAt(t.Context(), w.owner, other, true)

	record := w.present(t)
	var steps []dns01.Step
	w.Observe = func(e dns01.Event) {
		if e.State == dns01.Finished {
			steps = append(steps, e.Step)
		}
	}
	began := now
	if _, err := w.Wait(t.Context(), []*dns01.Record{record}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(steps, []dns01.Step{dns01.Publication, dns01.ExtraWait, dns01.Memory}) || now.Sub(began) < time.Minute {
		t.Errorf("%q, after %v", steps, now.Sub(began))
	}
	if left := w.Memory.Left(w.CA, memory.Record{Name: providers.ChallengeName("example.com"), FQDN: fqdn, Value: other.Value}); left <= 0 {
		t.Error("that the CA looks is not known")
	}
	w.Within = func() time.Duration { return time.Second }
	w.challenge.Value = other.Value
	if _, err := w.Wait(t.Context(), []*dns01.Record{w.present(t)}); fault.CodeOf(err) != memory.CodeRemembers {
		t.Errorf("%v", err)
	}
}
