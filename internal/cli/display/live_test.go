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

// answered is what a name server says of a record, after a second.
func answered(server, record string, state propagation.State) issuance.Event {
	return issuance.Event{
		Step: issuance.StepPublication, State: issuance.Progress, Domain: record,
		Publication: &propagation.Event{Server: server, Addr: "192.0.2.1:53", State: state, Elapsed: time.Second},
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
		tell(answered("ns1.example.net.", "example.com", propagation.Published))
		tell(answered("ns2.example.net.", "example.com", propagation.Silent))
		p.Notice("the CA explains its renewal dates at %s", "https://ca.example")
		p.Close()
		got := strings.Split(seen(), "\n")
		want := []string{
			"wildcard: the CA explains its renewal dates at https://ca.example",
			"example.com",
			"  ✓ 2 TXT records created                                 1.5s",
			"  ⠋ waiting until all name servers have 2 TXT records ",
			"      NAME SERVER      ADDRESS       RECORD OF    STATE   AFTER",
			"      ns1.example.net  192.0.2.1:53  example.com  has it  1.0s",
			"      ns2.example.net  192.0.2.1:53  example.com  silent  1.0s",
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

// states are those that a name server can be in.
var states = []propagation.State{
	propagation.Pending, propagation.Published, propagation.Silent, propagation.Lame, propagation.Unreachable, propagation.SteppedOver,
}

// TestProgress_NarrowTerminal: report N5. Down to 40 columns, in either language and without colours, names are shortened, and what is
// done, for how long, and what each name server says can be read; no line is wider than the terminal.
func TestProgress_NarrowTerminal(t *testing.T) {
	t.Parallel()
	const long = "a-rather-long-name.of-a-department.example.co.jp"
	for _, l := range []messages.Language{messages.English, messages.Japanese} {
		for _, columns := range []int{40, 52, 60, 80, 200} {
			for _, lineages := range []int{1, 2} {
				synctest.Test(t, func(t *testing.T) {
					p, seen := started(t, l, terminal(columns, 100))
					waiting := doing(issuance.StepPublication, 2).In(l)
					for i := range lineages {
						tell := p.Lineage(fmt.Sprintf("%d.%s", i, long))
						tell(issuance.Event{Step: issuance.StepRecords, State: issuance.Started, Total: 2})
						tell(issuance.Event{Step: issuance.StepRecords, State: issuance.Finished, Total: 2, Elapsed: time.Second})
						tell(issuance.Event{Step: issuance.StepPublication, State: issuance.Started, Total: 2, Elapsed: time.Second})
						for n, state := range states {
							tell(answered(fmt.Sprintf("ns%d.%s.", n, long), long, state))
						}
					}
					picture := seen()
					for line := range strings.SplitSeq(picture, "\n") {
						if messages.Width(line) >= columns {
							t.Errorf("%s: %d cells of %d: %s", l, messages.Width(line), columns, line)
						}
					}
					joined := strings.Join(strings.Fields(picture), " ")
					if l == messages.Japanese { // whose words have no blanks between them
						joined, waiting = strings.ReplaceAll(joined, " ", ""), strings.ReplaceAll(waiting, " ", "")
					}
					if strings.Count(joined, waiting) != lineages {
						t.Errorf("%d columns: not %q for each:\n%s", columns, waiting, picture)
					}
					if lineages > 1 {
						return // they have a line each
					}
					for n, state := range states {
						row := fmt.Sprintf("ns%d.", n)
						if said := lineWith(picture, row); !strings.Contains(said, l.Translate(state.Text())) {
							t.Errorf("%d columns: the row of %s, %q, does not say %q:\n%s", columns, row, said, l.Translate(state.Text()), picture)
						}
					}
				})
			}
		}
	}
}

func lineWith(picture, text string) string {
	for line := range strings.SplitSeq(picture, "\n") {
		if strings.Contains(line, text) {
			return line
		}
	}
	return ""
}

// TestProgress_OneOrder: report N29. Rows keep their order from the first picture to the last, with room for all of them and without,
// whatever the name servers say one after the other; lineages do, too.
func TestProgress_OneOrder(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{24, 12} {
		synctest.Test(t, func(t *testing.T) {
			p, seen := started(t, messages.English, terminal(80, rows))
			tell := p.Lineage("example.com")
			tell(issuance.Event{Step: issuance.StepPublication, State: issuance.Started, Total: 2})
			var order []string
			for _, record := range []string{"example.com", "www.example.com"} {
				for _, server := range []string{"ns3", "ns1", "ns2", "ns4"} {
					order = append(order, server+" "+record)
					tell(answered(server+".", record, propagation.Pending))
				}
			}
			for _, i := range []int{5, 0, 7, 2, 3, 6, 1, 4} {
				server, record, _ := strings.Cut(order[i], " ")
				tell(answered(server+".", record, propagation.Silent))
				tell(answered(server+".", record, propagation.Published))
				last, shown := -1, 0
				for line := range strings.SplitSeq(seen(), "\n") {
					if words := strings.Fields(line); len(words) > 4 && strings.HasPrefix(words[0], "ns") {
						at := slices.Index(order, words[0]+" "+words[2])
						if shown++; at <= last {
							t.Errorf("%s stands below a later row:\n%s", order[at], seen())
						}
						last = at
					}
				}
				if shown == 0 || (shown == len(order)) != (rows == 24) {
					t.Errorf("%d rows of %d are shown", shown, len(order))
				}
			}
		})
	}
}

// TestProgress_ASCII: report N4. Where the locale knows no other letters, marks, the wheel and what is cut off are in ASCII.
func TestProgress_ASCII(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{24, 9} {
		synctest.Test(t, func(t *testing.T) {
			onto := terminal(60, rows)
			onto.ASCII = true
			p, seen := started(t, messages.English, onto)
			tell := p.Lineage("example.com")
			tell(issuance.Event{Step: issuance.StepZones, State: issuance.Noted, Text: messages.New("%s", "RFC 8738 §7 …")})
			tell(issuance.Event{Step: issuance.StepRecords, State: issuance.Started, Total: 2})
			tell(issuance.Event{Step: issuance.StepRecords, State: issuance.Finished, Total: 2, Elapsed: time.Second})
			tell(issuance.Event{Step: issuance.StepPublication, State: issuance.Started, Total: 2, Elapsed: time.Second})
			for i := range 9 {
				tell(answered(fmt.Sprintf("ns%d.", i), "example.com", states[i%len(states)]))
			}
			tell(issuance.Event{Step: issuance.StepOrder, State: issuance.Failed})
			for range 10 {
				if picture := seen(); messages.ASCII(picture) != picture || !strings.Contains(picture, "+ 2 TXT records") && rows == 24 {
					t.Errorf("it shows\n%s", picture)
				}
			}
		})
	}
}
