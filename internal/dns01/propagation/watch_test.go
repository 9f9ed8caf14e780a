package propagation

import (
	"fmt"
	"testing"
	"time"
)

// Fifty names at a dead address cost one time-out, not one for every batch.
func TestWatcher_DeadAddressIsAskedOneBatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.servers[0].set(silent)
	r := w.Resolver()
	r.Timeout = time.Second
	s, err := r.open()
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	var all []*task
	for i := range 50 {
		all = append(all, &task{zone: "example.test.", fqdn: fmt.Sprintf("_acme-challenge.n%d.example.test.", i), values: []string{value1},
			delegation: Delegation{Zone: "example.test.", Addrs: []Address{{Host: "ns1.test.", Addr: w.servers[0].addr}}}})
	}
	b := newPublication(all, time.Now(), time.Minute, "", false)
	if (watcher{s, b}).ask(t.Context(), b.addresses[0].checks) {
		t.Error("the dead address is said to have answered")
	}
	asked := map[string]bool{}
	for _, q := range w.servers[0].asked() {
		asked[q] = true
	}
	if len(asked) > 2*abreast { // over UDP and TCP
		t.Errorf("%d different questions were asked", len(asked))
	}
	if v := b.judge(); !v.unanswered { // all fifty are known to be unanswered
		t.Errorf("verdict = %+v", v)
	}
}
