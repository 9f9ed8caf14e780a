package target_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"wildcard/internal/deploy/target"
	"wildcard/internal/fault"
)

// sshd is an SSH server in this process, with the files of this machine. Like OpenSSH's it shows its ed25519 key before any other.
type sshd struct {
	t       testing.TB
	address string
	config  *ssh.ServerConfig
	keys    []ssh.Signer

	mu       sync.Mutex
	asked    int      // tries to log in
	commands []string // that were run
	exit     byte     // their exit status
	sftpOnly bool
	cut      int // bytes from the client's SFTP after which the connection is cut; 0 is never
	hold     chan struct{}
	request  func(kind byte) bool // sees each request of SFTP when those before it are answered; false cuts the connection
}

func newKey(t testing.TB, ec bool) (ssh.Signer, []byte) {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var key any = ed
	if ec {
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	return signer, pem.EncodeToMemory(block)
}

// startSSH starts a server that lets a key in.
func startSSH(t testing.TB, allowed ssh.PublicKey) *sshd {
	t.Helper()
	s := &sshd{t: t}
	s.config = &ssh.ServerConfig{
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.asked++
			if !bytes.Equal(key.Marshal(), allowed.Marshal()) {
				return nil, errors.New("another key")
			}
			return &ssh.Permissions{}, nil
		},
	}
	for _, ec := range []bool{false, true} {
		key, _ := newKey(t, ec)
		s.keys = append(s.keys, key)
		s.config.AddHostKey(key)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() { defer conn.Close(); s.talk(conn) })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); group.Wait() })
	return s
}

func (s *sshd) talk(conn net.Conn) {
	s.mu.Lock()
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		<-hold
	}
	server, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return
	}
	defer server.Close()
	go ssh.DiscardRequests(requests)
	var group sync.WaitGroup
	for fresh := range channels {
		if fresh.ChannelType() == "direct-tcpip" {
			group.Go(func() { s.forward(fresh) })
			continue
		}
		channel, requests, err := fresh.Accept()
		if err != nil {
			break
		}
		group.Go(func() { s.session(server, channel, requests) })
	}
	group.Wait()
}

// forward is what a jump host does.
func (s *sshd) forward(fresh ssh.NewChannel) {
	var to struct {
		Host     string
		Port     uint32
		From     string
		FromPort uint32
	}
	if err := ssh.Unmarshal(fresh.ExtraData(), &to); err != nil {
		s.t.Error(err)
	}
	conn, err := net.Dial("tcp", net.JoinHostPort(to.Host, fmt.Sprint(to.Port)))
	if err != nil {
		_ = fresh.Reject(ssh.ConnectionFailed, "")
		return
	}
	channel, requests, err := fresh.Accept()
	if err != nil {
		_ = conn.Close()
		return
	}
	go ssh.DiscardRequests(requests)
	var group sync.WaitGroup
	group.Go(func() { _, _ = io.Copy(conn, channel); _ = conn.Close() })
	group.Go(func() { _, _ = io.Copy(channel, conn); _ = channel.Close() })
	group.Wait()
}

func (s *sshd) session(server *ssh.ServerConn, channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	for request := range requests {
		var words struct{ Text string }
		_ = ssh.Unmarshal(request.Payload, &words)
		switch {
		case request.Type == "subsystem" && words.Text == "sftp":
			_ = request.Reply(true, nil)
			s.mu.Lock()
			in := &counted{ReadWriteCloser: channel, left: s.cut, cut: s.cut > 0, end: func() { _ = server.Close() }}
			see := s.request
			s.mu.Unlock()
			if files, err := sftp.NewServer(&framed{ReadWriteCloser: in, see: see, end: in.end}); err == nil {
				_ = files.Serve()
			}
			return
		case request.Type == "exec" && !s.sftpOnly:
			_ = request.Reply(true, nil)
			s.mu.Lock()
			s.commands = append(s.commands, words.Text)
			exit := s.exit
			s.mu.Unlock()
			fmt.Fprintln(channel, "reloaded")
			_, _ = channel.SendRequest("exit-status", false, []byte{0, 0, 0, exit})
			return
		default:
			_ = request.Reply(false, nil)
		}
	}
}

// counted cuts a connection after so many bytes from the client.
type counted struct {
	io.ReadWriteCloser
	left int
	cut  bool
	end  func()
}

func (c *counted) Read(p []byte) (int, error) {
	if c.cut && c.left == 0 {
		c.end()
		return 0, io.EOF
	}
	if c.cut {
		p = p[:min(len(p), c.left)]
	}
	n, err := c.ReadWriteCloser.Read(p)
	if c.cut {
		c.left -= n
	}
	return n, err
}

// framed shows each packet of SFTP (draft-ietf-secsh-filexfer-02 §3: length, type, rest) before the server has it. The client sends the next one
// when it has the answer.
type framed struct {
	io.ReadWriteCloser
	see  func(kind byte) bool
	end  func()
	rest []byte
}

func (f *framed) Read(p []byte) (int, error) {
	if len(f.rest) == 0 {
		head := make([]byte, 4)
		if _, err := io.ReadFull(f.ReadWriteCloser, head); err != nil {
			return 0, err
		}
		f.rest = append(head, make([]byte, binary.BigEndian.Uint32(head))...)
		if _, err := io.ReadFull(f.ReadWriteCloser, f.rest[4:]); err != nil {
			return 0, err
		}
		if f.see != nil && !f.see(f.rest[4]) {
			f.end()
			return 0, io.EOF
		}
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// seen has each request seen.
func (s *sshd) seen(see func(kind byte) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.request = see
}

// far is a world with a key of its own and a server that knows it.
type far struct {
	*world
	*sshd
	place, env, spec string
	known            string
}

func newFar(t testing.TB) *far {
	t.Helper()
	w := newWorld(t)
	signer, text := newKey(t, false)
	f := &far{world: w, sshd: startSSH(t, signer.PublicKey()), place: filepath.Join(w.dir, "tls")}
	f.known = w.file("known_hosts", knownhosts.Line([]string{f.address}, f.keys[0].PublicKey())+"\n")
	f.env = w.file("ssh.env", "SSH_IDENTITY="+w.file("id", string(text))+"\nSSH_KNOWN_HOSTS="+f.known+"\n")
	if err := os.Mkdir(f.place, 0o700); err != nil {
		t.Fatal(err)
	}
	f.spec = f.to(f.sshd)
	return f
}

// to is a target at a server.
func (f *far) to(s *sshd) string { return "ssh:tls@" + s.address + f.place + "@" + f.env }

// setting writes a further line into the env file.
func (f *far) setting(line string) {
	f.world.t.Helper()
	text, err := os.ReadFile(f.env)
	if err == nil {
		err = os.WriteFile(f.env, append(text, line+"\n"...), 0o600)
	}
	if err != nil {
		f.world.t.Fatal(err)
	}
}

// pair is whose the pair in the directory is; it fails the test if it is none.
func (f *far) pair(all ...target.Certificate) int {
	f.world.t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(f.place, "fullchain.pem"), filepath.Join(f.place, "privkey.pem"))
	if err != nil {
		f.world.t.Fatal(err)
	}
	for i, c := range all {
		combined, err := c.Set.Combined()
		text, readErr := os.ReadFile(filepath.Join(f.place, "combined.pem"))
		if pair.Leaf.Equal(c.Leaf) {
			if err != nil || readErr == nil && !bytes.Equal(combined, text) {
				f.world.t.Errorf("combined.pem is of another pair: %v", err)
			}
			return i
		}
	}
	f.world.t.Fatal("the pair is another one")
	return -1
}

// TestSSH_NewCertificate is there with its rights, and only two versions are; a command is run, and a file changes for a path unit.
func TestSSH_NewCertificate(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	f.setting("SSH_RELOAD='systemctl reload nginx'")
	wants(t, f.check(f.spec), "")
	var last string
	for range 4 {
		c := certificate(t)
		for range 2 {
			wants(t, f.deploy(t.Context(), c, f.spec)[0], "")
			f.pair(c)
		}
		text, err := os.ReadFile(filepath.Join(f.place, "renewed"))
		if err != nil || string(text) == last {
			t.Errorf("%q, before %q: %v", text, last, err)
		}
		last = string(text)
	}
	info, err := os.Stat(filepath.Join(f.place, "privkey.pem"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	entries, err := os.ReadDir(f.place)
	if err != nil || len(entries) > 9 {
		t.Errorf("%v %v", entries, err)
	}
	f.sshd.mu.Lock()
	defer f.sshd.mu.Unlock()
	if len(f.commands) != 8 || f.commands[0] != "systemctl reload nginx" || !strings.Contains(f.output.String(), "reloaded") {
		t.Errorf("%q, printed %q", f.commands, f.output.String())
	}
}

// TestSSH_UnknownHost shows no login and sends nothing where the key is unknown, has changed, or is revoked; a key of another kind that is
// known is enough.
func TestSSH_UnknownHost(t *testing.T) {
	t.Parallel()
	other, _ := newKey(t, false)
	line := func(f *far, key ssh.PublicKey) string { return knownhosts.Line([]string{f.address}, key) }
	for what, test := range map[string]struct {
		line func(f *far) string
		want string
	}{
		"nothing known": {func(*far) string { return "" }, "is not known"},
		"another host":  {func(f *far) string { return knownhosts.Line([]string{"127.0.0.1"}, f.keys[0].PublicKey()) }, "is not known"},
		"changed":       {func(f *far) string { return line(f, other.PublicKey()) }, "has changed"},
		"revoked": {func(f *far) string {
			return line(f, f.keys[0].PublicKey()) + "\n@revoked * " + string(ssh.MarshalAuthorizedKey(f.keys[0].PublicKey()))
		}, "is revoked"},
		"another kind": {func(f *far) string { return line(f, f.keys[1].PublicKey()) }, ""},
		"hashed": {func(f *far) string {
			return knownhosts.HashHostname(knownhosts.Normalize(f.address)) + " " + string(ssh.MarshalAuthorizedKey(f.keys[0].PublicKey()))
		}, ""},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := newFar(t)
			f.file("known_hosts", test.line(f)+"\n")
			for _, err := range []error{f.check(f.spec), f.deploy(t.Context(), certificate(t), f.spec)[0]} {
				if test.want == "" {
					wants(t, err, "")
					continue
				}
				wants(t, err, target.CodeHostKey, test.want)
				if fault.ExitCode(err) != 78 {
					t.Errorf("exit status %d", fault.ExitCode(err))
				}
			}
			f.sshd.mu.Lock()
			defer f.sshd.mu.Unlock()
			if test.want != "" && f.asked > 0 {
				t.Error("a login was shown")
			}
		})
	}
}

// TestSSH_Refused names what is in the way: login, directory, file in its place, command, host that is down, settings.
func TestSSH_Refused(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	c := certificate(t)
	stranger, _ := newKey(t, false)
	closed := startSSH(t, stranger.PublicKey())
	f.file("known_hosts", knownhosts.Line([]string{f.address}, f.keys[0].PublicKey())+"\n"+knownhosts.Line([]string{closed.address, "127.0.0.1:1"}, closed.keys[0].PublicKey())+"\n")
	wants(t, f.check(f.to(closed)), target.CodeLogin, "does not let tls in")
	elsewhere := "ssh:tls@" + f.address + f.place + "/elsewhere@" + f.env
	wants(t, f.check(elsewhere), target.CodePlace, "is not there")
	wants(t, f.deploy(t.Context(), c, elsewhere)[0], target.CodePlace, "is not there")
	wants(t, f.check("ssh:tls@"+f.address+f.known+"@"+f.env), target.CodePlace, "is not a directory")
	wants(t, f.check("ssh:tls@127.0.0.1:1"+f.place+"@"+f.env), target.CodeFailed, "refused")
	f.setting("SSH_RELOAD=false")
	f.sshd.mu.Lock()
	f.exit = 3
	f.sshd.mu.Unlock()
	wants(t, f.deploy(t.Context(), c, f.spec)[0], target.CodeFailed, "SSH_RELOAD failed")
	f.pair(c)
	empty := f.file("empty.env", "SSH_RELOAD=x\n")
	wants(t, f.check("ssh:tls@"+f.address+f.place+"@"+empty), fault.CodeMissing, "SSH_IDENTITY or SSH_PASSWORD")
	wrong := f.file("wrong.env", "SSH_IDENTITY="+f.known+"\nSSH_KNOWN_HOSTS="+f.known+"\n")
	wants(t, f.check("ssh:tls@"+f.address+f.place+"@"+wrong), fault.CodeBadSettings, "SSH_IDENTITY")
	for _, bad := range []string{"ssh:", "ssh:host/dir", "ssh:u@h", "ssh:u@h/", "ssh:u@h/a/../b", "ssh:-o@h/d", "ssh:u@-h/d", "ssh:u@h:x/d"} {
		if s, err := target.ParseSpec(bad); err == nil {
			t.Errorf("%s: %+v", bad, s)
		}
	}
}

// TestSSH_JumpHost leads through another machine, which is verified as well.
func TestSSH_JumpHost(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	signer, err := ssh.ParsePrivateKey(func() []byte { text, _ := os.ReadFile(filepath.Join(f.dir, "id")); return text }())
	if err != nil {
		t.Fatal(err)
	}
	jump := startSSH(t, signer.PublicKey())
	f.setting("SSH_JUMP=jumper@" + jump.address)
	wants(t, f.check(f.spec), target.CodeHostKey, jump.address)
	f.file("known_hosts", knownhosts.Line([]string{f.address}, f.keys[0].PublicKey())+"\n"+knownhosts.Line([]string{jump.address}, jump.keys[0].PublicKey())+"\n")
	c := certificate(t)
	wants(t, f.deploy(t.Context(), c, f.spec)[0], "")
	f.pair(c)
	jump.mu.Lock()
	defer jump.mu.Unlock()
	if jump.asked == 0 {
		t.Error("it went another way")
	}
}

// TestSSH_CutOff cuts the connection after each so many bytes: key and certificate are of one pair, and the next run finishes. The first time
// there are files of the operator's.
func TestSSH_CutOff(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	former, next := certificate(t), certificate(t)
	begin := func() {
		if err := errors.Join(os.RemoveAll(f.place), os.Mkdir(f.place, 0o700), os.WriteFile(filepath.Join(f.place, "privkey.pem"), former.Set.Key, 0o640),
			os.WriteFile(filepath.Join(f.place, "fullchain.pem"), former.Set.Fullchain(), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	cut := func(n int) { f.sshd.mu.Lock(); defer f.sshd.mu.Unlock(); f.sshd.cut = n }
	for n, done := 20, false; !done; n += 397 {
		begin()
		cut(n)
		done = f.deploy(t.Context(), next, f.spec)[0] == nil
		which := f.pair(former, next)
		if done && which != 1 {
			t.Fatal("it says that it is done")
		}
		cut(0)
		wants(t, f.deploy(t.Context(), next, f.spec)[0], "")
		if f.pair(former, next) != 1 {
			t.Fatalf("after %d bytes the next run does not finish", n)
		}
	}
	if info, err := os.Stat(filepath.Join(f.place, "privkey.pem")); err != nil || info.Mode() != 0o640 {
		t.Errorf("its group cannot read it any more: %v %v", info, err)
	}
}

// TestSSH_FiftyHosts does 45 good ones while two do not answer yet and three are down; the five are named.
func TestSSH_FiftyHosts(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	c := certificate(t)
	signer, err := ssh.ParsePrivateKey(func() []byte { text, _ := os.ReadFile(filepath.Join(f.dir, "id")); return text }())
	if err != nil {
		t.Fatal(err)
	}
	hold := make(chan struct{})
	var lines, specs []string
	for i := range 50 {
		s := startSSH(t, signer.PublicKey())
		place := filepath.Join(f.dir, fmt.Sprint("host", i))
		if err := os.Mkdir(place, 0o700); err != nil {
			t.Fatal(err)
		}
		address := s.address
		switch {
		case i < 2:
			s.mu.Lock()
			s.hold = hold
			s.mu.Unlock()
		case i < 5:
			address = fmt.Sprint("127.0.0.1:", i) // where nothing listens
		}
		lines = append(lines, knownhosts.Line([]string{address}, s.keys[0].PublicKey()))
		specs = append(specs, "ssh:tls@"+address+place+"@"+f.env)
	}
	f.file("known_hosts", strings.Join(lines, "\n")+"\n")
	parsed, err := target.ParseSpecs(specs)
	if err != nil {
		t.Fatal(err)
	}
	good, bad := 0, 0
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.Deploy(ctx, parsed, c, func(r target.Result) {
		if r.Err == nil {
			if good++; good == 45 {
				close(hold) // only now
			}
		} else if bad++; !strings.Contains(r.Err.Error(), r.Spec.String()) {
			t.Error(r.Err)
		}
	})
	if good < 45 || good+bad != 50 { // the two may have waited for too long by now
		t.Errorf("%d good, %d bad", good, bad)
	}
}
