package journal

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"wildcard/providers"
)

// takeOver is TakeOver for ourselves, of what sample says.
func takeOver(t *testing.T, j *Journal, change func(*Entry)) (Entry, bool) {
	t.Helper()
	e := sample(self(t))
	if change != nil {
		change(&e)
	}
	taken, ok, _, err := j.TakeOver(t.Context(), e, false)
	if err != nil {
		t.Fatal(err)
	}
	return taken, ok
}

// The entry of a dead run becomes ours in its place, with its handle, and no run sweeps it any more.
func TestTakeOver_DeadOwner(t *testing.T) {
	t.Parallel()
	j := open(t)
	draft := ofTheDead(t)
	draft.Answered = time.Now().UTC().Round(0)
	left, err := j.Add(draft)
	if err != nil {
		t.Fatal(err)
	}
	taken, ok := takeOver(t, j, func(e *Entry) { e.Order, e.Round, e.Remaining = "https://ca.example/order/2", "round", 3 })
	want := left
	want.Owner, want.Order, want.Round, want.Remaining, want.Created = self(t), "https://ca.example/order/2", "round", 3, taken.Created
	if !ok || taken != want || taken.Created.Before(left.Created) {
		t.Errorf("took %+v, %v; want %+v", taken, ok, want)
	}
	if got := entries(t, j); !slices.Equal(got, []Entry{taken}) {
		t.Errorf("the journal has %+v", got)
	}
	s := &service{zones: []string{"example.com."}}
	report, err := j.Sweep(t.Context(), []providers.Account{{Provider: s, Fingerprint: taken.Fingerprint}}, nil)
	if err != nil || len(report.Swept)+len(report.Kept)+len(s.cleaned) > 0 {
		t.Errorf("swept all the same: %+v, %v", report, err)
	}
	if _, ok := takeOver(t, j, nil); ok {
		t.Error("taken from the living")
	}
}

// What is not the same record, or whose owner lives, is left alone, unless the same client asks again.
func TestTakeOver_OthersEntries(t *testing.T) {
	t.Parallel()
	j := open(t)
	left, err := j.Add(ofTheDead(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Entry){
		"another account": func(e *Entry) { e.Fingerprint = "other" },
		"another value":   func(e *Entry) { e.Value = "BBBB_second_value_43_characters_long_BBBBBB" },
		"another name":    func(e *Entry) { e.FQDN = "_acme-challenge.www.example.com." },
	} {
		if taken, ok := takeOver(t, j, change); ok {
			t.Errorf("%s: took %+v", name, taken)
		}
	}
	if got := entries(t, j); !slices.Equal(got, []Entry{left}) {
		t.Errorf("the journal has %+v", got)
	}
	alive := start(t, j, "add")
	alive.tell(t)
	alive.says(t)
	e := sample(self(t))
	if taken, ok, _, err := j.TakeOver(t.Context(), e, false); err != nil || !ok || taken.ID != left.ID {
		t.Errorf("took %+v, %v, %v", taken, ok, err)
	}
	if taken, ok, shared, err := j.TakeOver(t.Context(), e, true); err != nil || !ok || !shared || taken.Owner != e.Owner || taken.ID != left.ID {
		t.Errorf("the same client took %+v, %v, shared %v, %v", taken, ok, shared, err)
	}
	if got := entries(t, j); len(got) != 2 || got[0].Owner == got[1].Owner {
		t.Errorf("taken from a process that lives: %+v", got)
	}
}

// Of several entries of one record the surest is taken, and none stays by which a sweep would delete the record.
func TestTakeOver_SeveralEntries(t *testing.T) {
	t.Parallel()
	marked := func(e Entry) Entry { e.CleaningUp = true; return e }
	instant := func(n int64) time.Time { return time.Unix(1_800_000_000+n, 0).UTC() }
	answered := func(e Entry, n int64) Entry { e.Answered = instant(n); return e }
	handle := func(h providers.Handle) Entry { e := ofTheDead(t); e.Handle = h; return e }
	for name, test := range map[string]struct {
		entries []Entry
		want    Entry // handle and mark
		left    []providers.Handle
	}{
		"handle not known":       {[]Entry{handle("")}, Entry{}, nil},
		"deletion begun":         {[]Entry{marked(handle("a"))}, Entry{Handle: "a", CleaningUp: true}, nil},
		"without and with":       {[]Entry{handle(""), handle("a")}, Entry{Handle: "a"}, nil},
		"marked and not known":   {[]Entry{marked(handle("")), handle("")}, Entry{}, nil},
		"answered and not known": {[]Entry{answered(handle(""), 1), answered(handle("a"), 0), answered(handle(""), 2)}, Entry{Handle: "a", Answered: instant(2)}, nil},
		"another record beside":  {[]Entry{marked(handle("a")), handle("b"), handle("")}, Entry{Handle: "b"}, []providers.Handle{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := open(t)
			for _, e := range test.entries {
				if _, err := j.Add(e); err != nil {
					t.Fatal(err)
				}
			}
			taken, ok := takeOver(t, j, nil)
			if !ok || taken.Handle != test.want.Handle || taken.CleaningUp != test.want.CleaningUp || taken.Answered != test.want.Answered {
				t.Errorf("took %+v, %v", taken, ok)
			}
			var left []providers.Handle
			for _, e := range entries(t, j) {
				if e.ID != taken.ID {
					left = append(left, e.Handle)
				}
			}
			if !slices.Equal(left, test.left) {
				t.Errorf("left %q, want %q", left, test.left)
			}
		})
	}
}

// slow is a service whose deletions take until they are told what comes of them.
type slow struct {
	service
	asked chan struct{}
	end   chan error
}

func (s *slow) CleanUp(ctx context.Context, c providers.Challenge, h providers.Handle) error {
	_ = s.service.CleanUp(ctx, c, h)
	s.asked <- struct{}{}
	return <-s.end
}

// An entry that is being swept is waited for: after a deletion there is nothing to take over, after a failed one the entry says
// that its record cannot be counted on.
func TestTakeOver_WhileSwept(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{"deleted": nil, "failed": errors.New("503")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := open(t)
			left, err := j.Add(ofTheDead(t))
			if err != nil {
				t.Fatal(err)
			}
			s := &slow{service{zones: []string{"example.com."}}, make(chan struct{}), make(chan error)}
			swept := make(chan SweepReport, 1)
			go func() {
				report, _ := j.Sweep(context.Background(), []providers.Account{{Provider: s, Fingerprint: left.Fingerprint}}, nil)
				swept <- report
			}()
			<-s.asked
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			if _, _, _, err := j.TakeOver(ended, sample(self(t)), false); !errors.Is(err, context.Canceled) {
				t.Errorf("taken out of a sweep's hands: %v", err)
			}
			if report, err := j.Sweep(t.Context(), []providers.Account{{Provider: s, Fingerprint: left.Fingerprint}}, nil); err != nil || len(report.Swept)+len(report.Kept) > 0 {
				t.Errorf("swept twice: %+v, %v", report, err)
			}
			took := make(chan bool, 1)
			go func() {
				taken, ok, _, err := j.TakeOver(context.Background(), sample(left.Owner), false)
				took <- ok && err == nil && taken.CleaningUp
			}()
			s.end <- failure
			report := <-swept
			if ok := <-took; ok != (failure != nil) || len(report.Swept) == 1 != (failure == nil) {
				t.Errorf("taken with its mark: %v; sweep: %+v", ok, report)
			}
		})
	}
}

// counting notes which values were deleted.
type counting struct {
	service
	counted sync.Map
}

func (c *counting) CleanUp(_ context.Context, challenge providers.Challenge, _ providers.Handle) error {
	c.counted.Store(challenge.Value, true)
	return nil
}

// Many sweeps and runs at once: each record is either deleted or taken over by one, and never both.
func TestTakeOver_RaceWithSweeps(t *testing.T) {
	t.Parallel()
	j := open(t)
	var values []string
	for i := range 30 {
		e := ofTheDead(t)
		e.Value = fmt.Sprintf("AAAA_value_%02d_of_forty_three_characters_AAAAA", i)[:43]
		if _, err := j.Add(e); err != nil {
			t.Fatal(err)
		}
		values = append(values, e.Value)
	}
	s := &counting{service: service{zones: []string{"example.com."}}}
	accounts := []providers.Account{{Provider: s, Fingerprint: sample(self(t)).Fingerprint}}
	var group sync.WaitGroup
	var taken sync.Map
	for range 3 {
		group.Go(func() {
			if _, err := j.Sweep(context.Background(), accounts, nil); err != nil {
				t.Error(err)
			}
		})
		group.Go(func() {
			for i := range values {
				value := values[len(values)-1-i]
				e := sample(self(t))
				e.Value = value
				_, ok, _, err := j.TakeOver(context.Background(), e, false)
				if err != nil {
					t.Error(err)
				}
				if _, twice := taken.Load(value); ok && twice {
					t.Errorf("%s: taken by two", value)
				}
				if ok {
					taken.Store(value, true)
				}
			}
		})
	}
	group.Wait()
	left := entries(t, j)
	for _, value := range values {
		_, deleted := s.counted.Load(value)
		_, kept := taken.Load(value)
		there := slices.ContainsFunc(left, func(e Entry) bool { return e.Value == value && e.Owner == self(t) })
		if deleted == kept || kept != there {
			t.Errorf("%s: deleted %v, taken over %v, in the journal %v", value, deleted, kept, there)
		}
	}
}

// A sweep leaves what a run may take over.
func TestSweep_Leaves(t *testing.T) {
	t.Parallel()
	j := open(t)
	left, err := j.Add(ofTheDead(t))
	if err != nil {
		t.Fatal(err)
	}
	s := &service{zones: []string{"example.com."}}
	accounts := []providers.Account{{Provider: s, Fingerprint: left.Fingerprint}}
	report, err := j.Sweep(t.Context(), accounts, func(e Entry) bool { return e.Domain == "example.com" })
	if err != nil || len(report.Swept)+len(report.Kept)+len(s.cleaned) > 0 {
		t.Errorf("%+v, %v", report, err)
	}
	// The first sweep's lock outlasts it while another test's child is between fork and exec, and what is locked is passed over.
	for report = (SweepReport{}); len(report.Swept) == 0 && err == nil && t.Context().Err() == nil; runtime.Gosched() {
		report, err = j.Sweep(t.Context(), accounts, func(e Entry) bool { return e.Domain == "example.net" })
	}
	if err != nil || len(report.Swept) != 1 || len(entries(t, j)) != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}
