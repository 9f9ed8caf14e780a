package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"wildcard/providers"
)

func TestJournal(t *testing.T) {
	j := open(t)
	owner := self(t)
	old := syscall.Umask(0)
	first, err := j.Add(sample(owner))
	syscall.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(j.path(first)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
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
	if got, err := j.Match("example.com", value43); err != nil || len(got) != 2 {
		t.Errorf("match: %v, %v", got, err)
	}
	if got, err := j.Match("example.com", value43[1:]+"B"); err != nil || len(got) != 0 {
		t.Errorf("another value matches: %v, %v", got, err)
	}
	for range 2 { // the second time it is gone already
		if err := j.Remove(first); err != nil {
			t.Fatal(err)
		}
	}
	if got := entries(t, j); len(got) != 1 || got[0] != second {
		t.Errorf("got %+v", got)
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
	} {
		e := sample(self(t))
		change(&e)
		if _, err := j.Add(e); providers.ClassOf(err) != providers.Internal {
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
	for _, name := range []string{"open", "link", "none"} {
		if _, err := Open(dir+"/"+name, nil); providers.CodeOf(err) != providers.CodeState {
			t.Errorf("%s: %v", name, err)
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

func TestEntries_NotFiles(t *testing.T) {
	t.Parallel()
	j := open(t)
	good, err := j.Add(sample(self(t)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(j.dir+"/fifo.json", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(j.path(good), j.dir+"/link.json"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(j.dir+"/folder.json", 0o700); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(j.path(good))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(j.dir+"/copy.json", text, 0o600); err != nil {
		t.Fatal(err)
	}
	all, damaged, err := j.Entries()
	if err != nil || len(all) != 1 || len(damaged) != 4 {
		t.Errorf("%v, %v, %v", all, damaged, err)
	}
}

func TestEntries_Unfinished(t *testing.T) {
	t.Parallel()
	j := open(t)
	path := filepath.Join(j.dir, newPrefix+"x")
	if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := entries(t, j); len(got) != 0 {
		t.Error(got)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error("a file somebody is writing was removed")
	}
	j.now = func() time.Time { return time.Now().Add(mostUnknown + time.Hour) }
	entries(t, j)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("an unfinished file is still there")
	}
}

// A file system without room: nothing may be created when the entry could not be written.
func TestAdd_NoRoom(t *testing.T) {
	t.Parallel()
	j := open(t)
	if err := os.RemoveAll(j.dir); err != nil { // the nearest failure that needs no privileges and cannot be had around
		t.Fatal(err)
	}
	if _, err := j.Add(sample(self(t))); providers.CodeOf(err) != providers.CodeState {
		t.Errorf("got %v", err)
	}
}

// Fault 113: many processes at once.
func TestAdd_ManyProcesses(t *testing.T) {
	t.Parallel()
	j := open(t)
	var group sync.WaitGroup
	const n = 20
	for range n {
		cmd := startAdder(t, j)
		group.Go(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	}
	group.Wait()
	if got := len(entries(t, j)); got != n {
		t.Errorf("%d entries, want %d", got, n)
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
	// A call that failed leaves no entry, and the count falls by two.
	g := add(certbot, 3)
	if h := add(certbot, 1); h.Round != g.Round {
		t.Error("a call that failed ended the round")
	}
}

func FuzzDecode(f *testing.F) {
	text, err := encode(Entry{ID: "0123456789abcdef0123456789abcdef", Spec: "conoha", Fingerprint: "x", Domain: "example.com", FQDN: "_acme-challenge.example.com.", Value: value43})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add([]byte("{}\n"))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := decode(text)
		if err != nil {
			return
		}
		again, err := encode(e)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := decode(again); err != nil || same != e {
			t.Errorf("%v, %+v", err, same)
		}
		if !bytes.HasSuffix(text, []byte("\n")) {
			t.Error("a cut file is read")
		}
	})
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

func TestSweep(t *testing.T) {
	t.Parallel()
	j := open(t)
	cmd := startAdder(t, j)
	alive, err := j.Add(sample(self(t)))
	if err != nil {
		t.Fatal(err)
	}
	s := &service{zones: []string{"example.net.", "example.com."}}
	accounts := []providers.Account{{Provider: &service{}, Fingerprint: "other"}, {Provider: s, Fingerprint: alive.Fingerprint}}
	if report, err := j.Sweep(t.Context(), accounts); err != nil || len(report.Swept) != 0 || len(s.cleaned) != 0 {
		t.Fatalf("swept the living: %+v, %v", report, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	report, err := j.Sweep(t.Context(), accounts)
	if err != nil || len(report.Swept) != 1 || len(report.Kept) != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	if want := []string{"_acme-challenge.example.com. " + value43 + " zone/record"}; !slices.Equal(s.cleaned, want) {
		t.Errorf("deleted %q, want %q", s.cleaned, want)
	}
	if got := entries(t, j); len(got) != 1 || got[0] != alive {
		t.Errorf("left %+v", got)
	}
}

func TestSweep_Keeps(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fingerprint string
		service     service
	}{
		"another account":         {fingerprint: "other", service: service{zones: []string{"example.com."}}},
		"the zone is not listed":  {service: service{zones: []string{"com.", "example.net."}}},
		"the service is in error": {service: service{zones: []string{"example.com."}, err: errors.New("503")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := open(t)
			gone, err := j.Add(ofTheDead(t))
			if err != nil {
				t.Fatal(err)
			}
			if test.fingerprint == "" {
				test.fingerprint = gone.Fingerprint
			}
			report, err := j.Sweep(t.Context(), []providers.Account{{Provider: &test.service, Fingerprint: test.fingerprint}})
			if err != nil || len(report.Kept) != 1 || report.Kept[0].Reason == nil || len(report.Swept) != 0 {
				t.Errorf("%+v, %v", report, err)
			}
			if got := entries(t, j); len(got) != 1 {
				t.Errorf("left %+v", got)
			}
		})
	}
}

// ofTheDead is an entry of a process of ours that has ended.
func ofTheDead(t *testing.T) Entry {
	t.Helper()
	owner := self(t)
	owner.StartTime++ // the number now belongs to us, who began at another time
	e := sample(owner)
	e.Handle = "zone/record"
	return e
}

func TestSweep_CreateUnderWay(t *testing.T) {
	t.Parallel()
	j := open(t)
	e := ofTheDead(t)
	e.Handle = ""
	e, err := j.Add(e)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{zones: []string{"example.com."}}
	report, err := j.Sweep(t.Context(), []providers.Account{{Provider: s, Fingerprint: e.Fingerprint}})
	if err != nil || len(report.Swept) != 1 || len(s.cleaned) != 2 {
		t.Errorf("looked %d times: %+v, %v", len(s.cleaned), report, err)
	}
}

func TestSweep_TwoAtOnce(t *testing.T) {
	t.Parallel()
	j := open(t)
	for range 10 {
		if _, err := j.Add(ofTheDead(t)); err != nil {
			t.Fatal(err)
		}
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			s := &service{zones: []string{"example.com."}}
			if report, err := j.Sweep(t.Context(), []providers.Account{{Provider: s, Fingerprint: ofTheDead(t).Fingerprint}}); err != nil || len(report.Kept) > 0 {
				t.Errorf("%+v, %v", report, err)
			}
		})
	}
	group.Wait()
	if got := entries(t, j); len(got) != 0 {
		t.Errorf("left %+v", got)
	}
}

// hanging never answers before its context ends.
type hanging struct{ service }

func (h *hanging) CleanUp(ctx context.Context, _ providers.Challenge, _ providers.Handle) error {
	<-ctx.Done()
	return fmt.Errorf("hangs: %w", ctx.Err())
}

func TestSweep_OneHangs(t *testing.T) {
	t.Parallel()
	j := open(t)
	slow := ofTheDead(t)
	slow.Fingerprint = "slow"
	if _, err := j.Add(slow); err != nil {
		t.Fatal(err)
	}
	quick, err := j.Add(ofTheDead(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	report, err := j.Sweep(ctx, []providers.Account{
		{Provider: &hanging{service{zones: []string{"example.com."}}}, Fingerprint: "slow"},
		{Provider: &service{zones: []string{"example.com."}}, Fingerprint: quick.Fingerprint},
	})
	if err != nil || len(report.Swept) != 1 || report.Swept[0].ID != quick.ID || len(report.Kept) != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}
