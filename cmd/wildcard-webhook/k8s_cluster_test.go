//go:build k8s

package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cluster is a real API server with its etcd: a cluster without nodes. k8s/test says where their programs are.
type cluster struct {
	t       *testing.T
	dir     string
	url     string
	ca      string // path of the API server's certificate
	kubectl string
	admin   string // path of the kubeconfig of one who may do everything
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir(), kubectl: os.Getenv("TEST_ASSET_KUBECTL")}
	c.admin = c.file("admin.kubeconfig")

	store, peer, port := "http://127.0.0.1:"+freePort(t), "http://127.0.0.1:"+freePort(t), freePort(t)
	start(t, os.Environ(), os.Getenv("TEST_ASSET_ETCD"), "--data-dir", c.file("etcd"), "--listen-client-urls", store, "--advertise-client-urls", store,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer, "--unsafe-no-fsync")

	c.url, c.ca = "https://127.0.0.1:"+port, c.file("certs/apiserver.crt")
	const admin = "administrator"
	c.write("tokens.csv", admin+`,admin,admin,"system:masters"`+"\n")
	c.keys()
	start(t, os.Environ(), os.Getenv("TEST_ASSET_KUBE_APISERVER"),
		"--etcd-servers="+store, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port="+port, "--cert-dir="+c.file("certs"),
		"--service-account-key-file="+c.file("accounts.key"), "--service-account-signing-key-file="+c.file("accounts.key"),
		"--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.0.0.0/24",
		"--client-ca-file="+c.file("proxy.crt"), "--authorization-mode=RBAC", "--token-auth-file="+c.file("tokens.csv"), "--endpoint-reconciler-type=none",
		// There is no controller that would make the accounts of namespaces.
		"--disable-admission-plugins=ServiceAccount",
		// How other API servers, such as the webhook, know that a request comes through this one.
		"--requestheader-client-ca-file="+c.file("proxy.crt"), "--requestheader-allowed-names=proxy", "--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file="+c.file("proxy.crt"), "--proxy-client-key-file="+c.file("proxy.key"))
	until(t, "the API server", func() (bool, string) { return healthy(c.url+"/readyz", c.ca, "127.0.0.1") })
	c.kubeconfig(c.admin, admin)
	return c
}

func (c *cluster) file(name string) string { return filepath.Join(c.dir, name) }

func (c *cluster) write(name, text string) string {
	c.t.Helper()
	if err := os.WriteFile(c.file(name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return c.file(name)
}

// keys makes the key of service accounts, and the certificate by which other servers know the API server.
func (c *cluster) keys() {
	c.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		c.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "proxy"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		c.t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	c.write("accounts.key", text)
	c.write("proxy.key", text)
	c.write("proxy.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})))
}

// kubeconfig writes how a client with a token reaches the API server.
func (c *cluster) kubeconfig(path, token string) {
	c.t.Helper()
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: u, user: {token: %q}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`, c.url, c.ca, token)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// account writes the kubeconfig of a ServiceAccount, with a token as its pods have one, and returns its path.
func (c *cluster) account(namespace, name string) string {
	c.t.Helper()
	path := c.file(namespace + "-" + name + ".kubeconfig")
	c.kubeconfig(path, strings.TrimSpace(c.run("create", "token", name, "--namespace", namespace, "--duration", "2h")))
	return path
}

// run is kubectl as the administrator.
func (c *cluster) run(args ...string) string {
	c.t.Helper()
	out, err := c.try("", args...)
	if err != nil {
		c.t.Fatalf("kubectl %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// apply applies what the text of a manifest says.
func (c *cluster) apply(manifest string) {
	c.t.Helper()
	if _, err := c.try(manifest, "apply", "--server-side", "--force-conflicts", "-f", "-"); err != nil {
		c.t.Fatalf("%v:\n%s", err, manifest)
	}
}

func (c *cluster) try(stdin string, args ...string) (string, error) {
	cmd := exec.Command(c.kubectl, append([]string{"--kubeconfig", c.admin, "--cache-dir", c.file("kubectl")}, args...)...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, stderr.Bytes())
	}
	return string(out), err
}

// healthy asks a server, which has a certificate of ca for a name, how it is, as a client without rights.
func healthy(url, ca, name string) (bool, string) {
	roots := x509.NewCertPool()
	text, err := os.ReadFile(ca)
	if err != nil {
		return false, err.Error()
	}
	roots.AppendCertsFromPEM(text)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: name}}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Get(url)
	if err != nil {
		return false, err.Error()
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK, response.Status
}
