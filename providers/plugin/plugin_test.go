package plugin_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wildcard/providers"
	"wildcard/providers/conformance/conformancetest"
	"wildcard/providers/plugin"
)

// The contract, for every kind.
func TestConformance(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{
		"example.com=exec:BIN/exec@ENV", "example.com=certbot-hook:BIN/auth,BIN/cleanup@ENV", "example.com=plugin:files@ENV",
	} {
		kind, _, _ := strings.Cut(strings.TrimPrefix(spec, "example.com="), ":")
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := conformancetest.Config{
				Zone:    "example.com.",
				Open:    func(testing.TB) providers.Provider { return w.must(spec).Provider },
				Records: func(_ testing.TB, fqdn string) []string { return w.texts(fqdn) },
				Foreign: func(t testing.TB, fqdn, value string) func() {
					w.write(filepath.Join(w.store, fqdn), strings.Join(append(w.texts(fqdn), value, ""), "\n"), 0o600)
					return func() {
						kept := slices.DeleteFunc(w.texts(fqdn), func(v string) bool { return v == value })
						w.write(filepath.Join(w.store, fqdn), strings.Join(append(kept, ""), "\n"), 0o600)
					}
				},
			}
			if strings.Contains(spec, "plugin") {
				c.Stall = func(testing.TB) func() {
					w.write(filepath.Join(w.store, ".stall"), "", 0o600)
					return func() { _ = os.Remove(filepath.Join(w.store, ".stall")) }
				}
				c.LoseReply = func(testing.TB) { w.write(filepath.Join(w.store, ".lose"), "", 0o600) }
			}
			conformancetest.Run(t, c)
		})
	}
}

// Programs see what is theirs and nothing of ours; no secret stands on a command line.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(w.env, "STORE='"+w.store+"'\nTOKEN='secret-canary'\n", 0o600)
	w.program("env.sh", `#!/bin/sh
tr '\0' ' ' </proc/$$/cmdline >>"$STORE/.argv"
env >>"$STORE/.env"; pwd >>"$STORE/.env"`+"\n")
	if _, err := w.must("example.com=exec:BIN/env.sh@ENV").Present(t.Context(), challenge("1")); err != nil {
		t.Fatal(err)
	}
	env, argv := w.read(".env"), w.read(".argv")
	for _, want := range []string{"TOKEN=secret-canary\n", "HOME=/nowhere\n", "PATH=/usr/local/sbin:"} {
		if !strings.Contains(env, want) {
			t.Errorf("no %s in %s", want, env)
		}
	}
	for _, never := range []string{"CONOHA", "LD_PRELOAD", "BASH_ENV", "WILDCARD_PLUGIN_DIR"} {
		if strings.Contains(env, never) {
			t.Errorf("%s in %s", never, env)
		}
	}
	if strings.Contains(argv, "canary") {
		t.Errorf("%s", argv)
	}
	w.write(w.env, "LD_PRELOAD=/tmp/x.so\n", 0o600)
	_, err := w.open("example.com=exec:BIN/exec@ENV")
	w.fails(err, providers.CodeBadSettings, providers.Misconfigured, "LD_PRELOAD")
}

func (w *world) read(name string) string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.store, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// The cleanup hook gets back what the auth hook said, also in another process.
func TestCertbotHook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const spec = "example.com=certbot-hook:BIN/auth,BIN/cleanup@ENV"
	h, err := w.must(spec).Present(t.Context(), challenge("1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.must(spec).CleanUp(t.Context(), challenge("1"), h); err != nil {
		t.Fatal(err)
	}
	if said := w.read(".said"); said != "made for example.com, of example.com, 0 left\n" {
		t.Errorf("%q", said)
	}
	c := challenge("1")
	c.FQDN = "elsewhere.example.com."
	_, err = w.must(spec).Present(t.Context(), c)
	w.fails(err, providers.CodeCNAME, providers.Misconfigured, "_acme-challenge")
}

// What cannot be opened is said with the way out.
func TestSpecs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	certbot := func(o *plugin.Options) { o.Certbot = true }
	try := func(spec string, code string, class providers.Class, text string, change ...func(*plugin.Options)) {
		t.Helper()
		_, err := w.open(spec, change...)
		w.fails(err, code, class, text)
	}
	try("exec:BIN/exec", providers.CodeBadSpec, providers.Usage, "example.com=exec:")
	try("plugin:files@ENV", providers.CodeBadSpec, providers.Usage, "example.com=plugin:files")
	try("example.com=exec:relative", providers.CodeBadSpec, providers.Usage, "ABSOLUTE")
	try("example.com=certbot-hook:auth,BIN/cleanup", providers.CodeBadSpec, providers.Usage, "CLEANUP")
	try("example.com=exec:BIN/nothing", providers.CodeUnsafeFile, providers.Misconfigured, "nothing")
	try("example.com=plugin:nothing", providers.CodeUnknownProvider, providers.Misconfigured, "wildcard-dns-nothing")
	try("example.com=plugin:../files", providers.CodeBadSpec, providers.Usage, "plugin:NAME")
	try("example.com=plugin:files", providers.CodeMissing, providers.Misconfigured, "STORE")
	try("example.com=lego:route53", providers.CodeBadSpec, providers.Usage, "wildcard issue --provider", certbot)
	w.program("wildcard-dns-needy", "#!/bin/sh\nread -r x; echo '{\"protocol\":1,\"id\":1,\"key_authorization\":true}'; read -r x\n")
	try("example.com=plugin:needy", providers.CodeBadSpec, providers.Usage, "wildcard issue --provider", certbot)
	for name, spoil := range map[string]func() error{
		"file":   func() error { return os.Chmod(filepath.Join(w.bin, "exec"), 0o777) },
		"folder": func() error { return os.Chmod(w.bin, 0o777) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		_, err := w.open("example.com=exec:BIN/exec")
		w.fails(err, providers.CodeUnsafeFile, providers.Misconfigured, "chmod go-w")
		t.Log(name, err)
	}
}

// A program that fails, hangs, prints without end or leaves something running is survived.
func TestScriptsThatMisbehave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]struct {
		script string
		ok     bool
		class  providers.Class
		text   string
	}{
		"fails":           {"echo 'API token is \x1b[31mwrong' >&2; exit 4", false, providers.Failed, "exit status 4"},
		"hangs":           {"exec sleep 60", false, providers.Temporary, "did not end within"},
		"prints 1 GB":     {"head -c 1000000000 /dev/zero | tr '\\0' x", false, providers.Temporary, "did not end within"},
		"prints a lot":    {"head -c 10000000 /dev/zero | tr '\\0' x; head -c 10000000 /dev/zero | tr '\\0' 'y\\n' >&2", true, 0, ""},
		"leaves a daemon": {"sleep 60 & echo handle", true, 0, ""},
		"is killed":       {"kill -9 $$", false, providers.Failed, "killed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := w.program("bad-"+strings.ReplaceAll(name, " ", "-"), "#!/bin/sh\n"+test.script+"\n")
			limit := briefly
			if test.ok || name == "fails" || name == "is killed" {
				limit = func(*plugin.Options) {}
			}
			a := w.must("example.com=exec:"+path, limit)
			h, err := a.Present(t.Context(), challenge("1"))
			switch {
			case test.ok && err != nil, !test.ok && err == nil, len(h) > 512:
				t.Errorf("%q, %v", h, err)
			case !test.ok:
				code := providers.CodeService
				if test.class == providers.Temporary {
					code = providers.CodeUnavailable
				}
				w.fails(err, code, test.class, test.text)
			}
		})
	}
}

// A plugin that breaks the protocol is killed and said so of; the next call starts it anew.
func TestPluginsThatMisbehave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const good = `{"protocol":1,"id":1}`
	for name, test := range map[string]struct{ describe, present, text string }{
		"garbage":               {good, `echo hello`, "not one line of JSON"},
		"two documents":         {good, `echo '{"protocol":1,"id":1,"fqdn":"_acme-challenge.example.com."} {}'`, "not one line of JSON"},
		"another version":       {`{"protocol":2,"id":1}`, ``, "version 2"},
		"changes version":       {good, `echo '{"protocol":2,"id":1}'`, "version 2"},
		"another name":          {good, `echo '{"protocol":1,"id":1,"fqdn":"_acme-challenge.example.net."}'`, "answers for"},
		"no name":               {good, `echo '{"protocol":1,"id":1}'`, "answers for"},
		"another request":       {good, `echo '{"protocol":1,"id":99,"fqdn":"_acme-challenge.example.com."}'`, "request 99"},
		"an endless line":       {good, `head -c 1000000000 /dev/zero | tr '\0' x`, "more than 65536 bytes"},
		"endless lines":         {good, `while :; do echo '{"protocol":1,"id":7}'; done`, "request 7"},
		"dies":                  {good, `echo why >&2; exit 9`, "exit status 9"},
		"hangs":                 {good, `exec sleep 60`, "no answer within"},
		"reads nothing":         {good, `exec sleep 60 <&-`, "no answer within"},
		"LD_PRELOAD":            {`{"protocol":1,"id":1,"variables":[{"name":"LD_PRELOAD"}]}`, ``, "LD_PRELOAD"},
		"CREDENTIALS_DIRECTORY": {`{"protocol":1,"id":1,"variables":[{"name":"CREDENTIALS_DIRECTORY"}]}`, ``, "CREDENTIALS_DIRECTORY"},
		"WILDCARD_STATE_DIR":    {`{"protocol":1,"id":1,"variables":[{"name":"WILDCARD_STATE_DIR"}]}`, ``, "WILDCARD_STATE_DIR"},
		"XDG_CONFIG_HOME":       {`{"protocol":1,"id":1,"variables":[{"name":"XDG_CONFIG_HOME"}]}`, ``, "XDG_CONFIG_HOME"},
		"PWD":                   {`{"protocol":1,"id":1,"variables":[{"name":"PWD"}]}`, ``, "PWD"},
		"describes nothing":     {`{}`, ``, "version 0"},
		"says no":               {good, `echo '{"protocol":1,"id":1,"error":{"class":"refused","message":"token \u001b[31mis wrong"}}'`, "token  [31mis wrong"},
		"says no without class": {good, `echo '{"protocol":1,"id":1,"error":{"message":"no"}}'`, "no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			short := "m" + strings.ReplaceAll(strings.ToLower(name), " ", "")
			short = strings.ReplaceAll(short, "_", "")
			w.program("wildcard-dns-"+short, "#!/bin/sh\nread -r line\ncase $line in\n*describe*) echo '"+test.describe+"' ;;\n*)\n"+test.present+"\n;;\nesac\nread -r x\n")
			limit := func(*plugin.Options) {}
			if strings.Contains(test.text, "no answer") {
				limit = briefly
			}
			a, err := w.open("example.com=plugin:"+short, limit)
			if err == nil {
				_, err = a.Present(t.Context(), challenge("1"))
			}
			if err == nil || !strings.Contains(err.Error(), test.text) || !strings.Contains(err.Error(), "plugin") || providers.CodeOf(err) == "" || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("%v", err)
			}
		})
	}
}

// One process serves a run, and dies with it.
func TestOneProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text, err := os.ReadFile("testdata/wildcard-dns-files")
	if err != nil {
		t.Fatal(err)
	}
	w.program("wildcard-dns-files", strings.Replace(string(text), "set -eu\n", "set -eu\n[ -z \"${STORE-}\" ] || echo $$ >>\"$STORE/.pids\"\n", 1))
	a := w.must("example.com=plugin:files@ENV")
	for _, n := range []string{"1", "2", "3"} {
		if _, err := a.Present(t.Context(), challenge(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Provider.(providers.Closer).Close(); err != nil {
		t.Fatal(err)
	}
	pids := strings.Fields(w.read(".pids"))
	if len(pids) != 1 {
		t.Errorf("processes: %q", pids)
	}
	if _, err := os.Stat("/proc/" + pids[0]); err == nil {
		t.Error("it is still there")
	}
	if _, err := a.Present(t.Context(), challenge("4")); err == nil {
		t.Error("it was started after Close")
	}
}

// A plugin that lists its zones needs none in its spec, and one that takes several requests at once gets them.
func TestZonesAndConcurrency(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.program("wildcard-dns-many", `#!/bin/sh
field() { printf '%s\n' "$line" | sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p'; }
held=
while IFS= read -r line; do
	id=$(printf '%s\n' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
	reply="{\"protocol\":1,\"id\":$id,\"fqdn\":\"$(field fqdn)\""
	case $(field op) in
	describe) echo "$reply,\"lists_zones\":true,\"concurrent\":true}" ;;
	zones) echo "$reply,\"zones\":[\"Example.com\",\"example.co.jp.\"]}" ;;
	present) # the first waits for the second, and is answered after it
		reply="$reply,\"handle\":\"$(field zone)\"" # what it was told
		if [ -z "$held" ]; then held="$reply}"; else echo "$reply}"; echo "$held"; held=; fi ;;
	*) echo "$reply}" ;;
	esac
done
`)
	a := w.must("plugin:many")
	zones, err := a.Provider.(providers.Zones).Zones(t.Context(), false)
	if err != nil || !slices.Equal(zones, []string{"example.com.", "example.co.jp."}) {
		t.Errorf("%q, %v", zones, err)
	}
	errs := make(chan error, 2)
	for _, zone := range []string{"", "example.com."} {
		go func() {
			c := challenge("1")
			c.Zone = zone
			h, err := a.Present(t.Context(), c)
			if string(h) != zone {
				t.Errorf("the plugin was told the zone %q, want %q", h, zone)
			}
			errs <- err
		}()
	}
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// Of plugins with one name the first folder's is listed, which is the one that runs; what is no program of a plugin is not.
func TestList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.program("wildcard-dns-Bad", "#!/bin/sh\n")
	if err := os.Mkdir(filepath.Join(w.bin, "wildcard-dns-folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	dirs := plugin.Directories([]string{"WILDCARD_PLUGIN_DIR=" + w.bin})
	if dirs[0] != w.bin || slices.Contains(plugin.Directories([]string{"WILDCARD_PLUGIN_DIR=relative"}), "relative") {
		t.Errorf("%q", dirs)
	}
	var ours []plugin.Installed
	for _, p := range plugin.List([]string{"WILDCARD_PLUGIN_DIR=" + w.bin}) {
		if strings.HasPrefix(p.Path, w.bin) {
			ours = append(ours, p)
		}
	}
	if want := []plugin.Installed{{Name: "files", Path: filepath.Join(w.bin, "wildcard-dns-files")}}; !slices.Equal(ours, want) {
		t.Errorf("%+v", ours)
	}
}
