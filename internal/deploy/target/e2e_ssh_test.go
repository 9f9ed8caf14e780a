//go:build e2e

package target_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"wildcard/internal/deploy/target"
)

// realSSH starts OpenSSH's server with further lines of configuration, and returns its address and key.
func realSSH(t *testing.T, dir string, allowed ssh.PublicKey, lines string) (address string, key ssh.PublicKey) {
	t.Helper()
	signer, text := newKey(t, false)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	path := func(name string) string { return filepath.Join(dir, name+port) }
	config := fmt.Sprintf("Port %s\nListenAddress 127.0.0.1\nHostKey %s\nPidFile none\nAuthorizedKeysFile %s\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\nSubsystem sftp internal-sftp\n%s",
		port, path("host"), path("keys"), lines)
	if err := errors.Join(listener.Close(), os.MkdirAll("/run/sshd", 0o755), os.WriteFile(path("host"), text, 0o600),
		os.WriteFile(path("keys"), ssh.MarshalAuthorizedKey(allowed), 0o600), os.WriteFile(path("config"), []byte(config), 0o600)); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	server := exec.Command("/usr/sbin/sshd", "-D", "-e", "-f", path("config"))
	server.Stderr = &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	for end := 0; ; end++ {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return address, signer.PublicKey()
		}
		if end > 1_000_000 {
			t.Fatal(err)
		}
	}
}

// TestSSH_Real copies to OpenSSH: an account of SFTP alone in a directory of its own, through a jump host, to a full disk, and to a machine
// that shows another key.
func TestSSH_Real(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("the e2e ring runs as root")
	}
	f := newFar(t)
	text, err := os.ReadFile(filepath.Join(f.dir, "id"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	only, onlyKey := realSSH(t, f.dir, signer.PublicKey(), "ForceCommand internal-sftp -u 0027\nAllowTcpForwarding no\nPermitTTY no\n")
	jump, jumpKey := realSSH(t, f.dir, signer.PublicKey(), "")
	full := filepath.Join(f.dir, "full")
	if err := errors.Join(os.Mkdir(full, 0o700), syscall.Mount("tmpfs", full, "tmpfs", 0, "size=64k,mode=0700")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(full, syscall.MNT_DETACH) })
	known := func(a, b ssh.PublicKey) {
		f.file("known_hosts", knownhosts.Line([]string{only}, a)+"\n"+knownhosts.Line([]string{jump}, b)+"\n")
	}
	known(onlyKey, jumpKey)
	to := func(address, dir string) string { return "ssh:root@" + address + dir + "@" + f.env }
	for range 2 {
		c := certificate(t)
		wants(t, f.check(to(only, f.place)), "")
		wants(t, f.deploy(t.Context(), c, to(only, f.place))[0], "")
		f.pair(c)
	}
	wants(t, f.check(to(only, full)), target.CodePlace, "no room")
	wants(t, f.deploy(t.Context(), certificate(t), to(only, full+"/none"))[0], target.CodePlace)
	f.setting("SSH_RELOAD='echo reloaded >" + f.dir + "/told'")
	c := certificate(t)
	wants(t, f.deploy(t.Context(), c, to(only, f.place))[0], target.CodeFailed, "SSH_RELOAD failed")
	f.setting("SSH_JUMP=root@" + jump)
	wants(t, f.deploy(t.Context(), c, to(jump, f.place))[0], "")
	f.pair(c)
	if told, err := os.ReadFile(filepath.Join(f.dir, "told")); string(told) != "reloaded\n" {
		t.Errorf("%q %v", told, err)
	}
	known(jumpKey, jumpKey)
	wants(t, f.check(to(only, f.place)), target.CodeHostKey, "has changed")
}

// TestSSH_RealUsers copies as root and as an ordinary user beside files, links and directories of other users'.
func TestSSH_RealUsers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("the e2e ring runs as root")
	}
	f := newFar(t)
	text, err := os.ReadFile(filepath.Join(f.dir, "id"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(filepath.Dir(f.dir), 0o711), os.Chmod(f.dir, 0o711)); err != nil {
		t.Fatal(err)
	}
	address, key := realSSH(t, f.dir, signer.PublicKey(), "ForceCommand internal-sftp -u 0000\n")
	f.file("known_hosts", knownhosts.Line([]string{address}, key)+"\n")
	if err := os.Chmod(filepath.Join(f.dir, "keys"+address[len("127.0.0.1:"):]), 0o644); err != nil {
		t.Fatal(err)
	}
	to := func(user string) string { return "ssh:" + user + "@" + address + f.place + "@" + f.env }
	const daemon, bin = 1, 2 // accounts that each Debian has
	begin := func(owner int) {
		if err := errors.Join(os.RemoveAll(f.place), os.Mkdir(f.place, 0o755), os.Chown(f.place, owner, owner)); err != nil {
			t.Fatal(err)
		}
	}
	file := func(name string, mode os.FileMode, uid, gid int) {
		f.write(name, []byte("former\n"), mode)
		if err := os.Chown(filepath.Join(f.place, name), uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	owner := func(name string, mode os.FileMode, uid, gid uint32) {
		t.Helper()
		info, err := os.Stat(filepath.Join(f.place, name))
		if err != nil {
			t.Fatal(err)
		}
		if stat := info.Sys().(*syscall.Stat_t); info.Mode() != mode || stat.Uid != uid || stat.Gid != gid {
			t.Errorf("%s: %v %d:%d", name, info.Mode(), stat.Uid, stat.Gid)
		}
	}

	begin(daemon)
	wants(t, f.check(to("root")), target.CodePlace, "another user can write to")
	wants(t, f.deploy(t.Context(), certificate(t), to("root"))[0], target.CodePlace, "another user can write to")
	wants(t, f.deploy(t.Context(), certificate(t), to("daemon"))[0], "")

	begin(0)
	file("privkey.pem", 0o600, daemon, daemon)
	file("combined.pem", 0o640, 0, bin)
	for range 2 {
		wants(t, f.check(to("root")), "")
		wants(t, f.deploy(t.Context(), certificate(t), to("root"))[0], "")
		for _, dir := range []string{"", ".wildcard-former/"} {
			owner(dir+"combined.pem", 0o640, 0, bin)
		}
		for _, dir := range []string{"", ".wildcard-former/"} {
			owner(dir+"privkey.pem", 0o600, daemon, 0) // the group has no right
		}
	}

	begin(daemon)
	file("privkey.pem", 0o640, daemon, bin)
	for _, err := range []error{f.check(to("daemon")), f.deploy(t.Context(), certificate(t), to("daemon"))[0]} {
		wants(t, err, target.CodePlace, "cannot give a file")
	}
	owner("privkey.pem", 0o640, daemon, bin)

	begin(0)
	link := filepath.Join(f.place, "cert.pem")
	if err := errors.Join(os.Symlink("/etc/shadow", link), os.Lchown(link, daemon, daemon)); err != nil {
		t.Fatal(err)
	}
	wants(t, f.deploy(t.Context(), certificate(t), to("root"))[0], target.CodePlace, "is a link of another user's")
	if err := os.Lchown(link, 0, 0); err != nil {
		t.Fatal(err)
	}
	c := certificate(t)
	wants(t, f.deploy(t.Context(), c, to("root"))[0], "")
	f.pair(c)
	if shadow, err := os.Stat("/etc/shadow"); err != nil || f.mode(".wildcard-former/cert.pem") != shadow.Mode().Perm()&0o644 {
		t.Errorf("the copy is %v: %v", f.mode(".wildcard-former/cert.pem"), err)
	}
}
