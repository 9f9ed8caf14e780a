package conoha

import (
	"net/http"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/providers"
)

func TestFault075_BusyAtCreate(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		for i, status := range []int{429, 503, 500, 502, 504} {
			p := w.open("")
			c := challenge("example.com", i)
			fault := w.Fault(conohatest.Fault{
				Match: create(), Times: 3, Status: status, HTML: status == 502, Header: http.Header{"Retry-After": {"60"}},
			})
			h := w.present(p, c)
			if fault.Hits() != 3 {
				t.Errorf("%d: %d hits", status, fault.Hits())
			}
			w.holds(c.FQDN, c.Value)
			w.cleanUp(p, c, h)
			w.ClearFaults()
		}
	})
}

func TestFault075_BusyForGood(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		for _, match := range []conohatest.Match{create(), listZones(), login()} {
			p := w.open("")
			w.ResetLog()
			fault := w.Fault(conohatest.Fault{Match: match, Times: 100, Status: 503})
			_, err := p.Present(t.Context(), challenge("example.com", 1))
			w.fails(err, providers.CodeUnavailable, providers.Temporary)
			if hits := fault.Hits(); hits < 3 || hits > 4 {
				t.Errorf("%+v: %d tries", match, hits)
			}
			w.ClearFaults()
			w.present(p, challenge("example.com", 1)) // nothing of it is remembered
			w.holds(challenge("example.com", 1).FQDN, challenge("example.com", 1).Value)
			w.cleanUp(p, challenge("example.com", 1), "")
		}
	})
}

func TestFault076_ReplyLostAfterCreate(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		w.Switch(func(s *conohatest.Switches) { s.V3Duplicates = conohatest.DuplicateAccepted })
		for i, fault := range []conohatest.Fault{
			{After: true, Drop: true},
			{After: true, Status: 504, Body: `{"code":504,"type":"timeout"}`},
			{After: true, Status: 500},
			{After: true, Status: 409},
			{After: true, Truncated: true},
			{After: true, Status: 202},
		} {
			p := w.open("")
			c := challenge("example.com", i)
			fault.Match = create()
			struck := w.Fault(fault)
			h := w.present(p, c)
			if struck.Hits() != 1 {
				t.Errorf("%+v: %d hits", fault, struck.Hits())
			}
			w.holds(c.FQDN, c.Value)
			w.ResetLog()
			w.cleanUp(p, c, h)
			w.holds(c.FQDN)
			w.calls(conohatest.Calls{Deletes: 1})
			w.ClearFaults()
		}
	})
}

func TestFault077_AlreadyExists(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		for _, mode := range []conohatest.DuplicateMode{conohatest.DuplicateConflict, conohatest.DuplicateBadRequest} {
			w.Switch(func(s *conohatest.Switches) { s.V3Duplicates = mode })
			p := w.open("")
			c := challenge("example.com", 1)
			w.PutRecord("example.com", c.FQDN, "TXT", c.Value)
			h := w.present(p, c)
			w.holds(c.FQDN, c.Value)
			w.cleanUp(p, c, h)
			w.holds(c.FQDN)
		}
	})
}

// "Already exists" is believed only of the very value.
func TestFault077_OtherValueExists(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		p := w.open("")
		c, other := challenge("example.com", 1), strings.Repeat("A", 43)
		w.PutRecord("example.com", c.FQDN, "TXT", other)
		w.PutRecord("example.com", "other.example.com.", "TXT", c.Value)
		w.Fault(conohatest.Fault{Match: create(), Times: 1, Status: 409, Body: `{"code": 409, "type": "duplicate_record"}`})
		_, err := p.Present(t.Context(), c)
		w.fails(err, providers.CodeService, providers.Failed)
		if want := "conoha: create TXT _acme-challenge.example.com. in example.com.: 409 duplicate_record"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		w.holds(c.FQDN, other)
	})
}

func TestFault083_TwentyAtOnce(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		p := w.open("")
		cs, handles := presentAll(t, p, 20)
		for _, c := range cs {
			w.holds(c.FQDN, c.Value)
		}
		cleanUpAll(t, p, cs, handles)
		for _, c := range cs {
			w.holds(c.FQDN)
		}
		if connections := w.Calls().Connections; connections > 8 {
			t.Errorf("%d connections", connections)
		}
		w.calls(conohatest.Calls{Logins: 1, ZoneLists: 1, Creates: 20, Deletes: 20})
	})
}
