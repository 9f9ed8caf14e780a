package conoha

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/providers"
)

func TestFault078_DeleteMissingRecord(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		for _, status := range []int{404, 400} {
			w.Switch(func(s *conohatest.Switches) { s.MissingRecordStatus = status })
			p := w.open("")
			c := challenge("example.com", 1)
			h := w.present(p, c)
			w.DeleteRecord("example.com", c.FQDN, "TXT", c.Value)
			w.cleanUp(p, c, h)
			w.cleanUp(p, c, "")
			w.cleanUp(w.open(""), c, h)
		}
	})
}

// "Not found" from an account that does not hold the zone says nothing about the record.
func TestFault078_DeleteInForeignAccount(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		c := challenge("example.com", 1)
		h := w.present(w.open(""), c)
		w.account = w.AddAccount(conohatest.Account{Version: w.account.Version})
		w.fails(w.open("").CleanUp(t.Context(), c, h), providers.CodeNoZone, providers.Misconfigured)
		w.holds(c.FQDN, c.Value)
	})
}

func TestFault081_TwoValuesAtOneName(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		p := w.open("")
		apex, wildcard := challenge("example.com", 1), challenge("example.com", 2)
		first := w.present(p, apex)
		second := w.present(p, wildcard)
		w.holds(apex.FQDN, apex.Value, wildcard.Value)
		w.cleanUp(p, apex, first)
		w.holds(apex.FQDN, wildcard.Value)
		w.cleanUp(p, wildcard, second)
		w.holds(apex.FQDN)
	})
}

func TestFault082_ForeignRecordsStay(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		for _, byHandle := range []bool{true, false} {
			c := challenge("example.com", 1)
			foreign := []string{strings.Repeat("F", 43), c.Value + "0", c.Value[1:]}
			for _, value := range foreign {
				w.PutRecord("example.com", c.FQDN, "TXT", value)
			}
			w.PutRecord("example.com", "www.example.com.", "TXT", c.Value)
			p := w.open("")
			h := w.present(p, c)
			if !byHandle {
				h = ""
			}
			w.cleanUp(p, c, h)
			w.holds(c.FQDN, foreign...)
			w.holds("www.example.com.", c.Value)
			for _, value := range foreign {
				w.DeleteRecord("example.com", c.FQDN, "TXT", value)
			}
			w.DeleteRecord("example.com", "www.example.com.", "TXT", c.Value)
		}
	})
}

// The caller's deadline is at most 60 s; here it is shorter.
func TestFault087_HangsOnDelete(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		p := w.open("")
		c := challenge("example.com", 1)
		h := w.present(p, c)
		w.Fault(conohatest.Fault{Match: remove(), Times: 100, Hang: true})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		err := p.CleanUp(ctx, c, h)
		w.fails(err, providers.CodeUnavailable, providers.Temporary)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v does not wrap the context's error", err)
		}
		w.ClearFaults()
		w.cleanUp(p, c, h) // as the journal's sweep does
		w.holds(c.FQDN)
	})
}

// A single call that hangs is given up after CONOHA_HTTP_TIMEOUT and repeated.
func TestFault087_HangsOnce(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		for _, match := range []conohatest.Match{login(), listZones(), create(), remove()} {
			p := w.open("")
			p.setPace(500*time.Millisecond, time.Millisecond)
			fault := w.Fault(conohatest.Fault{Match: match, Times: 1, Hang: true})
			c := challenge("example.com", 1)
			w.cleanUp(p, c, w.present(p, c))
			if fault.Hits() != 1 {
				t.Errorf("%+v: %d hits", match, fault.Hits())
			}
			w.holds(c.FQDN)
		}
	})
}
