package issuance_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/system/filelock"
	"wildcard/internal/testkit/acmetest"
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

// A record that is not known from before is created at once: the service is not asked whether it is there.
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

// Lineages with the same names, in one process or two, have their orders one after the other: each gets a certificate, of an order of
// its own, and no challenge is answered twice. Each is told once whom it waits for.
func TestObtain_SameNamesAtOnce(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]acmetest.Options{
		"proofs are kept":     {},
		"proofs are not kept": {Deviations: acmetest.Deviations{NoAuthorizationReuse: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.ValidationTime = acmetest.Takes(2 * time.Second)
			w := newScripted(t, o)
			dir := filepath.Join(w.state, "run")
			shared := filelock.NewHeld(dir, "order")
			runs := []issuance.Issuer{*w.issuer, *w.issuer, *w.issuer}
			runs[0].Orders, runs[1].Orders, runs[2].Orders = shared, shared, filelock.NewHeld(dir, "order")
			waiting := make(chan string, len(runs))
			var first sync.Once
			var told sync.Map
			orders := make([]string, len(runs))
			var group sync.WaitGroup
			for i := range runs {
				runs[i].Observe = func(e issuance.Event) {
					switch {
					case e.State == issuance.Noted && strings.Contains(e.Text.String(), "another run has an order for the same names"):
						if _, again := told.LoadOrStore(i, true); again {
							t.Error("told twice")
						}
						waiting <- e.Text.String()
					case e.Step == issuance.StepZones && e.State == issuance.Started:
						first.Do(func() { // it goes on when the others have come
							for range len(runs) - 1 {
								want := fmt.Sprintf("lineage-%d (PID %d)", i, os.Getpid())
								if text := <-waiting; !strings.HasSuffix(text, want) {
									t.Errorf("%q does not name %s", text, want)
								}
							}
						})
					}
				}
				group.Go(func() {
					r := request(t, [][]string{{"*.example.com", "example.com"}, {"example.com", "*.example.com"}}[i%2]...)
					r.Label = fmt.Sprintf("lineage-%d", i)
					result, err := runs[i].Obtain(t.Context(), r)
					if err != nil {
						t.Error(err)
					}
					orders[i] = result.Order
				})
			}
			group.Wait()
			slices.Sort(orders)
			if len(slices.Compact(orders)) != len(runs) {
				t.Errorf("orders %q", orders)
			}
			for name, answers := range w.ca.Answers() {
				if slices.Max(answers) != 1 {
					t.Errorf("%s: answered %v times", name, answers)
				}
			}
		})
	}
}

// A run that another keeps waiting for longer than its own limit may be tried again later; one that is ended says why. Other names,
// other accounts and other profiles are not waited for.
func TestObtain_SameNamesForTooLong(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	w.issuer.Orders = filelock.NewHeld(filepath.Join(w.state, "run"), "order")
	first := *w.issuer
	first.Observe = func(e issuance.Event) {
		if e.Step != issuance.StepOrder || e.State != issuance.Started {
			return
		}
		w.issuer.Limit = 200 * time.Millisecond
		w.fails(issuance.CodeDeadline, fault.Temporary, "another run has had an order for the same names for longer than 200ms")
		w.issuer.Limit = 0
		ctx, stop := stopping(t)
		stop()
		if _, err := w.issuer.Obtain(ctx, request(t, "*.example.com", "example.com")); !errors.Is(err, errStopped) {
			t.Errorf("ended: %v", err)
		}
		w.succeeds("a.example.com")
		w.succeeds("example.com")
	}
	if _, err := first.Obtain(t.Context(), request(t, "*.example.com", "example.com")); err != nil {
		t.Error(err)
	}
}

// The turn ends when the CSR is accepted: the next run does not wait for the download, nor for the records' deletion.
func TestObtain_TurnEndsWithTheOrder(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	w.issuer.Orders = filelock.NewHeld(filepath.Join(w.state, "run"), "order")
	first, second := *w.issuer, *w.issuer
	second.Limit = time.Minute
	done := false
	first.Observe = func(e issuance.Event) {
		if e.Step == issuance.StepDownload && e.State == issuance.Started {
			done = true
			if _, err := second.Obtain(t.Context(), request(t, "*.example.com", "example.com")); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := first.Obtain(t.Context(), request(t, "*.example.com", "example.com")); err != nil || !done {
		t.Error(err, done)
	}
	w.answeredOnce()
}

// A folder in which no file can be locked keeps no run from a certificate.
func TestObtain_NoLocks(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	file := filepath.Join(w.state, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.issuer.Orders = filelock.NewHeld(filepath.Join(file, "run"), "order")
	w.succeeds()
}
