package memory_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/memory"
	"wildcard/internal/fault"
	"wildcard/internal/testkit/clock"
)

const (
	challenge = "_acme-challenge.example.com." // where a test's own name hides it
	name      = challenge
	other     = "_acme-challenge.example.net."
)

// world is a folder, a clock that only sleeping moves, and processes: each memory stands for one.
type world struct {
	t     *testing.T
	dir   string
	self  journal.Process
	clock *clock.Clock
}

func newWorld(t *testing.T) *world {
	t.Helper()
	self, err := journal.Self()
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, dir: filepath.Join(t.TempDir(), "memory"), self: self, clock: clock.New(time.Now().Truncate(time.Second))}
}

func (w *world) process() *memory.Memory {
	m := memory.Open(w.dir, nil)
	m.Now, m.Sleep = w.clock.Now, w.clock.Sleep
	return m
}

func letsEncrypt() memory.CA { return memory.CA{Operator: "letsencrypt.org", Keep: time.Minute} }

func record(fqdn, value string) memory.Record {
	return memory.Record{Name: fqdn, FQDN: fqdn, Value: value}
}

// publish reserves records and says that they are published, with a TTL in seconds; -1 is not known.
func (w *world) publish(r *memory.Reservation, ttl int, records ...memory.Record) {
	r.Put(w.t.Context(), records)
	r.Published(w.t.Context(), func(string) time.Duration { return time.Duration(ttl) * time.Second })
}

// waits returns for how long a reservation's records wait until the CA may look.
func (w *world) waits(r *memory.Reservation) time.Duration {
	w.t.Helper()
	began := w.clock.Now()
	if err := r.Wait(w.t.Context(), time.Hour, nil); err != nil {
		w.t.Fatal(err)
	}
	return w.clock.Now().Sub(began)
}

// look has the CA look for three seconds.
func (w *world) look(r *memory.Reservation, outcome memory.Outcome) {
	r.Look(w.t.Context())
	w.clock.Advance(3 * time.Second)
	r.Looked(w.t.Context(), outcome)
}

func TestWait(t *testing.T) {
	t.Parallel()
	google := memory.CA{Operator: "pki.goog", Keep: time.Minute}
	unknown := memory.CA{Keep: time.Minute}
	for _, test := range []struct {
		name    string
		first   memory.CA
		ttl     int
		outcome memory.Outcome
		later   time.Duration
		second  memory.CA
		record  memory.Record
		want    time.Duration
	}{
		{"value not seen", letsEncrypt(), 60, memory.Found, 0, letsEncrypt(), record(name, "b"), 62 * time.Second},
		{"some time later", letsEncrypt(), 60, memory.Found, 40 * time.Second, letsEncrypt(), record(name, "b"), 22 * time.Second},
		{"long after", letsEncrypt(), 60, memory.Found, 63 * time.Second, letsEncrypt(), record(name, "b"), 0},
		{"value seen", letsEncrypt(), 60, memory.Found, 0, letsEncrypt(), record(name, "a"), 0},
		{"another name", letsEncrypt(), 60, memory.Found, 0, letsEncrypt(), record(other, "b"), 0},
		{"another CA", letsEncrypt(), 60, memory.Found, 0, google, record(name, "b"), 0},
		{"CA of the first not known", unknown, 60, memory.Found, 0, google, record(name, "b"), 62 * time.Second},
		{"CA of the second not known", google, 60, memory.Found, 0, unknown, record(name, "b"), 62 * time.Second},
		{"short TTL", letsEncrypt(), 5, memory.Found, 0, letsEncrypt(), record(name, "b"), 7 * time.Second},
		{"long TTL", letsEncrypt(), 3600, memory.Found, 0, letsEncrypt(), record(name, "b"), 62 * time.Second},
		{"TTL not known", letsEncrypt(), -1, memory.Found, 0, letsEncrypt(), record(name, "b"), 62 * time.Second},
		{"TTL of nothing", letsEncrypt(), 0, memory.Found, 0, letsEncrypt(), record(name, "b"), 0},
		{"not found with a short TTL", letsEncrypt(), 1, memory.Missed, 0, letsEncrypt(), record(name, "b"), 62 * time.Second},
		{"not waited for", letsEncrypt(), 60, memory.Unfinished, 0, letsEncrypt(), record(name, "b"), 62 * time.Second},
		{"CA with a longer memory", memory.CA{Operator: "x", Keep: 5 * time.Minute}, 3600, memory.Found, 0, memory.CA{Operator: "x", Keep: 5 * time.Minute}, record(name, "b"), 302 * time.Second},
		{"CNAME of two domains to one name", letsEncrypt(), 60, memory.Found, 0, letsEncrypt(), memory.Record{Name: other, FQDN: name, Value: "b"}, 62 * time.Second},
		{"CNAME made since", letsEncrypt(), 1, memory.Found, 0, letsEncrypt(), memory.Record{Name: name, FQDN: other, Value: "b"}, 62 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			first := w.process().Reserve("1", w.self, test.first)
			w.publish(first, test.ttl, record(name, "a"))
			if got := w.waits(first); got != 0 {
				t.Errorf("waits %v for the first", got)
			}
			w.look(first, test.outcome)
			w.clock.Advance(test.later)
			second := w.process().Reserve("2", w.self, test.second)
			w.publish(second, test.ttl, test.record)
			if got := w.waits(second); got != test.want {
				t.Errorf("waits %v, want %v", got, test.want)
			}
		})
	}
}

// All values of a run are seen together, and each of them is known to be.
func TestWait_SameRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.process().Reserve("1", w.self, letsEncrypt())
	w.publish(r, 60, record(name, "a"), record(name, "b"), record(other, "c"))
	if got := w.waits(r); got != 0 {
		t.Errorf("waits %v", got)
	}
	w.look(r, memory.Found)
	again := w.process().Reserve("2", w.self, letsEncrypt())
	w.publish(again, 60, record(name, "b"), record(other, "c"))
	if got := w.waits(again); got != 0 {
		t.Errorf("waits %v for values that were seen", got)
	}
	w.publish(again, 60, record(name, "b"), record(name, "c"))
	if got := w.waits(again); got != 62*time.Second {
		t.Errorf("waits %v for a further one", got)
	}
}

// A CA that remembers nothing is not waited for, nor written about.
func TestWait_NoCache(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 2 {
		r := w.process().Reserve("1", w.self, memory.CA{Operator: "ca.lan"})
		w.publish(r, 60, record(name, "a"))
		if got := w.waits(r); got != 0 {
			t.Errorf("waits %v", got)
		}
		w.look(r, memory.Found)
		r.Release(t.Context())
	}
	if _, err := os.Stat(w.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// What is remembered is never older than the value's own publication, however long the CA goes on looking.
func TestWait_LookGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.process().Reserve("1", w.self, letsEncrypt())
	w.publish(first, 60, record(name, "a"))
	first.Look(t.Context())
	second := w.process().Reserve("2", w.self, letsEncrypt())
	w.clock.Advance(time.Second)
	second.Put(t.Context(), []memory.Record{record(name, "b")})
	w.clock.Advance(100 * time.Second)
	w.publish(second, 60, record(name, "b"))
	w.clock.Advance(10 * time.Second)
	if got := w.waits(second); got != 52*time.Second {
		t.Errorf("waits %v", got)
	}
}

// A look that began when both values stood shows both.
func TestWait_SeenOfAnotherRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.process().Reserve("1", w.self, letsEncrypt()), w.process().Reserve("2", w.self, letsEncrypt())
	w.publish(first, 60, record(name, "a"))
	w.publish(second, 60, record(name, "b"))
	w.look(first, memory.Found)
	if got := w.waits(second); got != 0 {
		t.Errorf("waits %v for a value that was seen", got)
	}
	w.look(second, memory.Found)
	third := w.process().Reserve("3", w.self, letsEncrypt())
	w.publish(third, 60, record(name, "a")) // made again, since the first was deleted before the second's look was over
	if got := w.waits(third); got != 62*time.Second {
		t.Errorf("waits %v for a value that was away", got)
	}
}

// Before a look, records of other runs at the name are waited for until they are published, or given up.
func TestWait_Others(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		then func(w *world, second *memory.Reservation)
		most time.Duration
	}{
		"published": {func(w *world, second *memory.Reservation) { w.publish(second, 60, record(name, "b")) }, 3 * time.Second},
		"given up":  {func(w *world, second *memory.Reservation) { second.Release(w.t.Context()) }, 3 * time.Second},
		"never":     {func(*world, *memory.Reservation) {}, 61 * time.Second},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			first, second := w.process().Reserve("1", w.self, letsEncrypt()), w.process().Reserve("2", w.self, letsEncrypt())
			second.Put(t.Context(), []memory.Record{record(name, "")}) // it has no order yet
			w.publish(first, 60, record(name, "a"))
			began, told := w.clock.Now(), 0
			if err := first.Wait(t.Context(), time.Hour, func(p memory.Pause) {
				if told++; !p.Others || p.Record.FQDN != name {
					t.Errorf("%+v", p)
				}
				if w.clock.Now().Sub(began) >= 2*time.Second {
					test.then(w, second)
				}
			}); err != nil {
				t.Fatal(err)
			}
			if took := w.clock.Now().Sub(began); told == 0 || took < 2*time.Second || took > test.most {
				t.Errorf("waits %v, told %d times", took, told)
			}
		})
	}
}

// What a dead process reserved is waited for by no run; its look lasts a minute at most.
func TestWait_OwnerDead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner, kill := w.child()
	ended := w.process().Reserve("1", owner, letsEncrypt())
	w.publish(ended, 60, record(name, "b"))
	ended.Look(t.Context())
	ended.Add(t.Context(), record(name, "c"))
	r := w.process().Reserve("2", w.self, letsEncrypt())
	w.publish(r, 60, record(name, "a"))
	if p := r.Pause(); p.Others || p.Left != 62*time.Second {
		t.Errorf("%+v while it lives", p)
	}
	kill()
	w.clock.Advance(100 * time.Second)
	r.Release(t.Context())
	w.publish(r, 60, record(name, "a"))
	if p := r.Pause(); p.Others || p.Left != 22*time.Second {
		t.Errorf("%+v, want what is left of a look of a minute", p)
	}
}

// Of a container's first process, or one of another container, it cannot be proven that it is dead: after five minutes no run waits for
// what it reserved, and its look is over.
func TestWait_OwnerNotKnown(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*journal.Process){
		"first process":     func(p *journal.Process) { p.PID = 1 },
		"another container": func(p *journal.Process) { p.PIDNamespace = "pid:[1]" },
		"no /proc":          func(p *journal.Process) { *p = journal.Process{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			owner := w.self
			change(&owner)
			reserved := w.process().Reserve("1", owner, letsEncrypt())
			reserved.Put(t.Context(), []memory.Record{record(challenge, "b")})
			looking := w.process().Reserve("2", owner, letsEncrypt())
			w.publish(looking, 60, record(other, "b"))
			looking.Look(t.Context())
			for _, at := range []struct {
				after   time.Duration
				waits   bool
				looking time.Duration
			}{{time.Minute, true, 62 * time.Second}, {5 * time.Minute, false, 3 * time.Second}, {time.Hour, false, 0}} {
				w.clock.Advance(at.after)
				m := w.process()
				mine := m.Reserve("3", w.self, letsEncrypt())
				w.publish(mine, 60, record(challenge, "a"))
				if p := mine.Pause(); p.Others != at.waits {
					t.Errorf("%v later: %+v", at.after, p)
				}
				mine.Release(t.Context())
				if left := m.Left(letsEncrypt(), record(other, "a")); at.looking != left && at.after != 5*time.Minute || left > at.looking {
					t.Errorf("%v later a look keeps others back for %v", at.after, left)
				}
			}
		})
	}
}

// child starts another process, and returns it and what ends it.
func (w *world) child() (journal.Process, func()) {
	w.t.Helper()
	command := exec.Command("cat")
	stdin, err := command.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		w.t.Fatal(err)
	}
	end := sync.OnceFunc(func() { _ = stdin.Close(); _ = command.Wait() })
	w.t.Cleanup(end)
	owner, err := journal.Find(command.Process.Pid)
	if err != nil {
		w.t.Fatal(err)
	}
	return owner, end
}

// The wait is told of at each second, and refused if there is less time.
func TestWait_Tell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.process().Reserve("1", w.self, letsEncrypt())
	w.publish(first, 3, record(name, "a"))
	w.look(first, memory.Found)
	second := w.process().Reserve("2", w.self, letsEncrypt())
	w.publish(second, 3, record(name, "b"))
	var left []time.Duration
	if err := second.Wait(t.Context(), 6*time.Second, func(p memory.Pause) { left = append(left, p.Left) }); err != nil {
		t.Fatal(err)
	}
	if len(left) != 5 || left[0] != 5*time.Second || left[4] != time.Second {
		t.Errorf("told %v", left)
	}
	w.look(second, memory.Found)
	third := w.process().Reserve("3", w.self, letsEncrypt())
	w.publish(third, 3, record(name, "c"))
	err := third.Wait(t.Context(), 4*time.Second, func(memory.Pause) { t.Error("told") })
	if fault.CodeOf(err) != memory.CodeRemembers || fault.ClassOf(err) != fault.Temporary {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("stopped"))
	if err := third.Wait(ctx, time.Hour, nil); err == nil || err.Error() != "stopped" {
		t.Errorf("%v", err)
	}
}

// A clean-up says that the CA looks no more, with whatever is known of the record.
func TestLookedAt(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		before func(w *world, r *memory.Reservation)
		sure   bool
		want   time.Duration
	}{
		"unknown":                  {func(*world, *memory.Reservation) {}, false, 62 * time.Second},
		"looked at":                {func(w *world, r *memory.Reservation) { w.publish(r, 5, record(name, "a")); r.Look(w.t.Context()) }, false, 7 * time.Second},
		"never looked at":          {func(w *world, r *memory.Reservation) { w.publish(r, 5, record(name, "a")) }, false, 0},
		"as far as anybody knows":  {func(w *world, r *memory.Reservation) { w.publish(r, 5, record(name, "a")) }, true, 62 * time.Second},
		"looked at, not published": {func(w *world, r *memory.Reservation) { r.Add(w.t.Context(), record(name, "a")); r.Look(w.t.Context()) }, true, 62 * time.Second},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			test.before(w, w.process().Reserve("1", w.self, letsEncrypt()))
			w.process().LookedAt(t.Context(), w.self, letsEncrypt(), record(name, "a"), test.sure)
			next := w.process().Reserve("2", w.self, letsEncrypt())
			w.publish(next, 5, record(name, "b"))
			if got := w.waits(next); got != test.want {
				t.Errorf("waits %v, want %v", got, test.want)
			}
		})
	}
}

// A file that is damaged, or cannot be written, stops no run; what is over goes.
func TestFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.process().Reserve("1", w.self, letsEncrypt())
	for range 50 {
		w.publish(r, 60, record(name, "a"), record(other, "b"))
		w.look(r, memory.Found)
		w.clock.Advance(5 * time.Second)
	}
	path := filepath.Join(w.dir, "looks.json")
	text, err := os.ReadFile(path)
	if err != nil || len(text) > 10_000 {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	if err := os.WriteFile(path, []byte("{]\n\x00\nnull\n{\"FQDN\":7}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.publish(r, 60, record(name, "c"))
	if got := w.waits(r); got != 0 {
		t.Errorf("waits %v", got)
	}
	w.look(r, memory.Found)
	next := w.process().Reserve("2", w.self, letsEncrypt())
	w.publish(next, 60, record(name, "d"))
	if got := w.waits(next); got != 62*time.Second {
		t.Errorf("waits %v after the file was damaged", got)
	}
	next.Release(t.Context())
	w.clock.Advance(2 * time.Minute)
	if err := os.WriteFile(filepath.Join(w.dir, ".new-looks.json"), []byte("{"), 0o600); err != nil { // of a process that was killed
		t.Fatal(err)
	}
	w.publish(r, 60, record(name, "e"))
	w.look(r, memory.Found)
	w.publish(next, 60, record(name, "d"))
	if got := w.waits(next); got != 62*time.Second {
		t.Errorf("waits %v after a process was killed while it wrote", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.publish(next, 60, record(name, "d"))
	if got := w.waits(next); got != 0 {
		t.Errorf("waits %v with a file that cannot be used", got)
	}
	next.Release(t.Context())
}

// Many at once lose nothing.
func TestChange_SideBySide(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			value := string(rune('a' + i))
			r := w.process().Reserve(value, w.self, letsEncrypt())
			w.publish(r, 60, record(name, value))
			r.Look(t.Context())
			r.Looked(t.Context(), memory.Found)
		})
	}
	all.Wait()
	text, err := os.ReadFile(filepath.Join(w.dir, "looks.json"))
	if lines := bytes.Count(text, []byte("\n")); err != nil || lines != 20 {
		t.Errorf("%d lines, %v", lines, err)
	}
	if left, err := filepath.Glob(filepath.Join(w.dir, ".new*")); err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
}

// When the CA was last told to look at a value is known to every process, until the look is forgotten.
func TestLookAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.process()
	if at := m.LookAt(record(name, "a")); !at.IsZero() {
		t.Errorf("before anything: %v", at)
	}
	for range 2 {
		r := m.Reserve(w.clock.Now().String(), w.self, letsEncrypt())
		w.publish(r, 60, record(name, "a"))
		w.clock.Advance(5 * time.Second)
		began := w.clock.Now()
		w.look(r, memory.Unfinished)
		if at := w.process().LookAt(record(name, "a")); !at.Equal(began) {
			t.Errorf("looked at %v, want %v", at, began)
		}
		if at := m.LookAt(record(name, "b")); !at.IsZero() {
			t.Errorf("another value: %v", at)
		}
	}
}

// What is announced already changes nothing, and costs no write.
func TestAdd_AnnouncedAlready(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.process().Reserve("1", w.self, letsEncrypt())
	file := func() os.FileInfo {
		info, err := os.Stat(filepath.Join(w.dir, "looks.json"))
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	r.Put(t.Context(), []memory.Record{record(name, "a"), record(other, "b")})
	before := file()
	r.Add(t.Context(), record(name, "a"))
	if after := file(); !os.SameFile(before, after) {
		t.Error("a record that was known is written again")
	}
	r.Add(t.Context(), record(name, "c"))
	if after := file(); os.SameFile(before, after) {
		t.Error("a new record is not written")
	}
}
