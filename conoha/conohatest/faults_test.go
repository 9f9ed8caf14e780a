package conohatest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
)

var creates = conohatest.Match{Service: conohatest.ServiceDNS, Method: "POST", PathSuffix: "/records"}

// present is how many TXT records the zone of Ver.3.0 has.
func (w *world) present() (n int) {
	for _, r := range w.Records("three.example") {
		if r.Type == "TXT" {
			n++
		}
	}
	return n
}

func TestFaultReplies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault   conohatest.Fault
		status  int
		body    string // part of it
		header  string // "Name: value"
		written int
	}{
		"status":            {conohatest.Fault{Status: 503}, 503, `{"code":503,"error":"Service Unavailable"}`, "Content-Type: application/json", 0},
		"status, after":     {conohatest.Fault{Status: 504, After: true}, 504, `"code":504`, "", 1},
		"429":               {conohatest.Fault{Status: 429}, 429, "", "Retry-After: ", 0},
		"429 and when":      {conohatest.Fault{Status: 429, Header: http.Header{"Retry-After": {"2"}}}, 429, "", "Retry-After: 2", 0},
		"empty":             {conohatest.Fault{Status: 503, NoBody: true}, 503, "", "Content-Length: 0", 0},
		"own body":          {conohatest.Fault{Status: 200, Body: "{}", After: true}, 200, "{}", "", 1},
		"HTML":              {conohatest.Fault{HTML: true}, 502, "<html>", "Content-Type: text/html", 0},
		"HTML as a success": {conohatest.Fault{HTML: true, Status: 200}, 200, "<html>", "Content-Type: text/html", 0},
		"redirect":          {conohatest.Fault{Redirect: "http://127.0.0.1:1/x"}, 302, "", "Location: http://127.0.0.1:1/x", 0},
		"307":               {conohatest.Fault{Redirect: "http://127.0.0.1:1/x", Status: 307}, 307, "", "Location: http://127.0.0.1:1/x", 0},
		"huge":              {conohatest.Fault{Huge: 3 << 20, Status: 500}, 500, "xxx", "Content-Length: 3145728", 0},
		"echo":              {conohatest.Fault{Echo: true, Status: 400}, 400, "gAAAAA", "", 0},
		"delay only":        {conohatest.Fault{Delay: time.Millisecond}, 200, value, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, conohatest.Options{})
			w.token(3)
			w.ResetLog()
			c.fault.Match = creates
			active := w.Fault(c.fault)
			got := w.dns(3, "POST", w.records(3), txt(name3, value))
			header, want, _ := strings.Cut(c.header, ": ")
			if got.status != c.status || !strings.Contains(got.body, c.body) || header != "" && got.header.Get(header) != want {
				t.Errorf("%d %v %.200s", got.status, got.header, got.body)
			}
			if n := w.present(); n != c.written {
				t.Errorf("%d records written", n)
			}
			if log := w.Log(); len(log) != 1 || !log[0].Faulted || log[0].Status != c.status || active.Hits() != 1 {
				t.Errorf("log: %+v", log)
			}
			// It struck once.
			if got := w.dns(3, "POST", w.records(3), txt(name3, "next")); got.status != 200 {
				t.Errorf("next: %+v", got)
			}
		})
	}
}

func TestFaultsThatLoseTheReply(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault   conohatest.Fault
		written int
	}{
		"dropped before":  {conohatest.Fault{Drop: true}, 0},
		"dropped after":   {conohatest.Fault{Drop: true, After: true}, 1},
		"truncated":       {conohatest.Fault{Truncated: true}, 1},
		"truncated error": {conohatest.Fault{Truncated: true, Status: 500}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, conohatest.Options{})
			token := w.token(3)
			c.fault.Match = creates
			w.Fault(c.fault)
			a, err := w.try("POST", w.DNSURL(3)+w.records(3), txt(name3, value), "X-Auth-Token", token, "Content-Type", "application/json")
			if err == nil || c.fault.Drop != errors.Is(err, errNoReply) || c.fault.Truncated != errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%+v, %v", a, err)
			}
			if n := w.present(); n != c.written {
				t.Errorf("%d records written", n)
			}
		})
	}
}

func TestHang(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]bool{"before": false, "after": true} {
		for _, end := range []string{"client", "Close"} {
			t.Run(name+" until "+end, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, conohatest.Options{})
				token := w.token(3)
				fault := w.Fault(conohatest.Fault{Match: creates, Hang: true, After: after})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r, err := http.NewRequestWithContext(ctx, "POST", w.DNSURL(3)+w.records(3), strings.NewReader(txt(name3, value)))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("X-Auth-Token", token)
				r.Header.Set("Content-Type", "application/json")
				ended := make(chan error)
				go func() {
					resp, err := w.http.Do(r)
					if err == nil {
						resp.Body.Close()
					}
					ended <- err
				}()
				for fault.Hits() == 0 {
					time.Sleep(time.Millisecond)
				}
				if log := w.Log(); log[len(log)-1].Status != 0 {
					t.Errorf("%+v", log)
				}
				if end == "client" {
					cancel()
				} else {
					w.Close()
				}
				if err := <-ended; err == nil {
					t.Error("there was a reply")
				}
				if n := w.present(); (n == 1) != after {
					t.Errorf("%d records written", n)
				}
			})
		}
	}
}

func TestFaultsAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	w.Fault(conohatest.Fault{Match: creates, Nth: 2, Times: 2, Status: 500})
	always := w.Fault(conohatest.Fault{Match: conohatest.Match{Version: 2, Func: func(r conohatest.Request) bool { return r.Delete() }}, Times: -1, Status: 504})
	var got []int
	for _, v := range []string{"a", "b", "c", "d"} {
		got = append(got, w.dns(3, "POST", w.records(3), txt(name3, v)).status)
	}
	id := w.create(2, name2, value)
	for range 3 {
		a := w.dns(2, "DELETE", w.records(2)+"/"+id, "")
		got = append(got, a.status)
		if a.at("type") != "timeout" || a.at("request_id") == nil {
			t.Errorf("in the words of Ver.2.0: %+v", a)
		}
	}
	always.Remove()
	got = append(got, w.dns(2, "DELETE", w.records(2)+"/"+id, "").status)
	want := []int{200, 500, 500, 200, 504, 504, 504, 200}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	w.Fault(conohatest.Fault{Match: conohatest.Match{Service: conohatest.ServiceIdentity}, Times: -1, Echo: true, Status: 400})
	if a := w.login(3, loginBody(w.v3)); !strings.Contains(a.body, w.v3.Password) {
		t.Errorf("%+v", a)
	}
	w.ClearFaults()
	if a := w.login(3, loginBody(w.v3)); a.status != 201 {
		t.Errorf("%+v", a)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	id := w.create(3, name3, value)
	w.dns(3, "GET", "/v1/domains?limit=5", "")
	w.dns(3, "GET", w.records(3), "")
	w.dns(3, "GET", w.records(3)+"/"+id, "")
	w.dns(3, "DELETE", w.records(3)+"/"+id, "")
	w.dns(3, "PUT", w.records(3)+"/"+id, "{}")
	want := conohatest.Calls{Logins: 1, ZoneLists: 1, RecordLists: 1, Gets: 1, Creates: 1, Deletes: 1, Other: 1, Connections: 2}
	if got := w.Calls(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	log := w.Log()
	if r := log[2]; r.Service != "dns" || r.Version != 3 || r.Method != "GET" || r.Path != "/v1/domains" || r.Query != "limit=5" || r.Status != 200 ||
		r.Refused != "" || r.Header.Get("X-Auth-Token") != w.token(3) || !r.At.Equal(w.clock.Now()) {
		t.Errorf("%+v", r)
	}
	if r := log[6]; r.Status != 404 || r.Refused != "no such record" || string(r.Body) != "{}" {
		t.Errorf("%+v", r)
	}
	if n := w.Count(conohatest.Request.Create); n != 1 {
		t.Errorf("%d creates", n)
	}
	w.http.CloseIdleConnections()
	w.dns(3, "GET", w.records(3), "")
	if n := w.Calls().Connections; n != 3 {
		t.Errorf("%d connections", n)
	}
	w.ResetLog()
	if got := w.Calls(); got != (conohatest.Calls{}) {
		t.Errorf("after a reset: %+v", got)
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{Now: time.Now})
	w.SetLatency(30 * time.Millisecond)
	before := time.Now()
	w.token(2)
	if took := time.Since(before); took < 30*time.Millisecond {
		t.Errorf("a call took %v", took)
	}
}
