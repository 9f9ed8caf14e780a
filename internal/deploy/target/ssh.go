package target

import (
	"cmp"
	"context"
	"errors"
	"net"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"wildcard/internal/deploy"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/settings"
	"wildcard/internal/system/failpoint"
	"wildcard/internal/system/subprocess"
	"wildcard/providers"
)

// Codes of other machines.
const (
	CodeHostKey = "target.host-key" // a machine does not show the key that is known of it
	CodeLogin   = "target.login"    // it does not let us in
	CodePlace   = "target.place"    // the directory there cannot be written, or is full
)

const (
	handshakeLimit = 15 * time.Second // what a machine may take to be reached, and then until the login is done
	mostReceived   = 64 << 20         // bytes of a connection that are taken
)

// machine is a directory on another machine: ssh:USER@HOST[:PORT]/DIR. Files go there by SFTP ([files]); a command may
// be run then. The key of the machine has to be known (known_hosts); else nothing is sent, neither login nor files.
type machine struct {
	o         *Opener
	user      string
	address   string // HOST:PORT
	dir       string
	reload    string
	jump      *machine // the machine that leads to it
	auth      []ssh.AuthMethod
	knownFile []string
	dial      func(ctx context.Context, network, address string) (net.Conn, error) // nil is the network's
}

var sshForm = regexp.MustCompile(`^([A-Za-z0-9_][A-Za-z0-9._-]*)@(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9._-]*)(?::([0-9]{1,5}))?(/.*)?$`)

func wrongSSH(where string) fault.Text {
	parts := sshForm.FindStringSubmatch(where)
	if parts == nil || machineOf(nil, where) == nil || len(parts[4]) < 2 || path.Clean(parts[4]) != parts[4] {
		return "ssh: wants USER@HOST[:PORT]/DIR"
	}
	return ""
}

// sshFamily are the variables of a login.
func sshFamily() settings.Family {
	return settings.Family{
		Account: "ssh", Name: "SSH_*",
		Variables: []settings.Variable{
			{Name: "SSH_IDENTITY", Optional: true, Help: "file with the private key of the login"},
			{Name: "SSH_PASSPHRASE", Optional: true, Secret: true, Help: "that of the private key"},
			{Name: "SSH_PASSWORD", Optional: true, Secret: true, Help: "password of the login, in place of a key"},
			{Name: "SSH_KNOWN_HOSTS", Optional: true, Peer: true, Help: "file with the keys of machines"},
			{Name: "SSH_JUMP", Optional: true, Peer: true, Help: "USER@HOST[:PORT] through which the machine is reached"},
			{Name: "SSH_RELOAD", Optional: true, Help: "command that is run there afterwards"},
			{Name: variableVerify, Optional: true, Help: "addresses that have to serve the certificate then"},
		},
		Check: func(get func(string) string) []string {
			if get("SSH_IDENTITY") == "" && get("SSH_PASSWORD") == "" {
				return []string{"SSH_IDENTITY or SSH_PASSWORD"}
			}
			return nil
		},
	}
}

// machineOf is USER@HOST[:PORT], with what may stand behind it; nil if it is none. Host and port are written as in known_hosts.
func machineOf(o *Opener, where string) *machine {
	parts := sshForm.FindStringSubmatch(where)
	if parts == nil {
		return nil
	}
	host := strings.ToLower(strings.Trim(parts[2], "[]"))
	port, err := strconv.Atoi(cmp.Or(parts[3], "22"))
	if err != nil || port < 1 || port > 65535 {
		return nil
	}
	return &machine{o: o, user: parts[1], address: net.JoinHostPort(host, strconv.Itoa(port)), dir: parts[4]}
}

func openSSH(o *Opener, s Spec) (opened, error) {
	m := machineOf(o, s.Where)
	host, _, _ := net.SplitHostPort(m.address)
	t := opened{Target: m, host: host}
	sets, err := o.Sources.Credentials(providers.Spec{Name: "ssh", EnvFile: s.EnvFile}, []settings.Family{sshFamily()})
	if err != nil {
		return t, err
	}
	set := sets[0]
	t.verify, m.reload = set.Get(variableVerify), set.Get("SSH_RELOAD")
	if m.knownFile, err = knownFiles(o, set.Get("SSH_KNOWN_HOSTS")); err != nil {
		return t, err
	}
	if file := set.Get("SSH_IDENTITY"); file != "" {
		signer, err := readIdentity(o, file, set.Secret("SSH_PASSPHRASE"))
		if err != nil {
			return t, err
		}
		m.auth = append(m.auth, ssh.PublicKeys(signer))
	}
	if jump := set.Get("SSH_JUMP"); jump != "" {
		if m.jump = machineOf(o, jump); m.jump == nil || m.jump.dir != "" || len(m.auth) == 0 {
			return t, fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "%w",
				messages.New("SSH_JUMP: wants USER@HOST[:PORT], and SSH_IDENTITY, which is shown there too"))
		}
		m.jump.auth, m.jump.knownFile = m.auth, m.knownFile // a password is for the machine alone
	}
	if password := set.Secret("SSH_PASSWORD"); !password.IsZero() {
		m.auth = append(m.auth, ssh.Password(password.Reveal()))
	}
	return t, nil
}

// readIdentity reads a private key, whose file obeys the rules of secrets.
func readIdentity(o *Opener, file string, passphrase settings.Secret) (ssh.Signer, error) {
	text, err := o.Sources.ReadSecretFile(file)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey([]byte(text.Reveal()))
	if !passphrase.IsZero() {
		signer, err = ssh.ParsePrivateKeyWithPassphrase([]byte(text.Reveal()), []byte(passphrase.Reveal()))
	}
	if err != nil {
		return nil, fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "%w",
			messages.New("SSH_IDENTITY: %s is no private key that can be read, or SSH_PASSPHRASE is not its own", settings.Shown(file)))
	}
	return signer, nil
}

// Does implements [Target].
func (m *machine) Does() messages.Message {
	where := m.user + "@" + m.address + m.dir
	if m.reload == "" {
		return messages.New("copies it to %s", where)
	}
	return messages.New("copies it to %s, and runs SSH_RELOAD there", where) // the command may hold a secret
}

// Check implements [Target].
func (m *machine) Check(ctx context.Context) error {
	return m.within(ctx, limit, func(ctx context.Context, client *ssh.Client) error {
		files, err := newFiles(client, m.dir)
		if err != nil {
			return err
		}
		defer files.close()
		return files.check()
	})
}

// Deploy implements [Target]. The command is run also where the files are there already: an earlier run may have ended before it.
func (m *machine) Deploy(ctx context.Context, c Certificate) error {
	return m.within(ctx, limit+deploy.DefaultTimeout, func(ctx context.Context, client *ssh.Client) error {
		stop := time.AfterFunc(limit, func() { _ = client.Close() })
		err := m.copy(client, c)
		stop.Stop()
		if err != nil || m.reload == "" {
			return err
		}
		return m.run(client)
	})
}

// copy brings the files there. It ends with the connection.
func (m *machine) copy(client *ssh.Client, c Certificate) error {
	files, err := newFiles(client, m.dir)
	if err != nil {
		return err
	}
	defer files.close()
	return files.put(c)
}

// run runs the command.
func (m *machine) run(client *ssh.Client) error {
	session, err := client.NewSession()
	if err != nil {
		return fault.Errorf(CodeFailed, fault.Failed, "%w", short{err})
	}
	defer session.Close()
	output := &subprocess.Lines{To: m.o.Output, Prefix: "target " + m.address + ": "}
	session.Stdout, session.Stderr = output, output
	err = failpoint.Do("ssh", "command", func() error { return session.Run(m.reload) })
	output.End()
	if err != nil && strings.Contains(err.Error(), m.reload) { // it may hold a secret
		err = messages.New("the server runs no commands")
	}
	if err != nil {
		return fault.Errorf(CodeFailed, fault.Failed, "%w",
			messages.New("the files are there, and SSH_RELOAD failed: %w", short{err}))
	}
	return nil
}

// within does something with a connection, which ends with it, with ctx, or after a time.
func (m *machine) within(
	ctx context.Context, longest time.Duration, do func(context.Context, *ssh.Client) error,
) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	client, closeAll, err := m.connect(ctx)
	if err == nil {
		defer closeAll()
		err = do(ctx, client)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case fault.CodeOf(err) != "":
		return err
	}
	if _, cut := errors.AsType[short](err); !cut {
		err = short{err}
	}
	return fault.Errorf(CodeFailed, fault.Failed, "%w", err)
}

// connect logs in, through another machine if one leads there.
func (m *machine) connect(ctx context.Context) (client *ssh.Client, closeAll func(), err error) {
	if err := failpoint.Hit("before connection by ssh"); err != nil {
		return nil, nil, err
	}
	dial := m.dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	closeJump := func() {}
	if m.jump != nil {
		jump, closeIt, err := m.jump.connect(ctx)
		if err != nil {
			return nil, nil, err
		}
		dial, closeJump = jump.DialContext, closeIt
	}
	soon, cancel := context.WithTimeout(ctx, handshakeLimit)
	conn, err := dial(soon, "tcp", m.address)
	cancel()
	if err != nil {
		closeJump()
		return nil, nil, err
	}
	conn = &bounded{Conn: conn, left: mostReceived}
	client, err = m.login(ctx, conn)
	if err != nil {
		_ = conn.Close()
		closeJump()
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = client.Close() })
	return client, func() { stop(); _ = client.Close(); closeJump() }, nil
}

// login verifies the machine, and only then shows it who we are (RFC 4253 §8, RFC 4252).
func (m *machine) login(ctx context.Context, conn net.Conn) (*ssh.Client, error) {
	hosts, err := knownHosts(m.knownFile, m.address)
	if err != nil {
		return nil, err
	}
	late := time.AfterFunc(handshakeLimit, func() { _ = conn.Close() })
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() { late.Stop(); stop() }()
	config := &ssh.ClientConfig{
		User: m.user, Auth: m.auth, HostKeyCallback: hosts.check, HostKeyAlgorithms: hosts.algorithms,
		ClientVersion: "SSH-2.0-wildcard",
	}
	c, channels, requests, err := ssh.NewClientConn(conn, m.address, config)
	disagreed, ok := errors.AsType[*ssh.AlgorithmNegotiationError](err)
	switch {
	case err == nil:
		return ssh.NewClient(c, channels, requests), nil
	case hosts.refused != nil:
		return nil, hosts.refused
	case ok && disagreed.What == "host key":
		return nil, fault.Errorf(CodeHostKey, fault.Misconfigured, "%w",
			messages.New("%s has no key of a kind that is known of it", m.address))
	case strings.Contains(err.Error(), "unable to authenticate"):
		return nil, fault.Errorf(CodeLogin, fault.Refused, "%w", messages.New("%s does not let %s in", m.address, m.user))
	}
	return nil, err
}

// newFiles opens SFTP on a connection.
func newFiles(client *ssh.Client, dir string) (*files, error) {
	c, err := sftp.NewClient(client)
	if err != nil {
		return nil, fault.Errorf(CodeFailed, fault.Failed, "%w", messages.New("no SFTP there: %w", short{err}))
	}
	return &files{c: c, dir: dir}, nil
}

// bounded is a connection of which no more than so much is taken: a peer that never ends fills no memory.
type bounded struct {
	net.Conn
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, messages.New("the machine sends too much")
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// short is an error with text of a peer: however long that is, little of it is repeated.
type short struct{ error }

func (s short) Error() string {
	const most = 200
	text := s.error.Error()
	if len(text) > most || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fault.Excerpt(text)
	}
	return text
}

func (s short) Unwrap() error { return s.error }
