//go:build e2e

package e2e

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/system/subprocess"
	"wildcard/internal/testkit/advice"
)

// TestAdvised_Programs runs the commands of other programs that our texts advise: certbot's with a certificate of its own, the look-ups at a
// name server, the servers' on themselves. Of systemd, which is not there, and of packages, which would be changed, the program says at
// least that it has the command and its options.
func TestAdvised_Programs(t *testing.T) {
	all, err := advice.Commands("..")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, conohatest.Options{CommonPort: true})
	a := w.conoha.AddAccount(conohatest.Account{Version: 2})
	w.zone(a, "example.com")
	w.use(a)
	w.certbot(w.certonly("example.com", "*.example.com")...)
	request := filepath.Join(w.dir, "request.pem")
	w.tool(t, "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "+w.dir+"/key.pem -subj /CN=example.com -out "+request)
	address, port, err := net.SplitHostPort(w.conoha.NameServers(2)[0])
	if err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("dig ", "dig -p "+port+" +tries=1 +time=5 ", "@%s %s", "@"+address+" example.com", "@1.1.1.1", "@"+address,
		"@192.0.2.253", "@"+address+" example.com SOA", "+trace", "@"+address+" +notrace", "ZONE", "example.com", "FILE", request,
		"openssl s_client -connect %s -servername %s", "openssl s_client -connect "+strings.TrimSuffix(strings.TrimPrefix(w.ca.DirectoryURL(),
			"https://"), "/dir")+" -servername example.com </dev/null", "https://acme-v02.api.letsencrypt.org/directory",
		w.ca.DirectoryURL(), "systemctl reload nginx", "true", "renew --dry-run", "renew --dry-run --server "+w.ca.DirectoryURL(), "%s", "example.com", " && …", "", "a2enmod ssl proxy_http", "apache2 -v", "a2ensite example.com", "apache2 -v",
		"apachectl -t", "apache2 -v", "nginx -s reload", "nginx -V", "certbot certonly", "certbot certonly --server "+w.ca.DirectoryURL())
	n := 0
	for _, c := range all {
		program := c.Program()
		if !slices.Contains(advice.E2E(), program) || strings.Contains(c.Line, "$") || strings.Contains(c.Line, "127.0.0.1:8443") ||
			strings.Contains(c.Line, "acme.example.com") {
			continue // the walk of docs/servers.md has them, and TestOffline goes it; clients of serve have tests of their own
		}
		n++
		switch program {
		case "systemctl", "journalctl", "timedatectl", "apt-get":
			w.has(t, strings.Fields(c.Line))
		case "certbot":
			words := subprocess.Words(fill.Replace(c.Line))
			if slices.Contains(words, "delete") {
				defer w.certbot(words[1:]...)
				continue
			}
			if words[1] == "renew" { // which sleeps for minutes where there is no terminal
				words = append(words, "--no-random-sleep-on-renew")
			}
			w.certbot(words[1:]...)
		case "dig":
			line := c.Line
			if !strings.Contains(line, "@") {
				line = strings.Replace(line, "dig ", "dig @%s ", 1)
			}
			w.tool(t, fill.Replace(strings.ReplaceAll(line, "@%s", "@"+address)))
		default:
			w.tool(t, fill.Replace(c.Line))
		}
	}
	if n < 30 {
		t.Errorf("only %d commands", n)
	}
}

// tool runs a line as a shell does.
func (w *world) tool(t *testing.T, line string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-ec", line)
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin", "CURL_CA_BUNDLE="+w.dir+"/root.pem")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
}

// has asks a program whether it has a command and its options.
func (w *world) has(t *testing.T, words []string) {
	t.Helper()
	help, err := exec.Command(words[0], "--help").Output()
	if err != nil {
		t.Fatalf("%s --help: %v", words[0], err)
	}
	if words[0] == "apt-get" {
		return // its manual page alone has the options
	}
	for _, word := range words[1:] {
		name := strings.HasPrefix(word, "-") || word == words[1]
		if name && !strings.Contains(string(help), " "+word+" ") && !strings.Contains(string(help), " "+word+"\n") {
			t.Errorf("%s has no %s", words[0], word)
		}
	}
}
