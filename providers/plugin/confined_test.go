package plugin_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wildcard/internal/system/confine"
	"wildcard/providers"
	"wildcard/providers/plugin"
)

// curious is a plugin that tries what its calls name, and says what came of it.
const curious = `#!/bin/sh
field() { printf '%s\n' "$line" | sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p'; }
while IFS= read -r line; do
	id=$(printf '%s\n' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
	case $(field op) in
	describe)
		printf '{"protocol":1,"id":%s,"variables":[{"name":"TRY","required":true},{"name":"STORE"},{"name":"KEYTAB"},{"name":"CACHE"},{"name":"ZONES"}]}\n' "$id" ;;
	present)
		sh "$TRY" >"$STORE/said" 2>&1
		printf '{"protocol":1,"id":%s,"fqdn":"%s"}\n' "$id" "$(field fqdn)" ;;
	*) printf '{"protocol":1,"id":%s}\n' "$id" ;;
	esac
done
`

// tried is what came of a script that a plugin runs, with further lines of an env file and what of its environment is ours.
func (w *world) tried(script, variables string, ours ...string) string {
	w.t.Helper()
	w.program("wildcard-dns-curious", curious)
	path := filepath.Join(w.bin, "try.sh")
	w.write(path, script, 0o644)
	w.write(w.env, "TRY='"+path+"'\nSTORE='"+w.store+"'\n"+variables, 0o600)
	p := w.must("example.com=plugin:curious@ENV", func(o *plugin.Options) { o.Environ = append(o.Environ, ours...) }).Provider
	_, err := p.Present(w.t.Context(), challenge("1"))
	if err := errors.Join(err, p.(providers.Closer).Close()); err != nil {
		w.t.Fatal(err)
	}
	return w.read("said")
}

// TestPlugin_NoKeys: a plugin sees neither keys nor state nor credentials that are not its own, may change nothing, and gets no rights
// that it does not have.
func TestPlugin_NoKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secrets := private(t)
	var script strings.Builder
	for _, name := range []string{
		"letsencrypt/archive/a/privkey1.pem", "letsencrypt/accounts/ca/directory/1/private_key.json", "letsencrypt/conoha/.env",
		"wildcard/pending/a.json", "run/token", "haproxy/certs/a.pem", "root/.ssh/id_ed25519",
	} {
		path := filepath.Join(secrets, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		w.write(path, "canary", 0o600)
		fmt.Fprintf(&script, "cat %[1]s; ls %[2]s && echo listed; ln -s %[1]s \"$TMPDIR/link\" && cat \"$TMPDIR/link\"; ln %[1]s \"$TMPDIR/hard\"; cat \"$TMPDIR/hard\"\n"+
			"cat /proc/self/root%[1]s /proc/$PPID/root%[1]s; echo x >>%[1]s; echo x >%[2]s/new; rm -f %[1]s; mv %[2]s \"$TMPDIR/moved\"\n", path, filepath.Dir(path))
	}
	w.write(filepath.Join(w.bin, "other.env"), "canary", 0o600)
	script.WriteString("cat " + filepath.Join(w.bin, "other.env") + "\n")
	script.WriteString("cat /etc/shadow; cat /proc/" + fmt.Sprint(os.Getpid()) + "/environ | tr '\\0' ' '; kill -0 " + fmt.Sprint(os.Getpid()) + " && echo signalled\n")
	script.WriteString("echo of uid $(id -u) and $(id -G); grep -E 'NoNewPrivs|CapEff' /proc/self/status; pwd; echo $HOME $TMPDIR\n")
	said := w.tried(script.String(), "")
	never := []string{"canary", "listed", "root:", "signalled\n", "CONOHA_API_PASSWORD="}
	switch able := confine.Can(); {
	case able.View:
	case able.User:
		never = slices.DeleteFunc(never, func(s string) bool { return s == "listed" }) // permissions are all that hides
	default:
		never = nil
	}
	for _, text := range never {
		if strings.Contains(said, text) {
			t.Errorf("%q in %s", text, said)
		}
	}
	user := fmt.Sprintf("of uid %d and ", os.Geteuid())
	if confine.Can().User {
		user = fmt.Sprintf("of uid %[1]d and %[1]d\n", confine.User)
	}
	if !strings.Contains(said, "NoNewPrivs:\t1") || !strings.Contains(said, user) {
		t.Errorf("%s", said)
	}
}

// TestPlugin_NamedFiles: what a plugin needs is there: what its variables name, as only their owner may read it; programs, the
// resolver, root certificates; a folder for what it writes, which is removed after it.
func TestPlugin_NamedFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := private(t)
	for _, name := range []string{"keytab", "cache", "other"} {
		w.write(filepath.Join(dir, name), "text of "+name, 0o600)
	}
	zones := filepath.Join(dir, "zones")
	if err := os.Mkdir(zones, 0o777); err != nil {
		t.Fatal(err)
	}
	w.shared(zones)
	if !confine.Can().View {
		for _, name := range []string{"keytab", "cache"} {
			w.shared(filepath.Join(dir, name)) // it has no right to read what is ours
		}
	}
	said := w.tried(`cat "$KEYTAB"; cat "${CACHE#FILE:}"; cat `+dir+`/other
echo zone >"$ZONES/a" && cat "$ZONES/a"; t=$(mktemp) && echo own >"$t" && cat "$t"; ls "$HOME/.aws"; cat /etc/resolv.conf >/dev/null && echo resolver
ls /usr/share >/dev/null && echo programs; echo x >/dev/null && head -c 1 /dev/urandom >/dev/null && echo devices; echo "in $TMPDIR ."
`, "KEYTAB='"+dir+"/keytab'\nCACHE='FILE:"+dir+"/cache'\nZONES='"+zones+"'\n")
	for _, want := range []string{"text of keytab", "text of cache", "zone", "own", "resolver", "programs", "devices"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in %s", want, said)
		}
	}
	if confine.Can().View && strings.Contains(said, "text of other") {
		t.Errorf("%s", said)
	}
	_, folder, _ := strings.Cut(said, "in /")
	folder, _, _ = strings.Cut(folder, " ")
	if _, err := os.Stat("/" + folder); !strings.Contains(folder, "wildcard-dns-") || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%q: %v", folder, err)
	}
}

// TestPlugin_StateFolder: a plugin keeps a file in a folder that was given to its user, also one that is not there yet; what it has put
// there in the place of a file leads nowhere.
func TestPlugin_StateFolder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := private(t)
	w.write(filepath.Join(dir, "key"), "canary", 0o600)
	own := filepath.Join(dir, "own")
	if err := os.Mkdir(own, 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(own, confine.User, -1); err != nil {
			t.Fatal(err)
		}
	} else {
		w.write(filepath.Join(own, "state"), "", 0o600) // what is ours is not its own
	}
	for range 2 {
		said := w.tried(`test -s "$CACHE" && echo again; echo kept >"$CACHE" && cat "$CACHE"; ln -s `+dir+`/key `+own+`/key; cat `+own+"/key\n",
			"CACHE='"+own+"/state'\n")
		if !strings.Contains(said, "kept\n") || confine.Can().View && strings.Contains(said, "canary") {
			t.Errorf("%s", said)
		}
	}
	if said := w.tried("cat \"$CACHE\"\n", "CACHE='"+own+"/key'\n"); confine.Can().View && strings.Contains(said, "canary") {
		t.Errorf("%s", said)
	}
}

// TestPlugin_RootCertificates: root certificates that our environment names are read, and not exchanged.
func TestPlugin_RootCertificates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	roots := filepath.Join(private(t), "roots.pem")
	w.write(roots, "roots\n", 0o644)
	said := w.tried("cat \"$SSL_CERT_FILE\"; echo mine >>\"$SSL_CERT_FILE\"; rm -f \"$SSL_CERT_FILE\"\n", "", "SSL_CERT_FILE="+roots)
	if !strings.Contains(said, "roots\n") {
		t.Errorf("%s", said)
	}
	able := confine.Can()
	if text, err := os.ReadFile(roots); (able.View || able.User) && (string(text) != "roots\n" || err != nil) {
		t.Errorf("%q, %v: %s", text, err, said)
	}
}

// TestPlugin_FileNotNamed: a plugin that misses a file which no variable names is said what it needs, and a service's refusal is not.
func TestPlugin_FileNotNamed(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]bool{
		"open /root/.aws/credentials: permission denied":             true,
		"cat: /etc/letsencrypt/conoha/.env: Permission denied":       true,
		"[Errno 13] Permission denied: '/root/.netrc'":               true,
		"403 https://dns.example/v1/zones: the caller has no rights": false,
		"googleapi: Error 403: Permission denied on resource":        false,
	} {
		w := newWorld(t)
		w.program("wildcard-dns-says", `#!/bin/sh
read -r line; case $line in
*describe*) echo '{"protocol":1,"id":1}' ;;
*) cat <<'END'
{"protocol":1,"id":1,"error":{"class":"failed","message":"`+said+`"}}
END
esac
read -r line
`)
		_, err := w.must("example.com=plugin:says").Present(t.Context(), challenge("1"))
		if err == nil || !strings.Contains(err.Error(), said) || strings.Contains(err.Error(), "its variables name") != want {
			t.Errorf("%v", err)
		}
	}
}
