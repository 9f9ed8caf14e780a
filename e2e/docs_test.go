//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/executable"
)

// blocks are the blocks of a page of docs/ that are marked with a word: "```nginx".
func blocks(t *testing.T, page, mark string) []string {
	t.Helper()
	text, err := os.ReadFile("../docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, match := range regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		if match[1] == mark {
			found = append(found, match[2])
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s has no block %q", page, mark)
	}
	return found
}

// TestServerSettings lets the servers themselves read what docs/servers.md says about them, with a certificate of ours.
func TestServerSettings(t *testing.T) {
	w := newWorld(t, conohatest.Options{})
	a := w.conoha.AddAccount(conohatest.Account{Version: 2})
	w.zone(a, "example.com")
	w.use(a)
	w.wildcard("issue", "--agree-tos", "*.example.com", "example.com")

	here := strings.NewReplacer("/etc/letsencrypt/", w.dir+"/etc/", ":443", ":18443", "listen 443", "listen 18443")
	const modules = "/usr/lib/apache2/modules/mod_"
	for mark, server := range map[string]struct {
		before, after string
		command       []string // DIR is the folder that conf stands in
		says          string
	}{
		"nginx": {
			"pid DIR/pid;\nevents {}\nhttp {\naccess_log off;\nclient_body_temp_path DIR/1;\nproxy_temp_path DIR/2;\nfastcgi_temp_path DIR/3;\nuwsgi_temp_path DIR/4;\nscgi_temp_path DIR/5;\n", "}\n",
			[]string{"nginx", "-t", "-e", "stderr", "-c", "DIR/main.cf"}, "test is successful",
		},
		"apache": {
			"ServerRoot DIR\nServerName localhost\nDefaultRuntimeDir DIR\nErrorLog DIR/log\nLoadModule mpm_event_module " + modules + "mpm_event.so\nLoadModule authz_core_module " + modules +
				"authz_core.so\nLoadModule socache_shmcb_module " + modules + "socache_shmcb.so\nLoadModule ssl_module " + modules + "ssl.so\nLoadModule proxy_module " + modules +
				"proxy.so\nLoadModule proxy_http_module " + modules + "proxy_http.so\nListen 127.0.0.1:18443\n", "",
			[]string{"apache2", "-t", "-f", "DIR/main.cf"}, "Syntax OK",
		},
		"postfix": {"", "", []string{"postconf", "-c", "DIR", "-n"}, w.dir + "/etc/live/example.com/privkey.pem"},
		"dovecot": {"", "", []string{"doveconf", "-x", "-n", "-c", "DIR/main.cf"}, "-----BEGIN CERTIFICATE-----"},
	} {
		t.Run(mark, func(t *testing.T) {
			dir := t.TempDir()
			text := server.before + here.Replace(strings.Join(blocks(t, "servers.md", mark), "\n")) + server.after
			if err := os.WriteFile(filepath.Join(dir, "main.cf"), []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "master.cf"), nil, 0o600); err != nil { // Postfix wants to see one
				t.Fatal(err)
			}
			var args []string
			for _, arg := range server.command {
				args = append(args, strings.ReplaceAll(arg, "DIR", dir))
			}
			cmd := exec.Command(args[0], args[1:]...)
			cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin")
			if cmd.Err != nil {
				cmd = exec.Command("/usr/sbin/"+args[0], args[1:]...)
			}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), server.says) || strings.Contains(strings.ToLower(string(out)), "warn") {
				t.Errorf("%v: %v\n%s\nof:\n%s", args, err, out, text)
			}
		})
	}
}

// TestOffline goes the way of docs/servers.md from nothing to a renewed certificate that nginx serves, word for word.
func TestOffline(t *testing.T) {
	bin := t.TempDir()
	executable.Build(t, bin, "wildcard", "wildcard-auth-hook", "wildcard-cleanup-hook", "wildcard-sandbox")
	walk := strings.Join(blocks(t, "servers.md", "sh walk"), "\n")
	cmd := exec.Command(bin+"/wildcard-sandbox", "run", "--", "bash", "-euc", walk)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "LC_ALL=C.UTF-8", "HOME="+t.TempDir())
	text, err := cmd.CombinedOutput()
	out := string(text)
	if err != nil || !strings.Contains(out, "it serves the live certificate of example.com") || !strings.Contains(out, "left in DNS: nothing") {
		t.Fatalf("%v\n%s", err, out)
	}
	serials := regexp.MustCompile(`(?m)^serial=(.*)$`).FindAllString(out, -1)
	if len(serials) != 3 || serials[0] == serials[1] || serials[1] != serials[2] {
		t.Errorf("before, after, served: %q\n%s", serials, out)
	}
}
