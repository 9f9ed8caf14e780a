package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// proxy takes HTTPS connections to hosts of the Internet (CONNECT, RFC 9110 §9.3.6) to servers of the test. No other
// connection is made.
type proxy struct {
	*httptest.Server
	roots string // file with the CA of the hosts' certificates
	tls   *tls.Config
	hosts map[string]string // host:port → URL
}

func startProxy(t testing.TB, hosts map[string]string) *proxy {
	t.Helper()
	var names []string
	for host := range hosts {
		name, _, err := net.SplitHostPort(host)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	certificate := newCertificate(t, names)
	p := &proxy{hosts: hosts, tls: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	p.roots = write(t, filepath.Join(private(t), "roots.pem"), string(text), 0o600)
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// environ leads programs to the proxy.
func (p *proxy) environ() []string {
	return []string{"HTTPS_PROXY=" + p.URL, "SSL_CERT_FILE=" + p.roots}
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target, ok := p.hosts[r.Host]
	base, err := url.Parse(target)
	if r.Method != http.MethodConnect || !ok || err != nil {
		http.Error(w, "no way to "+r.Host, http.StatusForbidden)
		return
	}
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	if _, err := conn.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n")); err != nil {
		_ = conn.Close()
		return
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(base) }}
	server := &http.Server{Handler: forward, ReadHeaderTimeout: time.Minute}
	listener := &one{conn: make(chan net.Conn, 1), addr: conn.LocalAddr(), closed: make(chan struct{})}
	listener.conn <- tls.Server(conn, p.tls)
	server.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			_ = listener.Close()
		}
	}
	_ = server.Serve(listener) // until the client hangs up
}

// one is a listener with one connection.
type one struct {
	conn   chan net.Conn
	addr   net.Addr
	closed chan struct{}
}

func (o *one) Accept() (net.Conn, error) {
	select {
	case conn := <-o.conn:
		return conn, nil
	case <-o.closed:
		return nil, net.ErrClosed
	}
}

func (o *one) Close() error {
	select {
	case <-o.closed:
	default:
		close(o.closed)
	}
	return nil
}

func (o *one) Addr() net.Addr { return o.addr }

// newCertificate makes a certificate that is its own CA.
func newCertificate(t testing.TB, names []string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: strings.Join(names, " ")}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
