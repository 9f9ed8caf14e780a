package propagation

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkWaitLoop is the whole of a wait whose values are there from the start: delegation, the first look, the confirming
// check, of which a tenth of a second is the pause before it.
func BenchmarkWaitLoop(b *testing.B) {
	for _, names := range []int{1, 50} {
		b.Run(fmt.Sprintf("names=%d", names), func(b *testing.B) {
			w := newWorld(b, 3)
			var records []Record
			for i := range names {
				fqdn := fmt.Sprintf("_acme-challenge.n%d.example.test.", i)
				w.publish(fqdn, value1)
				records = append(records, Record{Zone: "example.test.", FQDN: fqdn, Value: value1})
			}
			wait := Wait{Resolver: w.Resolver()}
			for b.Loop() {
				if _, err := wait.Run(b.Context(), records); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed()/time.Duration(b.N)-confirm)/float64(time.Millisecond), "ms-beside-settle/op")
		})
	}
}

func BenchmarkDelegation(b *testing.B) {
	w := newWorld(b, 3)
	r := w.Resolver()
	for b.Loop() {
		if _, err := r.Delegation(b.Context(), "_acme-challenge.www.example.test."); err != nil {
			b.Fatal(err)
		}
	}
}
