package acmedns

import (
	"slices"
	"sync"
	"testing"

	"wildcard/providers"
	"wildcard/providers/acmedns/acmednstest"
	"wildcard/providers/conformance/conformancetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := w.register("example.com")
	w.register("example.net")
	conformancetest.Run(t, conformancetest.Config{
		Zone: name, Rolling: true,
		Open: func(testing.TB) providers.Provider { return w.open() },
		// Both of a name's values may be the same, and then there is one record (RFC 2181 §5): so it is when the reply is lost to
		// the update that makes the value in use the newer one.
		Records: func(_ testing.TB, fqdn string) []string {
			return slices.Compact(slices.Sorted(slices.Values(w.Texts(fqdn))))
		},
		Stall: func(testing.TB) func() {
			hang := make(chan struct{})
			w.Meet(func(string) *acmednstest.Fault { return &acmednstest.Fault{Hang: hang} })
			return func() { w.Meet(nil); close(hang) }
		},
		LoseReply: func(testing.TB) {
			var once sync.Once
			w.Meet(func(string) (fault *acmednstest.Fault) {
				once.Do(func() { fault = &acmednstest.Fault{Drop: true} })
				return fault
			})
		},
	})
}
