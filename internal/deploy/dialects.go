package deploy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

const (
	mostLine  = 2048  // bytes of one line of a server's
	mostLines = 100   // in one reply
	mostBytes = 16384 // of one packet or message
)

// dialect is how TLS is asked for in a protocol that begins without.
type dialect struct {
	port string // the usual one
	ask  func(c net.Conn) error
}

// dialects are the protocols that are known, each with the text that its words are from. Nothing is read beyond the server's last
// word before TLS: what came with it would be taken for a part of the protected talk (RFC 3207 §6, CVE-2021-23222).
func dialects() map[string]dialect {
	return map[string]dialect{
		"smtp":     {"25", askSMTP},       // RFC 3207 §4, RFC 5321 §4.2
		"imap":     {"143", askIMAP},      // RFC 9051 §6.2.1
		"pop3":     {"110", askPOP3},      // RFC 2595 §4
		"ldap":     {"389", askLDAP},      // RFC 4511 §4.14.1
		"postgres": {"5432", askPostgres}, // PostgreSQL's documentation, 55.2.10 "SSL Session Encryption"
		"mysql":    {"3306", askMySQL},    // MySQL's documentation, "Protocol::HandshakeV10", "Protocol::SSLRequest"
	}
}

// Protocols are the names of those in which TLS can be asked for.
func Protocols() []string { return slices.Sorted(maps.Keys(dialects())) }

// said is the error of a server that says something else than it should.
func said(text string) error { return messages.New("it says %s", fault.Excerpt(text)) }

func withoutTLS() error { return messages.New("it offers no TLS") }

// line reads a line, and not a byte more.
func line(c net.Conn) (string, error) {
	var text []byte
	one := make([]byte, 1)
	for len(text) < mostLine {
		if _, err := io.ReadFull(c, one); err != nil {
			return "", err
		}
		if one[0] == '\n' {
			return strings.TrimSuffix(string(text), "\r"), nil
		}
		text = append(text, one[0])
	}
	return "", said(string(text))
}

func askSMTP(c net.Conn) error {
	if _, err := smtpReply(c, "220"); err != nil {
		return err
	}
	lines, err := smtpSend(c, "EHLO "+addressLiteral(c), "250")
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.EqualFold(strings.TrimSpace(l), "STARTTLS") }) {
		return withoutTLS()
	}
	_, err = smtpSend(c, "STARTTLS", "220")
	return err
}

// addressLiteral is how a client without a name calls itself (RFC 5321 §4.1.3).
func addressLiteral(c net.Conn) string {
	at, err := netip.ParseAddrPort(c.LocalAddr().String())
	switch addr := at.Addr().Unmap().WithZone(""); {
	case err != nil:
		return "[127.0.0.1]"
	case addr.Is6():
		return "[IPv6:" + addr.String() + "]"
	default:
		return "[" + addr.String() + "]"
	}
}

func smtpSend(c net.Conn, command, code string) ([]string, error) {
	if _, err := io.WriteString(c, command+"\r\n"); err != nil {
		return nil, err
	}
	return smtpReply(c, code)
}

// smtpReply reads a reply of one or more lines, and returns their texts.
func smtpReply(c net.Conn, code string) (texts []string, err error) {
	for range mostLines {
		l, err := line(c)
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(l, code) {
			return nil, said(l)
		}
		rest := l[len(code):]
		texts = append(texts, strings.TrimLeft(rest, " -"))
		if !strings.HasPrefix(rest, "-") {
			return texts, nil
		}
	}
	return nil, said(texts[0])
}

func askIMAP(c net.Conn) error {
	greeting, err := line(c)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(strings.ToUpper(greeting), "* OK") {
		return said(greeting)
	}
	if _, err := io.WriteString(c, "a STARTTLS\r\n"); err != nil {
		return err
	}
	for range mostLines {
		l, err := line(c)
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(strings.ToUpper(l), "A OK"):
			return nil
		case strings.HasPrefix(l, "* ") && !strings.HasPrefix(strings.ToUpper(l), "* BYE"):
		default:
			return said(l)
		}
	}
	return said(greeting)
}

func askPOP3(c net.Conn) error {
	for _, command := range []string{"", "STLS\r\n"} {
		if _, err := io.WriteString(c, command); err != nil {
			return err
		}
		l, err := line(c)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(l, "+OK") {
			return said(l)
		}
	}
	return nil
}

// startTLS is the name of LDAP's operation.
const startTLS = "1.3.6.1.4.1.1466.20037"

func askLDAP(c net.Conn) error {
	if _, err := io.WriteString(c, "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"+startTLS); err != nil {
		return err
	}
	message, err := element(c, 0x30)
	if err != nil {
		return err
	}
	rest := bytes.NewReader(message)
	if _, err := element(rest, 0x02); err != nil { // the number of the message
		return err
	}
	reply, err := element(rest, 0x78)
	if err != nil {
		return err
	}
	result, err := element(bytes.NewReader(reply), 0x0a)
	if err != nil || len(result) != 1 {
		return said(fmt.Sprintf("%x", message))
	}
	if result[0] != 0 {
		return messages.New("it refuses to begin TLS, with result %d", result[0])
	}
	return nil
}

// element reads one element of BER with a definite length, of any form: some servers write all lengths in four bytes.
func element(r io.Reader, tag byte) (content []byte, err error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	size := int(head[1])
	if size > 0x80 && size <= 0x84 {
		long := make([]byte, size-0x80)
		if _, err := io.ReadFull(r, long); err != nil {
			return nil, err
		}
		size = 0
		for _, b := range long {
			size = size<<8 | int(b)
		}
	}
	if head[0] != tag || size > mostBytes {
		return nil, said(fmt.Sprintf("%x", head))
	}
	content = make([]byte, size)
	_, err = io.ReadFull(r, content)
	return content, err
}

func askPostgres(c net.Conn) error {
	if _, err := io.WriteString(c, "\x00\x00\x00\x08\x04\xd2\x16\x2f"); err != nil {
		return err
	}
	answer := make([]byte, 1)
	if _, err := io.ReadFull(c, answer); err != nil {
		return err
	}
	switch answer[0] {
	case 'S':
		return nil
	case 'N':
		return withoutTLS()
	}
	return said(string(answer))
}

// What is sent to MySQL: CLIENT_PROTOCOL_41, CLIENT_SECURE_CONNECTION, CLIENT_SSL and CLIENT_LONG_PASSWORD.
const (
	mysqlSSL          = 0x0800
	mysqlCapabilities = 0x8200 | mysqlSSL | 0x0001
)

func askMySQL(c net.Conn) error {
	head := make([]byte, 4)
	if _, err := io.ReadFull(c, head); err != nil {
		return err
	}
	size := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if size > mostBytes {
		return said(fmt.Sprintf("%x", head))
	}
	greeting := make([]byte, size)
	if _, err := io.ReadFull(c, greeting); err != nil {
		return err
	}
	if len(greeting) > 3 && greeting[0] == 0xff {
		return said(string(greeting[3:]))
	}
	_, rest, found := bytes.Cut(greeting, []byte{0}) // behind protocol and version
	const before = 4 + 8 + 1                         // thread, first part of the challenge, filler
	if !found || greeting[0] != 10 || len(rest) < before+2 {
		return said(string(greeting))
	}
	if binary.LittleEndian.Uint16(rest[before:])&mysqlSSL == 0 {
		return withoutTLS()
	}
	request := make([]byte, 36)
	request[0], request[3] = 32, head[3]+1
	binary.LittleEndian.PutUint32(request[4:], mysqlCapabilities)
	binary.LittleEndian.PutUint32(request[8:], 1<<24)
	request[12] = 0x21 // utf8_general_ci
	_, err := io.Copy(c, bytes.NewReader(request))
	return err
}
