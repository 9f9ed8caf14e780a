package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wildcard/internal/fault"
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
		{Account: "one", Name: "OLD_*", Variables: []Variable{{Name: "OLD_TENANT", Aliases: []string{"OLD_TENANTID", "OLD_PROJECT"}}, {Name: "OLD_PASSWORD", Secret: true}}},
		{Account: "two", Name: "V3_*", Variables: []Variable{{Name: "V3_TENANT"}, {Name: "V3_PASSWORD", Secret: true}, {Name: "V3_REGION", Optional: true}}},
	}
}

// folder returns a new folder that is ours alone, whatever the umask.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	chmod(t, dir, 0o700)
	return dir
}

func chmod(t testing.TB, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// write writes a file for the owner alone.
func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// wantError fails unless err is of class Misconfigured, has the code, is one line, shows all parts and no secret.
func wantError(t testing.TB, err error, code string, parts ...string) {
	t.Helper()
	if err == nil || fault.CodeOf(err) != code || fault.ClassOf(err).ExitCode() != 78 {
		t.Fatalf("got %v [%s], want %q [%s]", err, fault.CodeOf(err), parts, code)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	if exposed(err.Error()) || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "settings: ") || strings.Count(err.Error(), "settings: ") > 1 {
		t.Errorf("%q shows a value, is no single line, or does not name the package once", err)
	}
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
		{name: "nothing anywhere", err: "settings: conoha: NEW_TENANT, NEW_PASSWORD, NEW_USER or NEW_ID must be set; looked in the environment, DIR/creds/conoha.env, DIR/bin/.env, DIR/bin/conoha_id, DIR/nowhere/.env, DIR/nowhere/conoha_id, DIR/etc/conoha/.env", code: fault.CodeMissing},
		{name: "the environment", world: world{environ: []string{"NEW_TENANT=e", "NEW_ID=i", "NEW_PASSWORD=p"}, config: complete}, want: []string{"one NEW_* e the environment"}},
		{name: "a named file comes before the environment", world: world{envFile: complete, environ: []string{"NEW_TENANT=e", "NEW_ID=i", "NEW_PASSWORD=p"}}, want: []string{"one NEW_* t envfile"}},
		{name: "the spec's file is the only one", world: world{spec: "OLD_TENANT=s\nOLD_PASSWORD=p", envFile: complete}, want: []string{"one OLD_* s spec"}},
		{name: "the spec's file must be complete", world: world{spec: "OLD_TENANT=s", envFile: complete}, err: "conoha: DIR/spec lacks OLD_PASSWORD; looked in DIR/spec", code: fault.CodeMissing},
		{name: "a named file must be complete", world: world{envFile: "# nothing", config: complete}, err: "NEW_TENANT, NEW_PASSWORD, NEW_USER or NEW_ID must be set; looked in DIR/envfile", code: fault.CodeMissing},
		{name: "systemd before the program", world: world{creds: complete, beside: "OLD_TENANT=b\nOLD_PASSWORD=p"}, want: []string{"one NEW_* t conoha.env"}},
		{name: "beside the program", world: world{beside: complete, id: "OLD_TENANT=i\nOLD_PASSWORD=p", config: "NEW_TENANT=c"}, want: []string{"one NEW_* t .env"}},
		{name: "the older script's file", world: world{id: "OLD_TENANTID=x\nOLD_PASSWORD=p", config: complete}, want: []string{"one OLD_* x conoha_id"}},
		{name: "certbot's directory", world: world{config: complete}, want: []string{"one NEW_* t .env"}},
		{name: "never merged", world: world{environ: []string{"NEW_TENANT=e"}, config: "NEW_USER=u\nNEW_PASSWORD=p"}, err: "lacks NEW_TENANT; looked in the environment, DIR/creds", code: fault.CodeMissing},
		{name: "families are never merged", world: world{config: "NEW_TENANT=t\nNEW_USER=u\nOLD_PASSWORD=p"}, err: "DIR/etc/conoha/.env lacks NEW_PASSWORD; looked in", code: fault.CodeMissing},
		{name: "half a set is passed over for a whole one", world: world{environ: []string{"NEW_TENANT=e"}, config: complete}, want: []string{"one NEW_* t .env"}},
		{name: "the nearest is named", world: world{environ: []string{"NEW_TENANT=e"}, creds: "NEW_TENANT=e\nNEW_ID=i", config: "OLD_TENANT=t"}, err: "DIR/creds/conoha.env lacks NEW_PASSWORD; looked in", code: fault.CodeMissing},
		{name: "one of two is a beginning", world: world{config: "NEW_ID=i"}, err: "DIR/etc/conoha/.env lacks NEW_TENANT, NEW_PASSWORD; looked in", code: fault.CodeMissing},
		{name: "an empty value is none", world: world{environ: []string{"NEW_TENANT=e", "NEW_ID=i", "NEW_PASSWORD="}}, err: "the environment lacks NEW_PASSWORD", code: fault.CodeMissing},
		{name: "a lone region begins nothing", world: world{config: complete + "V3_REGION=c3j1"}, want: []string{"one NEW_* t .env"}},
		{name: "the first complete family", world: world{config: "NEW_TENANT=n\nOLD_TENANT=o\nOLD_PASSWORD=p"}, want: []string{"one OLD_* o .env"}},
		{name: "two accounts", world: world{config: complete + "V3_TENANT=three\nV3_PASSWORD=p"}, want: []string{"one NEW_* t .env", "two V3_* three .env"}},
		{name: "half a second account", world: world{config: complete + "V3_TENANT=three"}, err: "DIR/etc/conoha/.env lacks V3_PASSWORD", code: fault.CodeMissing},
		{name: "half a second account elsewhere", world: world{environ: []string{"V3_TENANT=three"}, config: complete}, want: []string{"one NEW_* t .env"}},
		{name: "only the second account", world: world{config: "V3_TENANT=three\nV3_PASSWORD=p"}, want: []string{"two V3_* three .env"}},
		{name: "aliases that agree", world: world{config: "OLD_TENANT=x\nOLD_TENANTID=x\nOLD_PASSWORD=p"}, want: []string{"one OLD_* x .env"}},
		{name: "aliases that do not", world: world{config: "OLD_TENANT=canary1\nOLD_TENANTID=canary2\nOLD_PASSWORD=p"}, err: "DIR/etc/conoha/.env: OLD_TENANT and OLD_TENANTID are both set", code: fault.CodeBadSettings},
		{name: "two aliases that do not", world: world{config: "OLD_PROJECT=canary1\nOLD_TENANTID=canary2\nOLD_PASSWORD=p"}, err: "OLD_TENANTID and OLD_PROJECT are both set", code: fault.CodeBadSettings},
		{name: "a line that cannot be read", world: world{config: complete + "NEW_REGION=$canary"}, err: "DIR/etc/conoha/.env line 4: NEW_REGION: $ means", code: fault.CodeBadSettings},
		{name: "a source after the winner is not opened", world: world{beside: complete, config: "=$"}, want: []string{"one NEW_* t .env"}},
		{name: "both ways at once", world: world{environ: []string{"NEW_PASSWORD=canary", "NEW_PASSWORD_FILE=/x"}}, err: "the environment: NEW_PASSWORD and NEW_PASSWORD_FILE are both set", code: fault.CodeBadSettings},
		{name: "a relative file", world: world{environ: []string{"NEW_PASSWORD_FILE=canary"}}, err: "NEW_PASSWORD_FILE is not an absolute path", code: fault.CodeBadSettings},
		{name: "a file that is not there", world: world{config: "NEW_PASSWORD_FILE=/no/such/file"}, err: "NEW_PASSWORD_FILE: read /no/such/file: no such file", code: fault.CodeMissing},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
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
				wantError(t, err, test.code, strings.ReplaceAll(test.err, "DIR", dir))
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

// A file that the user names must be there and be safe; one that lies in a usual place may be absent, not unsafe.
func TestCredentials_NamedFile(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for what, named := range map[string]func(path string) ([]Set, error){
		"spec": func(path string) ([]Set, error) {
			return Sources{}.Credentials(providers.Spec{Name: "x", EnvFile: path}, families())
		},
		"--env-file": func(path string) ([]Set, error) {
			return Sources{EnvFile: path}.Credentials(providers.Spec{Name: "x"}, families())
		},
	} {
		_, err := named(dir + "/none")
		wantError(t, err, fault.CodeMissing, dir+"/none")
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v is not ErrNotExist", what, err)
		}
		_, err = named("relative.env")
		wantError(t, err, fault.CodeBadSettings, "relative.env: the path is not absolute")
	}
	file := write(t, dir+"/x/.env", "OLD_TENANT=t\nOLD_PASSWORD=canary")
	chmod(t, file, 0o640)
	s := Sources{CredentialsDir: dir + "/x/.env", ConfigDir: dir} // what is not even a folder holds nothing
	_, err := s.Credentials(providers.Spec{Name: "x"}, families())
	wantError(t, err, fault.CodeUnsafeFile, "(mode 0640): chmod 600 "+file)
}

// TestCredentials_FolderOfNoFile: whose the folder of a program is does not matter as long as no file of ours is in it.
func TestCredentials_FolderOfNoFile(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for _, mode := range []os.FileMode{0o775, 0o2775, 0o777} {
		if err := os.MkdirAll(dir+"/bin", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir+"/bin", mode); err != nil {
			t.Fatal(err)
		}
		write(t, dir+"/etc/x/.env", "OLD_TENANT=t\nOLD_PASSWORD=p\n")
		s := Sources{ProgramDirs: []string{dir + "/bin"}, ConfigDir: dir + "/etc"}
		if sets, err := s.Credentials(providers.Spec{Name: "x"}, families()); err != nil || len(sets) != 1 {
			t.Errorf("%v: %v, %v", mode, sets, err)
		}
		path := write(t, dir+"/bin/.env", "OLD_TENANT=t\nOLD_PASSWORD=p\n")
		if _, err := s.Credentials(providers.Spec{Name: "x"}, families()); mode&0o002 != 0 && fault.CodeOf(err) != fault.CodeUnsafeFile {
			t.Errorf("%v, with a file: %v", mode, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// Where an ordinary user runs programs that root's credentials lie beside.
func TestCredentials_NotForUsToRead(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	file := write(t, dir+"/bin/.env", "OLD_TENANT=t\nOLD_PASSWORD=canary")
	chmod(t, file, 0)
	if _, err := os.ReadFile(file); err == nil { // root reads everything
		return
	}
	s := Sources{ProgramDirs: []string{dir + "/bin"}}
	_, err := s.Credentials(providers.Spec{Name: "x"}, families())
	wantError(t, err, fault.CodeMissing, "NEW_TENANT, NEW_PASSWORD, NEW_USER or NEW_ID must be set", file+" (permission denied)")
	s.EnvFile = file
	_, err = s.Credentials(providers.Spec{Name: "x"}, families())
	wantError(t, err, fault.CodeMissing, "read "+file+": permission denied")
}

func TestCredentials_ValueFromFile(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	file := dir + "/password"
	s := Sources{Environ: []string{"OLD_TENANT=t", "OLD_PASSWORD_FILE=" + file}}
	for text, want := range map[string]string{"p'w$ \\x": `p'w$ \x`, "p\n": "p", "p\r\n": "p", " p \n": " p ", byteOrderMark + "p": "p", "パスワード\n": "パスワード"} {
		write(t, file, text)
		sets, err := s.Credentials(providers.Spec{Name: "x"}, families())
		if err != nil {
			t.Fatal(err)
		}
		if got := sets[0].Secret("OLD_PASSWORD").Reveal(); got != want {
			t.Errorf("%q: got %q", text, got)
		}
	}
	for _, text := range []string{"canary\n\n", "canary\ncanary\n", "\ncanary", "canary\r", "can\x00ary", "canary\xff"} {
		write(t, file, text)
		_, err := s.Credentials(providers.Spec{Name: "x"}, families())
		wantError(t, err, fault.CodeBadSettings, "OLD_PASSWORD_FILE: "+file)
	}
	write(t, file, "\n")
	_, err := s.Credentials(providers.Spec{Name: "x"}, families())
	wantError(t, err, fault.CodeMissing, "lacks OLD_PASSWORD")

	write(t, file, "canary")
	chmod(t, file, 0o440)
	_, err = s.Credentials(providers.Spec{Name: "x"}, families())
	wantError(t, err, fault.CodeUnsafeFile, "OLD_PASSWORD_FILE: ", "chmod 600 "+file)
	s.CredentialsDir = dir // where systemd makes them so
	if _, err = s.Credentials(providers.Spec{Name: "x"}, families()); err != nil {
		t.Error(err)
	}
	chmod(t, file, 0o444)
	_, err = s.Credentials(providers.Spec{Name: "x"}, families())
	wantError(t, err, fault.CodeUnsafeFile, "chmod 600 "+file)
}

// systemd makes its files 0400, or 0440 for a service that runs as a user (systemd.exec(5)).
func TestCredentials_Systemd(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	file := write(t, dir+"/conoha.env", "OLD_TENANT=t\nOLD_PASSWORD=p")
	for mode, safe := range map[os.FileMode]bool{0o400: true, 0o440: true, 0o600: true, 0o444: false, 0o460: false, 0o404: false} {
		chmod(t, file, mode)
		sets, err := Sources{CredentialsDir: dir}.Credentials(providers.Spec{Name: "conoha"}, families())
		if safe && (err != nil || sets[0].Source != file) || !safe && fault.CodeOf(err) != fault.CodeUnsafeFile {
			t.Errorf("mode %o: %v, %v", mode, sets, err)
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	write(t, dir+"/x/.env", "OLD_TENANT=t\nOLD_PASSWORD=p\nTTL=60\nLIMIT=30\nBLANK=' 7 '\nEMPTIED=5\n")
	write(t, dir+"/other", "OTHER=1\n")
	s := Sources{Environ: []string{"LIMIT=1m", "EMPTY=", "EMPTIED="}, ConfigDir: dir}
	sets, err := s.Credentials(providers.Spec{Name: "x"}, families())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"LIMIT": "1m", "TTL": "60", "EMPTY": "", "NONE": "", "BLANK": "7", "EMPTIED": "5", "OTHER": ""} {
		if got, ok := sets[0].number(name); got != want || ok != (want != "") {
			t.Errorf("%s: got %q, %v", name, got, ok)
		}
	}
}

// A URL, a server or a CA of the environment never gets the secrets of a file.
func TestCredentials_PeerInEnvironment(t *testing.T) {
	t.Parallel()
	families := []Family{{Account: "one", Name: "X_*", Variables: []Variable{
		{Name: "X_PASSWORD", Secret: true}, {Name: "X_URL", Optional: true, Peer: true, Aliases: []string{"X_BASE"}}, {Name: "X_CA", Optional: true, Peer: true}}}}
	for name, test := range map[string]struct {
		file, environ string
		url, bad      string
	}{
		"the file has none":              {"X_PASSWORD=p\n", "X_URL=https://other.example", "", "X_URL"},
		"the file has none, other name":  {"X_PASSWORD=p\n", "X_BASE=https://other.example", "", "X_BASE"},
		"the file has no CA":             {"X_PASSWORD=p\nX_URL=https://own.example\n", "X_CA=/tmp/ca.pem", "", "X_CA"},
		"the file has its own":           {"X_PASSWORD=p\nX_URL=https://own.example\n", "X_URL=https://other.example", "https://own.example", ""},
		"by its other name":              {"X_PASSWORD=p\nX_BASE=https://own.example\n", "X_URL=https://other.example", "https://own.example", ""},
		"the environment has an account": {"X_PASSWORD=p\n", "X_URL=https://other.example X_PASSWORD=q", "", ""},
		"the environment's, in a file":   {"X_PASSWORD=p\n", "X_URL=https://other.example X_PASSWORD_FILE=/run/secrets/x", "", ""},
		"nothing in the environment":     {"X_PASSWORD=p\n", "X_URL=", "", ""},
	} {
		dir := folder(t)
		path := write(t, dir+"/env", test.file)
		s := Sources{Environ: strings.Fields(test.environ)}
		sets, err := s.Credentials(providers.Spec{Name: "x", EnvFile: path}, families)
		switch {
		case test.bad != "":
			if fault.CodeOf(err) != fault.CodeBadSettings || !strings.Contains(err.Error(), test.bad) || strings.Contains(err.Error(), "other.example") {
				t.Errorf("%s: %v, %v", name, sets, err)
			}
		case err != nil || sets[0].Get("X_URL") != test.url || sets[0].Secret("X_PASSWORD").Reveal() != "p" || sets[0].Ordinary("X_URL") == "https://other.example":
			t.Errorf("%s: %v, %v", name, sets, err)
		}
	}
}

// Another program gets a number of the environment, and no text.
func TestOrdinary(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	path := write(t, dir+"/env", "OLD_TENANT=t\nOLD_PASSWORD=p\nREGION=one\n")
	s := Sources{Environ: []string{"TTL=60", "BASE_URL=https://other.example", "HOST=192.0.2.1", "REGION=two", "LIMIT=1m"}}
	sets, err := s.Credentials(providers.Spec{Name: "x", EnvFile: path}, families())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"TTL": "60", "BASE_URL": "", "HOST": "", "REGION": "one", "LIMIT": ""} {
		if got := sets[0].Ordinary(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
