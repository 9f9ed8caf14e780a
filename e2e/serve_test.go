//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
)

// served is "wildcard serve" before a CA, and the way to it of machines that reach nothing else.
type served struct {
	*world

	directory string // its URL
	proxy     string // URL
	bundle    string // file with the root of the certificates
}

// serves starts the server, which gets its own certificate first.
func serves(t *testing.T) *served {
	t.Helper()
	s := &served{world: newWorld(t, conohatest.Options{})}
	account := s.conoha.AddAccount(conohatest.Account{Version: 2})
	s.zone(account, "example.com")
	s.use(account)
	s.bundle = s.dir + "/issuer.pem"
	if err := os.WriteFile(s.bundle, s.ca.IssuerPEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := s.own("serve", "--name", "acme.example.com", "--listen", "127.0.0.1:0", "--agree-tos")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	audit := &bytes.Buffer{}
	cmd.Stdout = audit
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := &strings.Builder{}
	lines := bufio.NewScanner(io.TeeReader(stderr, said))
	for s.directory == "" && lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "serving at "); ok {
			s.directory = url
		}
	}
	read := make(chan struct{})
	go func() {
		for lines.Scan() {
		}
		close(read)
	}()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		<-read
		if err := cmd.Wait(); err != nil {
			t.Errorf("it ends with %v: %s", err, said)
		}
		s.clean("example.com")
		if t.Failed() {
			t.Logf("%s\n%s", said, audit)
		}
	})
	if s.directory == "" {
		t.Fatalf("it does not serve: %s", said)
	}
	s.proxy = onlyTo(t, s.directory)
	return s
}

// own is a command of wildcard on the server's machine.
func (s *served) own(args ...string) *exec.Cmd {
	cmd := exec.Command(s.dir+"/bin/wildcard", args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "LANG=C.UTF-8", "WILDCARD_SERVER=" + s.ca.DirectoryURL(),
		"WILDCARD_CA_BUNDLE=" + s.dir + "/root.pem"}, s.environ...)
	return cmd
}

// onlyTo is a proxy that leads to the server of a URL, and nowhere else.
func onlyTo(t *testing.T, url string) string {
	host := strings.Split(url, "/")[2]
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != host {
			t.Errorf("a machine wants to reach %s", r.Host)
			http.Error(w, "no way out", http.StatusForbidden)
			return
		}
		there, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer there.Close()
		here, _, err := http.NewResponseController(w).Hijack() // before the reply: what a client says after it is read by us alone
		if err != nil {
			return
		}
		defer here.Close()
		if _, err := io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
			return
		}
		go func() { _, _ = io.Copy(there, here); _ = there.(*net.TCPConn).CloseWrite() }()
		_, _ = io.Copy(here, there)
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// client allows a machine some names, and returns its key.
func (s *served) client(name string, names ...string) (kid, key string) {
	s.t.Helper()
	text, err := s.own(append([]string{"client", "add", "--json", name}, names...)...).Output()
	var made struct {
		KeyID     string `json:"kid"`
		Key       string `json:"hmac_key"`
		Directory string `json:"directory"`
	}
	if err != nil || json.Unmarshal(text, &made) != nil || made.Directory != s.directory {
		s.t.Fatalf("%v: %s", err, text)
	}
	return made.KeyID, made.Key
}

// elsewhere is a command on another machine, with a folder of its own.
func (s *served) elsewhere(dir, program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LANG=C.UTF-8", "TMPDIR=" + dir,
		"https_proxy=" + s.proxy, "HTTPS_PROXY=" + s.proxy, "REQUESTS_CA_BUNDLE=" + s.bundle, "CURL_CA_BUNDLE=" + s.bundle}
	return cmd
}

// succeeds runs a command.
func (s *served) succeeds(cmd *exec.Cmd) {
	s.t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

// leaf reads a certificate and checks its names.
func (s *served) leaf(path string, names ...string) *x509.Certificate {
	s.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		s.t.Fatal(err)
	}
	if !slices.Equal(slices.Sorted(slices.Values(leaf.DNSNames)), slices.Sorted(slices.Values(names))) {
		s.t.Errorf("%s: a certificate for %v", path, leaf.DNSNames)
	}
	return leaf
}

// TestServe_Clients has ACME clients that others wrote get, renew and revoke certificates, for a name and for a wildcard.
func TestServe_Clients(t *testing.T) {
	s := serves(t)
	t.Run("certbot", func(t *testing.T) {
		dir := t.TempDir()
		kid, key := s.client("certbot", "a.example.com", "*.a.example.com")
		certbot := func(args ...string) *exec.Cmd {
			return s.elsewhere(dir, "certbot", append(args, "-n", "--server", s.directory, "--config-dir", dir+"/etc", "--work-dir", dir+"/work",
				"--logs-dir", dir+"/log")...)
		}
		s.succeeds(certbot("certonly", "--eab-kid="+kid, "--eab-hmac-key="+key, "--agree-tos", "--register-unsafely-without-email",
			"--standalone", "-d", "a.example.com", "-d", "*.a.example.com"))
		live := dir + "/etc/live/a.example.com/cert.pem"
		first := s.leaf(live, "a.example.com", "*.a.example.com")
		s.succeeds(certbot("renew", "--force-renewal", "--no-random-sleep-on-renew"))
		if second := s.leaf(live, "a.example.com", "*.a.example.com"); second.Equal(first) {
			t.Error("it was not renewed")
		}
		for _, name := range []string{"b.example.com", "*.example.com", "x.a.example.com"} {
			if out, err := certbot("certonly", "--standalone", "-d", name).CombinedOutput(); err == nil {
				t.Errorf("%s: %s", name, out)
			}
			log, err := os.ReadFile(dir + "/log/letsencrypt.log")
			if err != nil || !bytes.Contains(log, []byte("the client certbot may not have "+name)) {
				t.Errorf("%s: %v\n%s", name, err, log)
			}
		}
		s.succeeds(certbot("revoke", "--cert-name", "a.example.com", "--reason", "superseded", "--no-delete-after-revoke"))
		s.succeeds(certbot("unregister"))
	})
	t.Run("dehydrated", func(t *testing.T) {
		dir := t.TempDir()
		kid, key := s.client("dehydrated", "d.example.com", "*.d.example.com")
		config := "CA=" + s.directory + "\nBASEDIR=" + dir + "\nEAB_KID=" + kid + "\nEAB_HMAC_KEY=" + key + "\nCHALLENGETYPE=dns-01\nHOOK=/bin/true\n"
		if err := os.WriteFile(dir+"/config", []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		dehydrated := func(args ...string) *exec.Cmd {
			return s.elsewhere(dir, "dehydrated", append([]string{"-f", dir + "/config"}, args...)...)
		}
		s.succeeds(dehydrated("--register", "--accept-terms"))
		s.succeeds(dehydrated("-c", "-d", "d.example.com *.d.example.com", "--alias", "d"))
		first := s.leaf(dir+"/certs/d/cert.pem", "d.example.com", "*.d.example.com")
		s.succeeds(dehydrated("-c", "-x", "-d", "d.example.com *.d.example.com", "--alias", "d"))
		if second := s.leaf(dir+"/certs/d/cert.pem", "d.example.com", "*.d.example.com"); second.Equal(first) {
			t.Error("it was not renewed")
		}
		s.succeeds(dehydrated("-r", dir+"/certs/d/cert.pem"))
		if out, err := dehydrated("-c", "-d", "a.example.com", "--alias", "a").CombinedOutput(); err == nil || !bytes.Contains(out, []byte("rejectedIdentifier")) {
			t.Errorf("another's name: %v\n%s", err, out)
		}
	})
	t.Run("uacme", func(t *testing.T) { // whose libcurl trusts the system's roots alone
		dir := t.TempDir()
		kid, key := s.client("uacme", "u.example.com", "*.u.example.com")
		uacme := func(line string) *exec.Cmd {
			script := "mount --bind " + s.bundle + " /etc/ssl/certs/ca-certificates.crt && uacme -c " + dir + " -a " + s.directory + " " + line
			flags := "-m"
			if os.Geteuid() != 0 {
				flags = "-rm"
			}
			return s.elsewhere(dir, "unshare", flags, "sh", "-c", script)
		}
		s.succeeds(uacme("-e " + kid + ":" + key + " -y new a@example.com"))
		s.succeeds(uacme("issue '*.u.example.com' u.example.com"))
		path := filepath.Join(dir, "u.example.com/cert.pem")
		s.leaf(path, "u.example.com", "*.u.example.com")
		s.succeeds(uacme("newkey"))
		s.succeeds(uacme("-f issue '*.u.example.com' u.example.com")) // with the same key: the certificate that is there
		s.succeeds(uacme("-r 4 revoke " + path))
		if out, err := uacme("issue example.com").CombinedOutput(); err == nil || !bytes.Contains(out, []byte("may not have")) {
			t.Errorf("another name: %v\n%s", err, out)
		}
	})
}
