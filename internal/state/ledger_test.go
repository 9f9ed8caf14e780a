package state_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/state"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	record(t, s, state.Attempt{Time: noon(), Outcome: state.Succeeded})
	record(t, s, state.Attempt{Time: noon().Add(time.Hour), Outcome: state.Succeeded, Renewed: true})
	record(t, s, state.Attempt{Time: noon().Add(2 * time.Hour), Outcome: state.Succeeded})
	record(t, s, state.Attempt{Time: noon().Add(3 * time.Hour), Text: strings.Repeat("x", 4000)})
	record(t, s, state.Attempt{Time: noon().Add(4 * time.Hour), Lineage: "other"})
	for what, s := range map[string]*state.State{"the writer": s, "another process": open(t, dir)} {
		h, err := s.Last("example.com", noon().Add(24*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if !h.Last.Time.Equal(noon().Add(3*time.Hour)) || h.Last.Failures != 1 || len(h.Last.Text) != 2048 ||
			!h.LastSuccess.Time.Equal(noon().Add(2*time.Hour)) || !h.LastRenewal.Time.Equal(noon().Add(time.Hour)) {
			t.Errorf("%s sees %+v", what, h)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "ledger.jsonl"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("ledger: %v %v", info.Mode(), err)
	}
}

// TestCut: Fault #127: a ledger cut at any byte loses the line that was cut and no other, and takes further lines.
func TestCut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	for n := range 3 {
		record(t, s, state.Attempt{Time: noon().Add(time.Duration(n) * time.Minute), Lineage: "l" + strconv.Itoa(n)})
	}
	whole, err := os.ReadFile(filepath.Join(dir, "ledger.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for cut := range whole {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "ledger.jsonl"), whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		appended := cut%32 == 0
		if appended {
			record(t, open(t, dir), state.Attempt{Time: noon().Add(time.Hour), Lineage: "new"})
		}
		s := open(t, dir)
		for n := range 3 {
			h, err := s.Last("l"+strconv.Itoa(n), noon().Add(time.Hour))
			lines := bytes.SplitAfter(whole, []byte("\n"))
			end := 0
			for _, line := range lines[:n+1] {
				end += len(line)
			}
			if want := cut >= end-1; err != nil || want == h.Last.Time.IsZero() {
				t.Fatalf("cut at %d: line %d: %v %v", cut, n, h.Last, err)
			}
		}
		if h, err := s.Last("new", noon().Add(time.Hour)); err != nil || h.Last.Time.IsZero() == appended {
			t.Fatalf("cut at %d: the new line: %v %v", cut, h, err)
		}
	}
}

// TestDamage has single damaged lines passed over.
func TestDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	for n := range 3 {
		record(t, s, state.Attempt{Time: noon().Add(time.Duration(n) * time.Minute), Lineage: "l" + strconv.Itoa(n)})
	}
	path := filepath.Join(dir, "ledger.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte(`"l1"`), []byte(`"l9"`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	for name, want := range map[string]bool{"l0": true, "l1": false, "l9": false, "l2": true} {
		if h, err := s.Last(name, noon().Add(time.Hour)); err != nil || h.Last.Time.IsZero() == want {
			t.Errorf("%s: %v %v", name, h, err)
		}
	}
}

// TestRewrite has a ledger of many years stay small, without forgetting what counts.
func TestRewrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	began := noon().AddDate(-1, 0, 0)
	record(t, s, state.Attempt{Time: began, Lineage: "old", Outcome: state.Succeeded, Renewed: true})
	names := slices.Repeat([]string{strings.Repeat("a", 63) + ".example.com"}, 300)
	for n := range 100 {
		record(t, s, state.Attempt{Time: began.Add(time.Duration(n) * 50 * time.Hour), Ordered: true, Domains: names})
	}
	info, err := os.Stat(filepath.Join(dir, "ledger.jsonl"))
	if err != nil || info.Size() > 1<<20+1<<16 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	if h, err := s.Last("old", noon()); err != nil || !h.LastRenewal.Time.Equal(began) {
		t.Errorf("old: %v %v", h, err)
	}
	if h, err := s.Last("example.com", noon()); err != nil || h.Last.Failures != 100 {
		t.Errorf("failures: %d %v", h.Last.Failures, err)
	}
}

// TestRewrite_RequestsOfClients has a server's clients ask for more than the ledger can have: each request has a name of its own. Neither
// does it grow until it cannot be read, nor is anything forgotten that a lineage or the CA goes by.
func TestRewrite_RequestsOfClients(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	record(t, s, state.Attempt{Time: noon().AddDate(0, 0, -60), Lineage: "own", Outcome: state.Succeeded, Renewed: true})
	names := slices.Repeat([]string{strings.Repeat("a", 63) + ".example.com"}, 300)
	for n := range 80 {
		at := noon().AddDate(0, 0, -50).Add(time.Duration(n) * time.Hour)
		record(t, s, state.Attempt{Time: at, Lineage: fmt.Sprintf("csr-%d", n), Outcome: state.Succeeded, Domains: names, Outside: true})
	}
	record(t, s, state.Attempt{Time: noon(), Lineage: "csr-x", Outcome: state.Failed, NotBefore: noon().AddDate(0, 0, 5), Outside: true})
	for n := range 45 {
		at := noon().AddDate(0, 0, 3).Add(time.Duration(n) * time.Minute)
		record(t, s, state.Attempt{Time: at, Lineage: fmt.Sprintf("csr-x%d", n), Outcome: state.Succeeded, Domains: names, Outside: true})
	}
	info, err := os.Stat(filepath.Join(dir, "ledger.jsonl"))
	if err != nil || info.Size() > 3<<20 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	now := noon().AddDate(0, 0, 4)
	if h, err := s.Last("own", now); err != nil || h.LastRenewal.Time.IsZero() {
		t.Errorf("own: %v %v", h, err)
	}
	if h, err := s.Last("csr-x", now); err != nil || h.Last.NotBefore.IsZero() {
		t.Errorf("what the CA asked for: %v %v", h, err)
	}
	if h, err := s.Last("csr-0", now); err != nil || !h.Last.Time.IsZero() {
		t.Errorf("what has ended: %v %v", h, err)
	}
}

// TestRewrite_ManyFail has 1,600 lineages fail each hour: neither does the ledger grow until it cannot be read, nor
// is it written anew for each attempt, and what counts is not forgotten.
func TestRewrite_ManyFail(t *testing.T) {
	t.Parallel()
	const lineages, hours = 1600, 3
	dir := t.TempDir()
	path := filepath.Join(dir, "ledger.jsonl")
	var text []byte
	add := func(a state.Attempt) {
		a.Server, a.Account, a.Domains = "https://ca.example/directory", "https://ca.example/acct/1", []string{a.Lineage, "*." + a.Lineage}
		line, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		text = fmt.Appendf(text, "%08x %s\n", crc32.ChecksumIEEE(line), line)
	}
	name := func(n int) string { return fmt.Sprintf("host%d.example.com", n) }
	for n := range lineages {
		add(state.Attempt{Time: noon().AddDate(0, -1, 0), Lineage: name(n), Outcome: state.Succeeded, Renewed: true})
	}
	for hour := range hours {
		for n := range lineages {
			a := state.Attempt{Time: noon().Add(time.Duration(hour-hours) * time.Hour), Lineage: name(n), Outcome: state.Failed, Failures: hour + 1, Text: strings.Repeat("x", 512)}
			if n == 0 && hour == hours-1 { // in the last hour
				for minute := range state.MostFailures {
					a.Time, a.FailedValidations = noon().Add(time.Duration(minute-10)*time.Minute), []string{name(n)}
					add(a)
				}
			}
			add(a)
		}
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	var files []os.FileInfo
	for n := range 5 {
		record(t, s, state.Attempt{Time: noon(), Lineage: name(n), Text: strings.Repeat("x", 512)})
		info, err := os.Stat(path)
		if err != nil || info.Size() > 2<<20 {
			t.Fatalf("%d bytes of %d are kept, %v", info.Size(), len(text), err)
		}
		if len(files) == 0 || !os.SameFile(files[len(files)-1], info) {
			files = append(files, info)
		}
	}
	if len(files) != 1 {
		t.Errorf("written anew %d times for 5 attempts", len(files))
	}
	for n, failures := range map[int]int{0: hours + 1, 4: hours + 1, 5: hours, lineages - 1: hours} {
		h, err := s.Last(name(n), noon())
		if err != nil || h.Last.Failures != failures || h.LastRenewal.Time.IsZero() {
			t.Errorf("%s: %d failures, renewed at %v, %v", name(n), h.Last.Failures, h.LastRenewal.Time, err)
		}
	}
	i := intent(noon())
	i.Domains, i.Unattended = []string{name(0)}, false
	if err := s.Check(i); fault.CodeOf(err) != state.CodeValidations {
		t.Errorf("after validations that failed: %v", err)
	}
}

// TestProcesses has many processes and goroutines write at once, and no line lost.
func TestProcesses(t *testing.T) {
	if dir := os.Getenv("STATE_TEST_DIR"); dir != "" { // the child
		s := open(t, dir)
		var group sync.WaitGroup
		for n := range 8 {
			group.Go(func() {
				if err := s.Record(state.Attempt{Time: noon(), Lineage: fmt.Sprint(os.Getenv("STATE_TEST_NAME"), n), Outcome: state.Failed}); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		return
	}
	dir := t.TempDir()
	var group sync.WaitGroup
	for p := range 4 {
		group.Go(func() {
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProcesses$")
			child.Env = append(os.Environ(), "STATE_TEST_DIR="+dir, fmt.Sprint("STATE_TEST_NAME=p", p, "-"))
			if out, err := child.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	group.Wait()
	s := open(t, dir)
	for p := range 4 {
		for n := range 8 {
			if h, err := s.Last(fmt.Sprint("p", p, "-", n), noon()); err != nil || h.Last.Time.IsZero() {
				t.Errorf("process %d, attempt %d: %v %v", p, n, h, err)
			}
		}
	}
}

// TestHostileFiles has nothing followed or waited for that another user put in our place.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	for what, plant := range map[string]func(path string) error{
		"link":      func(path string) error { return os.Symlink("/etc/passwd", path) },
		"fifo":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		for _, name := range []string{"ledger.jsonl", "ledger.lock"} {
			t.Run(what+" "+name, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				if err := plant(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
				err := open(t, dir).Record(state.Attempt{Time: noon(), Lineage: "l"})
				if what == "fifo" && name == "ledger.lock" { // can be locked as well as a file
					if err != nil {
						t.Error(err)
					}
				} else if fault.CodeOf(err) != fault.CodeState {
					t.Errorf("Record: %v", err)
				}
			})
		}
	}
}
