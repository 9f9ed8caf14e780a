package conoha

import (
	"fmt"
	"testing"

	"wildcard/conoha/conohatest"
)

// BenchmarkPresentCleanUp is what one record costs on our side: one POST and one DELETE on loopback.
func BenchmarkPresentCleanUp(b *testing.B) {
	for _, version := range []int{2, 3} {
		b.Run(fmt.Sprintf("Ver.%d.0", version), func(b *testing.B) {
			w := newWorld(b, version)
			p := w.open("")
			n := 0
			for b.Loop() {
				n++
				c := challenge("example.com", n)
				w.cleanUp(p, c, w.present(p, c))
				if n%1000 == 0 {
					w.ResetLog()
				}
			}
		})
	}
}

// BenchmarkHookProcess is the same for a process that finds token and zones in the run directory.
func BenchmarkHookProcess(b *testing.B) {
	w := newWorld(b, 3)
	runDir := b.TempDir()
	w.present(w.open(runDir), challenge("example.com", 0))
	n := 0
	for b.Loop() {
		n++
		p := w.open(runDir)
		c := challenge("example.com", n)
		w.cleanUp(p, c, w.present(p, c))
		_ = p.Close()
	}
}

// BenchmarkLookup100Zones fetches a list of 100 zones, ten to a page, and finds the longest that fits.
func BenchmarkLookup100Zones(b *testing.B) {
	w := newWorld(b, 3)
	for i := range 99 {
		w.AddZone(w.account.Tenant, fmt.Sprintf("zone%d.example.com", i))
	}
	w.Switch(func(s *conohatest.Switches) { s.V3PageCap = 10 })
	p := w.open("")
	for b.Loop() {
		if _, err := p.zones.get(b.Context(), true); err != nil {
			b.Fatal(err)
		}
		zone, _, err := p.zones.holding(b.Context(), "_acme-challenge.www.zone98.example.com.", "")
		if err != nil || zone.Name != "zone98.example.com." {
			b.Fatal(zone, err)
		}
		w.ResetLog()
	}
}
