package propagation

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/system/failpoint"
)

// transportError says that no answer came, and why.
type transportError struct {
	state   State // Silent or Unreachable
	noRoute bool  // this machine has no way to send there, as with IPv6 addresses on a machine without IPv6
	text    string

	refused  bool     // the machine is there, and has no server on the port
	tooLarge bool     // the answer is too large for UDP, and the server refuses TCP
	values   []string // of the TXT records in it, as far as UDP shows them
}

func (e *transportError) Error() string { return e.text }

// exchange is how one kind of server is asked over port 53.
type exchange struct {
	recursion     bool
	udp, tcp      time.Duration // how long an answer is waited for
	tcpWhenSilent bool          // TCP also when UDP brought nothing, not only when its answer was truncated
	control       func(network, address string, c syscall.RawConn) error
}

// ask sends q to addr, over UDP first, and returns the answer. Packets that do not answer q are ignored until the time is
// over. An error is a *transportError, or the cause of ctx's end.
func (x exchange) ask(ctx context.Context, addr netip.AddrPort, q question) (*dns.Msg, error) {
	msg, err := x.attempt(ctx, addr, q, true)
	if err == nil && (msg.Rcode == dns.RcodeFormatError || msg.Rcode == dns.RcodeNotImplemented) {
		return x.attempt(ctx, addr, q, false) // a server older than EDNS0 (RFC 6891 §7)
	}
	return msg, err
}

func (x exchange) attempt(ctx context.Context, addr netip.AddrPort, q question, edns bool) (*dns.Msg, error) {
	id, packet, err := q.query(x.recursion, edns)
	if err != nil {
		return nil, &transportError{state: Unreachable, text: "cannot be asked: " + err.Error()}
	}
	msg, udpErr := x.converse(ctx, "udp", addr, x.udp, id, packet, q)
	truncated := udpErr == nil && msg.Truncated
	cut := msg
	if t, ok := errors.AsType[*transportError](udpErr); !truncated &&
		(udpErr == nil || !ok || t.noRoute || !x.tcpWhenSilent) {
		return msg, udpErr
	}
	msg, err = x.converse(ctx, "tcp", addr, x.tcp, id, packet, q)
	t, failed := errors.AsType[*transportError](err)
	switch {
	case !failed:
		return msg, err
	case truncated:
		return x.withoutTCP(ctx, addr, q, cut, t)
	default:
		return nil, udpErr // what UDP met says more: most firewalls and half the dead servers refuse TCP
	}
}

// withoutTCP makes what can be made of an answer that was cut short over UDP and cannot be had over TCP. If TCP is refused, the
// CA's resolvers, which announce no more than we do (1232 bytes, as unbound), will have no answer either; asking once more for a
// larger one only tells what is in it. If TCP brings nothing, that may be this machine's network, and a larger answer counts.
func (x exchange) withoutTCP(ctx context.Context, addr netip.AddrPort, q question, cut *dns.Msg,
	tcp *transportError) (*dns.Msg, error) {
	failure := &transportError{state: Silent, text: "truncated over UDP, over TCP " + tcp.text, tooLarge: tcp.refused}
	id, packet, err := q.sized(x.recursion, largestBuffer)
	if err != nil {
		return nil, failure
	}
	whole, err := x.converse(ctx, "udp", addr, x.udp, id, packet, q)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err == nil && !whole.Truncated && (!tcp.refused || fits(whole)):
		return whole, nil
	case err == nil && !whole.Truncated:
		cut = whole
	}
	if cut != nil {
		failure.values = texts(cut, q.name)
	}
	return nil, failure
}

// fits reports whether an answer is one that others get as well, over UDP: what was cut short before was not its size, but a server
// that limits the rate of its answers, and now and then sends an empty one instead (BIND's rate-limit with slip, NSD's rrl-slip).
func fits(msg *dns.Msg) bool {
	small := msg.Copy()
	small.Compress = true
	return small.Len() <= bufferSize
}

// converse opens a connected socket, so that only addr can answer, sends packet and waits for the answer to q.
func (x exchange) converse(ctx context.Context, network string, addr netip.AddrPort, limit time.Duration, id uint16,
	packet []byte, q question) (*dns.Msg, error) {
	if err := failpoint.Hit("before question to name server"); err != nil {
		return nil, transportFailure(ctx, err)
	}
	deadline := time.Now().Add(limit)
	dialer := net.Dialer{Deadline: deadline, Control: x.control}
	conn, err := dialer.DialContext(ctx, network, addr.String())
	if err != nil {
		return nil, transportFailure(ctx, err)
	}
	defer conn.Close()
	conn.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	read := readDatagram
	if network == "tcp" {
		packet = append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
		read = readStream
	}
	if _, err := conn.Write(packet); err != nil {
		return nil, transportFailure(ctx, err)
	}
	const patience = 256 // packets; a flood of noise is as good as silence
	for range patience {
		answer, err := read(conn)
		if err != nil {
			return nil, transportFailure(ctx, err)
		}
		msg, err := parseAnswer(answer, id, q)
		if err != nil {
			continue
		}
		if err := failpoint.Hit("after question to name server"); err != nil {
			return nil, transportFailure(ctx, err)
		}
		return msg, nil
	}
	return nil, &transportError{state: Silent, text: "nothing but noise"}
}

func readDatagram(conn net.Conn) ([]byte, error) {
	packet := make([]byte, largestBuffer) // more than we announced is cut, and then is noise
	n, err := conn.Read(packet)
	return packet[:n], err
}

func readStream(conn net.Conn) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	packet := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(conn, packet)
	return packet, err
}

func transportFailure(ctx context.Context, err error) error {
	// A socket may notice the end of ctx's time an instant before ctx does; that is no server's silence.
	if end, ok := ctx.Deadline(); ok && !time.Now().Before(end) {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return &transportError{state: Silent, text: "no answer"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &transportError{state: Unreachable, refused: true, text: "connection refused"}
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EAFNOSUPPORT):
		return &transportError{state: Unreachable, noRoute: true, text: "network is unreachable"}
	case errors.Is(err, syscall.EHOSTUNREACH):
		return &transportError{state: Unreachable, text: "host is unreachable"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE):
		return &transportError{state: Silent, text: "connection closed without an answer"}
	}
	if sys, ok := errors.AsType[syscall.Errno](err); ok {
		return &transportError{state: Unreachable, text: sys.Error()}
	}
	return &transportError{state: Unreachable, text: "no connection"}
}
