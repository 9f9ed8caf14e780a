package issuance_test

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"wildcard/internal/dns01/memory"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/clock"
)

// remembering is a scripted world whose CA keeps answers for 60 seconds, ConoHa's least TTL. Only waiting for it to forget moves the
// clock.
type remembering struct {
	*scripted
	time *clock.Clock
	keep *memory.Memory
}

func newRemembering(t *testing.T) *remembering {
	t.Helper()
	passing := clock.New(time.Now().Truncate(time.Second))
	w := &remembering{scripted: newScripted(t, acmetest.Options{
		LookTTL: time.Minute, Now: passing.Now, Deviations: acmetest.Deviations{NoAuthorizationReuse: true},
	}), time: passing}
	w.keep = memory.Open(filepath.Join(w.state, "memory"), nil)
	w.keep.Now, w.keep.Sleep = passing.Now, passing.Sleep
	w.issuer.Memory = w.keep
	return w
}

// waited returns for how long was waited since the last call, and the countdown in seconds as it was told.
func (w *remembering) waited() (time.Duration, []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var told []int
	for _, e := range w.events {
		if e.Step == issuance.StepMemory && e.State == issuance.Progress {
			told = append(told, int(e.Left.Seconds()))
		}
	}
	w.events = nil
	return w.time.Passed(), told
}

// One after the other for the same names: a dry run and then the certificate, two dry runs, ECDSA and then RSA, renewals by force.
func TestObtain_FurtherValue(t *testing.T) {
	t.Parallel()
	for what, second := range map[string][]string{
		"same names":   {"*.example.com", "example.com"},
		"one of them":  {"*.example.com"},
		"the other":    {"example.com"},
		"among others": {"a.example.com", "example.com", "b.example.com"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newRemembering(t)
			w.succeeds("*.example.com", "example.com")
			if d, told := w.waited(); d != 0 || len(told) > 0 || w.noted("may remember") {
				t.Errorf("the first waits %v, told %v", d, told)
			}
			w.time.Advance(20 * time.Second)
			w.waited()
			result := w.succeeds(second...)
			if !w.noted("_acme-challenge.example.com.: the CA's resolvers may remember for 42 s more") {
				t.Errorf("not told before the records are made: %v", w.events)
			}
			d, told := w.waited()
			if d != 42*time.Second || len(told) != 42 || told[0] != 42 || told[41] != 1 {
				t.Errorf("the second waits %v, want what is left of 62 s; told %v", d, told)
			}
			if w.ca.Failed() > 0 || result.Forgot <= 0 {
				t.Errorf("%d failed validations; said to have waited %v", w.ca.Failed(), result.Forgot)
			}
			w.time.Advance(70 * time.Second)
			w.waited()
			w.succeeds(second...)
			if d, told := w.waited(); d != 0 || len(told) > 0 {
				t.Errorf("long after, it waits %v, told %v", d, told)
			}
		})
	}
}

// Nothing waits at a name that was not looked at, or if the operator says that the CA remembers nothing.
func TestObtain_NothingRemembered(t *testing.T) {
	t.Parallel()
	w := newRemembering(t)
	w.succeeds("*.example.com", "example.com")
	w.succeeds("*.a.example.com", "a.example.com", "example.net")
	none := time.Duration(0)
	w.issuer.Cache = &none
	w.ca.ForgetAnswers()
	w.succeeds("*.example.com", "example.com")
	if d, told := w.waited(); d != 0 || len(told) > 0 {
		t.Errorf("waits %v, told %v", d, told)
	}
	longer := 5 * time.Minute // but no longer than the TTL
	w.issuer.Cache = &longer
	w.succeeds("a.example.com")
	if d, _ := w.waited(); d != 62*time.Second {
		t.Errorf("waits %v", d)
	}
}

// A failed validation is remembered, too, with what was found.
func TestObtain_AfterFailedValidation(t *testing.T) {
	t.Parallel()
	w := newRemembering(t)
	w.ca.LookUp("_acme-challenge.example.com.") // another machine had it look before there was anything, as no one here knows
	w.fails(issuance.CodeValidation, fault.Failed, "")
	w.succeeds()
	if d, _ := w.waited(); d != 62*time.Second || w.ca.Failed() == 0 {
		t.Errorf("waits %v after %d failures", d, w.ca.Failed())
	}
}

// With less time than the CA remembers the run ends before it makes anything, and says when to come again.
func TestObtain_LimitBeforeForgotten(t *testing.T) {
	t.Parallel()
	w := newRemembering(t)
	w.succeeds()
	creates := w.conoha.Calls().Creates
	w.issuer.Limit = 30 * time.Second
	until := w.time.Now().Add(62 * time.Second).UTC().Format("15:04:05 MST")
	w.fails(memory.CodeRemembers, fault.Temporary, until)
	if got := w.conoha.Calls().Creates; got != creates {
		t.Errorf("%d records were made", got-creates)
	}
	w.time.Advance(40 * time.Second)
	w.waited()
	w.succeeds()
	if d, _ := w.waited(); d != 22*time.Second {
		t.Errorf("waits %v; a run that did not look must not count", d)
	}
}

// Two lineages with one name at once, in two processes or in one "renew": both values are there before the CA looks at either.
func TestObtain_SideBySide(t *testing.T) {
	t.Parallel()
	w := newRemembering(t)
	w.keep.Sleep, w.keep.Now = nil, nil // in earnest, as there is nothing to forget
	first, second, observe := *w.issuer, *w.issuer, w.issuer.Observe
	second.Memory = memory.Open(filepath.Join(w.state, "memory"), nil)
	onItsWay, published := make(chan struct{}), make(chan struct{})
	looks := sync.OnceFunc(func() { close(published) })
	first.Observe = func(e issuance.Event) {
		switch {
		case e.Step == issuance.StepRecords && e.State == issuance.Started:
			<-onItsWay // so far as to know its names, but no values
		case e.Step == issuance.StepMemory && e.Others, e.Step == issuance.StepValidation:
			looks()
		}
		observe(e)
	}
	second.Observe = func(e issuance.Event) {
		switch {
		case e.Step == issuance.StepOrder && e.State == issuance.Started:
			close(onItsWay)
		case e.Step == issuance.StepRecords && e.State == issuance.Started:
			<-published // the first has done all but have the CA look
		}
	}
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := first.Obtain(t.Context(), request(t, "*.example.com", "example.com")); err != nil {
			t.Error(err)
		}
	})
	all.Go(func() {
		if _, err := second.Obtain(t.Context(), request(t, "*.example.com")); err != nil {
			t.Error(err)
		}
	})
	all.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.ContainsFunc(w.events, func(e issuance.Event) bool { return e.Step == issuance.StepMemory && e.Others }) {
		t.Error("the first did not wait for the other's record")
	}
	if w.ca.Failed() > 0 {
		t.Errorf("%d failed validations", w.ca.Failed())
	}
	for _, e := range w.events {
		if e.Step == issuance.StepMemory && !e.Others && e.Left > 0 {
			t.Errorf("waits to be forgotten: %+v", e)
		}
	}
}

// An order that is taken up again has the same values, which were seen: nothing is waited for.
func TestObtain_ResumedAfterLook(t *testing.T) {
	t.Parallel()
	w := newRemembering(t)
	var saved issuance.Checkpoint
	r := request(t, "example.com")
	r.Save = saver(&saved)
	first := *w.issuer
	ctx, end := context.WithCancel(t.Context())
	first.Observe = func(e issuance.Event) {
		if e.Step != issuance.StepValidation || e.State != issuance.Started {
			return
		}
		w.ca.LookUp("_acme-challenge.example.com.") // the CA looks, and the first hears nothing of it
		again := r
		again.Resume = &saved
		if result, err := w.issuer.Obtain(t.Context(), again); err != nil || !result.Resumed {
			t.Errorf("taken up again: %+v, %v", result, err)
		}
		end()
	}
	if _, err := first.Obtain(ctx, r); err == nil {
		t.Error("it was to end")
	}
	if d, told := w.waited(); d != 0 || len(told) > 0 {
		t.Errorf("waits %v for a value that was seen, told %v", d, told)
	}
}
