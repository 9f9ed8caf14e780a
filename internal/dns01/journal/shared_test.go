package journal

import (
	"slices"
	"sync"
	"testing"

	"wildcard/providers"
)

// ours adds an entry of a run of this process.
func ours(t *testing.T, j *Journal, change func(*Entry)) Entry {
	t.Helper()
	e := sample(self(t))
	e.Order = "https://ca.example/order/1"
	if change != nil {
		change(&e)
	}
	e, err := j.Add(e)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Of two living runs with one record the last deletes it. What the dead have, or certbot has twice, is no other run's.
func TestDelete_OtherEntries(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		other func(t *testing.T, e *Entry)
		ours  bool
	}{
		"a run of this process": {func(*testing.T, *Entry) {}, false},
		"its deletion begun":    {func(_ *testing.T, e *Entry) { e.CleaningUp = true }, true},
		"a dead run":            {func(t *testing.T, e *Entry) { e.Owner = ofTheDead(t).Owner }, true},
		"the same certbot":      {func(_ *testing.T, e *Entry) { e.Order = "" }, true},
		"nobody known":          {func(_ *testing.T, e *Entry) { e.Owner = Process{PID: 1} }, true},
		"another account":       {func(_ *testing.T, e *Entry) { e.Fingerprint = "other" }, true},
		"another value":         {func(_ *testing.T, e *Entry) { e.Value = "BBBB_second_value_43_characters_long_BBBBBB" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := open(t)
			mine := ours(t, j, nil)
			other := ours(t, j, func(e *Entry) { e.KeyAuth = ""; test.other(t, e) })
			got, err := j.Delete(mine)
			if err != nil || got != test.ours {
				t.Fatalf("ours %v, %v; want %v", got, err, test.ours)
			}
			mine.CleaningUp = true
			want := []Entry{mine, other}
			if !test.ours {
				want = []Entry{other}
			}
			if left := entries(t, j); !slices.Equal(left, want) {
				t.Errorf("the journal has %+v, want %+v", left, want)
			}
			if !test.ours {
				if got, err := j.Delete(other); err != nil || !got {
					t.Errorf("the last one leaves it: %v, %v", got, err)
				}
			}
		})
	}
}

// Of runs that end at once one deletes at least.
func TestDelete_AtOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		j := open(t)
		all := []Entry{ours(t, j, nil), ours(t, j, nil), ours(t, j, nil)}
		deleted := make([]bool, len(all))
		var group sync.WaitGroup
		for i, e := range all {
			group.Go(func() {
				var err error
				if deleted[i], err = j.Delete(e); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if !slices.Contains(deleted, true) {
			t.Fatal("nobody deletes the record")
		}
	}
}

// A sweep of the dead leaves alone what a living run has, too, though it began before the other died.
func TestSweep_RecordOfTheLiving(t *testing.T) {
	t.Parallel()
	j := open(t)
	ended, err := j.Add(ofTheDead(t))
	if err != nil {
		t.Fatal(err)
	}
	alive := ours(t, j, func(e *Entry) {
		e.FQDN, e.Value, e.Fingerprint, e.KeyAuth = ended.FQDN, ended.Value, ended.Fingerprint, ended.KeyAuth
	})
	s := &service{zones: []string{"example.com."}}
	if _, err := j.Sweep(t.Context(), []providers.Account{{Provider: s, Fingerprint: ended.Fingerprint}}, nil); err != nil || len(s.cleaned) > 0 {
		t.Errorf("deleted %+v, %v", s.cleaned, err)
	}
	if left := entries(t, j); !slices.Equal(left, []Entry{alive}) {
		t.Errorf("the journal has %+v", left)
	}
}
