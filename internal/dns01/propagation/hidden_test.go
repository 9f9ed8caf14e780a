package propagation

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
)

func TestUntilHidden(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.publish(challenge, "one", 0, 1)
	w.servers[2].set(says(dns.RcodeRefused)) // counts for nothing
	wait := &Wait{Resolver: w.Resolver()}
	if shows, err := wait.Resolver.Shows(t.Context(), challenge, "one"); err != nil || !shows {
		t.Errorf("shows %v, %v", shows, err)
	}
	if shows, err := wait.Resolver.Shows(t.Context(), challenge, "two"); err != nil || shows {
		t.Errorf("shows what is not there: %v, %v", shows, err)
	}
	if err := wait.UntilHidden(t.Context(), Record{Zone: "example.test.", FQDN: challenge, Value: "two"}); err != nil {
		t.Error(err)
	}
	before := [2]int{len(w.servers[0].asked()), len(w.servers[1].asked())}
	done := make(chan error, 1)
	go func() {
		done <- wait.UntilHidden(context.Background(), Record{Zone: "example.test.", FQDN: challenge, Value: "one"})
	}()
	for i := range before {
		w.servers[i].awaitQuestions(t, before[i]+2)
		select {
		case err := <-done:
			t.Fatalf("ended while server %d shows the record: %v", i, err)
		default:
		}
		w.servers[i].withdraw(challenge)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Where every server goes on showing the record after the zone's longest delay, nothing was deleted; where one has lost it,
// something was.
func TestUntilHidden_NeverHidden(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := newWorld(t, 2)
	h := readHistory(dir, "example.test.")
	if err := h.add(dir, 10*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	w.publish(challenge, "one", 0, 1)
	record := Record{Zone: "example.test.", FQDN: challenge, Value: "one"}
	wait := &Wait{Resolver: w.Resolver(), HistoryDir: dir}
	if err := wait.UntilHidden(t.Context(), record); err != nil {
		t.Error(err)
	}
	wait.Limit = 200 * time.Millisecond
	wantError(t, (&Wait{Resolver: w.Resolver(), Limit: wait.Limit}).UntilHidden(t.Context(), record), fault.CodeNotPublished, fault.Temporary, challenge)
	w.servers[0].withdraw(challenge)
	wantError(t, wait.UntilHidden(t.Context(), record), fault.CodeNotPublished, fault.Temporary, challenge)
	errLate := errors.New("late")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errLate)
	defer cancel()
	if err := wait.UntilHidden(ctx, record); !errors.Is(err, errLate) {
		t.Errorf("got %v", err)
	}
}
