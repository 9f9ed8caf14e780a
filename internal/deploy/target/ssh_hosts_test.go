package target_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/binary"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"wildcard/internal/deploy/target"
	"wildcard/internal/fault"
)

// sign has a certificate made of the server's ed25519 key, which it shows besides the key if it is to, and returns the line of known_hosts for
// who signed it.
func (f *far) sign(show bool) string {
	f.world.t.Helper()
	ca, _ := newKey(f.world.t, false)
	host, _, _ := strings.Cut(f.address, ":")
	cert := &ssh.Certificate{
		Key: f.keys[0].PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{host}, ValidBefore: ssh.CertTimeInfinity,
	}
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		f.world.t.Fatal(err)
	}
	signer, err := ssh.NewCertSigner(cert, f.keys[0])
	if err != nil {
		f.world.t.Fatal(err)
	}
	if show {
		f.sshd.mu.Lock()
		defer f.sshd.mu.Unlock()
		f.config.AddHostKey(signer)
	}
	return "@cert-authority " + knownhosts.Line([]string{f.address}, ca.PublicKey())
}

// TestSSH_CertAuthority takes a machine that is known by who signs its key, and one of which a plain key is known as well.
func TestSSH_CertAuthority(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		signed bool
		lines  func(f *far, authority string) string
		want   string
	}{
		"alone":         {true, func(_ *far, authority string) string { return authority }, ""},
		"not signed":    {false, func(_ *far, authority string) string { return authority }, "has no key of a kind"},
		"and a key":     {false, func(f *far, authority string) string { return authority + "\n" + f.line(1) }, ""},
		"behind a key":  {true, func(f *far, authority string) string { return f.line(1) + "\n  " + authority }, ""},
		"another's key": {true, func(f *far, _ string) string { return "@cert-authority " + f.line(1) }, "which is not known"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := newFar(t)
			authority := f.sign(test.signed)
			f.file("known_hosts", test.lines(f, authority)+"\n")
			err := f.check(f.spec)
			if test.want == "" {
				wants(t, err, "")
				return
			}
			wants(t, err, target.CodeHostKey, test.want)
		})
	}
}

// line is what known_hosts says of one of the server's keys.
func (f *far) line(key int) string {
	return knownhosts.Line([]string{f.address}, f.keys[key].PublicKey())
}

// TestSSH_LineUnread passes over what it cannot read, as ssh(1) does, and reads the others.
func TestSSH_LineUnread(t *testing.T) {
	t.Parallel()
	for what, line := range map[string]string{
		"no key": "other.example", "no base64": "other.example ssh-ed25519 ???", "kind of another day": "other.example ssh-dss AAAAB3NzaC1kc3MAAACBAA==",
		"marker": "@what other.example ssh-ed25519 AAAA", "hash": "|2|a|b ssh-ed25519 AAAA", "long": strings.Repeat("x", 70_000),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := newFar(t)
			f.file("known_hosts", line+"\n"+f.line(0)+"\n"+line)
			wants(t, f.check(f.spec), "")
			f.file("known_hosts", line+"\n")
			wants(t, f.check(f.spec), target.CodeHostKey, "is not known")
		})
	}
}

// TestSSH_KindNotShown is a machine that does not show any more a key of the kind that is known: no login is shown, and it is told as another key is.
func TestSSH_KindNotShown(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(&other.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	f.file("known_hosts", knownhosts.Line([]string{f.address}, key)+"\n")
	for _, err := range []error{f.check(f.spec), f.deploy(t.Context(), certificate(t), f.spec)[0]} {
		wants(t, err, target.CodeHostKey, "has no key of a kind that is known of it")
		if fault.ClassOf(err) != fault.Misconfigured {
			t.Error(err)
		}
	}
}

// TestSSH_UsualKnownHosts passes over a file of the home directory that others can change, and one that is named not.
func TestSSH_UsualKnownHosts(t *testing.T) {
	t.Parallel()
	for what, mode := range map[string]fs.FileMode{"own": 0o600, "of all": 0o666} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := newFar(t)
			usual := filepath.Join(f.dir, ".ssh", "known_hosts")
			if err := os.Mkdir(filepath.Dir(usual), 0o700); err != nil {
				t.Fatal(err)
			}
			f.file(".ssh/known_hosts", f.line(0)+"\n")
			f.file("ssh.env", "SSH_IDENTITY="+filepath.Join(f.dir, "id")+"\n")
			if err := os.Chmod(usual, mode); err != nil {
				t.Fatal(err)
			}
			err := f.check(f.spec)
			if mode == 0o600 {
				wants(t, err, "")
				return
			}
			wants(t, err, target.CodeHostKey, "is not known")
			f.setting("SSH_KNOWN_HOSTS=" + usual)
			wants(t, f.check(f.spec), fault.CodeUnsafeFile, usual)
		})
	}
}

// TestSSH_HostAsInKnownHosts finds a machine whose name or port is written in another way.
func TestSSH_HostAsInKnownHosts(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	host, port, _ := strings.Cut(f.address, ":")
	wants(t, f.check("ssh:tls@"+host+":"+strings.Repeat("0", max(5-len(port), 0))+port+f.place+"@"+f.env), "")
	f.file("known_hosts", knownhosts.Line([]string{"localhost:" + port}, f.keys[0].PublicKey())+"\n")
	wants(t, f.check("ssh:tls@LocalHost:"+port+f.place+"@"+f.env), "")
	for _, bad := range []string{"ssh:u@h:0/d", "ssh:u@h:65536/d", "ssh:u@h:99999/d"} {
		if s, err := target.ParseSpec(bad); err == nil {
			t.Errorf("%s: %+v", bad, s)
		}
	}
	if _, err := target.ParseSpec("ssh:u@h:65535/d"); err != nil {
		t.Error(err)
	}
}

// TestSSH_CommandNotShown shows the command of the env file neither in what it will do nor where the server refuses or fails it.
func TestSSH_CommandNotShown(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	f.setting("SSH_RELOAD='curl -H canary localhost'")
	s, err := target.ParseSpec(f.spec)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := f.Open(s)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{opened.Does().String()}
	for _, only := range []bool{true, false} {
		f.sshd.mu.Lock()
		f.sftpOnly, f.exit = only, 3
		f.sshd.mu.Unlock()
		err := f.deploy(t.Context(), certificate(t), f.spec)[0]
		wants(t, err, target.CodeFailed, "SSH_RELOAD failed")
		texts = append(texts, err.Error())
	}
	if slices.ContainsFunc(texts, func(text string) bool {
		return strings.Contains(text, "canary") || !strings.Contains(text, "SSH_RELOAD")
	}) {
		t.Errorf("%q", texts)
	}
}

// TestSSH_LongText repeats little of what a machine says before its key is verified (RFC 4253 §11.1), and no line that it forged.
func TestSSH_LongText(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	text := func(s string) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...) }
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	payload := append([]byte{1, 0, 0, 0, 2}, text("go away\nwildcard: all is well "+strings.Repeat("x", 100_000))...)
	payload = append(payload, text("")...)
	padding := 8 - (5+len(payload))%8 + 8
	packet := append(binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)+padding)), byte(padding))
	packet = append(append(packet, payload...), make([]byte, padding)...)
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = conn.Write(append([]byte("SSH-2.0-x\r\n"), packet...))
		_, _ = io.Copy(io.Discard, conn)
	})
	address := listener.Addr().String()
	f.file("known_hosts", knownhosts.Line([]string{address}, f.keys[0].PublicKey())+"\n")
	err = f.check("ssh:tls@" + address + f.place + "@" + f.env)
	wants(t, err, target.CodeFailed, "disconnect")
	if len(err.Error()) > 1000 || strings.Contains(err.Error(), "\n") {
		t.Errorf("%d bytes: %.300s", len(err.Error()), err)
	}
}
