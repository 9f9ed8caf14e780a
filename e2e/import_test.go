//go:build e2e

package e2e

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/clienttree"
	"wildcard/internal/testkit/executable"
	"wildcard/internal/testkit/pebbletest"
)

// TestImport_RealClients has real clients get a certificate each, and takes it over with its account: certbot lists it, it is renewed by the same
// account, and nothing of the client's is changed.
func TestImport_RealClients(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	_ = free.Close()
	service, err := conohatest.Start(conohatest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = service.Close() })
	bin := t.TempDir()
	executable.Build(t, bin, "wildcard", "wildcard-auth-hook", "wildcard-cleanup-hook")
	for client, obtain := range map[string]func(*world, string, int) []string{
		"dehydrated": (*world).byDehydrated, "uacme": (*world).byUacme, "caddy": (*world).byCaddy,
	} {
		t.Run(client, func(t *testing.T) {
			w := newWorldAt(t, service, pebbletest.Options{Resolver: service.ValidationResolver(), Strict: true, TLSPort: port}, bin)
			a := service.AddAccount(conohatest.Account{Version: 2})
			zone := client + ".example"
			w.zone(a, zone)
			w.use(a)
			names := obtain(w, zone, port)
			tree := filepath.Join(w.dir, client)
			before := clienttree.Snapshot(t, tree)
			args := []string{"import", client, tree, "--server", w.ca.DirectoryURL()}
			w.wildcard(append(args, "--dry-run")...)
			var got struct {
				Certificates []struct{ Lineage, Account, Outcome string }
				Accounts     []struct{ URI string }
			}
			if err := json.Unmarshal([]byte(w.wildcard(append(args, "--json")...)), &got); err != nil {
				t.Fatal(err)
			}
			if len(got.Certificates) != 1 || got.Certificates[0].Outcome != "imported" || len(got.Accounts) != 1 || got.Certificates[0].Account != got.Accounts[0].URI {
				t.Fatalf("%+v", got)
			}
			name := strings.TrimPrefix(names[0], "*.")
			out, err := w.command("certificates").CombinedOutput()
			if err != nil || !strings.Contains(string(out), "Certificate Name: "+name+"\n") || strings.Contains(string(out), "INVALID") {
				t.Errorf("certbot certificates: %v\n%s", err, out)
			}
			for _, name := range names {
				if !strings.Contains(string(out), name) {
					t.Errorf("certbot lists no %s:\n%s", name, out)
				}
			}
			w.wildcard("renew", "--force", "--cert-name", name)
			if w.versions(name) != 2 {
				t.Errorf("%d certificates", w.versions(name))
			}
			if shown := w.wildcard("account", "show"); !strings.Contains(shown, got.Accounts[0].URI) || strings.Count(shown, "https://") != 1 {
				t.Errorf("another account than %s:\n%s", got.Accounts[0].URI, shown)
			}
			w.clean(zone)
			if after := clienttree.Snapshot(t, tree); !maps.Equal(before, after) {
				t.Error("the client's files were changed")
			}
		})
	}
}

// client runs another client's program with our hooks in its PATH.
func (w *world) client(name string, args ...string) {
	w.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append([]string{"PATH=" + w.dir + "/bin:" + os.Getenv("PATH"), "HOME=" + w.dir, "LANG=C.UTF-8",
		"CURL_CA_BUNDLE=" + w.dir + "/root.pem"}, w.environ...)
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// clientHook is a script in which another client's challenges go to our hooks of certbot's.
func (w *world) clientHook(cases string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, "client-hook")
	executable.Write(w.t, path, "#!/bin/bash\ncase $1 in\n"+cases+"\n*) exit 0 ;;\nesac\n")
	return path
}

// file writes a file of another client's.
func (w *world) file(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func (w *world) byDehydrated(zone string, _ int) []string {
	hook := w.clientHook(`deploy_challenge) CERTBOT_DOMAIN=$2 CERTBOT_VALIDATION=$4 exec wildcard-auth-hook ;;
clean_challenge) CERTBOT_DOMAIN=$2 CERTBOT_VALIDATION=$4 exec wildcard-cleanup-hook ;;`)
	conf := w.file("dehydrated/config", fmt.Sprintf("CA=%s\nBASEDIR=%s\nCHALLENGETYPE=dns-01\nHOOK=%s\nKEY_ALGO=prime256v1\n",
		w.ca.DirectoryURL(), w.dir+"/dehydrated", hook))
	w.file("dehydrated/domains.txt", "*."+zone+" "+zone+" > star\n")
	w.client("dehydrated", "-f", conf, "--register", "--accept-terms")
	w.client("dehydrated", "-f", conf, "-c")
	return []string{"*." + zone, zone}
}

func (w *world) byUacme(zone string, _ int) []string { // whose libcurl trusts the system's roots alone
	hook := w.clientHook(`begin) [ "$2" = dns-01 ] || exit 1; CERTBOT_DOMAIN=$3 CERTBOT_VALIDATION=$5 exec wildcard-auth-hook ;;
done|failed) CERTBOT_DOMAIN=$3 CERTBOT_VALIDATION=$5 exec wildcard-cleanup-hook ;;`)
	directory, roots := w.withTokens()
	flags := "-m"
	if os.Geteuid() != 0 {
		flags = "-rm"
	}
	for _, line := range []string{"-y new", "-h " + hook + " issue '*." + zone + "' " + zone} {
		w.client("unshare", flags, "sh", "-c", "mount --bind "+roots+" /etc/ssl/certs/ca-certificates.crt && uacme -c "+w.dir+"/uacme -a "+directory+" "+line)
	}
	return []string{"*." + zone, zone}
}

// withTokens is the CA as it was before dns-persist-01, whose challenge has no token: uacme 1.7.4 gives up an authorization in which one
// challenge lacks it ("failed to parse challenge"). roots is a file with what its TLS is verified by.
func (w *world) withTokens() (directory, roots string) {
	w.t.Helper()
	at, err := url.Parse(w.ca.DirectoryURL())
	if err != nil {
		w.t.Fatal(err)
	}
	root, err := os.ReadFile(w.dir + "/root.pem")
	if err != nil {
		w.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(root)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: at.Scheme, Host: at.Host})
			r.Out.Host = r.In.Host // which the CA's URLs have, and signatures
		},
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: at.Hostname()}},
		ModifyResponse: func(r *http.Response) error {
			text, err := io.ReadAll(r.Body)
			var body map[string]any
			if err == nil && json.Unmarshal(text, &body) == nil && body["challenges"] != nil {
				all, _ := body["challenges"].([]any)
				body["challenges"] = slices.DeleteFunc(all, func(c any) bool { return c.(map[string]any)["token"] == nil })
				text, err = json.Marshal(body)
			}
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
			r.Header.Set("Content-Length", strconv.Itoa(len(text)))
			return err
		},
	}
	server := httptest.NewTLSServer(proxy)
	w.t.Cleanup(server.Close)
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return server.URL + at.Path, w.file("roots.pem", string(root)+string(own))
}

func (w *world) byCaddy(zone string, port int) []string { // by tls-alpn-01: it has no DNS service without a module
	w.conoha.PutRecord(zone, "www."+zone, "A", "127.0.0.1")
	conf := w.file("Caddyfile", fmt.Sprintf(`{
	admin off
	acme_ca %s
	acme_ca_root %s/root.pem
	email me@example.com
	default_bind 127.0.0.1
	https_port %d
	auto_https disable_redirects
	storage file_system %s/caddy
}
www.%s {
	tls {
		issuer acme {
			disable_http_challenge
		}
	}
	respond ok
}
`, w.ca.DirectoryURL(), w.dir, port, w.dir, zone))
	cmd := exec.Command("caddy", "run", "--adapter", "caddyfile", "--config", conf)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir}
	log, err := os.Create(w.dir + "/caddy.log")
	if err != nil {
		w.t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.eventually("Caddy has a certificate", func() bool {
		found, _ := filepath.Glob(w.dir + "/caddy/certificates/*/*/*.json")
		return len(found) > 0
	})
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
	return []string{"www." + zone}
}

// TestImport_ListedByCertbot has certbot list what came of each tree, the ended certificates as that, and find none of its files amiss.
func TestImport_ListedByCertbot(t *testing.T) {
	w := newWorld(t, conohatest.Options{})
	w.use()
	for _, tree := range clienttree.Names() {
		t.Run(tree, func(t *testing.T) {
			t.Parallel() // some wait for CAs that are not there
			dir := t.TempDir()
			client, _, _ := strings.Cut(tree, "-v")
			cmd := w.ours("import", client, clienttree.Lay(t, tree), "--json", "--config-dir", dir+"/etc", "--state-dir", dir+"/state",
				"--server", "https://localhost:14000/dir", "--server", "https://127.0.0.1:14001/dir")
			text, _ := cmd.Output() // the exit status tells of what could not come, as uacme's account at a CA that is not there
			var got struct {
				Certificates []struct {
					Lineage, Outcome string
					Names            []string
				}
			}
			if err := json.Unmarshal(text, &got); err != nil || len(got.Certificates) < 3 {
				t.Fatalf("%v\n%s", err, text)
			}
			out, err := w.commandIn(dir, "certificates").CombinedOutput()
			if err != nil || strings.Contains(string(out), "invalid") || strings.Contains(string(out), "parsefail") {
				t.Errorf("certbot certificates: %v\n%s", err, out)
			}
			for _, c := range got.Certificates {
				if c.Outcome == "imported" && (!strings.Contains(string(out), "Certificate Name: "+c.Lineage+"\n") || !strings.Contains(string(out), c.Names[0])) {
					t.Errorf("certbot does not list %s:\n%s", c.Lineage, out)
				}
			}
		})
	}
}
