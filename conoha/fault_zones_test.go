package conoha

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/providers"
)

func TestFault079_ZoneOnLaterPage(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		for i := range 250 {
			w.AddZone(w.account.Tenant, fmt.Sprintf("zone%d.example", i))
		}
		w.AddZone(w.account.Tenant, "last.example.com")
		for _, change := range []func(*conohatest.Switches){
			func(s *conohatest.Switches) {},
			func(s *conohatest.Switches) { s.V3PageCap = 17 },
			func(s *conohatest.Switches) { s.OmitTotalCount = true },
		} {
			w.Switch(change)
			c := challenge("last.example.com", 1)
			p := w.open("")
			h := w.present(p, c)
			if records := w.Records("last.example.com"); !slices.ContainsFunc(records, func(r conohatest.Record) bool { return r.Data == c.Value }) {
				t.Errorf("not in its zone: %v", records)
			}
			w.holds(c.FQDN)
			w.cleanUp(p, c, h)
		}
	})
}

// The record to delete is on the third page of the zone's records.
func TestFault079_RecordOnLaterPage(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		w.Switch(func(s *conohatest.Switches) { s.RecordsPerZone, s.V3PageCap = -1, 30 })
		for i := range 80 {
			w.PutRecord("example.com", fmt.Sprintf("host%d.example.com.", i), "A", "192.0.2.1")
		}
		p := w.open("")
		c := challenge("example.com", 1)
		w.present(p, c)
		w.cleanUp(w.open(""), c, "")
		w.holds(c.FQDN)
	})
}

func TestFault080_ZoneNames(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		parent := w.AddZone(w.account.Tenant, "parent.example")
		child := w.AddZone(w.account.Tenant, "child.parent.example")
		reverse := w.AddZone(w.account.Tenant, "2.0.192.in-addr.arpa")
		for _, order := range [][]string{
			{"Parent.Example", parent, "CHILD.parent.example.", child, "2.0.192.in-addr.arpa.", reverse},
			{"2.0.192.in-addr.arpa", reverse, "Child.Parent.Example", child, "PARENT.EXAMPLE.", parent},
		} {
			var list []string
			for i := 0; i < len(order); i += 2 {
				list = append(list, fmt.Sprintf(`{"id":%q,"name":%q}`, order[i+1], order[i]))
			}
			w.Fault(conohatest.Fault{Match: listZones(), Times: 1, Status: 200, Body: fmt.Sprintf(`{"domains":[%s],"total_count":3}`, strings.Join(list, ","))})
			p := w.open("")
			for n, c := range []struct{ domain, zone string }{
				{"parent.example", "parent.example"},
				{"www.parent.example", "parent.example"},
				{"notchild.parent.example", "parent.example"},
				{"child.parent.example", "child.parent.example"},
				{"a.b.child.parent.example", "child.parent.example"},
			} {
				challenge := challenge(c.domain, n)
				h := w.present(p, challenge)
				if !slices.ContainsFunc(w.Records(c.zone), func(r conohatest.Record) bool { return r.Data == challenge.Value }) {
					t.Errorf("%s is not in %s", c.domain, c.zone)
				}
				w.cleanUp(p, challenge, h)
			}
			names, err := p.Zones(t.Context(), false)
			slices.Sort(names)
			if want := []string{"2.0.192.in-addr.arpa.", "child.parent.example.", "parent.example."}; err != nil || !slices.Equal(names, want) {
				t.Errorf("%q, %v", names, err)
			}
			_, err = p.Present(t.Context(), challenge("notparent.example", 1))
			w.fails(err, providers.CodeNoZone, providers.Misconfigured)
		}
	})
}

func TestFault088_ManyZonesOneList(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		for i := range 499 {
			w.AddZone(w.account.Tenant, fmt.Sprintf("zone%d.example", i))
		}
		w.SetLatency(20 * time.Millisecond)
		p := w.open("")
		cs, handles := presentAll(t, p, 20)
		cleanUpAll(t, p, cs, handles)
		lists := 1
		if w.account.Version == 3 {
			lists = 5 // pages of 100
		}
		w.calls(conohatest.Calls{Logins: 1, ZoneLists: lists, Creates: 20, Deletes: 20})
	})
}
