package journal

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"testing"
	"time"

	"wildcard/internal/fault"
)

func TestDead(t *testing.T) {
	t.Parallel()
	me := self(t)
	with := func(change func(*Process)) Process {
		p := me
		change(&p)
		return p
	}
	for _, test := range []struct {
		name string
		p    Process
		age  time.Duration
		want bool
	}{
		{"we ourselves", me, 100 * time.Hour, false},
		{"our number, another start", with(func(p *Process) { p.StartTime++ }), 0, true},
		{"before the machine's last start", with(func(p *Process) { p.BootID = "x" }), 0, true},
		{"a number nobody has", with(func(p *Process) { p.PID = 1 << 30 }), 0, true},
		{"another namespace, young", with(func(p *Process) { p.PIDNamespace = "pid:[1]" }), time.Hour, false},
		{"another namespace and boot, young", with(func(p *Process) { p.PIDNamespace, p.BootID = "pid:[1]", "x" }), time.Hour, false},
		{"another namespace, old", with(func(p *Process) { p.PIDNamespace = "pid:[1]" }), mostUnknown + time.Second, true},
		{"a clock that went back", with(func(p *Process) { p.PIDNamespace = "pid:[1]" }), -time.Hour, false},
		{"process 1", with(func(p *Process) { p.PID = 1 }), time.Hour, false},
		{"process 1, old", with(func(p *Process) { p.PID = 1 }), mostUnknown + time.Second, true},
		{"process 1 before the machine's last start", with(func(p *Process) { p.PID, p.BootID = 1, "x" }), 0, true},
		{"no boot known", with(func(p *Process) { p.BootID = "" }), time.Hour, false},
		{"no namespace known", with(func(p *Process) { p.PIDNamespace = "" }), time.Hour, false},
		{"no start known", with(func(p *Process) { p.StartTime = 0 }), time.Hour, false},
		{"no start known, and gone", with(func(p *Process) { p.PID, p.StartTime = 1<<30, 0 }), 0, true},
		{"nothing known", Process{}, time.Hour, false},
	} {
		if got := test.p.Dead(test.age); got != test.want {
			t.Errorf("%s: got %v", test.name, got)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	if _, err := Find(1 << 30); fault.CodeOf(err) != fault.CodeState || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	parent, err := Find(os.Getppid())
	if me := self(t); err != nil || parent.PID != os.Getppid() || parent == me || parent.BootID != me.BootID || me.StartTime == 0 {
		t.Errorf("%+v, %v", parent, err)
	}
}

// What cannot be seen is not dead.
func TestLife_Hidden(t *testing.T) {
	t.Parallel()
	hidden := Process{PID: os.Getppid(), StartTime: 5, PIDNamespace: "pid:[1]", BootID: "boot"}
	for name, test := range map[string]struct {
		change func(t *testing.T, at procfs)
		p      Process
		want   life
	}{
		"hidden":       {p: hidden},
		"gone":         {p: Process{PID: 1 << 30, StartTime: 5, PIDNamespace: "pid:[1]", BootID: "boot"}, want: dead},
		"other boot":   {p: Process{PID: os.Getppid(), StartTime: 5, PIDNamespace: "pid:[1]", BootID: "before"}, want: dead},
		"no boot id":   {p: Process{PID: 1 << 30, StartTime: 5, PIDNamespace: "pid:[1]"}, change: without("sys/kernel/random/boot_id")},
		"no namespace": {p: Process{PID: 1 << 30, StartTime: 5, BootID: "boot"}, change: without("self/ns/pid")},
		"no /proc":     {p: Process{PID: 1 << 30, StartTime: 5, PIDNamespace: "pid:[1]", BootID: "boot"}, change: without("self")},
		"the /proc of another pid namespace": {
			p: Process{PID: 1 << 30, StartTime: 5, PIDNamespace: "pid:[1]", BootID: "boot"},
			change: func(t *testing.T, at procfs) {
				without("self")(t, at)
				if err := errors.Join(os.Mkdir(at.path(4711, ""), 0o700), os.Rename(at.path(os.Getpid(), "ns"), at.path(4711, "ns")), os.Symlink("4711", string(at)+"/self")); err != nil {
					t.Fatal(err)
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := fakeProc(t, nil)
			if test.change != nil {
				test.change(t, at)
			}
			if got := at.life(test.p); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func without(name string) func(*testing.T, procfs) {
	return func(t *testing.T, at procfs) {
		t.Helper()
		if err := os.Remove(string(at) + "/" + name); err != nil {
			t.Fatal(err)
		}
	}
}

// A killed certbot whose parent has not waited for it yet is dead.
func TestDead_Zombie(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, err := Find(cmd.Process.Pid)
	if err != nil || p.Dead(0) {
		t.Errorf("alive: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the zombie is dead", func() bool { return p.Dead(0) })
	_ = cmd.Wait()
	if !p.Dead(0) {
		t.Error("the dead came back")
	}
}

func TestParseStat(t *testing.T) {
	t.Parallel()
	const rest = " 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 10 11\n"
	for text, want := range map[string]stat{
		"42 (hook) S 7" + rest:              {'S', 7, 98765},
		"42 (a) R 1 (b) c) Z 7" + rest:      {'Z', 7, 98765},
		"42 (line\nbreak ) ) S 7" + rest:    {'S', 7, 98765},
		"42 (short) S 7 1":                  {},
		"":                                  {},
		"S 7" + rest:                        {},
		"42 (x) S seven" + rest:             {},
		"42 (x) S 7 1 1 0 -1 4 1 2 3 4 5 6": {},
	} {
		got, err := parseStat([]byte(text))
		if got != want || (err == nil) != (want != stat{}) {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, err := Find(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	unwatched, err := Watch(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	ended, err := Watch(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	polled := make(chan struct{})
	go pollProcess(t.Context(), p, polled)
	select {
	case <-ended:
		t.Error("it has not ended")
	case <-unwatched:
		t.Error("it has not ended, and nobody watches")
	default:
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]<-chan struct{}{"pidfd": ended, "polling": polled} {
		select {
		case <-c:
		case <-time.After(30 * time.Second):
			t.Errorf("%s: nobody noticed", name)
		}
	}
	_ = cmd.Wait()
	watched, err := Watch(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-watched:
	default:
		t.Error("it had ended before")
	}
	other := self(t)
	other.StartTime++
	if watched, err = Watch(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	select {
	case <-watched:
	default:
		t.Error("its number belongs to another one, to us")
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	unknown, err := Watch(ctx, Process{PID: 1})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-unknown:
		t.Error("process 1 has ended")
	default:
	}
}
