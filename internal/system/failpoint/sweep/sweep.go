// Package sweep walks along the fail points of a program, for tests under the build tag failpoint (package failpoint): the
// program is run once for each point and each action, in a world of its own, and the test judges what that leaves.
//
// With WILDCARD_SWEEP=whole in the environment a walk takes each action at each point, until a run passes untouched. Without
// it, it takes one of each Every points, chosen by a fixed seed, so that every run of it is the same.
package sweep

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Action is what happens to a program at a point.
type Action string

// Actions of package failpoint.
const (
	Kill   Action = "kill"
	Term   Action = "term"
	ENOSPC Action = "ENOSPC"
	EIO    Action = "EIO"
)

// Errors reports whether a step fails while the program lives on.
func (a Action) Errors() bool { return a == ENOSPC || a == EIO }

// Point is a point of a program and what happens there.
type Point struct {
	Number int // from 1; 0 is a run that nothing happens to
	Action Action

	of  []string // parts of the names of the points that are counted
	log string
}

// Environ is what makes the program obey.
func (p Point) Environ() []string {
	return []string{"WILDCARD_FAILPOINT_LOG=" + p.log,
		fmt.Sprintf("WILDCARD_FAILPOINT=%d:%s:%s", p.Number, p.Action, strings.Join(p.of, "|"))}
}

// String is the action and where it happened, once it did.
func (p Point) String() string {
	name := "never reached"
	if passed := p.passed(); p.Number > 0 && len(passed) >= p.Number {
		_, name, _ = strings.Cut(passed[p.Number-1], " ")
	}
	return fmt.Sprintf("%s at point %d%s, %s", p.Action, p.Number, among(p.of), name)
}

// Reached reports whether the program came to the point.
func (p Point) Reached() bool { return p.Number > 0 && len(p.passed()) >= p.Number }

// among says which points are counted, if not all are.
func among(of []string) string {
	if len(of) == 0 {
		return ""
	}
	return fmt.Sprintf(" of %q", of)
}

// passed has the lines of the log. A program that was killed may be in the midst of one.
func (p Point) passed() []string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return nil
	}
	var lines []string
	for line := range strings.SplitSeq(string(bytes.TrimSuffix(text, []byte("\n"))), "\n") {
		if _, name, _ := strings.Cut(line, " "); name != "" &&
			(len(p.of) == 0 || slices.ContainsFunc(p.of, func(part string) bool { return strings.Contains(name, part) })) {
			lines = append(lines, line)
		}
	}
	return lines
}

// Walk is a way along a program's points.
type Walk struct {
	Program string         // for the report
	Of      []string       // the way has only the points with one of these in their names; nil for all
	Every   map[Action]int // of so many points one is taken; an action that is not here is taken nowhere
	Least   int            // so many points at least; fewer mean that the program does not do what the test is for
}

// Run calls try for each point to be taken, several at a time, and logs how many those were.
func (w Walk) Run(t *testing.T, try func(t *testing.T, p Point)) {
	dir := t.TempDir()
	step := func(t *testing.T, p Point) bool {
		p.of, p.log = w.Of, filepath.Join(dir, fmt.Sprintf("%s-%d", cmp.Or(p.Action, "none"), p.Number))
		t.Cleanup(func() {
			if t.Failed() {
				t.Log(p)
			}
		})
		try(t, p)
		return p.Reached()
	}
	untouched := Point{of: w.Of, log: filepath.Join(dir, "none-0")}
	if !t.Run("untouched", func(t *testing.T) { step(t, untouched) }) {
		return
	}
	total := len(untouched.passed())
	if total < w.Least {
		t.Fatalf("%s: only %d points", w.Program, total)
	}
	var mu sync.Mutex
	reached := map[Action]int{}
	take := func(t *testing.T, action Action, n int) bool {
		hit := step(t, Point{Number: n, Action: action})
		if hit {
			mu.Lock()
			defer mu.Unlock()
			reached[action]++
		}
		return hit
	}
	t.Run("points", func(t *testing.T) {
		for _, action := range w.actions() {
			for _, n := range Sample(action, total, w.Every[action]) {
				t.Run(fmt.Sprint(action, n), func(t *testing.T) { t.Parallel(); take(t, action, n) })
			}
		}
	})
	for _, action := range w.actions() { // a run may have more points than the first one had
		for n, more := total+1, whole(); more; n++ {
			t.Run(fmt.Sprint(action, n), func(t *testing.T) { more = take(t, action, n) })
		}
	}
	report := fmt.Sprintf("%s has %d points%s", w.Program, total, among(w.Of))
	for _, action := range w.actions() {
		report += fmt.Sprintf(", %s at %d", action, reached[action])
		if reached[action] == 0 {
			t.Errorf("%s: %s happened nowhere", w.Program, action)
		}
	}
	t.Log(report)
}

func (w Walk) actions() []Action {
	return slices.DeleteFunc([]Action{Kill, Term, ENOSPC, EIO}, func(a Action) bool { return w.Every[a] == 0 })
}

// Sample returns one of each so many of the numbers from 1 to total, always the same for an action; all, if the whole way is
// asked for.
func Sample(action Action, total, every int) (numbers []int) {
	if whole() {
		every = 1
	}
	seed := rand.New(rand.NewPCG(uint64(len(action)), uint64(action[0]))) // the same each time
	for first := 1; first <= total; first += every {
		numbers = append(numbers, min(first+seed.IntN(every), total))
	}
	return numbers
}

func whole() bool { return os.Getenv("WILDCARD_SWEEP") == "whole" }
