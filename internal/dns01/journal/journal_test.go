package journal

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wildcard/internal/fault"
	"wildcard/providers"
)

func TestJournal(t *testing.T) {
	t.Parallel()
	j := open(t)
	owner := self(t)
	first, err := j.Add(sample(owner))
	if err != nil {
		t.Fatal(err)
	}
	first.Handle = "zone/record"
	if err := j.Update(first); err != nil {
		t.Fatal(err)
	}
	second, err := j.Add(sample(owner))
	if err != nil {
		t.Fatal(err)
	}
	if got := entries(t, j); !slices.Equal(got, []Entry{first, second}) {
		t.Errorf("got %+v", got)
	}
	// What is removed and then updated may have a record again, so it has an entry again.
	if err := j.Remove(second); err != nil {
		t.Fatal(err)
	}
	if err := j.Update(second); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is removed already
		if err := j.Remove(first); err != nil {
			t.Fatal(err)
		}
	}
	if got := entries(t, j); len(got) != 1 || got[0] != second {
		t.Errorf("got %+v", got)
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	j := open(t)
	e := sample(self(t))
	e.FQDN, e.Zone = "_acme-challenge.example.com.dns.example.net.", "example.net." // behind a CNAME
	if _, err := j.Add(e); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		domain, value string
		want          int
	}{
		{"example.com", value43, 1},
		{"Example.COM.", value43, 1},
		{e.FQDN, value43, 1},
		{strings.TrimSuffix(e.FQDN, "."), value43, 1},
		{"example.com", value43[1:] + "B", 0},
		{"example.com", strings.ToLower(value43), 0},
		{"example.com", "", 0},
		{"www.example.com", value43, 0},
		{"example.net", value43, 0},
		{"", value43, 0},
	} {
		if got, err := j.Match(test.domain, test.value); err != nil || len(got) != test.want {
			t.Errorf("%q, %q: %v, %v", test.domain, test.value, got, err)
		}
	}
}

// Fault 117: files are ours alone, and can be read again, whatever the umask.
func TestAdd_Fault117_Umask(t *testing.T) {
	t.Parallel()
	j := open(t)
	if err := program(t, "masked", "JOURNAL_TEST_DIR="+j.dir).Run(); err != nil {
		t.Fatal(err)
	}
	all := entries(t, j)
	for _, e := range all {
		if info, err := os.Stat(j.path(e)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
	}
	if len(all) != 2 {
		t.Errorf("%d entries", len(all))
	}
}

func TestAdd_RefusesWhatItCouldNotRead(t *testing.T) {
	t.Parallel()
	j := open(t)
	for what, change := range map[string]func(*Entry){
		"value":       func(e *Entry) { e.Value = "x" },
		"owner":       func(e *Entry) { e.FQDN = "../x." },
		"zone":        func(e *Entry) { e.Zone = "example.net." },
		"handle":      func(e *Entry) { e.Handle = "a b" },
		"fingerprint": func(e *Entry) { e.Fingerprint = "a\nb" },
		"spec":        func(e *Entry) { e.Spec = "" },
		"domain":      func(e *Entry) { e.Domain = "*.example.com" },
		"long handle": func(e *Entry) { e.Handle = providers.Handle(strings.Repeat("x", 513)) },
		"order":       func(e *Entry) { e.Order = "https://ca.example/\x1b[2J" },
		"round":       func(e *Entry) { e.Round = "\n" },
		"remaining":   func(e *Entry) { e.Remaining = -1 },
		"process":     func(e *Entry) { e.Owner.PID = -1 },
		"namespace":   func(e *Entry) { e.Owner.PIDNamespace = "pid:[\x00]" },
	} {
		e := sample(self(t))
		change(&e)
		if _, err := j.Add(e); fault.ClassOf(err) != fault.Internal {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got := entries(t, j); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestOpen_NotOursAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(dir+"/open", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir+"/real", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir+"/real", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(dir+"/fifo", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir + "/open", dir + "/link", dir + "/file", dir + "/fifo", dir + "/none", "/"} {
		if _, err := Open(path, nil); fault.CodeOf(err) != fault.CodeState || fault.ClassOf(err) != fault.Misconfigured {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Fault 127: the entry is cut at every byte, and one byte is changed.
func TestEntries_Fault127_Cut(t *testing.T) {
	t.Parallel()
	j := open(t)
	good, err := j.Add(sample(self(t)))
	if err != nil {
		t.Fatal(err)
	}
	bad, err := j.Add(sample(self(t)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(j.path(bad))
	if err != nil {
		t.Fatal(err)
	}
	damage := func(text []byte) {
		t.Helper()
		if err := os.WriteFile(j.path(bad), text, 0o600); err != nil {
			t.Fatal(err)
		}
		all, damaged, err := j.Entries()
		if err != nil || len(all) != 1 || all[0] != good || len(damaged) != 1 || damaged[0].Path != j.path(bad) {
			t.Fatalf("%d bytes: %v, %v, %v", len(text), all, damaged, err)
		}
	}
	for n := range text {
		damage(text[:n])
	}
	for n := range text {
		damage(slices.Concat(text[:n], []byte{text[n] ^ 1}, text[n+1:]))
	}
}

func TestEntries_NotOurFiles(t *testing.T) {
	t.Parallel()
	j := open(t)
	good, err := j.Add(sample(self(t)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(j.path(good))
	if err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"", newPrefix} {
		if err := errors.Join(
			syscall.Mkfifo(j.dir+"/"+prefix+"fifo.json", 0o600),
			os.Symlink(j.path(good), j.dir+"/"+prefix+"link.json"),
			os.Symlink("nowhere", j.dir+"/"+prefix+"dangling.json"),
			os.Mkdir(j.dir+"/"+prefix+"folder.json", 0o700),
			os.WriteFile(j.dir+"/"+prefix+"large.json", bytes.Repeat([]byte("x"), mostEntry+1), 0o600),
		); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(
		os.WriteFile(j.dir+"/copy.json", text, 0o600),
		os.WriteFile(j.dir+"/empty.json", nil, 0o600),
		os.WriteFile(j.dir+"/README", []byte("read me"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	j.now = func() time.Time { return time.Now().Add(time.Hour) }
	before := files(t, j)
	for range 2 {
		all, damaged, err := j.Entries()
		if err != nil || !slices.Equal(all, []Entry{good}) || len(damaged) != len(before)-1 {
			t.Errorf("%v, %v, %v", all, damaged, err)
		}
		if after := files(t, j); !slices.Equal(after, before) {
			t.Errorf("touched: %q, before %q", after, before)
		}
	}
	// What is another user's says nothing to us.
	j.uid++
	if all, damaged, err := j.Entries(); err != nil || len(all) != 0 || len(damaged) != len(before) {
		t.Errorf("%v, %v, %v", all, damaged, err)
	}
	if report, err := j.Sweep(t.Context(), nil, nil); err != nil || len(report.Swept)+len(report.Kept) != 0 {
		t.Errorf("%v, %v", report, err)
	}
}

// files returns the names in the journal's folder.
func files(t *testing.T, j *Journal) []string {
	t.Helper()
	all, err := os.ReadDir(j.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range all {
		names = append(names, f.Name())
	}
	return names
}

// A file that a process is still writing stays, however long it takes; kill -9 leaves one that goes away.
func TestEntries_Unfinished(t *testing.T) {
	t.Parallel()
	j := open(t)
	writer := start(t, j, "half")
	name := writer.says(t)
	later := func(d time.Duration) []string {
		j.now = func() time.Time { return time.Now().Add(d) }
		if got := entries(t, j); len(got) != 0 {
			t.Error(got)
		}
		return files(t, j)
	}
	for _, d := range []time.Duration{0, time.Hour} {
		if got := later(d); !slices.Equal(got, []string{name}) {
			t.Errorf("of a living writer, after %v: %q", d, got)
		}
	}
	writer.kill()
	for _, d := range []time.Duration{-time.Hour, 0} { // no lock yet, for all we know
		if got := later(d); !slices.Equal(got, []string{name}) {
			t.Errorf("after %v: %q", d, got)
		}
	}
	if got := later(2 * time.Minute); len(got) != 0 {
		t.Errorf("of a dead writer: %q", got)
	}
}

// Fault 119: no room, at every byte of an entry. Nothing may be created, so nothing is remembered.
func TestAdd_Fault119_NoRoom(t *testing.T) {
	t.Parallel()
	j := open(t)
	if err := program(t, "crowded", "JOURNAL_TEST_DIR="+j.dir).Run(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(j.dir); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Add(sample(self(t))); fault.CodeOf(err) != fault.CodeState || fault.ClassOf(err) != fault.Misconfigured {
		t.Errorf("without its folder: %v", err)
	}
	for err, want := range map[error]fault.Class{
		syscall.ENOSPC: fault.Temporary, syscall.EDQUOT: fault.Temporary, syscall.EMFILE: fault.Temporary,
		syscall.EIO: fault.Failed, syscall.EROFS: fault.Misconfigured, syscall.EACCES: fault.Misconfigured,
	} {
		if got := fault.ClassOf(failed(&os.PathError{Op: "open", Path: "x", Err: err})); got != want {
			t.Errorf("%v is of class %d, want %d", err, got, want)
		}
	}
}

// Fault 113: many processes at once.
func TestAdd_Fault113_ManyProcesses(t *testing.T) {
	t.Parallel()
	j := open(t)
	var want []string
	var all []child
	for range 20 {
		all = append(all, start(t, j, "add"))
	}
	for _, c := range all {
		c.tell(t)
	}
	for _, c := range all {
		want = append(want, c.says(t))
	}
	var got []string
	for _, e := range entries(t, j) {
		got = append(got, e.ID)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A process that reads while others update the same entry gets one of the versions, whole.
func TestUpdate_ManyAtOnce(t *testing.T) {
	t.Parallel()
	j := open(t)
	e, err := j.Add(sample(self(t)))
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for n := range 4 {
		group.Go(func() {
			mine := e
			mine.Handle = providers.Handle(strings.Repeat("x", 1+100*n))
			for range 25 {
				if err := j.Update(mine); err != nil {
					t.Error(err)
				}
				if got, err := j.read(j.path(e)); err != nil || got.ID != e.ID {
					t.Errorf("%+v, %v", got, err)
				}
			}
		})
	}
	group.Wait()
	if got := files(t, j); len(got) != 1 {
		t.Errorf("left %q", got)
	}
}

func TestRound(t *testing.T) {
	t.Parallel()
	j := open(t)
	certbot, other := self(t), Process{PID: 4711, StartTime: 1, PIDNamespace: "x", BootID: "y"}
	add := func(owner Process, remaining int) Entry {
		t.Helper()
		round, err := j.Round(owner, remaining)
		if err != nil {
			t.Fatal(err)
		}
		e := sample(owner)
		e.Round, e.Remaining = round, remaining
		if e, err = j.Add(e); err != nil {
			t.Fatal(err)
		}
		return e
	}
	in := func(e Entry) int {
		t.Helper()
		got, err := j.InRound(e.Owner, e.Round)
		if err != nil {
			t.Fatal(err)
		}
		return len(got)
	}
	a := add(certbot, 2)
	foreign := add(other, 1)
	b := add(certbot, 1)
	c := add(certbot, 0)
	if a.Round != b.Round || b.Round != c.Round || foreign.Round == a.Round || in(c) != 3 || in(foreign) != 1 {
		t.Errorf("one round: %q %q %q, foreign %q", a.Round, b.Round, c.Round, foreign.Round)
	}
	d := add(certbot, 1)
	if d.Round == c.Round || in(d) != 1 {
		t.Error("no new round after 0")
	}
	e := add(certbot, 1)
	if e.Round == d.Round {
		t.Error("no new round though the count did not fall")
	}
	e.CleaningUp = true
	if err := j.Update(e); err != nil {
		t.Fatal(err)
	}
	if f := add(certbot, 0); f.Round == e.Round || in(f) != 1 || in(e) != 0 {
		t.Error("no new round after the cleanup began")
	}
	// The clock is set back between two calls, and then stands still.
	frozen := time.Now().Add(-time.Hour)
	j.now = func() time.Time { return frozen }
	x := add(certbot, 2)
	y := add(certbot, 1)
	if x.Round != y.Round || in(y) != 2 {
		t.Error("another round by the clock")
	}
	if z := add(certbot, 1); z.Round == y.Round {
		t.Error("no new round though the count did not fall, by the clock")
	}
	// A call that failed leaves no entry, and the count falls by two.
	g := add(certbot, 3)
	if h := add(certbot, 1); h.Round != g.Round {
		t.Error("a call that failed ended the round")
	}
}

func BenchmarkAddRemove(b *testing.B) {
	j := open(b)
	owner := self(b)
	for b.Loop() {
		e, err := j.Add(sample(owner))
		if err != nil {
			b.Fatal(err)
		}
		if err := j.Remove(e); err != nil {
			b.Fatal(err)
		}
	}
}
