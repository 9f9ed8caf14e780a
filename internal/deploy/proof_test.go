package deploy_test

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wildcard/internal/deploy"
	"wildcard/internal/fault"
)

// pair is a certificate for *.example.com with its key.
func pair(t testing.TB, key crypto.Signer) (tls.Certificate, *x509.Certificate) {
	t.Helper()
	if key == nil {
		var err error
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	form := &x509.Certificate{SerialNumber: serial, DNSNames: []string{"*.example.com", "example.com"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, leaf
}

// server speaks a protocol on one address, as strictly as it can: what its dialogue does not expect ends the talk.
type server struct {
	t     testing.TB
	talks atomic.Int32
	names sync.Map // that clients asked for
	port  string

	mu    sync.Mutex
	tls   *tls.Config
	serve []tls.Certificate
}

// listen starts a server. dialogue says what comes before TLS, and whether TLS comes at all.
func listen(t testing.TB, address string, dialogue func(*peer) bool, serve ...tls.Certificate) *server {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, serve: serve, tls: &tls.Config{}}
	_, s.port, _ = net.SplitHostPort(listener.Addr().String())
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() { s.talk(conn, dialogue) })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); group.Wait() })
	return s
}

func (s *server) talk(conn net.Conn, dialogue func(*peer) bool) {
	defer conn.Close()
	s.talks.Add(1)
	client := &peer{Conn: conn, r: bufio.NewReader(conn)}
	if dialogue != nil && !dialogue(client) {
		return
	}
	s.mu.Lock()
	c := s.tls.Clone()
	c.Certificates = s.serve
	s.mu.Unlock()
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		s.names.Store(hello.ServerName, true)
		return nil, nil
	}
	if tls.Server(client, c).Handshake() == nil {
		_, _ = io.Copy(io.Discard, client)
	}
}

// configure changes how the server speaks TLS.
func (s *server) configure(change func(*tls.Config)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.tls)
}

// change has the server serve others.
func (s *server) change(serve ...tls.Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serve = serve
}

// peer is a client as its server sees it.
type peer struct {
	net.Conn
	r *bufio.Reader
}

// Read reads what is buffered, too.
func (p *peer) Read(b []byte) (int, error) { return p.r.Read(b) }

// says sends a text.
func (p *peer) says(text string) bool {
	_, err := io.WriteString(p.Conn, text)
	return err == nil
}

// hears reports whether the client sends just this, and waits for the answer before it goes on.
func (p *peer) hears(text string) bool {
	got := make([]byte, len(text))
	_, err := io.ReadFull(p.r, got)
	return err == nil && string(got) == text && p.r.Buffered() == 0
}

// hearsLine reports whether the client sends a line that begins so, and waits.
func (p *peer) hearsLine(begin string) bool {
	got, err := p.r.ReadString('\n')
	return err == nil && strings.HasPrefix(got, begin) && strings.HasSuffix(got, "\r\n") && p.r.Buffered() == 0
}

// prover is one by a clock that only waiting moves, and that knows one host.
type prover struct {
	deploy.Prover
	mu    sync.Mutex
	time  time.Time
	waits []time.Duration
	then  func() // done in the course of the first wait
}

func newProver(addrs ...string) *prover {
	p := &prover{time: time.Unix(1_800_000_000, 0)}
	p.Now = func() time.Time { p.mu.Lock(); defer p.mu.Unlock(); return p.time }
	p.Sleep = func(ctx context.Context, d time.Duration) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.time, p.waits = p.time.Add(d), append(p.waits, d)
		if p.then != nil {
			p.then()
			p.then = nil
		}
		return context.Cause(ctx)
	}
	p.Resolve = func(_ context.Context, host string) ([]netip.Addr, error) {
		if host != "www.example.com" {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		var all []netip.Addr
		for _, a := range addrs {
			all = append(all, netip.MustParseAddr(a))
		}
		return all, nil
	}
	return p
}

func endpoint(t testing.TB, text string) deploy.Endpoint {
	t.Helper()
	e, err := deploy.ParseEndpoint(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestParseEndpoint(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"www.example.com": "www.example.com:443", "www.example.com:8443": "www.example.com:8443", "www.example.com:08443": "www.example.com:8443",
		"[2001:db8::1]:993": "[2001:db8::1]:993", "[2001:db8::1]": "[2001:db8::1]:443", "2001:db8::1": "[2001:db8::1]:443",
		"[fe80::1%eth0]:443": "[fe80::1%eth0]:443", "192.0.2.1": "192.0.2.1:443",
		"mail.example.com,smtp": "mail.example.com:25,smtp", "mail.example.com:587,smtp": "mail.example.com:587,smtp", "m,imap": "m:143,imap", "m,pop3": "m:110,pop3",
		"m,ldap": "m:389,ldap", "[::1],postgres": "[::1]:5432,postgres", "db_1,mysql": "db_1:3306,mysql",
	} {
		if got, err := deploy.ParseEndpoint(text); err != nil || got.String() != want {
			t.Errorf("%s: %v %v", text, got, err)
		} else if again, err := deploy.ParseEndpoint(got.String()); err != nil || again != got {
			t.Errorf("%s is read as %v %v", got, again, err)
		}
	}
	for _, text := range []string{
		"", ":443", "https://example.com/", "example.com:0", "example.com:99999", "example.com:https", "a b", "a,", "a,SMTP", "a,ftp", "a,smtp,imap", "a:25:smtp", "-v", "a\nb", "*.example.com",
		"[fe80::1%a b]:443", "日本.example",
	} {
		if got, err := deploy.ParseEndpoint(text); fault.ClassOf(err) != fault.Usage {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
}

// ber is an element of LDAP's, with a length of one byte or of four.
func ber(long bool, tag byte, content string) string {
	if long {
		return string(tag) + "\x84\x00\x00\x00" + string(rune(len(content))) + content
	}
	return string(tag) + string(rune(len(content))) + content
}

func ldap(long bool, result byte) func(*peer) bool {
	return func(p *peer) bool {
		return p.hears("\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037") &&
			p.says(ber(long, 0x30, ber(long, 0x02, "\x01")+ber(long, 0x78, ber(false, 0x0a, string(rune(result)))+ber(long, 0x04, "")+ber(long, 0x04, "diagnostic")))) && result == 0
	}
}

// mysql is a server's greeting and what it expects (MySQL's documentation, "Protocol::HandshakeV10").
func mysql(capabilities uint16) func(*peer) bool {
	return func(p *peer) bool {
		payload := append([]byte("\x0a10.11.6-MariaDB\x00"), make([]byte, 4+8+1)...)
		payload = binary.LittleEndian.AppendUint16(payload, capabilities)
		payload = append(payload, make([]byte, 40)...)
		if !p.says(string([]byte{byte(len(payload)), 0, 0, 0}) + string(payload)) {
			return false
		}
		request := make([]byte, 36) // to which there is no answer, so TLS may be behind it
		_, err := io.ReadFull(p, request)
		return err == nil && string(request) == "\x20\x00\x00\x01\x01\x8a\x00\x00\x00\x00\x00\x01\x21"+strings.Repeat("\x00", 23)
	}
}

// TestLook_Protocols asks servers for TLS as their protocols have it, in all the forms that they have.
func TestLook_Protocols(t *testing.T) {
	t.Parallel()
	smtp := func(capabilities string) func(*peer) bool {
		return func(p *peer) bool {
			return p.says("220-mail.example.com ESMTP\r\n220 wait\r\n") && p.hears("EHLO [127.0.0.1]\r\n") && p.says(capabilities) && p.hears("STARTTLS\r\n") && p.says("220 2.0.0 Ready\r\n")
		}
	}
	imap := func(greeting, answer string) func(*peer) bool {
		return func(p *peer) bool { return p.says(greeting) && p.hearsLine("a STARTTLS") && p.says(answer) }
	}
	for what, dialogue := range map[string]func(*peer) bool{
		",":              nil,
		",smtp":          smtp("250-mail.example.com\r\n250-SIZE 10240000\r\n250-STARTTLS\r\n250 SMTPUTF8\r\n"),
		",smtp one line": smtp("250 starttls\r\n"),
		",imap":          imap("* OK [CAPABILITY IMAP4rev1 STARTTLS] Dovecot ready.\r\n", "a OK Begin TLS negotiation now.\r\n"),
		",imap untagged": imap("* ok\r\n", "* CAPABILITY IMAP4rev2\r\n* OK note\r\nA ok\r\n"),
		",pop3": func(p *peer) bool {
			return p.says("+OK <1.2@mail>\r\n") && p.hears("STLS\r\n") && p.says("+OK Begin\r\n")
		},
		",ldap":                 ldap(false, 0),
		",ldap lengths of four": ldap(true, 0),
		",postgres":             func(p *peer) bool { return p.hears("\x00\x00\x00\x08\x04\xd2\x16\x2f") && p.says("S") },
		",mysql":                mysql(0xffff),
		",mysql not much of it": mysql(0x0800),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cert, leaf := pair(t, nil)
			s := listen(t, "127.0.0.1:0", dialogue, cert)
			protocol, _, _ := strings.Cut(what, " ")
			looks := newProver("127.0.0.1").Look(t.Context(), endpoint(t, "www.example.com:"+s.port+strings.TrimSuffix(protocol, ",")), leaf)
			if len(looks) != 1 || looks[0].Err != nil || !looks[0].Served[0].Equal(leaf) {
				t.Fatalf("%+v", looks)
			}
			if _, ok := s.names.Load("www.example.com"); !ok {
				t.Error("the server was not asked for the name")
			}
		})
	}
}

// TestLook_NoTLS has servers that offer none, refuse it, say something else, say it over and over, or add to it what TLS would not protect.
func TestLook_NoTLS(t *testing.T) {
	t.Parallel()
	says := func(text string) func(*peer) bool {
		return func(p *peer) bool { p.says(text); _, _ = io.Copy(io.Discard, p.r); return false }
	}
	ehlo := func(answers string) func(*peer) bool {
		return func(p *peer) bool {
			return p.says("220 mail\r\n") && p.hearsLine("EHLO ") && p.says(answers) && p.hearsLine("STARTTLS") && p.says("454 4.7.0 TLS not available due to local problem\r\n") && false
		}
	}
	for what, c := range map[string]struct {
		dialogue func(*peer) bool
		want     string
	}{
		"smtp not offered": {ehlo("250-mail\r\n250-AUTH STARTTLS\r\n250 SIZE\r\n"), "no TLS"},
		"smtp refused":     {ehlo("250 STARTTLS\r\n"), "454 4.7.0 TLS not available"},
		"smtp too busy":    {says("421 try again\r\n"), "421"},
		"smtp no end":      {says(strings.Repeat("220-x\r\n", 10000)), "says"},
		"smtp long line":   {says(strings.Repeat("x", 100000)), "xxx"},
		"smtp injected": {func(p *peer) bool {
			return p.says("220 m\r\n") && p.hearsLine("EHLO ") && p.says("250 STARTTLS\r\n") && p.hearsLine("STARTTLS") && p.says("220 ok\r\n250 injected\r\n")
		}, "TLS handshake"},
		"imap gone": {func(p *peer) bool {
			return p.says("* OK\r\n") && p.hearsLine("a ") && p.says("* BYE broken\r\n") && false
		}, "BYE broken"},
		"imap refused":   {func(p *peer) bool { return p.says("* OK\r\n") && p.hearsLine("a ") && p.says("a BAD no\r\n") && false }, "a BAD no"},
		"imap logged in": {says("* PREAUTH hello\r\n"), "PREAUTH"},
		"pop3 refused": {func(p *peer) bool {
			return p.says("+OK\r\n") && p.hearsLine("STLS") && p.says("-ERR\x1b[31m\r\n") && false
		}, "-ERR"},
		"ldap refused":      {ldap(false, 52), "result 52"},
		"ldap another":      {says("\x30\x84\x7f\xff\xff\xff"), "says"},
		"postgres without":  {func(p *peer) bool { return p.hears("\x00\x00\x00\x08\x04\xd2\x16\x2f") && p.says("N") && false }, "no TLS"},
		"postgres too busy": {func(p *peer) bool { return p.hears("\x00\x00\x00\x08\x04\xd2\x16\x2f") && p.says("Eno slots") && false }, `says "E"`},
		"postgres injected": {func(p *peer) bool { return p.hears("\x00\x00\x00\x08\x04\xd2\x16\x2f") && p.says("Sinjected") }, "TLS handshake"},
		"mysql without":     {mysql(0xffff &^ 0x0800), "no TLS"},
		"mysql blocked":     {says("\x25\x00\x00\x00\xff\x69\x04Host '192.0.2.1' is blocked because   "), "is blocked"},
		"mysql another":     {says("\x03\x00\x00\x00\x09\x00\x00"), "says"},
		"closed":            {func(*peer) bool { return false }, ""},
		"plain":             {says("HTTP/1.0 400 Bad Request\r\n\r\n"), "TLS handshake"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cert, leaf := pair(t, nil)
			s := listen(t, "127.0.0.1:0", c.dialogue, cert)
			protocol, _, _ := strings.Cut(what, " ")
			text := "www.example.com:" + s.port
			if slices.Contains(deploy.Protocols(), protocol) {
				text += "," + protocol
			}
			looks := newProver("127.0.0.1").Look(t.Context(), endpoint(t, text), leaf)
			if len(looks) != 1 || looks[0].Err == nil || !strings.Contains(looks[0].Err.Error(), c.want) || strings.ContainsRune(looks[0].Err.Error(), '\x1b') {
				t.Errorf("%+v", looks)
			}
		})
	}
}

// TestProve_UntilServed has servers that take a while to read their files: one address of two, and a server with a broken pair.
func TestProve_UntilServed(t *testing.T) {
	t.Parallel()
	old, _ := pair(t, nil)
	fresh, leaf := pair(t, nil)
	a := listen(t, "127.0.0.1:0", nil, fresh)
	b := listen(t, "127.0.0.2:"+a.port, nil, old)
	p := newProver("127.0.0.1", "127.0.0.2")
	p.then = func() { b.change(fresh) }
	proved, err := p.Prove(t.Context(), []deploy.Endpoint{endpoint(t, "www.example.com:"+a.port)}, leaf)
	if err != nil || len(proved) != 2 || len(p.waits) != 1 {
		t.Errorf("%v %v after %v", proved, err, p.waits)
	}
}

// TestProve_NotServed ends after 15 seconds and says which address serves what.
func TestProve_NotServed(t *testing.T) {
	t.Parallel()
	old, former := pair(t, nil)
	fresh, leaf := pair(t, nil)
	a := listen(t, "127.0.0.1:0", nil, fresh)
	listen(t, "127.0.0.2:"+a.port, nil, old)
	addrs := []string{"127.0.0.1", "127.0.0.2"}
	e := endpoint(t, "www.example.com:"+a.port)
	if _, err := newProver(addrs...).Prove(t.Context(), []deploy.Endpoint{e}, leaf); fault.CodeOf(err) != deploy.CodeNotServed {
		t.Error(err)
	}
	if n := a.talks.Load(); n < 4 || n > 12 { // so few that no server counts them as an attack (MySQL: max_connect_errors, 100)
		t.Errorf("%d handshakes with one address in 15 seconds", n)
	}
	proved, err := newProver(addrs...).Prove(t.Context(), []deploy.Endpoint{e, endpoint(t, "gone.example.com,smtp")}, leaf)
	text := fmt.Sprint(err)
	if fault.CodeOf(err) != deploy.CodeNotServed || fault.ClassOf(err) != fault.Failed || len(proved) != 1 {
		t.Errorf("%v, proved %v", err, proved)
	}
	for _, want := range []string{"www.example.com:" + a.port + " (127.0.0.2) serves the certificate " + deploy.Serial(former), deploy.Serial(leaf), "gone.example.com:25,smtp: ", "no such host"} {
		if !strings.Contains(text, want) {
			t.Errorf("nowhere %q: %s", want, text)
		}
	}
	if strings.Contains(text, "(127.0.0.1)") {
		t.Errorf("what is proved is told as a problem: %s", text)
	}
}

// TestProve_NoWay passes over an address to which there is no way from here, unless it is the only one.
func TestProve_NoWay(t *testing.T) {
	t.Parallel()
	fresh, leaf := pair(t, nil)
	a := listen(t, "127.0.0.1:0", nil, fresh)
	// 255.255.255.255 is no address to which TCP has a way (connect(2), ENETUNREACH; Linux, ip_route_connect).
	const nowhere = "255.255.255.255"
	if _, err := net.Dial("tcp", nowhere+":"+a.port); !errors.Is(err, syscall.ENETUNREACH) {
		t.Fatalf("there is a way to %s: %v", nowhere, err)
	}
	e := []deploy.Endpoint{endpoint(t, "www.example.com:"+a.port)}
	if proved, err := newProver("127.0.0.1", nowhere).Prove(t.Context(), e, leaf); err != nil || len(proved) != 1 {
		t.Errorf("%v %v", proved, err)
	}
	if proved, err := newProver(nowhere).Prove(t.Context(), e, leaf); fault.CodeOf(err) != deploy.CodeNotServed || len(proved) != 0 {
		t.Errorf("%v %v", proved, err)
	}
}

// TestLook_KindsOfKeys has a server with a certificate of each kind, as nginx, Apache and Postfix can have them.
func TestLook_KindsOfKeys(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	withRSA, leafRSA := pair(t, key)
	withEC, leafEC := pair(t, nil)
	_, other := pair(t, key)
	s := listen(t, "127.0.0.1:0", nil, withEC, withRSA)
	for _, leaf := range []*x509.Certificate{leafRSA, leafEC} {
		if looks := newProver("127.0.0.1").Look(t.Context(), endpoint(t, "www.example.com:"+s.port), leaf); looks[0].Err != nil || !looks[0].Served[0].Equal(leaf) {
			t.Errorf("%s is served, and not seen", leaf.PublicKeyAlgorithm)
		}
	}
	looks := newProver("127.0.0.1").Look(t.Context(), endpoint(t, "www.example.com:"+s.port), other)
	if looks[0].Err != nil || looks[0].Served[0].Equal(other) || !looks[0].Served[0].Equal(leafRSA) {
		t.Errorf("%+v", looks)
	}
}

// TestLook_Servers has servers of old protocols, and some that want a certificate of their client's.
func TestLook_Servers(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(*tls.Config){
		"TLS 1.0":                              func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 },
		"TLS 1.2":                              func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
		"TLS 1.2, certificate of the client's": func(c *tls.Config) { c.MaxVersion, c.ClientAuth = tls.VersionTLS12, tls.RequireAnyClientCert },
		"TLS 1.3, certificate of the client's": func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cert, leaf := pair(t, nil)
			s := listen(t, "127.0.0.1:0", nil, cert)
			s.configure(change)
			if looks := newProver("127.0.0.1").Look(t.Context(), endpoint(t, "www.example.com:"+s.port), leaf); looks[0].Err != nil || !looks[0].Served[0].Equal(leaf) {
				t.Errorf("%+v", looks)
			}
		})
	}
}

// TestLook_KeyOfAnother has a server that shows the certificate without having its key: that is no proof.
func TestLook_KeyOfAnother(t *testing.T) {
	t.Parallel()
	cert, leaf := pair(t, nil)
	another, _ := pair(t, nil)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		s := listen(t, "127.0.0.1:0", nil, tls.Certificate{Certificate: cert.Certificate, PrivateKey: another.PrivateKey, Leaf: leaf})
		s.configure(func(c *tls.Config) { c.MaxVersion, c.ClientAuth = version, tls.RequestClientCert })
		if looks := newProver("127.0.0.1").Look(t.Context(), endpoint(t, "www.example.com:"+s.port), leaf); looks[0].Err == nil {
			t.Errorf("%x: %+v", version, looks)
		}
	}
}

// TestProve_Interrupted ends with the run, also in the middle of a talk with a server that says nothing.
func TestProve_Interrupted(t *testing.T) {
	t.Parallel()
	_, leaf := pair(t, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stopped")
	s := listen(t, "127.0.0.1:0", func(p *peer) bool { cancel(stop); _, _ = io.Copy(io.Discard, p.r); return false })
	if _, err := newProver("127.0.0.1").Prove(ctx, []deploy.Endpoint{endpoint(t, "www.example.com:"+s.port+",imap")}, leaf); !errors.Is(err, stop) {
		t.Error(err)
	}
}
