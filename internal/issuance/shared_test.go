package issuance_test

import (
	"slices"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/internal/issuance"
)

// Two runs at once get one order of Boulder, with the same values. The record of the one is not the other's to delete: neither when
// that begins, nor when it ends.
func TestObtain_OrderOfALiveRun(t *testing.T) {
	t.Parallel()
	w := newRemembering(t)
	first, second := *w.issuer, *w.issuer
	var order string
	first.Observe = func(e issuance.Event) {
		if e.Step != issuance.StepValidation || e.State != issuance.Started || order != "" {
			return
		}
		before := w.texts("_acme-challenge.example.com.")
		deletes := w.conoha.Calls().Deletes
		result, err := second.Obtain(t.Context(), request(t, "*.example.com", "example.com"))
		if err != nil {
			t.Errorf("the second: %v", err)
		}
		order = result.Order
		if after := w.texts("_acme-challenge.example.com."); len(before) != 2 || !slices.Equal(before, after) {
			t.Errorf("of the first's records %q there are %q", before, after)
		}
		if got := w.conoha.Calls().Deletes; got != deletes {
			t.Errorf("%d records of a live run were deleted", got-deletes)
		}
	}
	result, err := first.Obtain(t.Context(), request(t, "*.example.com", "example.com"))
	if err != nil || order == "" || result.Order == order {
		t.Errorf("the first: %+v, %v; the second's order %q", result, err, order)
	}
	if w.ca.Failed() > 0 {
		t.Errorf("%d failed validations", w.ca.Failed())
	}
}

// A record that is not known from before is created at once: nobody is asked whether it is there.
func TestObtain_NothingOfEarlierRuns(t *testing.T) {
	t.Parallel()
	w := newRemembering(t)
	observe, asked := w.issuer.Observe, -1
	w.issuer.Observe = func(e issuance.Event) {
		switch {
		case e.Step != issuance.StepRecords:
		case e.State == issuance.Started:
			w.conoha.ResetLog()
		case e.State == issuance.Finished:
			asked = 0
			for _, q := range w.conoha.Questions() {
				if q.Server != conohatest.ResolverName && q.Type == "TXT" && strings.HasPrefix(q.Name, "_acme-challenge.") {
					asked++
				}
			}
		}
		observe(e)
	}
	w.succeeds("*.example.com", "example.com", "a.example.net")
	if asked != 0 {
		t.Errorf("%d questions for records that nobody had before", asked)
	}
}
