package notify_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/notify"
	"wildcard/internal/state"
)

const day = 24 * time.Hour

func began() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) }

// eventsOf runs a timer four times a day, and returns what was said: "DAY KIND" for each event, days from the renewal's date.
// failing says what the run at an instant came to.
func eventsOf(life, runFor time.Duration, failing func(after time.Duration) error) []string {
	due := began()
	notAfter := due.Add(life / 3)
	var said []string
	var memory *state.Complaint
	for now := due; now.Before(due.Add(runFor)); now = now.Add(6 * time.Hour) {
		e, told, _ := notify.Judge(notify.Condition{Lineage: "example.com", Due: due, NotAfter: notAfter, Err: failing(now.Sub(due))}, memory, now)
		memory = told
		if e.Kind != "" {
			said = append(said, fmt.Sprintf("%.1f %s", now.Sub(due).Hours()/24, e.Kind))
		}
	}
	return said
}

// A timer that fails for a month says so five times, not a hundred and twenty.
func TestJudge_Days(t *testing.T) {
	t.Parallel()
	refused := func(time.Duration) error {
		return fault.Errorf(fault.CodeCredentials, fault.Refused, "conoha: log in: 401")
	}
	down := func(time.Duration) error {
		return fault.Errorf(fault.CodeUnavailable, fault.Temporary, "conoha: log in: no route")
	}
	until := func(end time.Duration, err func(time.Duration) error) func(time.Duration) error {
		return func(after time.Duration) error {
			if after < end {
				return err(after)
			}
			return nil
		}
	}
	for name, s := range map[string]struct {
		life, run time.Duration
		failing   func(time.Duration) error
		want      string
	}{
		"well":                            {90 * day, 40 * day, until(0, refused), ""},
		"a refusal is said at once":       {90 * day, 20 * day, refused, "0.0 failing"},
		"what mends itself, after a day":  {90 * day, 20 * day, down, "1.0 failing"},
		"mended before anybody heard":     {90 * day, 20 * day, until(20*time.Hour, down), ""},
		"works again":                     {90 * day, 20 * day, until(3*day, refused), "0.0 failing, 3.0 recovered"},
		"to the end":                      {90 * day, 40 * day, refused, "0.0 failing, 23.0 critical, 27.0 critical, 29.0 critical, 30.0 critical"},
		"renewed at the last moment":      {90 * day, 40 * day, until(28*day, down), "1.0 failing, 23.0 critical, 27.0 critical, 28.0 recovered"},
		"a certificate of 160 hours":      {160 * time.Hour, 3 * day, refused, "0.0 failing, 1.2 critical, 1.8 critical, 2.0 critical, 2.2 critical"},
		"of 160 hours, mends itself":      {160 * time.Hour, day + time.Hour, down, "0.8 failing"},
		"another reason is not news":      {90 * day, 4 * day, func(a time.Duration) error { return fmt.Errorf("reason %v", a) }, "0.0 failing"},
		"two failures with success apart": {90 * day, 10 * day, func(a time.Duration) error { return until(0, refused)(0) }, ""},
	} {
		if got := strings.Join(eventsOf(s.life, s.run, s.failing), ", "); got != s.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, s.want)
		}
	}
}

// What no channel delivered is said again by the next run, and what is remembered then is only since when.
func TestJudge_NotDelivered(t *testing.T) {
	t.Parallel()
	c := notify.Condition{Lineage: "example.com", Due: began(), NotAfter: began().Add(30 * day), Err: errors.New("no")}
	var memory *state.Complaint
	for i := range 3 {
		now := began().Add(time.Duration(i) * time.Hour)
		e, _, untold := notify.Judge(c, memory, now)
		if e.Kind != notify.Failing || !e.Since.Equal(began()) {
			t.Fatalf("run %d: %+v", i, e)
		}
		memory = untold
	}
	_, told, _ := notify.Judge(c, memory, began().Add(4*time.Hour))
	c.Err = nil
	e, _, again := notify.Judge(c, told, began().Add(5*time.Hour))
	if e.Kind != notify.Recovered || again == nil || again.Told.IsZero() {
		t.Errorf("%+v %+v", e, again)
	}
}

// A clock that was in the future once does not silence us, and a certificate that is not there has no end.
func TestOddTimes(t *testing.T) {
	t.Parallel()
	temporary := fault.Errorf("x", fault.Temporary, "x")
	past := &state.Complaint{Since: began().Add(1000 * day)}
	e, _, memory := notify.Judge(notify.Condition{Lineage: "a", Due: began(), NotAfter: began().Add(30 * day), Err: temporary}, past, began())
	if e.Kind != "" || !memory.Since.Equal(began()) {
		t.Errorf("%+v %+v", e, memory)
	}
	if e, _, _ := notify.Judge(notify.Condition{Lineage: "a", Err: temporary}, nil, began()); e.Kind != "" {
		t.Errorf("%+v", e)
	}
	// The machine was off for weeks, and now the network is down.
	e, _, _ = notify.Judge(notify.Condition{Lineage: "a", Due: began().Add(-20 * day), NotAfter: began().Add(10 * day), Err: temporary}, nil, began())
	if e.Kind != notify.Failing {
		t.Errorf("%+v", e)
	}
}

// Errors come from outside, too.
func TestErrorIsOneLine(t *testing.T) {
	t.Parallel()
	long, _, kept := notify.Judge(notify.Condition{Lineage: "a", Err: errors.New(strings.Repeat("証", 1<<20))}, nil, began())
	if len(long.Error) > 4000 || len(kept.Text) > 4000 { // what is kept must stay readable, or people are told of nothing any more
		t.Errorf("%d bytes", len(long.Error))
	}
	e, _, _ := notify.Judge(notify.Condition{Lineage: "a", Err: errors.New("a\nSubject: b\r\x1b[2J\u2028c")}, nil, began())
	if strings.ContainsFunc(e.Error, func(r rune) bool { return slices.Contains([]rune("\n\r\x1b\u2028"), r) }) {
		t.Errorf("%q", e.Error)
	}
}
