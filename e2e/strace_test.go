//go:build e2e

package e2e

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/internal/system/failpoint/sweep"
)

// fileCalls are the system calls by which a program reads and changes files; some work on sockets, too.
const fileCalls = "openat,read,pread64,write,pwrite64,fsync,close,newfstatat,getdents64,fchmod,fchmodat,mkdirat,linkat,symlinkat,renameat,renameat2,unlinkat"

// injected is a command to whose system calls things happen, in folders of its own.
type injected struct {
	*world
	zone, dir string
	command   string // for sh; STRACE stands before the program
	next      string // what is started after it
}

// Faults #109, #119, #121, #125, #141 as the kernel makes them: the n-th system call of a thread fails, or ends the program.
// The programs are the real ones, without fail points. Calls are sampled by a fixed seed; WILDCARD_SWEEP=whole takes them all.
func TestSweepSystemCalls(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Fatalf("the e2e ring needs strace: %v", err)
	}
	w := newWorld(t, conohatest.Options{})
	account := w.conoha.AddAccount(conohatest.Account{Version: 2, Password: "canary-password"})
	w.use(account)
	const hook = "env CERTBOT_DOMAIN=$ZONE CERTBOT_ALL_DOMAINS=$ZONE CERTBOT_REMAINING_CHALLENGES=0 CERTBOT_VALIDATION=%s_value_of_forty_three_characters_AAAAAAAAA "
	first, second := fmt.Sprintf(hook, "A"), fmt.Sprintf(hook, "B")
	programs := []injected{
		{command: first + "STRACE wildcard-auth-hook", next: second + "wildcard-auth-hook && " + second + "wildcard-cleanup-hook"},
		{command: first + "wildcard-auth-hook; " + first + "STRACE wildcard-cleanup-hook", next: second + "wildcard-auth-hook && " + second + "wildcard-cleanup-hook"},
		{command: "STRACE wildcard issue --agree-tos $ZONE", next: "wildcard issue --agree-tos $ZONE"},
	}
	for i, program := range programs {
		for _, action := range []sweep.Action{sweep.Kill, sweep.ENOSPC, sweep.EIO} {
			_, name, _ := strings.Cut(program.command, "STRACE ")
			name, _, _ = strings.Cut(name, " --")
			t.Run(fmt.Sprint(name, " ", action), func(t *testing.T) {
				t.Parallel()
				x := program
				x.world, x.zone = w, fmt.Sprintf("%s-%d.example", strings.ToLower(string(action)), i)
				w.zone(account, x.zone)
				x.try(t, "")
				total := x.calls(t)
				if total < 50 {
					t.Fatalf("only %d system calls", total)
				}
				reached := 0
				for _, n := range sweep.Sample(action, total, total/15) {
					what := fmt.Sprintf("error=%s:when=%d", action, n)
					if action == sweep.Kill {
						what = fmt.Sprintf("signal=SIGKILL:when=%d", n)
					}
					t.Run(what, func(t *testing.T) {
						if x.try(t, what) {
							reached++
						}
					})
				}
				if reached == 0 {
					t.Errorf("%s happened nowhere", action)
				}
				t.Logf("a thread of %s makes up to %d system calls with files, %s at %d", name, total, action, reached)
			})
		}
	}
}

// try runs the command with something injected, and then what is next, and judges what they leave. It reports whether a thread
// came to what was injected.
func (x *injected) try(t *testing.T, what string) (reached bool) {
	t.Helper()
	x.dir = t.TempDir()
	strace := "strace -f -qq -o " + x.dir + "/calls -e trace=" + fileCalls
	if what != "" {
		strace += " -e inject=" + fileCalls + ":" + what
	}
	said, _ := x.sh(strings.Replace(x.command, "STRACE", strace, 1))
	trace, err := os.ReadFile(x.dir + "/calls")
	if err != nil {
		t.Fatal(err)
	}
	reached = bytes.Contains(trace, []byte("(INJECTED)")) || bytes.Contains(trace, []byte("+++ killed by SIGKILL"))
	for _, never := range []string{"canary", "PRIVATE KEY", "panic:"} {
		if strings.Contains(said, never) {
			t.Errorf("%q was printed", never)
		}
	}
	x.matches(t)
	if left, err := x.sh(x.next); err != nil {
		t.Errorf("%s: %v: %s", x.next, err, left)
	}
	x.matches(t)
	if n := x.txt(x.zone); n > 0 {
		t.Errorf("%d records left", n)
	}
	if left, err := x.sh("wildcard clean"); err != nil || !strings.Contains(left, "journal is empty") {
		t.Errorf("%v: %s", err, left)
	}
	if t.Failed() {
		t.Log(said)
	}
	return reached
}

// sh runs a script as a certbot would be run, which ends with it.
func (x *injected) sh(script string) (said string, err error) {
	cmd := exec.Command("sh", "-c", script+"; exit $?")
	cmd.Env = slices.Concat(x.environ, []string{
		"PATH=" + x.world.dir + "/bin:" + os.Getenv("PATH"), "HOME=" + x.dir, "ZONE=" + x.zone, "LANG=C.UTF-8",
		"GOMAXPROCS=1", // most calls are then one thread's
		"WILDCARD_SERVER=" + x.ca.DirectoryURL(), "WILDCARD_CA_BUNDLE=" + x.world.dir + "/root.pem",
		"WILDCARD_CONFIG_DIR=" + x.dir + "/etc", "WILDCARD_STATE_DIR=" + x.dir + "/state", "WILDCARD_RUN_DIR=" + x.dir + "/run",
	})
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// matches fails the test unless what is live, if anything is, is a certificate with its key.
func (x *injected) matches(t *testing.T) {
	t.Helper()
	live := filepath.Join(x.dir, "etc", "live", x.zone)
	if _, err := os.Lstat(live); err != nil {
		return
	}
	if _, err := tls.LoadX509KeyPair(filepath.Join(live, "fullchain.pem"), filepath.Join(live, "privkey.pem")); err != nil {
		t.Error(err)
	}
}

// calls is the most system calls that one thread made: strace counts them by thread.
func (x *injected) calls(t *testing.T) (most int) {
	t.Helper()
	text, err := os.ReadFile(x.dir + "/calls")
	if err != nil {
		t.Fatal(err)
	}
	threads := map[string]int{}
	for line := range strings.Lines(string(text)) {
		thread, call, _ := strings.Cut(line, " ")
		if !strings.HasPrefix(strings.TrimSpace(call), "<...") {
			threads[thread]++
			most = max(most, threads[thread])
		}
	}
	return most
}

// TestStored_TriedBefore: report O20. On file systems that lack something the kernel says so to the real programs: what storing has another
// way for passes, with one account and nothing to do the next time; all else is refused by issue, plan and doctor before the CA is asked.
func TestStored_TriedBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	account := w.conoha.AddAccount(conohatest.Account{Version: 2, Password: "canary-password"})
	w.use(account)
	for i, test := range []struct {
		how    string // "CALL:error=NAME" is what the kernel says, else options of a mount of the folder
		stored bool
	}{
		{"renameat2:error=EINVAL", true}, // NFS, ZFS before 2.2, 9p, FUSE
		{"linkat:error=EPERM", true},     // no hard links
		{"symlinkat:error=EPERM", false}, // FAT
		{"symlinkat:error=EROFS", false},
		{"size=900k", false}, // full
		{"size=8m,nr_inodes=8", false},
		{"ro", false},
	} {
		t.Run(test.how, func(t *testing.T) {
			x := injected{world: w, zone: fmt.Sprintf("stored-%d.example", i), dir: t.TempDir()}
			w.zone(account, x.zone)
			if err := os.MkdirAll(x.dir+"/etc", 0o755); err != nil {
				t.Fatal(err)
			}
			call, _, injects := strings.Cut(test.how, ":")
			program := "strace -f -qq --seccomp-bpf -A -o " + x.dir + "/calls -e trace=" + call + " -e inject=" + test.how + " wildcard "
			if !injects {
				program = "unshare --mount sh -c 'mount -t tmpfs -o mode=755," + test.how + " tmpfs " + x.dir + `/etc && "$@"; code=$?; find ` +
					x.dir + `/etc -mindepth 1 -printf "left is %p\n"; exit $code' wildcard wildcard `
			}
			commands := []string{"issue --agree-tos $ZONE", "plan $ZONE", "doctor $ZONE"}
			if test.stored {
				commands = []string{"issue --agree-tos $ZONE", "issue --agree-tos $ZONE"}
			}
			for n, command := range commands {
				said, err := x.sh(program + command)
				if test.stored != (err == nil) || n == 1 && test.stored && !strings.Contains(said, "nothing to do") {
					t.Errorf("%s: %v\n%s", command, err, said)
				}
				if !test.stored && (!strings.Contains(said, "lineage") || strings.Contains(said, "left is ")) {
					t.Errorf("%s says\n%s", command, said)
				}
			}
			if trace, err := os.ReadFile(x.dir + "/calls"); injects && (err != nil || !bytes.Contains(trace, []byte("(INJECTED)"))) {
				t.Errorf("nothing was injected: %v", err)
			}
			found, err := filepath.Glob(x.dir + "/etc/accounts/*/*/*")
			if err != nil || len(found) > 0 != test.stored || len(found) > 1 {
				t.Errorf("accounts: %q, %v", found, err)
			}
			if entries, err := os.ReadDir(x.dir + "/etc"); !test.stored && (err != nil || len(entries) > 0) {
				t.Errorf("left: %v, %v", entries, err)
			}
		})
	}
}
