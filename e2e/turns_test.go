//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
)

// nginx is a reverse proxy with a certificate of ours.
type nginx struct {
	w       *world
	address string
	conf    string
}

// serve starts Debian's nginx in front of a web server of ours, as a reverse proxy for a lineage.
func (w *world) serve(name string) *nginx {
	w.t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		w.t.Fatalf("the e2e ring needs nginx: %v", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	behind := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(rw, "from behind")
	})}
	go func() { _ = behind.Serve(listener) }()
	w.t.Cleanup(func() { _ = behind.Close() })

	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	n := &nginx{w: w, address: free.Addr().String(), conf: w.dir + "/nginx.conf"}
	_ = free.Close()
	text := fmt.Sprintf(`daemon off;
pid %[1]s/nginx.pid;
error_log %[1]s/nginx.log;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	server {
		listen %[2]s ssl;
		server_name .%[3]s;
		ssl_certificate %[1]s/etc/live/%[3]s/fullchain.pem;
		ssl_certificate_key %[1]s/etc/live/%[3]s/privkey.pem;
		location / { proxy_pass http://%[4]s; }
	}
}
`, w.dir, n.address, name, listener.Addr())
	if err := os.WriteFile(n.conf, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(program, "-p", w.dir, "-e", w.dir+"/nginx.log", "-c", n.conf)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	w.eventually("nginx listens", func() bool {
		conn, err := net.Dial("tcp", n.address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return n
}

// reload is the deploy hook's command line.
func (n *nginx) reload() string {
	return fmt.Sprintf("nginx -p %s -e %s/nginx.log -c %s -s reload", n.w.dir, n.w.dir, n.conf)
}

// serves waits until nginx serves the live certificate of a lineage to a client that verifies it, and has the page behind.
func (n *nginx) serves(name string) {
	n.w.t.Helper()
	text, err := os.ReadFile(filepath.Join(n.w.dir, "etc", "live", name, "cert.pem"))
	if err != nil {
		n.w.t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	live, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		n.w.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(n.w.ca.IssuerPEM())
	n.w.eventually("nginx serves the live certificate", func() bool {
		client := &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "anything." + name},
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", n.address)
			},
			DisableKeepAlives: true,
		}}
		response, err := client.Get("https://anything." + name + "/")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		page, err := io.ReadAll(response.Body)
		return err == nil && string(page) == "from behind" && response.TLS.PeerCertificates[0].SerialNumber.Cmp(live.SerialNumber) == 0
	})
}

// wildcard runs our program, and fails the test unless it succeeds.
func (w *world) wildcard(args ...string) string {
	w.t.Helper()
	out, err := w.ours(args...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("wildcard %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// ours is our program with our folders and CA.
func (w *world) ours(args ...string) *exec.Cmd {
	cmd := exec.Command(w.dir+"/bin/wildcard", args...)
	cmd.Env = append([]string{
		"PATH=" + w.dir + "/bin:" + os.Getenv("PATH"), "HOME=" + w.dir, "WILDCARD_SERVER=" + w.ca.DirectoryURL(), "WILDCARD_CA_BUNDLE=" + w.dir + "/root.pem",
	}, w.environ...)
	return cmd
}

// versions counts the certificates that a lineage has had.
func (w *world) versions(name string) int {
	found, _ := filepath.Glob(filepath.Join(w.dir, "etc", "archive", name, "cert*.pem"))
	return len(found)
}

// One lineage in the hands of both: real certbot lists, renews and revokes what we made, we renew what certbot made, and
// nginx serves the new certificate after each reload.
func TestLineage_CertbotAndWildcard(t *testing.T) {
	w := newWorld(t, conohatest.Options{})
	a := w.conoha.AddAccount(conohatest.Account{Version: 2})
	w.zone(a, "example.com")
	w.zone(a, "example.net")
	w.use(a)
	w.wildcard("issue", "--agree-tos", "*.example.com", "example.com")
	n := w.serve("example.com")
	n.serves("example.com")
	w.wildcard("issue", "--deploy-hook", n.reload(), "*.example.com", "example.com") // kept, with the hook from now on
	versions := 1
	for range 4 {
		if out, err := w.command("certificates").CombinedOutput(); err != nil || !strings.Contains(string(out), "Certificate Name: example.com\n") || strings.Contains(string(out), "INVALID") {
			t.Errorf("certbot certificates: %v\n%s", err, out)
		}
		w.certbot("renew", "--cert-name", "example.com", "--force-renewal", "--no-random-sleep-on-renew")
		n.serves("example.com")
		w.wildcard("renew", "--cert-name", "example.com", "--force")
		n.serves("example.com")
		versions += 2
		if got := min(w.versions("example.com"), versions); w.versions("example.com") > versions || got < min(versions, 6) {
			t.Errorf("%d certificates, want %d", w.versions("example.com"), versions)
		}
	}
	w.clean("example.com")

	// What certbot made, with our hooks, is adopted; from then on its timer passes over it.
	w.certbot(w.certonly("*.example.net")...)
	w.wildcard("adopt", "--yes", "example.net")
	w.wildcard("renew", "--cert-name", "example.net", "--force")
	w.wildcard("release", "--yes", "example.net")
	w.certbot("renew", "--cert-name", "example.net", "--force-renewal", "--no-random-sleep-on-renew")
	w.wildcard("adopt", "--yes", "example.net")
	w.clean("example.com", "example.net")

	w.certbot("revoke", "--cert-name", "example.com", "--no-delete-after-revoke", "--server", w.ca.DirectoryURL())
	w.certbot("delete", "--cert-name", "example.com")
	if out := w.wildcard("list"); strings.Contains(out, "example.com") || !strings.Contains(out, "example.net") {
		t.Errorf("after certbot delete:\n%s", out)
	}
}

// Both timers at once, with a certificate that both would call due: ours renews it, certbot's passes over it.
func TestBothTimers(t *testing.T) {
	w := newWorld(t, conohatest.Options{PublicationDelay: []time.Duration{500 * time.Millisecond}})
	a := w.conoha.AddAccount(conohatest.Account{Version: 2})
	w.zone(a, "example.com")
	w.use(a)
	w.wildcard("issue", "--agree-tos", "*.example.com")
	conf := w.dir + "/etc/renewal/example.com.conf"
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	changed := "renew_before_expiry = 100 days\n" + strings.Replace(string(text), "[wildcard]\n", "[wildcard]\nrenew_at = 2020-01-01T00:00:00Z\nari_retry_after = "+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+"\n", 1)
	if err := os.WriteFile(conf, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	before := w.conoha.Calls().Creates
	var both sync.WaitGroup
	both.Go(func() {
		if out, err := w.ours("renew", "--no-jitter").CombinedOutput(); err != nil {
			t.Errorf("ours: %v\n%s", err, out)
		}
	})
	out, err := w.command("renew", "--no-random-sleep-on-renew").CombinedOutput()
	both.Wait()
	// certbot does not wait for its own lock (certbot/_internal/lock.py), which we hold while we write: its next run is the one.
	if err != nil && bytes.Contains(out, []byte("Another instance of Certbot is already running")) {
		out, err = w.command("renew", "--no-random-sleep-on-renew").CombinedOutput()
	}
	if err != nil {
		t.Errorf("certbot: %v\n%s", err, out)
	}
	if n := w.conoha.Calls().Creates - before; n != 1 || w.versions("example.com") != 2 {
		t.Errorf("%d records, %d certificates", n, w.versions("example.com"))
	}
	w.clean("example.com")
}

// Two systems prove one name at once: certbot by dns-01 through our hooks, and our own program by dns-account-01, which then renews
// beside it. Neither has to wait for the other, and what stands at the name meanwhile is left alone.
func TestTwoSystems_OneName(t *testing.T) {
	w := newWorld(t, conohatest.Options{PublicationDelay: []time.Duration{500 * time.Millisecond}})
	a := w.conoha.AddAccount(conohatest.Account{Version: 2})
	w.zone(a, "example.com")
	w.use(a)
	elsewhere := []string{"--config-dir", w.dir + "/second", "--state-dir", w.dir + "/second-state"}
	for _, args := range [][]string{
		{"issue", "--agree-tos", "--challenge", "dns-account-01", "*.example.com", "example.com"}, {"renew", "--force"},
	} {
		var both sync.WaitGroup
		for _, cmd := range []*exec.Cmd{
			w.command(append(w.certonly("*.example.com", "example.com"), "--force-renewal")...), w.ours(append(args, elsewhere...)...),
		} {
			both.Go(func() {
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%s: %v\n%s", cmd.Path, err, out)
				}
			})
		}
		both.Wait()
		w.clean("example.com")
	}
	if left, _ := filepath.Glob(w.dir + "/second-state/journal/*"); len(left) > 0 {
		t.Errorf("left in the journal: %q", left)
	}
}

// Fault #145: a hundred names in 64 MiB.
func TestMemory(t *testing.T) {
	w := newWorld(t, conohatest.Options{PublicationDelay: []time.Duration{time.Second}})
	a := w.conoha.AddAccount(conohatest.Account{Version: 2})
	w.zone(a, "example.com")
	w.use(a)
	args := []string{"issue", "--agree-tos", "--json"}
	for i := range 100 {
		args = append(args, fmt.Sprintf("*.n%d.example.com", i))
	}
	cmd := w.ours(args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok || usage.Maxrss == 0 || usage.Maxrss > 64<<10 {
		t.Errorf("%d KiB resident", usage.Maxrss)
	}
	t.Logf("%d KiB resident", usage.Maxrss)
	w.clean("example.com")
}

// Fault #146: a machine without a network is told of at once, and nothing is left behind.
func TestNoNetwork(t *testing.T) {
	w := newWorld(t, conohatest.Options{})
	a := w.conoha.AddAccount(conohatest.Account{Version: 2})
	w.zone(a, "example.com")
	w.use(a)
	inside := w.ours("issue", "--agree-tos", "*.example.com")
	cmd := exec.Command("unshare", append([]string{"--net", "--map-root-user", "--user"}, inside.Args...)...)
	cmd.Env = inside.Env
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 75 || !strings.Contains(string(out), "network is unreachable") {
		t.Errorf("%v\n%s", err, out)
	}
	w.clean("example.com")
	if _, err := os.Stat(w.dir + "/etc/live"); err == nil {
		t.Error("there is a lineage")
	}
}
