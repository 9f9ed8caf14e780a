package settings

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"wildcard/providers"
)

func families() []Family {
	either := func(get func(string) string) []string {
		if get("NEW_USER") == "" && get("NEW_ID") == "" {
			return []string{"NEW_USER or NEW_ID"}
		}
		return nil
	}
	return []Family{
		{Account: "one", Name: "NEW_*", Check: either, Variables: []Variable{
			{Name: "NEW_TENANT"}, {Name: "NEW_USER", Optional: true}, {Name: "NEW_ID", Optional: true}, {Name: "NEW_PASSWORD", Secret: true}, {Name: "NEW_REGION", Optional: true}}},
		{Account: "one", Name: "OLD_*", Variables: []Variable{{Name: "OLD_TENANT", Aliases: []string{"OLD_TENANTID"}}, {Name: "OLD_PASSWORD", Secret: true}}},
		{Account: "two", Name: "V3_*", Variables: []Variable{{Name: "V3_TENANT"}, {Name: "V3_PASSWORD", Secret: true}, {Name: "V3_REGION", Optional: true}}},
	}
}

// write writes a file for the owner alone, whatever the umask.
func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	const complete = "NEW_TENANT=t\nNEW_USER=u\nNEW_PASSWORD=canary\n"
	type world struct {
		environ                                  []string
		spec, envFile, creds, beside, id, config string // contents of the files; "" for none
	}
	for _, test := range []struct {
		name  string
		world world
		want  []string // account family tenant source's base name
		err   string   // part of the error
		code  string
	}{
		{name: "nothing anywhere", err: "settings: conoha: NEW_TENANT, NEW_PASSWORD, NEW_USER or NEW_ID must be set; looked in the environment, ", code: providers.CodeMissing},
		{name: "the environment", world: world{environ: []string{"NEW_TENANT=e", "NEW_ID=i", "NEW_PASSWORD=p"}, config: complete}, want: []string{"one NEW_* e the environment"}},
		{name: "a named file comes before the environment", world: world{envFile: complete, environ: []string{"NEW_TENANT=e", "NEW_ID=i", "NEW_PASSWORD=p"}}, want: []string{"one NEW_* t envfile"}},
		{name: "the spec's file is the only one", world: world{spec: "OLD_TENANT=s\nOLD_PASSWORD=p", envFile: complete}, want: []string{"one OLD_* s spec"}},
		{name: "the spec's file must be complete", world: world{spec: "OLD_TENANT=s", envFile: complete}, err: "spec lacks OLD_PASSWORD", code: providers.CodeMissing},
		{name: "a named file must be complete", world: world{envFile: "# nothing", config: complete}, err: "NEW_TENANT, NEW_PASSWORD, NEW_USER or NEW_ID must be set; looked in", code: providers.CodeMissing},
		{name: "systemd", world: world{creds: complete, config: "NEW_TENANT=c"}, want: []string{"one NEW_* t conoha.env"}},
		{name: "beside the program", world: world{beside: complete, config: "NEW_TENANT=c"}, want: []string{"one NEW_* t .env"}},
		{name: "the older script's file", world: world{id: "OLD_TENANTID=x\nOLD_PASSWORD=p"}, want: []string{"one OLD_* x conoha_id"}},
		{name: "certbot's directory", world: world{config: complete}, want: []string{"one NEW_* t .env"}},
		{name: "never merged", world: world{environ: []string{"NEW_TENANT=e"}, config: "NEW_USER=u\nNEW_PASSWORD=p"}, err: "lacks NEW_TENANT", code: providers.CodeMissing},
		{name: "half a set is passed over for a whole one", world: world{environ: []string{"NEW_TENANT=e"}, config: complete}, want: []string{"one NEW_* t .env"}},
		{name: "a lone region begins nothing", world: world{config: complete + "V3_REGION=c3j1"}, want: []string{"one NEW_* t .env"}},
		{name: "the first complete family", world: world{config: "NEW_TENANT=n\nOLD_TENANT=o\nOLD_PASSWORD=p"}, want: []string{"one OLD_* o .env"}},
		{name: "two accounts", world: world{config: complete + "V3_TENANT=three\nV3_PASSWORD=p"}, want: []string{"one NEW_* t .env", "two V3_* three .env"}},
		{name: "half a second account", world: world{config: complete + "V3_TENANT=three"}, err: "lacks V3_PASSWORD", code: providers.CodeMissing},
		{name: "only the second account", world: world{config: "V3_TENANT=three\nV3_PASSWORD=p"}, want: []string{"two V3_* three .env"}},
		{name: "aliases that agree", world: world{config: "OLD_TENANT=x\nOLD_TENANTID=x\nOLD_PASSWORD=p"}, want: []string{"one OLD_* x .env"}},
		{name: "aliases that do not", world: world{config: "OLD_TENANT=x\nOLD_TENANTID=y\nOLD_PASSWORD=p"}, err: "OLD_TENANT and OLD_TENANTID are both set", code: providers.CodeBadSettings},
		{name: "a line that cannot be read", world: world{config: complete + "NEW_REGION=$canary"}, err: "line 4: NEW_REGION: $ means", code: providers.CodeBadSettings},
		{name: "both ways at once", world: world{environ: []string{"NEW_PASSWORD=p", "NEW_PASSWORD_FILE=/x"}}, err: "NEW_PASSWORD and NEW_PASSWORD_FILE are both set", code: providers.CodeBadSettings},
		{name: "a relative file", world: world{environ: []string{"NEW_PASSWORD_FILE=x"}}, err: "not absolute", code: providers.CodeBadSettings},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := Sources{Environ: test.world.environ, CredentialsDir: dir + "/creds", ProgramDirs: []string{dir + "/bin", dir + "/nowhere"}, ConfigDir: dir + "/etc"}
			spec := providers.Spec{Name: "conoha"}
			for path, text := range map[string]string{"spec": test.world.spec, "envfile": test.world.envFile, "creds/conoha.env": test.world.creds,
				"bin/.env": test.world.beside, "bin/conoha_id": test.world.id, "etc/conoha/.env": test.world.config} {
				if text != "" {
					write(t, filepath.Join(dir, path), text)
				}
			}
			if test.world.spec != "" {
				spec.EnvFile = dir + "/spec"
			}
			if test.world.envFile != "" {
				s.EnvFile = dir + "/envfile"
			}
			sets, err := s.Credentials(spec, families())
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) || providers.CodeOf(err) != test.code || providers.ClassOf(err) != providers.Misconfigured {
					t.Fatalf("got %v [%s], want %q [%s]", err, providers.CodeOf(err), test.err, test.code)
				}
				if strings.Contains(err.Error(), "canary") {
					t.Errorf("the error shows a value: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, set := range sets {
				tenant := set.Get("NEW_TENANT") + set.Get("OLD_TENANT") + set.Get("V3_TENANT")
				got = append(got, fmt.Sprint(set.Account, " ", set.Family, " ", tenant, " ", filepath.Base(set.Source)))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestCredentials_ValueFromFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := write(t, dir+"/password", "p'w$ \\x\n")
	s := Sources{Environ: []string{"OLD_TENANT=t", "OLD_PASSWORD_FILE=" + file}}
	sets, err := s.Credentials(providers.Spec{Name: "x"}, families())
	if err != nil {
		t.Fatal(err)
	}
	if got := sets[0].Secret("OLD_PASSWORD").Reveal(); got != `p'w$ \x` {
		t.Errorf("got %q", got)
	}
	write(t, file, "two\nlines\n")
	if _, err := s.Credentials(providers.Spec{Name: "x"}, families()); providers.CodeOf(err) != providers.CodeBadSettings {
		t.Errorf("two lines: %v", err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Credentials(providers.Spec{Name: "x"}, families()); providers.CodeOf(err) != providers.CodeUnsafeFile {
		t.Errorf("open to others: %v", err)
	}
}

func TestSetting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/x/.env", "OLD_TENANT=t\nOLD_PASSWORD=p\nTTL=60\nURL=http://file/\n")
	s := Sources{Environ: []string{"URL=http://environment/", "EMPTY="}, ConfigDir: dir}
	sets, err := s.Credentials(providers.Spec{Name: "x"}, families())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"URL": "http://environment/", "TTL": "60", "EMPTY": "", "NONE": ""} {
		if got, ok := sets[0].Setting(name); got != want || ok != (want != "") {
			t.Errorf("%s: got %q, %v", name, got, ok)
		}
	}
}

// Fault 149 of reference/reliability.md.
func TestReadEnvFile_Fault149_UnsafeFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sticky := filepath.Join(dir, "open")
	for path, mode := range map[string]os.FileMode{sticky: 0o777, filepath.Join(dir, "sticky"): 0o777 | os.ModeSticky} {
		write(t, path+"/.env", "A=b\n")
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	good := write(t, dir+"/good", "A=b\n")
	if err := os.Symlink(good, dir+"/link"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir+"/none", dir+"/dangling"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(dir+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	huge := write(t, dir+"/huge", "")
	if err := os.Truncate(huge, 100<<20); err != nil {
		t.Fatal(err)
	}
	for mode := os.FileMode(0o601); mode <= 0o677; mode++ {
		if mode&0o077 == 0 {
			continue
		}
		path := write(t, fmt.Sprintf("%s/%o", dir, mode), "A=canary\n")
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadEnvFile(path); providers.CodeOf(err) != providers.CodeUnsafeFile || !strings.HasSuffix(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	for path, code := range map[string]string{
		good: "", dir + "/link": "", dir + "/sticky/.env": "",
		sticky + "/.env": providers.CodeUnsafeFile, dir + "/fifo": providers.CodeBadSettings, dir: providers.CodeBadSettings, "/dev/null": providers.CodeBadSettings,
		huge: providers.CodeBadSettings, dir + "/none": providers.CodeMissing, dir + "/dangling": providers.CodeMissing, "relative": providers.CodeBadSettings,
	} {
		_, err := ReadEnvFile(path)
		if providers.CodeOf(err) != code {
			t.Errorf("%s: got %v, want code %q", path, err, code)
		}
		if err != nil && providers.ClassOf(err).ExitCode() != 78 {
			t.Errorf("%s: exit code %d", path, providers.ClassOf(err).ExitCode())
		}
	}
}

// A file of somebody else's: as root one that we give away, as an ordinary user one of whoever is neither root nor us, by
// asking about ownership alone.
func TestOurs(t *testing.T) {
	t.Parallel()
	path := write(t, t.TempDir()+"/file", "A=b\n")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if !ours(info) {
		t.Error("our own file is not ours")
	}
	info.Sys().(*syscall.Stat_t).Uid = uint32(os.Geteuid() + 4711)
	if ours(info) {
		t.Error("somebody else's file is ours")
	}
	err = check(path, info, private)
	if providers.CodeOf(err) != providers.CodeUnsafeFile || !strings.Contains(err.Error(), fmt.Sprintf("chown %d %s", os.Geteuid(), path)) {
		t.Errorf("got %v", err)
	}
}

// Fault 150.
func TestParseEnv_Fault150(t *testing.T) {
	t.Parallel()
	got, err := parseEnv("x", "\ufeffA=1\r\nexport B='two words'\r\n\r\n# C=3\r\nA=last\r\nD='$(touch x) `x` \\n ${A}'\nE=\"q'q\"")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"A": "last", "B": "two words", "D": "$(touch x) `x` \\n ${A}", "E": "q'q"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q", got)
	}
	for _, text := range []string{"A=\x00", "A=\xff", "A=b\rc", "A=$(cmd)", "A=`x`", "A=${B}", "A: b", "A = b", "A", "A='x\ny'", "A='x'\\''y'"} {
		if _, err := parseEnv("x", text); providers.CodeOf(err) != providers.CodeBadSettings || !strings.Contains(err.Error(), "x line 1:") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// The example that people copy must be readable as it is and with every line in force.
func TestEnvExample(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseEnv(".env.example", string(text)); err != nil {
		t.Error(err)
	}
	found := map[string]bool{}
	for _, line := range strings.Split(string(text), "\n") {
		line = strings.TrimPrefix(line, "#")
		if name, _, ok := strings.Cut(line, "="); ok && isName(name) {
			a, err := parseLine(line)
			if err != nil {
				t.Error(err)
			}
			found[a.name] = true
		}
	}
	for _, name := range []string{"CONOHA_REGION", "CONOHA_TENANT_ID", "CONOHA_API_USERNAME", "CONOHA_API_PASSWORD", "CONOHAV3_TENANT_ID",
		"CONOHAV3_API_USER_ID", "CONOHAV3_API_PASSWORD", "CONOHA_TTL", "CONOHA_PROPAGATION_TIMEOUT", "CONOHA_HTTP_TIMEOUT"} {
		if !found[name] {
			t.Errorf("%s is not in it", name)
		}
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	s := struct{ S Secret }{NewSecret("canary")}
	var printed strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&printed, verb+verb, s, s.S)
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	printed.Write(text)
	slog.New(slog.NewTextHandler(&printed, nil)).Info("x", "secret", s.S, "struct", s)
	if strings.Contains(printed.String(), "canary") || strings.Contains(printed.String(), "63616e617279") || !strings.Contains(printed.String(), "***") {
		t.Error(printed.String())
	}
	if s.S.Reveal() != "canary" || s.S.IsZero() || !NewSecret("").IsZero() {
		t.Error("the value is gone")
	}
}

func TestFindDirectories(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name          string
		config, state string
		environ       []string
		root          bool
		want          Directories
		fails         bool
	}{
		{name: "root", root: true, environ: []string{"HOME=/root", "STATE_DIRECTORY=/x"}, want: Directories{"/etc/letsencrypt", "/var/lib/wildcard", "/run/wildcard"}},
		{name: "flags", root: true, config: "/c", state: "/s", environ: []string{"WILDCARD_CONFIG_DIR=/x", "WILDCARD_STATE_DIR=/x"}, want: Directories{"/c", "/s", "/run/wildcard"}},
		{name: "variables", environ: []string{"WILDCARD_CONFIG_DIR=/c", "WILDCARD_STATE_DIR=/s", "WILDCARD_RUN_DIR=/r"}, want: Directories{"/c", "/s", "/r"}},
		{name: "XDG", environ: []string{"HOME=/h", "XDG_STATE_HOME=/xs", "XDG_RUNTIME_DIR=/xr"}, want: Directories{"/etc/letsencrypt", "/xs/wildcard", "/xr/wildcard"}},
		{name: "home", environ: []string{"HOME=/h"}, want: Directories{"/etc/letsencrypt", "/h/.local/state/wildcard", "/h/.local/state/wildcard/run"}},
		{name: "nowhere", fails: true},
		{name: "relative", environ: []string{"WILDCARD_STATE_DIR=x"}, fails: true},
	} {
		got, err := findDirectories(test.config, test.state, test.environ, test.root)
		if test.fails {
			if providers.CodeOf(err) != providers.CodeState {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if err != nil || got != test.want {
			t.Errorf("%s: got %v, %v", test.name, got, err)
		}
	}
}

func TestPrivateDir(t *testing.T) {
	// No t.Parallel: the umask is the process's.
	for _, umask := range []int{0, 0o022, 0o077, 0o777} {
		dir := t.TempDir()
		old := syscall.Umask(umask)
		err := PrivateDir(dir + "/private")
		syscall.Umask(old)
		if err != nil {
			t.Fatalf("umask %o: %v", umask, err)
		}
		if info, err := os.Stat(dir + "/private"); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("umask %o: %v %v", umask, info.Mode(), err)
		}
		if err := PrivateDir(dir + "/private"); err != nil {
			t.Errorf("again: %v", err)
		}
	}
	dir := t.TempDir()
	if err := PrivateDir(dir + "/a/b/c"); err != nil {
		t.Error(err)
	}
	write(t, dir+"/file", "")
	if err := os.Symlink(dir+"/a", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir+"/open", 0o755); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/file": "not a folder", "/link": "not a folder", "/open": "chmod 700 " + dir + "/open", "/file/x": "not a directory"} {
		if err := PrivateDir(dir + path); providers.CodeOf(err) != providers.CodeState || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestProgramDirs(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/usr/hook", "")
	if err := os.Mkdir(dir+"/scripts", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir+"/usr/hook", dir+"/scripts/create.sh"); err != nil {
		t.Fatal(err)
	}
	if got, want := programDirs(dir+"/scripts/create.sh"), []string{dir + "/scripts", dir + "/usr"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := programDirs("no-such-program-anywhere"); got != nil {
		t.Errorf("got %q", got)
	}
}
