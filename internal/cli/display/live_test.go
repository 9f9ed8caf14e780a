package display

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wildcard/internal/dns01/propagation"
	"wildcard/internal/issuance"
	"wildcard/internal/messages"
)

// screen shows what a terminal shows of what is written to it: it knows what the live view uses (ECMA-48 CUU and EL).
type screen struct {
	mu    sync.Mutex
	lines []string // the last is that of the cursor
}

func (s *screen) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lines == nil {
		s.lines = []string{""}
	}
	for rest := string(text); rest != ""; {
		last := len(s.lines) - 1
		if after, ok := strings.CutPrefix(rest, "\x1b[A\r\x1b[K"); ok {
			s.lines, rest = append(s.lines[:last-1], ""), after
			continue
		}
		s.lines[last] += rest[:1]
		if rest[0] == '\n' {
			s.lines = append(s.lines, "")
		}
		rest = rest[1:]
	}
	return len(text), nil
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "")
}

func terminal(columns, rows int) *Terminal {
	return &Terminal{Size: func() (int, int) { return columns, rows }}
}

// started begins a run in a bubble of time: what is seen is the frame after the last event.
func started(t *testing.T, l messages.Language, onto *Terminal) (p *Progress, seen func() string) {
	s := &screen{}
	lines := NewLines(s)
	p = NewProgress(lines, l, onto, false)
	t.Cleanup(func() { p.Close(); lines.Close() })
	return p, func() string {
		time.Sleep(2 * framesEvery) // of the bubble's time
		synctest.Wait()
		return s.text()
	}
}

// The live view counts down while the CA's memory is waited for; lines do so every ten seconds.
func TestProgress_Countdown(t *testing.T) {
	t.Parallel()
	for _, l := range []messages.Language{messages.English, messages.Japanese} {
		synctest.Test(t, func(t *testing.T) {
			live, seen := started(t, l, terminal(200, 24))
			plain, printed := started(t, l, nil)
			tell := func(state issuance.State, left time.Duration) {
				e := issuance.Event{
					Step: issuance.StepMemory, State: state, FQDN: "_acme-challenge.example.com.", Left: left, Total: 1,
				}
				live.Lineage("example.com")(e)
				plain.Lineage("example.com")(e)
			}
			tell(issuance.Started, 41500*time.Millisecond)
			for _, left := range []time.Duration{40 * time.Second, 39 * time.Second} {
				tell(issuance.Progress, left)
				want := l.Sprintf("%s (%d s)", doing(issuance.StepMemory, 1), int(left.Seconds()))
				if !strings.Contains(seen(), want) {
					t.Errorf("%v: not %q:\n%s", left, want, seen())
				}
			}
			for left, want := range map[string]bool{"42": true, "40": true, "39": false} {
				if said := printed(); strings.Contains(said, left) != want {
					t.Errorf("%s: not %t in the lines:\n%s", left, want, said)
				}
			}
			tell(issuance.Finished, 0)
			if strings.Contains(seen(), "39") || !strings.Contains(seen(), done(issuance.StepMemory, 1).In(l)) {
				t.Errorf("at the end:\n%s", seen())
			}
		})
	}
}

// What a person sees while the name servers are asked; notes stay above the picture.
func TestProgress_Publication(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, seen := started(t, messages.English, terminal(80, 24))
		tell := p.Lineage("example.com")
		const made = 1500 * time.Millisecond
		tell(issuance.Event{Step: issuance.StepRecords, State: issuance.Started, Total: 2})
		tell(issuance.Event{Step: issuance.StepRecords, State: issuance.Finished, Total: 2, Elapsed: made})
		tell(issuance.Event{Step: issuance.StepPublication, State: issuance.Started, Total: 2, Elapsed: made})
		for server, state := range map[string]propagation.State{"ns1": propagation.Published, "ns2": propagation.Silent} {
			tell(issuance.Event{
				Step: issuance.StepPublication, State: issuance.Progress, Domain: "example.com",
				Publication: &propagation.Event{
					Server: server + ".example.net.", Addr: "192.0.2.1:53", State: state, Elapsed: time.Second,
				},
			})
		}
		p.Notice("the CA explains its renewal dates at %s", "https://ca.example")
		p.Close()
		got := strings.Split(seen(), "\n")
		want := []string{
			"wildcard: the CA explains its renewal dates at https://ca.example",
			"example.com",
			"  ✓ 2 TXT records created                                 1.5s",
			"  ⠋ waiting until all name servers have 2 TXT records ",
			"      NAME SERVER      ADDRESS       RECORD OF    STATE   AFTER",
			"      ns2.example.net  192.0.2.1:53  example.com  silent  1.0s",
			"      ns1.example.net  192.0.2.1:53  example.com  has it  1.0s",
			"",
		}
		if !slices.Equal(got, want) {
			t.Errorf("it shows\n%s", strings.Join(got, "\n"))
		}
	})
}

// Several lineages at once have a line each; no picture is larger than the terminal.
func TestProgress_ManyLineages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, seen := started(t, messages.Japanese, terminal(40, 10))
		for i := range 20 {
			tell := p.Lineage(fmt.Sprintf("%d.example.com", i))
			tell(issuance.Event{Step: issuance.StepPublication, State: issuance.Started, Total: 2})
		}
		lines := strings.Split(strings.TrimSuffix(seen(), "\n"), "\n")
		if len(lines) != 9 {
			t.Errorf("%d lines of 10:\n%s", len(lines), strings.Join(lines, "\n"))
		}
		for _, line := range lines {
			if messages.Width(line) > 39 {
				t.Errorf("%d cells of 40: %s", messages.Width(line), line)
			}
		}
	})
}

// A terminal that was stopped (Ctrl-S), or a pipe that is not read, does not hold up the run, and its end for 2 s alone. What
// was waiting is shown when it goes on.
func TestProgress_TerminalStopped(t *testing.T) {
	t.Parallel()
	for _, onto := range []*Terminal{terminal(80, 24), nil} {
		synctest.Test(t, func(t *testing.T) {
			reader, writer := io.Pipe()
			lines := NewLines(writer)
			defer lines.Close()
			p := NewProgress(lines, messages.English, onto, false)
			tell := p.Lineage("example.com")
			began := time.Now()
			for range mostWaiting + 10 {
				tell(issuance.Event{Step: issuance.StepZones, State: issuance.Started})
				p.Notice("text")
				tell(issuance.Event{Step: issuance.StepZones, State: issuance.Finished})
			}
			if took := time.Since(began); took > 0 {
				t.Errorf("events waited for %v", took)
			}
			if p.Close(); time.Since(began) > lastLines {
				t.Errorf("the end took %v", time.Since(began))
			}
			goesOn := &screen{}
			go func() { _, _ = io.Copy(goesOn, reader) }()
			lines.Flush()
			synctest.Wait()
			if !strings.Contains(goesOn.text(), "text") {
				t.Errorf("nothing is shown of it: %q", goesOn.text())
			}
			writer.Close()
		})
	}
}
