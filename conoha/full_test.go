package conoha

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/providers"
)

// leave puts n TXT records of others at a name.
func (w *world) leave(fqdn string, n int) {
	for i := range n {
		w.PutRecord("example.com", fqdn, "TXT", fmt.Sprintf("left-behind-%031d", i))
	}
}

// Earlier clients have left as many values as a name may have.
func TestPresent_NameIsFull(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusRequestEntityTooLarge, http.StatusForbidden, http.StatusBadRequest} {
		w := newWorld(t, 2)
		w.Switch(func(s *conohatest.Switches) { s.QuotaStatus = status })
		p := w.open("")
		c := challenge("example.com", 1)
		w.leave(c.FQDN, 20)
		_, err := p.Present(t.Context(), c)
		w.fails(err, providers.CodeTooManyValues, providers.Misconfigured)
		if err == nil || !strings.Contains(err.Error(), "20 of 20 records at this name, none ours: delete the old ones") {
			t.Errorf("%v", err)
		}
		if !providers.IsUnmade(err) {
			t.Errorf("something is left to clean up: %v", err)
		}
	}
}

func TestPresent_NameIsFullWithOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	p := w.open("")
	c := challenge("example.com", 1)
	w.leave(c.FQDN, 19)
	w.present(p, c)
	_, err := p.Present(t.Context(), challenge("example.com", 2))
	w.fails(err, providers.CodeTooManyValues, providers.Misconfigured)
	if err == nil || !strings.Contains(err.Error(), "20 of 20 records at this name, 1 of them ours") {
		t.Errorf("%v", err)
	}
}

// A refusal that is about something else keeps its code, whatever stands at the name.
func TestPresent_RefusedBesideOthers(t *testing.T) {
	t.Parallel()
	const count = "3 records at this name, none ours"
	for _, c := range []struct {
		status         int
		version, there int
		code           string
		class          providers.Class
		says           string // "": no count
	}{
		{http.StatusBadRequest, 3, 3, providers.CodeService, providers.Failed, count},
		{http.StatusUnprocessableEntity, 3, 3, providers.CodeService, providers.Failed, count},
		{http.StatusRequestEntityTooLarge, 3, 3, providers.CodeService, providers.Misconfigured, count},
		{http.StatusForbidden, 3, 3, providers.CodeCredentials, providers.Refused, ""},
		{http.StatusForbidden, 3, 20, providers.CodeCredentials, providers.Refused, ""},
		{http.StatusForbidden, 2, 19, providers.CodeCredentials, providers.Refused, ""},
		{http.StatusNotFound, 3, 3, providers.CodeService, providers.Failed, ""},
		{http.StatusNotFound, 2, 20, providers.CodeService, providers.Failed, ""},
		{http.StatusConflict, 3, 3, providers.CodeService, providers.Failed, ""},
		{http.StatusConflict, 2, 20, providers.CodeService, providers.Failed, ""},
		{http.StatusRequestTimeout, 3, 3, providers.CodeUnavailable, providers.Temporary, ""},
		{http.StatusTooManyRequests, 3, 3, providers.CodeUnavailable, providers.Temporary, ""},
		{http.StatusTooManyRequests, 2, 20, providers.CodeUnavailable, providers.Temporary, ""},
	} {
		w := newWorld(t, c.version)
		made := challenge("example.com", 1)
		w.leave(made.FQDN, c.there)
		w.Fault(conohatest.Fault{Match: create(), Times: 100, Status: c.status})
		_, err := w.open("").Present(t.Context(), made)
		w.fails(err, c.code, c.class)
		if err == nil || strings.Contains(err.Error(), "records at this name") != (c.says != "") || !strings.Contains(err.Error(), c.says) {
			t.Errorf("Ver.%d, %d: %v, want %q", c.version, c.status, err, c.says)
		}
	}
}

// Another quota is none of the name's.
func TestPresent_ZoneIsFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.Switch(func(s *conohatest.Switches) { s.RecordsPerZone = 5 })
	w.leave("_acme-challenge.other.example.com.", 5)
	_, err := w.open("").Present(t.Context(), challenge("example.com", 1))
	w.fails(err, providers.CodeService, providers.Misconfigured)
	if err == nil || !strings.Contains(err.Error(), "over_quota") {
		t.Errorf("%v", err)
	}
}

// What was refused before anything was made leaves nothing to clean up.
func TestPresent_Unmade(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		c := challenge("example.com", 1)
		_, err := w.open("", "CONOHA_API_PASSWORD=wrong").Present(t.Context(), c)
		if !providers.IsUnmade(err) {
			t.Errorf("not let in: %v", err)
		}
		_, err = w.open("").Present(t.Context(), challenge("example.net", 1))
		if !providers.IsUnmade(err) {
			t.Errorf("no such zone: %v", err)
		}
		w.Fault(conohatest.Fault{Match: create(), Times: 1, Status: 400})
		if _, err = w.open("").Present(t.Context(), c); !providers.IsUnmade(err) {
			t.Errorf("refused: %v", err)
		}
		w.Fault(conohatest.Fault{Match: create(), Times: 100, Status: 500})
		if _, err = w.open("").Present(t.Context(), c); err == nil || providers.IsUnmade(err) {
			t.Errorf("it is not known: %v", err)
		}
	})
}
