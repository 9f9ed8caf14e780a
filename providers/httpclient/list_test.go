package httpclient_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wildcard/providers"
	"wildcard/providers/httpclient"
)

func TestList(t *testing.T) {
	t.Parallel()
	type item struct{ Name string }
	for text, want := range map[string]struct {
		items int
		there bool
		bad   bool
	}{
		`[]`: {0, true, false}, `[{"name":"a"},{"name":"b"}]`: {2, true, false}, `null`: {0, false, false}, `{}`: {0, false, false}, `"x"`: {0, false, false},
		`[1]`: {0, false, true}, `[{"name":"a"`: {0, false, true},
		"[" + strings.Repeat("{},", httpclient.MostItems-1) + "{}]": {httpclient.MostItems, true, false},
		"[" + strings.Repeat("{},", httpclient.MostItems) + "{}]":   {httpclient.MostItems, false, true},
	} {
		var list httpclient.List[item]
		err := json.Unmarshal([]byte(text), &list)
		if (err != nil) != want.bad || err == nil && (len(list.Items) != want.items || list.There != want.there) {
			t.Errorf("%.40s: %d items, there %v, %v", text, len(list.Items), list.There, err)
		}
	}
}

func TestListing_InAll(t *testing.T) {
	t.Parallel()
	for name, page := range map[string][2]int{"bytes": {1 << 20, 1}, "items": {1, 1000}, "pages": {1, 1}, "empty pages": {0, 0}} {
		listing, ctx, cancel := httpclient.NewListing(t.Context())
		if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > 10*time.Minute {
			t.Error("no end in time")
		}
		var err error
		for range 2000 {
			if err = listing.Page(page[0], page[1]); err != nil {
				break
			}
		}
		cancel()
		if providers.CodeOf(err) != providers.CodeService || providers.ClassOf(err) != providers.Failed || !strings.Contains(err.Error(), "does not end") {
			t.Errorf("%s: %v", name, err)
		}
	}
	listing, _, cancel := httpclient.NewListing(t.Context())
	defer cancel()
	for range 100 { // ten thousand zones
		if err := listing.Page(30_000, 100); err != nil {
			t.Fatal(err)
		}
	}
}

// What would be large only when it is decoded is refused while it is read.
func TestDo_HeavyReply(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		`{"a":[` + strings.Repeat("{},", 300_000) + `{}]}`:                          false,
		strings.Repeat("[", 100) + strings.Repeat("]", 100):                         false,
		strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100):               false,
		`[` + strings.Repeat("1,", 300_000) + `1]`:                                  false,
		`{"text":"` + strings.Repeat("[{,", 300_000) + `\"[[["}`:                    true, // all of it in a string
		`{"a":[` + strings.Repeat(`{"id":"x","name":"y"},`, 10_000) + `{"id":""}]}`: true,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }))
		c := httpclient.New("test", "", time.Minute, nil, nil)
		reply, err := c.Do(t.Context(), http.MethodGet, server.URL, nil, nil)
		if err == nil {
			err = reply.Cut
		}
		if (err == nil) != ok || !ok && providers.CodeOf(err) != providers.CodeService {
			t.Errorf("%.30s…: %v", text, err)
		}
		server.Close()
	}
}
