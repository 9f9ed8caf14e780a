package target_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wildcard/internal/deploy"
	"wildcard/internal/deploy/target"
	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/settings"
	"wildcard/internal/testkit/executable"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a machine with targets.
type world struct {
	*target.Opener
	t      testing.TB
	dir    string
	output bytes.Buffer // after Deploy
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.Opener = &target.Opener{Sources: settings.Sources{ConfigDir: filepath.Join(w.dir, "letsencrypt")}, Prover: &deploy.Prover{},
		Environ: []string{"PATH=/usr/bin:/bin", "CONOHA_API_PASSWORD=canary", "HOME=" + w.dir}, Output: &writer{to: &w.output}}
	return w
}

// writer lets several programs write.
type writer struct {
	mu sync.Mutex
	to *bytes.Buffer
}

func (w *writer) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(text)
}

// file writes one of the machine's.
func (w *world) file(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// program writes one that a target runs.
func (w *world) program(name, script string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	executable.Write(w.t, path, "#!/bin/sh\n"+script+"\n")
	return path
}

// certificate makes one for *.example.com, with its issuer.
func certificate(t testing.TB) target.Certificate {
	t.Helper()
	form := func(name string) *x509.Certificate {
		serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
		return &x509.Certificate{SerialNumber: serial, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
			IsCA: name == "", BasicConstraintsValid: true, SubjectKeyId: []byte(name + "id")}
	}
	root := form("")
	root.DNSNames = nil
	caKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, caKey.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, form("*.example.com"), root, key.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	return target.Certificate{Name: "example.com", Dir: "/etc/letsencrypt/live/example.com", Names: leaf.DNSNames, Leaf: leaf,
		Set: lineage.Set{Key: block("PRIVATE KEY", pkcs8), Cert: block("CERTIFICATE", der), Chain: block("CERTIFICATE", rootDER)}}
}

// deploy brings a certificate to targets; the errors are in their order.
func (w *world) deploy(ctx context.Context, c target.Certificate, texts ...string) []error {
	w.t.Helper()
	specs, err := target.ParseSpecs(texts)
	if err != nil {
		w.t.Fatal(err)
	}
	results := make([]error, len(specs))
	told := 0
	w.Deploy(ctx, specs, c, func(r target.Result) {
		told++
		results[slices.Index(specs, r.Spec)] = r.Err
	})
	if told != len(specs) && ctx.Err() == nil {
		w.t.Errorf("told of %d targets of %d", told, len(specs))
	}
	return results
}

// check is what Check says of a target.
func (w *world) check(text string) error {
	w.t.Helper()
	s, err := target.ParseSpec(text)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.Check(w.t.Context(), s)
}

// wants fails the test unless an error has a code and texts; without a code there is to be none.
func wants(t testing.TB, err error, code string, texts ...string) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if fault.CodeOf(err) != code {
		t.Errorf("code %q of %v, want %q", fault.CodeOf(err), err, code)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q is not in %v", text, err)
		}
	}
}

func TestParseSpec_AsTyped(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]target.Spec{
		"exec:/usr/local/sbin/push":                 {Kind: "exec", Where: "/usr/local/sbin/push"},
		"exec:/usr/local/sbin/push@/etc/w/push.env": {Kind: "exec", Where: "/usr/local/sbin/push", EnvFile: "/etc/w/push.env"},
		"exec:/opt/a@b/push@/etc/a@b.env":           {Kind: "exec", Where: "/opt/a@b/push", EnvFile: "/etc/a@b.env"},
	} {
		if got, err := target.ParseSpec(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "exec", "/usr/local/sbin/push", "exec:", "exec:push", "exec:/a/../b", "ftp:host/dir", "exec:/a b", "exec:/a\x1b"} {
		if s, err := target.ParseSpec(bad); fault.ClassOf(err) != fault.Usage {
			t.Errorf("%q: %+v, %v", bad, s, err)
		}
	}
}

// TestProgram_Environment runs the program with what hooks see and the variables of its own env file, and nothing else of ours.
func TestProgram_Environment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	env := w.file("push.env", "PUSH_TOKEN='a b'\nexport PUSH_URL=https://push.example.net/\n")
	push := w.program("push", `echo "$# $PUSH_TOKEN $PUSH_URL $RENEWED_LINEAGE $RENEWED_DOMAINS ${CONOHA_API_PASSWORD:-none}"`)
	wants(t, w.deploy(t.Context(), certificate(t), "exec:"+push+"@"+env)[0], "")
	if got := w.output.String(); got != "target: 0 a b https://push.example.net/ /etc/letsencrypt/live/example.com *.example.com none\n" {
		t.Errorf("printed %q", got)
	}
}

// TestDeploy_OneFails stops no other, names each that failed, and has the code of the worst.
func TestDeploy_OneFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good, bad := w.program("good", "echo good >>\"$HOME/ran\""), w.program("bad", "exit 7")
	missing := filepath.Join(w.dir, "missing")
	results := w.deploy(t.Context(), certificate(t), "exec:"+bad, "exec:"+good, "exec:"+missing, "exec:"+good+"@"+missing)
	wants(t, results[0], target.CodeFailed, "target exec:"+bad, "exit status 7")
	wants(t, results[1], "")
	wants(t, results[2], target.CodeUnusable, "is not there")
	wants(t, results[3], fault.CodeMissing, missing)
	all := target.Errors(results)
	wants(t, all, target.CodeUnusable, bad, missing)
	if fault.ExitCode(all) != 78 || target.Errors([]error{nil, nil}) != nil {
		t.Errorf("exit status %d", fault.ExitCode(all))
	}
	if text, err := os.ReadFile(filepath.Join(w.dir, "ran")); string(text) != "good\n" {
		t.Errorf("%q %v", text, err)
	}
	wants(t, w.check("exec:"+good), "")
	wants(t, w.check("exec:"+missing), target.CodeUnusable)
	if advice, ok := target.Advice(w.check("exec:" + missing)); !ok || advice.String() == "" {
		t.Error("nothing is advised")
	}
}

// TestProgram_OfOthers is not run where another user could change it.
func TestProgram_OfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	push := w.program("push", "echo ran")
	if err := os.Chmod(push, 0o777); err != nil {
		t.Fatal(err)
	}
	wants(t, w.deploy(t.Context(), certificate(t), "exec:"+push)[0], deploy.CodeUnsafe)
	env := w.file("open.env", "A=b\n")
	if err := errors.Join(os.Chmod(push, 0o755), os.Chmod(env, 0o644)); err != nil {
		t.Fatal(err)
	}
	wants(t, w.deploy(t.Context(), certificate(t), "exec:"+push+"@"+env)[0], fault.CodeUnsafeFile, env)
	if w.output.Len() > 0 {
		t.Errorf("printed %q", w.output.String())
	}
}

// TestDeploy_Interrupted ends what runs, and is no failure of a target's.
func TestDeploy_Interrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stopped")
	pipe := w.file("begun", "")
	push := w.program("push", "echo begun >"+pipe+"; sleep 1000")
	go func() {
		for text, err := []byte(nil), error(nil); len(text) == 0 && err == nil; {
			text, err = os.ReadFile(pipe)
		}
		cancel(stop)
	}()
	if err := w.deploy(ctx, certificate(t), "exec:"+push)[0]; !errors.Is(err, stop) || fault.CodeOf(err) != "" {
		t.Error(err)
	}
}

// serve answers TLS with a certificate until the test ends.
func serve(t testing.TB, c target.Certificate) (port string) {
	t.Helper()
	pair, err := tls.X509KeyPair(c.Set.Fullchain(), c.Set.Key)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer conn.Close()
				_ = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{pair}}).Handshake()
			})
		}
	})
	t.Cleanup(func() { _ = listener.Close(); group.Wait() })
	_, port, _ = net.SplitHostPort(listener.Addr().String())
	return port
}

// TestDeploy_Proved looks at the addresses of TARGET_VERIFY, of this target alone.
func TestDeploy_Proved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Now()
	var mu sync.Mutex
	w.Prover = &deploy.Prover{Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now },
		Sleep: func(_ context.Context, d time.Duration) error {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(d)
			return nil
		}}
	c := certificate(t)
	port, other := serve(t, c), serve(t, certificate(t))
	push := w.program("push", "true")
	good := w.file("good.env", fmt.Sprintf("TARGET_VERIFY='127.0.0.1:%s localhost:%s'\n", port, port))
	bad := w.file("bad.env", "TARGET_VERIFY=127.0.0.1:"+other+"\n")
	wrong := w.file("wrong.env", "TARGET_VERIFY=127.0.0.1:port\n")
	results := w.deploy(t.Context(), c, "exec:"+push+"@"+good, "exec:"+push+"@"+bad, "exec:"+push+"@"+wrong)
	wants(t, results[0], "")
	// Not deploy.not-served, for which --rollback would put the former certificate back everywhere.
	wants(t, results[1], target.CodeFailed, "target exec:"+push+"@"+bad, "127.0.0.1:"+other+" serves the certificate")
	wants(t, results[2], fault.CodeBadSettings, "TARGET_VERIFY")
}
