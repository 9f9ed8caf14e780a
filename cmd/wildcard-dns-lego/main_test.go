package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wildcard/internal/settings"
	"wildcard/internal/testkit/executable"
	"wildcard/providers"
	"wildcard/providers/plugin"
)

const name = "wildcard-dns-lego"

// The test binary is the plugin, too, when it is called by its name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == name {
		main()
		return
	}
	os.Exit(m.Run())
}

// pluginDir returns a folder with the plugin in it, to which no other user can write.
func pluginDir(t testing.TB) string {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	dir := private(t)
	executable.Write(t, filepath.Join(dir, name), string(program))
	return dir
}

// private is a folder that no other user can write to, whatever the umask.
func private(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// host opens lego services as wildcard does.
type host struct {
	dir     string   // of the plugin
	service string   // lego:SERVICE, for example.com
	environ []string // where the service's settings are found
}

func (h host) open(t testing.TB) (providers.Account, error) {
	t.Helper()
	environ := append([]string{"WILDCARD_PLUGIN_DIR=" + h.dir, "HOME=/nowhere"}, h.environ...)
	spec := providers.Spec{Zone: "example.com.", Name: "lego", Arg: h.service}
	accounts, err := plugin.Open(spec, settings.Sources{Environ: environ}, plugin.Options{Environ: environ, Stderr: said{t}})
	if err != nil {
		return providers.Account{}, err
	}
	return accounts[0], nil
}

func (h host) must(t testing.TB) providers.Provider {
	t.Helper()
	a, err := h.open(t)
	if err != nil {
		t.Fatal(err)
	}
	return a.Provider
}

// said has what programs say in the log of the test.
type said struct{ t testing.TB }

func (s said) Write(text []byte) (int, error) {
	s.t.Log(strings.TrimSpace(string(text)))
	return len(text), nil
}

// write writes a file that only we can change.
func write(t testing.TB, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := executable.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// fails checks an error.
func fails(t testing.TB, err error, code string, class providers.Class, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if providers.CodeOf(err) != code || providers.ClassOf(err) != class || !strings.Contains(fmt.Sprint(err), text) {
			t.Errorf("%v (%s, exit %d), want %s, exit %d, %q", err, providers.CodeOf(err), providers.ClassOf(err).ExitCode(), code, class.ExitCode(), text)
		}
	}
}
