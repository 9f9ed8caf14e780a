package cli

import (
	"os"
	"strings"
	"testing"
	"time"

	"wildcard/internal/issuance"
	"wildcard/internal/messages"
)

// The live view counts down while the CA's memory is waited for; lines do so every ten seconds.
func TestDisplay_Countdown(t *testing.T) {
	t.Parallel()
	out, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	for _, l := range []messages.Language{messages.English, messages.Japanese} {
		p := newPicture(out, false, l)
		shown := func() string {
			p.mu.Lock()
			defer p.mu.Unlock()
			return strings.Join(p.whole(p.views[0], 20), "\n")
		}
		said := map[time.Duration]string{}
		tell := func(state issuance.State, left time.Duration) {
			e := issuance.Event{Step: issuance.StepMemory, State: state, FQDN: "_acme-challenge.example.com.", Left: left, Total: 1}
			p.event("example.com", e)
			said[left] = plainLine(l, "example.com", e)
		}
		tell(issuance.Started, 41500*time.Millisecond)
		for _, left := range []time.Duration{40 * time.Second, 39 * time.Second} {
			tell(issuance.Progress, left)
			if want := l.Sprintf("%s (%d s)", l.Sprintf("waiting until the CA's resolvers have forgotten what they saw before"), int(left.Seconds())); !strings.Contains(shown(), want) {
				t.Errorf("%v: not %q:\n%s", left, want, shown())
			}
		}
		if said[40*time.Second] == "" || said[39*time.Second] != "" || !strings.Contains(said[41500*time.Millisecond], "42") {
			t.Errorf("lines %q", said)
		}
		tell(issuance.Finished, 0)
		if strings.Contains(shown(), "39") || !strings.Contains(shown(), l.Sprintf("the CA's resolvers have forgotten what they saw before")) {
			t.Errorf("at the end:\n%s", shown())
		}
		p.close()
	}
}
