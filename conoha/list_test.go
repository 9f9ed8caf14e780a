package conoha

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"

	"wildcard/providers"
)

// page answers a request for items n0, n1, … like a service that sends at most most of them and says that there are total.
func page(w http.ResponseWriter, r *http.Request, n, most, total int) {
	offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
	var items []map[string]string
	for i := offset; i < min(n, offset+most); i++ {
		items = append(items, map[string]string{"uuid": uuid(i), "name": fmt.Sprintf("n%d.example.", i)})
	}
	reply := map[string]any{"domains": items}
	if items == nil {
		reply["domains"] = []int{}
	}
	if total > 0 {
		reply["total_count"] = total
	}
	_ = json.NewEncoder(w).Encode(reply)
}

func TestListPages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request, call int)
		items  int
		calls  int
	}{
		"all at once":                {func(w http.ResponseWriter, r *http.Request, _ int) { page(w, r, 7, 100, 7) }, 7, 1},
		"as asked":                   {func(w http.ResponseWriter, r *http.Request, _ int) { page(w, r, 250, 100, 250) }, 250, 3},
		"fewer than asked":           {func(w http.ResponseWriter, r *http.Request, _ int) { page(w, r, 25, 10, 25) }, 25, 3},
		"no total":                   {func(w http.ResponseWriter, r *http.Request, _ int) { page(w, r, 25, 10, 0) }, 25, 4},
		"no zones":                   {func(w http.ResponseWriter, r *http.Request, _ int) { page(w, r, 0, 10, 0) }, 0, 1},
		"more announced than there":  {func(w http.ResponseWriter, r *http.Request, _ int) { page(w, r, 25, 100, 30) }, 25, 2},
		"offset ignored, all in one": {func(w http.ResponseWriter, r *http.Request, _ int) { r.URL.RawQuery = ""; page(w, r, 150, 150, 0) }, 150, 2},
		"total as a string": {func(w http.ResponseWriter, r *http.Request, _ int) {
			fmt.Fprintf(w, `{"domains":[{"uuid":%q,"name":"a.example."}],"total_count":"1"}`, uuid(1))
		}, 1, 1},
		"a zone is added between two pages": {func(w http.ResponseWriter, r *http.Request, call int) {
			if call == 1 {
				page(w, r, 25, 20, 25)
			} else {
				page(w, r, 26, 20, 26)
			}
		}, 26, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			client := scripted(t, func(w http.ResponseWriter, r *http.Request) { c.answer(w, r, int(calls.Add(1))) })
			items, err := client.list(t.Context(), "/v1/domains", "domains")
			if err != nil || len(items) != c.items || int(calls.Load()) != c.calls {
				t.Errorf("got %d items in %d calls, %v; want %d in %d", len(items), calls.Load(), err, c.items, c.calls)
			}
		})
	}
}

func TestListRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		code   string
	}{
		"pages repeat":   {func(w http.ResponseWriter, r *http.Request) { r.URL.RawQuery = ""; page(w, r, 100, 100, 250) }, providers.CodeService},
		"no list":        {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) }, providers.CodeService},
		"null":           {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"domains":null}`) }, providers.CodeService},
		"only null":      {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `null`) }, providers.CodeService},
		"HTML":           {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `<html>`) }, providers.CodeService},
		"other status":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }, providers.CodeService},
		"always 500":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, providers.CodeUnavailable},
		"forbidden":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, providers.CodeCredentials},
		"always 401":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, providers.CodeCredentials},
		"flood":          {func(w http.ResponseWriter, _ *http.Request) { flood(w) }, providers.CodeService},
		"cut":            {func(w http.ResponseWriter, _ *http.Request) { cut(w, `{"domains":[`) }, providers.CodeUnavailable},
		"no HTTP at all": {func(w http.ResponseWriter, _ *http.Request) { hangUp(w) }, providers.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			items, err := scripted(t, c.answer).list(t.Context(), "/v1/domains", "domains")
			if len(items) > 0 || providers.CodeOf(err) != c.code {
				t.Errorf("%d items, %v (%s); want %s", len(items), err, providers.CodeOf(err), c.code)
			}
		})
	}
}
