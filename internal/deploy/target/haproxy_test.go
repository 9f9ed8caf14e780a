package target_test

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"wildcard/internal/deploy"
	"wildcard/internal/deploy/target"
)

// haproxy is the runtime API of HAProxy 2.6.12 as it was seen (e2e_haproxy_test.go has the real one): one command a connection; a payload
// ends at the first empty line; what comes behind that is a command of its own, which none may send; set takes what commit refuses.
type haproxy struct {
	t     testing.TB
	file  string
	level string

	mu            sync.Mutex
	live, pending []byte
	fails         string // the command that breaks the connection
}

func startHAProxy(t testing.TB, socket, file string, live []byte) *haproxy {
	t.Helper()
	h := &haproxy{t: t, file: file, level: "admin", live: live}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	return h.serve(listener)
}

func (h *haproxy) serve(listener net.Listener) *haproxy {
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() { defer conn.Close(); h.talk(conn) })
		}
	})
	h.t.Cleanup(func() { _ = listener.Close(); group.Wait() })
	return h
}

func (h *haproxy) talk(conn net.Conn) {
	in := bufio.NewReader(conn)
	line, err := in.ReadString('\n')
	if err != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	command, payload := strings.TrimSpace(line), &bytes.Buffer{}
	if begin, ok := strings.CutSuffix(command, " <<"); ok {
		command = begin
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return // the command was never whole
			}
			if line == "\n" {
				break
			}
			payload.WriteString(line)
		}
	}
	if h.fails != "" && strings.HasPrefix(command, h.fails) {
		return
	}
	if in.Buffered() > 0 {
		h.t.Errorf("behind the command: %d bytes", in.Buffered())
	}
	fmt.Fprint(conn, h.answer(command, payload.Bytes())+"\n")
}

func (h *haproxy) answer(command string, payload []byte) string {
	verb, name, _ := strings.Cut(command, " ssl cert ")
	switch {
	case command == "show cli level":
		return h.level
	case h.level != "admin":
		return "Permission denied\n"
	case name != h.file:
		return map[string]string{"show": "Can't display the certificate: Not found or the certificate is a bundle!"}[verb] +
			map[string]string{"set": "Can't replace a certificate which is not referenced by the configuration!"}[verb]
	}
	switch verb {
	case "set":
		if bytes.Count(payload, []byte("BEGIN")) < 2 {
			return "The transaction must contain at least a certificate and a private key!\nCan't update " + name + "!"
		}
		h.pending = payload
		return "Transaction created for certificate " + name + "!\n"
	case "commit":
		switch _, err := tls.X509KeyPair(h.pending, h.pending); {
		case h.pending == nil:
			return "No ongoing transaction! !\nCan't commit " + name + "!"
		case err != nil:
			return "Committing " + name + "\ninconsistencies between private key and certificate loaded '" + name + "'\nCan't commit " + name + "!"
		}
		h.live, h.pending = h.pending, nil
		return "Committing " + name + ".\nSuccess!\n"
	case "abort":
		h.pending = nil
		return "Transaction aborted for certificate '" + name + "'!\n"
	}
	block, _ := pem.Decode(h.live[max(0, bytes.Index(h.live, []byte("-----BEGIN CERT"))):])
	return fmt.Sprintf("Filename: %s\nStatus: Used\nSHA1 FingerPrint: %X\n", name, sha1.Sum(block.Bytes))
}

// proxied is a world with a HAProxy that has an older certificate.
func proxied(t *testing.T) (w *world, h *haproxy, text string) {
	t.Helper()
	w = newWorld(t)
	w.Write = func(path string, text []byte) error { return os.WriteFile(path, text, 0o600) }
	former, err := certificate(t).Set.Combined()
	if err != nil {
		t.Fatal(err)
	}
	file := w.file("example.com.pem", string(former))
	socket := filepath.Join(t.TempDir(), "s")
	if len(socket) > 100 { // a socket's path has 107 bytes at most (unix(7))
		dir, err := os.MkdirTemp("/tmp", "w")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		socket = filepath.Join(dir, "s")
	}
	return w, startHAProxy(t, socket, file, former), "haproxy:" + socket + "=" + file
}

// set changes how it behaves.
func (h *haproxy) set(level, fails string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.level, h.fails = level, fails
}

// has fails the test unless the process and its file have a certificate, or not.
func (h *haproxy) has(w *world, process, file target.Certificate) {
	w.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	text, err := os.ReadFile(h.file)
	if err != nil {
		w.t.Fatal(err)
	}
	for what, pair := range map[string][2][]byte{"process": {h.live, process.Set.Cert}, "file": {text, file.Set.Cert}} {
		if !bytes.Contains(pair[0], bytes.TrimSpace(pair[1])) {
			w.t.Errorf("the %s has another certificate", what)
		}
	}
	if h.pending != nil {
		w.t.Error("a transaction is pending")
	}
}

// TestHAProxy_NewCertificate is in the process and then in its file; done again, it stays so.
func TestHAProxy_NewCertificate(t *testing.T) {
	t.Parallel()
	w, h, text := proxied(t)
	c := certificate(t)
	wants(t, w.check(text), "")
	for range 2 {
		wants(t, w.deploy(t.Context(), c, text)[0], "")
		h.has(w, c, c)
	}
}

// TestHAProxy_ConnectionLost leaves either the former certificate or the new one, and the next run finishes.
func TestHAProxy_ConnectionLost(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"set", "commit", "show ssl"} {
		w, h, text := proxied(t)
		c := certificate(t)
		h.set("admin", command)
		wants(t, w.deploy(t.Context(), c, text)[0], target.CodeFailed, "no answer")
		h.set("admin", "")
		wants(t, w.deploy(t.Context(), c, text)[0], "")
		h.has(w, c, c)
	}
}

// TestHAProxy_Refused leaves the former one in process and file, and nothing pending.
func TestHAProxy_Refused(t *testing.T) {
	t.Parallel()
	w, h, text := proxied(t)
	first, c := certificate(t), certificate(t)
	wants(t, w.deploy(t.Context(), first, text)[0], "")
	c.Set.Key = certificate(t).Set.Key
	if err := w.deploy(t.Context(), c, text)[0]; err == nil {
		t.Error("a key of another certificate is taken")
	}
	h.has(w, first, first)
	disk := errors.New("no space left on device")
	w.Write = func(string, []byte) error { return disk }
	c = certificate(t)
	if err := w.deploy(t.Context(), c, text)[0]; !errors.Is(err, disk) {
		t.Error(err)
	}
	h.has(w, c, first) // which the next run writes
}

// TestHAProxy_Beforehand finds what is in the way: level, name, socket.
func TestHAProxy_Beforehand(t *testing.T) {
	t.Parallel()
	w, h, text := proxied(t)
	h.set("operator", "")
	wants(t, w.check(text), target.CodeUnusable, "operator")
	h.set("admin", "")
	wants(t, w.check(text+"x"), target.CodeUnusable, "Not found")
	wants(t, w.deploy(t.Context(), certificate(t), text+"x")[0], target.CodeFailed, "not referenced")
	socket, _, _ := strings.Cut(text, "=")
	wants(t, w.check(socket+"x="+h.file), target.CodeFailed, "no such file")
	for _, bad := range []string{"haproxy:", "haproxy:/s", "haproxy:/s=f", "haproxy:s=/f", "haproxy:/s=/f;show"} {
		if s, err := target.ParseSpec(bad); err == nil {
			t.Errorf("%s: %+v", bad, s)
		}
	}
}

// TestHAProxy_AnotherUserListens sends nothing to a socket at which another user listens, whosever the file with the key is.
// Only root can play both users.
func TestHAProxy_AnotherUserListens(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		return
	}
	const stranger = 65534
	w, h, text := proxied(t)
	dir, err := os.MkdirTemp("/tmp", "w")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	other := (&haproxy{t: t, file: h.file, level: "admin", live: h.live}).serve(listenAs(t, stranger, socket))
	_, file, _ := strings.Cut(text, "=")
	text = "haproxy:" + socket + "=" + file
	former, c := h.live, certificate(t)
	wants(t, w.check(text), deploy.CodeUnsafe, "user 65534", socket)
	wants(t, w.deploy(t.Context(), c, text)[0], deploy.CodeUnsafe, "would get the private key")
	if !bytes.Equal(other.live, former) || other.pending != nil {
		t.Error("it got the key")
	}
	if err := os.Chown(file, stranger, stranger); err != nil { // which says nothing of who may have the next key
		t.Fatal(err)
	}
	wants(t, w.deploy(t.Context(), c, text)[0], deploy.CodeUnsafe, "would get the private key")
}

// listenAs listens at a socket as another user: the kernel goes by the thread that begins to listen.
func listenAs(t *testing.T, uid int, socket string) net.Listener {
	t.Helper()
	address, err := net.ResolveUnixAddr("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Dir(socket), uid, uid); err != nil {
		t.Fatal(err)
	}
	type result struct {
		listener net.Listener
		err      error
	}
	got := make(chan result)
	go func() {
		runtime.LockOSThread() // and the thread ends with this goroutine
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); errno != 0 {
			got <- result{nil, errno}
			return
		}
		listener, err := net.ListenUnix("unix", address)
		got <- result{listener, err}
	}()
	r := <-got
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.listener
}
