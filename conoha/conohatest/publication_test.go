package conohatest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/conoha/conohatest"
)

// Each server learns of a change after its own delay, of additions and removals alike, and the API at once.
func TestPublication(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{PublicationDelay: []time.Duration{0, 30 * time.Second, 90 * time.Second}})
	hosts := []string{"ns-a1.conoha.io.", "ns-a2.conoha.io.", "ns-a3.conoha.io."}
	state := func(name string) string {
		var out []string
		for _, host := range hosts {
			m := ask(t, w.NameServer(host).Addr(), name, "TXT")
			n := "-"
			if m.Rcode == dns.RcodeSuccess {
				n = fmt.Sprint(len(m.Answer))
			}
			out = append(out, n)
		}
		return strings.Join(out, " ")
	}
	check := func(when, want string) {
		t.Helper()
		if got := state(name2); got != want {
			t.Errorf("%s: got %s, want %s", when, got, want)
		}
	}
	start := w.clock.Now()
	id := w.create(2, name2, value)
	check("at once", "1 - -")
	serial := func(host string) uint32 {
		return ask(t, w.NameServer(host).Addr(), "two.example.", "SOA").Answer[0].(*dns.SOA).Serial
	}
	if a, b := serial(hosts[0]), serial(hosts[1]); a <= b {
		t.Errorf("serials %d %d", a, b)
	}
	w.clock.Advance(30*time.Second - 1)
	check("just before 30 s", "1 - -")
	if at, ok := w.PublishedAt(hosts[1], strings.ToUpper(name2), value); ok || !at.Equal(start.Add(30*time.Second)) {
		t.Errorf("due %v %v", at, ok)
	}
	w.clock.Advance(1)
	check("at 30 s", "1 1 -")
	if at, ok := w.PublishedAt(hosts[1], name2, value); !ok || !at.Equal(start.Add(30*time.Second)) {
		t.Errorf("published %v %v", at, ok)
	}
	if at, ok := w.PublishedAt(hosts[0], name2, "never"); ok || !at.IsZero() {
		t.Errorf("never written: %v %v", at, ok)
	}
	w.dns(2, "DELETE", w.records(2)+"/"+id, "")
	check("deleted", "- 1 -")
	w.clock.Advance(60 * time.Second)
	check("at 90 s", "- - 1")
	w.clock.Advance(30 * time.Second)
	check("at 120 s", "- - -")
	if a, b := serial(hosts[0]), serial(hosts[2]); a != b {
		t.Errorf("serials %d %d", a, b)
	}

	// A delay can be changed while a change is on its way; what is served stays.
	w.create(2, name2, "x")
	w.NameServer(hosts[0]).SetPublicationDelay(time.Hour)
	w.NameServer(hosts[1]).SetPublicationDelay(0)
	check("one delay cut", "1 1 -")
	w.SetPublicationDelay(0)
	check("no delays", "1 1 1")
	w.SetPublicationDelay(time.Hour, time.Minute)
	w.create(2, name2, "y")
	w.clock.Advance(time.Minute)
	check("new delays, repeated", "1 2 1")
	w.PutRecord("two.example", name2, "TXT", "z")
	check("behind the API's back", "2 3 2")
	if !w.DeleteRecord("two.example", name2, "TXT", "z") || w.DeleteRecord("two.example", name2, "TXT", "z") {
		t.Error("DeleteRecord")
	}
	check("and gone", "1 2 1")
	w.clock.Advance(time.Hour)
	for range 3 {
		w.dns(2, "DELETE", w.records(2)+"/"+w.create(2, name2, "again"), "")
	}
	w.clock.Advance(time.Hour)
	check("made and deleted", "2 2 2")

	// A changed record is the old one until the change arrives.
	changed := w.create(2, "put.two.example.", "old")
	w.clock.Advance(time.Hour)
	w.dns(2, "PUT", w.records(2)+"/"+changed, `{"data":"new"}`)
	if got := said(ask(t, w.NameServers(2)[0], "put.two.example.", "TXT")); !strings.Contains(got, `"old"`) || strings.Contains(got, `"new"`) {
		t.Error(got)
	}
	w.clock.Advance(time.Hour)
	if got := said(ask(t, w.NameServers(2)[0], "put.two.example.", "TXT")); !strings.Contains(got, `"new"`) || strings.Contains(got, `"old"`) {
		t.Error(got)
	}

	// A zone made over HTTP is refused until it is published.
	w.dns(2, "POST", "/v1/domains", `{"name":"late.example.","email":"a@example.org"}`)
	if got := ask(t, w.NameServers(2)[1], "late.example.", "SOA"); got.Rcode != dns.RcodeRefused {
		t.Errorf("%v", got)
	}
	w.clock.Advance(time.Minute)
	if got := ask(t, w.NameServers(2)[1], "late.example.", "SOA"); got.Rcode != dns.RcodeSuccess {
		t.Errorf("%v", got)
	}
}
