package plugin_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wildcard/internal/settings"
	"wildcard/internal/system/confine"
	"wildcard/internal/testkit/executable"
	"wildcard/internal/testkit/parallel"
	"wildcard/providers"
	"wildcard/providers/plugin"
)

func TestMain(m *testing.M) {
	parallel.Waiting()
	goleak.VerifyTestMain(m)
}

// world is a service that is a folder, and the programs that know it.
type world struct {
	t      testing.TB
	bin    string
	store  string
	env    string // the env file with the folder's name
	stderr *screen
}

// screen is a writer for several goroutines.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, bin: private(t), store: private(t), stderr: &screen{}}
	programs, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range programs {
		if p.IsDir() {
			continue // seeds of fuzz tests
		}
		text, err := os.ReadFile(filepath.Join("testdata", p.Name()))
		if err != nil {
			t.Fatal(err)
		}
		w.program(p.Name(), string(text))
	}
	w.shared(w.store)
	w.env = filepath.Join(w.bin, "env")
	w.write(w.env, "STORE='"+w.store+"'\n", 0o600)
	return w
}

// private is a folder that only we can write to, whatever the umask.
func private(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
		t.Fatal(err) // another user passes it where there is no Landlock
	}
	return dir
}

// shared gives a folder to the user as whom plugins run, as their operator has to.
func (w *world) shared(dir string) {
	w.t.Helper()
	if confine.Can().User {
		if err := os.Chown(dir, confine.User, -1); err != nil {
			w.t.Fatal(err)
		}
	}
}

// program writes a program and returns its path. It is another file each time: a running one cannot be written.
func (w *world) program(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.bin, name)
	executable.Write(w.t, path, text)
	return path
}

func (w *world) write(path, text string, mode os.FileMode) {
	w.t.Helper()
	if err := executable.WriteFile(path, []byte(text), mode); err != nil {
		w.t.Fatal(err)
	}
	if filepath.Dir(path) == w.store {
		w.shared(path)
	}
}

// open opens a spec; BIN and ENV in it stand for the folders.
func (w *world) open(spec string, change ...func(*plugin.Options)) (providers.Account, error) {
	w.t.Helper()
	parsed, err := providers.ParseSpec(strings.NewReplacer("BIN", w.bin, "ENV", w.env).Replace(spec))
	if err != nil {
		w.t.Fatal(err)
	}
	environ := []string{"WILDCARD_PLUGIN_DIR=" + w.bin, "HOME=/nowhere", "CONOHA_API_PASSWORD=canary", "LD_PRELOAD=canary", "BASH_ENV=canary"}
	o := plugin.Options{Environ: environ, Stderr: w.stderr}
	for _, c := range change {
		c(&o)
	}
	var accounts []providers.Account
	switch parsed.Name {
	case "exec":
		accounts, err = plugin.OpenExec(parsed, o)
	case "certbot-hook":
		accounts, err = plugin.OpenCertbotHook(parsed, o)
	default:
		accounts, err = plugin.Open(parsed, settings.Sources{Environ: environ, EnvFile: parsed.EnvFile}, o)
	}
	if err != nil {
		return providers.Account{}, err
	}
	if c, ok := accounts[0].Provider.(providers.Closer); ok {
		w.t.Cleanup(func() { _ = c.Close() })
	}
	return accounts[0], nil
}

func (w *world) must(spec string, change ...func(*plugin.Options)) providers.Account {
	w.t.Helper()
	a, err := w.open(spec, change...)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// said waits until programs have said something.
func (w *world) said(text string) {
	w.t.Helper()
	for range 3000 {
		if strings.Contains(w.stderr.String(), text) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("no program has said %q", text)
}

// texts are the values at a name.
func (w *world) texts(fqdn string) []string {
	text, err := os.ReadFile(filepath.Join(w.store, fqdn))
	if err != nil {
		return nil
	}
	return strings.Fields(string(text))
}

func challenge(n string) providers.Challenge {
	return providers.Challenge{Domain: "example.com", FQDN: "_acme-challenge.example.com.", Value: n + strings.Repeat("v", 43-len(n))}
}

// fails checks an error.
func (w *world) fails(err error, code string, class providers.Class, text string) {
	w.t.Helper()
	if providers.CodeOf(err) != code || providers.ClassOf(err) != class || !strings.Contains(err.Error(), text) || strings.ContainsAny(err.Error(), "\x1b\x00") || len(err.Error()) > 1500 {
		w.t.Errorf("%v (%s, exit %d), want %s, exit %d, %q", err, providers.CodeOf(err), providers.ClassOf(err).ExitCode(), code, class.ExitCode(), text)
	}
}

func briefly(o *plugin.Options) { o.Limit = 500 * time.Millisecond }
