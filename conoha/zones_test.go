package conoha

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wildcard/providers"
)

// Twenty ask for the zones while one of them fetches the list: whatever comes of it comes to all.
func TestZones_ManyWait(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		fresh  bool
		code   string
	}{
		"success":        {200, `{"domains":[{"id":"1","name":"example.com."}]}`, false, ""},
		"fresh, success": {200, `{"domains":[{"id":"1","name":"example.com."}]}`, true, ""},
		"failure":        {400, `{}`, false, providers.CodeService},
		"fresh, failure": {400, `{}`, true, providers.CodeService},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				var lists atomic.Int32
				answer := roundTrip(func(*http.Request) (*http.Response, error) {
					lists.Add(1)
					<-release
					return &http.Response{StatusCode: c.status, Body: io.NopCloser(strings.NewReader(c.body))}, nil
				})
				client := newTestClient(answer, "token-%d")
				client.paged = false
				z := &zones{flight: newSingleFlight(), store: client.session.store, now: time.Now, client: client}
				var all sync.WaitGroup
				for range 20 {
					all.Go(func() {
						list, err := z.get(t.Context(), c.fresh)
						if providers.CodeOf(err) != c.code || err == nil && len(list.Zones) != 1 {
							t.Errorf("%v, %v", list, err)
						}
					})
				}
				synctest.Wait()
				close(release)
				all.Wait()
				if lists.Load() != 1 {
					t.Errorf("%d lists", lists.Load())
				}
			})
		})
	}
}

// roundTrip is a service without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestZoneListPrintsItself(t *testing.T) {
	var list zoneList
	if got := list.String(); got != "no zones at all" {
		t.Error(got)
	}
	for i := range 22 {
		list.Zones = append(list.Zones, item{Name: fmt.Sprintf("z%02d.", 21-i)})
	}
	want := "only z00. z01. z02. z03. z04. z05. z06. z07. z08. z09. z10. z11. z12. z13. z14. z15. z16. z17. z18. z19. and 2 more"
	if got := list.String(); got != want {
		t.Error(got)
	}
}
