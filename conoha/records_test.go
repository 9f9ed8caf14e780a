package conoha

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// Both POSTs took effect although the first seemed lost: one record is to be left.
func TestCreate_SecondRecordIsRemoved(t *testing.T) {
	t.Parallel()
	const fqdn, value = "_acme-challenge.example.com.", "value"
	var posts, lists atomic.Int32
	var deleted atomic.Value
	record := func(n int) string {
		return fmt.Sprintf(`{"uuid":%q,"name":%q,"type":"TXT","data":%q}`, uuid(n), fqdn, value)
	}
	c := scripted(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodPost:
			if posts.Add(1) == 1 {
				hangUp(w)
				return
			}
			fmt.Fprint(w, record(2))
		case http.MethodGet:
			if lists.Add(1) == 1 {
				fmt.Fprint(w, `{"records":[],"total_count":0}`) // the first write is still under way
				return
			}
			fmt.Fprintf(w, `{"records":[%s,%s],"total_count":2}`, record(1), record(2))
		case http.MethodDelete:
			deleted.Store(r.URL.Path)
			w.WriteHeader(http.StatusNoContent)
		}
	})
	id, err := c.create(t.Context(), uuid(9), fqdn, value, 60, false)
	if err != nil || id != uuid(2) || posts.Load() != 2 {
		t.Errorf("%q, %v after %d creations", id, err, posts.Load())
	}
	if want := recordsPath(uuid(9)) + "/" + uuid(1); deleted.Load() != want {
		t.Errorf("deleted %v, want %s", deleted.Load(), want)
	}
}

// What follows a creation that did not plainly succeed.
func TestCreateLooksBeforeItRepeats(t *testing.T) {
	t.Parallel()
	const fqdn, value = "_acme-challenge.example.com.", "value"
	record := func(id, name, kind, data string) string {
		return fmt.Sprintf(`{"id":%q,"name":%q,"type":%q,"data":%q}`, id, name, kind, data)
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	body := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) }
	}
	there := record(uuid(1), fqdn, "TXT", value)
	for name, c := range map[string]struct {
		post  http.HandlerFunc
		list  string // records found afterwards
		id    string
		code  string
		class providers.Class
		posts int32
	}{
		"plain success":            {post: body(there), id: uuid(1), posts: 1},
		"no body":                  {post: status(202), list: there, id: uuid(1), posts: 1},
		"no body, not there":       {post: status(201), code: providers.CodeService, posts: 1},
		"id is a path":             {post: body(record("../zones/1?x=", fqdn, "TXT", value)), list: there, id: uuid(1), posts: 1},
		"only such ids":            {post: body(record("../zones/1?x=", fqdn, "TXT", value)), list: record("../zones/1?x=", fqdn, "TXT", value), code: providers.CodeService, posts: 1},
		"empty id":                 {post: body(record("", fqdn, "TXT", value)), list: there, id: uuid(1), posts: 1},
		"another record":           {post: body(record(uuid(7), fqdn, "TXT", "other")), list: there, id: uuid(1), posts: 1},
		"cut reply":                {post: func(w http.ResponseWriter, _ *http.Request) { cut(w, there) }, list: there, id: uuid(1), posts: 1},
		"duplicate":                {post: status(409), list: there, id: uuid(1), posts: 1},
		"duplicate of what":        {post: status(409), list: record(uuid(1), fqdn, "TXT", "Value"), code: providers.CodeService, posts: 1},
		"refused but there":        {post: status(400), list: record(uuid(1), "_ACME-challenge.Example.com", "txt", `"`+value+`"`), id: uuid(1), posts: 1},
		"refused":                  {post: status(400), list: record(uuid(1), fqdn, "SPF", value), code: providers.CodeService, posts: 1},
		"quota":                    {post: status(413), code: providers.CodeService, class: providers.Misconfigured, posts: 1},
		"timeout behind, stored":   {post: status(504), list: there, id: uuid(1), posts: 1},
		"timeout behind, for good": {post: status(504), code: providers.CodeUnavailable, class: providers.Temporary, posts: httpclient.Tries},
		"too many requests":        {post: status(429), code: providers.CodeUnavailable, class: providers.Temporary, posts: httpclient.Tries},
		"hung up":                  {post: func(w http.ResponseWriter, _ *http.Request) { hangUp(w) }, code: providers.CodeUnavailable, class: providers.Temporary, posts: httpclient.Tries},
		"redirect":                 {post: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", 307) }, list: there, code: providers.CodeService, posts: 1},
		"no right":                 {post: status(401), list: there, code: providers.CodeCredentials, class: providers.Refused, posts: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var posts atomic.Int32
			client := scripted(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodPost:
					posts.Add(1)
					c.post(w, r)
				case r.Method == http.MethodGet && r.URL.Path == recordsPath(uuid(9)):
					fmt.Fprintf(w, `{"records":[%s]}`, c.list)
				default:
					t.Errorf("unexpected %s %s", r.Method, r.URL)
				}
			})
			client.paged = false
			id, err := client.create(t.Context(), uuid(9), fqdn, value, 60, false)
			if id != c.id || providers.CodeOf(err) != c.code || err != nil && providers.ClassOf(err) != c.class || posts.Load() != c.posts {
				t.Errorf("%q, %v (%s, %d) after %d creations", id, err, providers.CodeOf(err), providers.ClassOf(err), posts.Load())
			}
		})
	}
}
