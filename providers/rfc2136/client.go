package rfc2136

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/system/failpoint"
	"wildcard/providers"
)

// bufferSize is the UDP payload we announce: the largest that crosses any network unfragmented (DNS flag day 2020).
const bufferSize = 1232

// server is the primary, and how it is talked to.
type server struct {
	address string
	key     key
	timeout time.Duration                                                        // of one exchange
	dial    func(ctx context.Context, network, address string) (net.Conn, error) // nil makes every connection
	now     func() time.Time
	log     *slog.Logger

	udpFirst atomic.Bool // no TCP connection could be made, and UDP brought an answer
	forwards atomic.Bool // it does not know the key, but shows zones: a secondary, which may pass updates on to the primary that does
}

// reply is a message that answers ours.
type reply struct {
	*dns.Msg
	tsig *dns.TSIG // nil if there is none
	// signed says that the signature holds, or that none was asked for. Else only refusals come without.
	signed bool
	bare   bool   // none was asked for: the request had no signature either
	from   string // address and port that it came from
}

// lostError says that no answer came that can be believed: the request may have been carried out or not.
type lostError struct{ error }

func (e *lostError) Unwrap() error { return e.error }

func lost(format string, args ...any) error {
	return &lostError{providers.Errorf(providers.CodeUnavailable, providers.Temporary, format, args...)}
}

// request is a message to send. One that goes bare, without a signature, gets its answer without one.
type request struct {
	*dns.Msg
	bare bool
}

// exchange sends a request and returns the reply to it. Errors are lostErrors.
func (s *server) exchange(ctx context.Context, m request) (reply, error) {
	if ctx.Err() != nil {
		return reply{}, lost("%s: %w", s.address, context.Cause(ctx))
	}
	limited, cancel := context.WithTimeoutCause(ctx, s.timeout, fmt.Errorf("no answer within %v", s.timeout))
	defer cancel()
	start := time.Now()
	r, network, err := s.anyway(limited, m)
	if err != nil {
		if cause := context.Cause(limited); cause != nil && (ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded)) {
			err = cause
		}
		err = lost("%s: %w", s.address, plain(err))
		s.log.Debug("no answer", "server", s.address, "request", describe(m.Msg), "took",
			time.Since(start).Round(time.Millisecond), "error", err)
		return reply{}, err
	}
	s.log.Debug("answered", "server", s.address, "network", network, "request", describe(m.Msg),
		"rcode", rcodeName(r.Rcode), "signed", r.signed, "took", time.Since(start).Round(time.Millisecond))
	return r, nil
}

// anyway uses the network that works.
func (s *server) anyway(ctx context.Context, m request) (r reply, network string, err error) {
	if s.udpFirst.Load() {
		r, err = s.overUDP(ctx, m)
		if err == nil && !r.Truncated {
			return r, "udp", nil
		}
		s.udpFirst.Store(false)
		// What UDP did not answer may have been carried out, so an update is not sent once more just like that.
		if err != nil && m.Opcode == dns.OpcodeUpdate {
			return reply{}, "udp", err
		}
	}
	if err := failpoint.Hit("before connection to primary"); err != nil {
		return reply{}, "tcp", err
	}
	brief, cancel := context.WithTimeout(ctx, min(s.timeout/2, 5*time.Second))
	conn, err := s.connect(brief, "tcp")
	cancel()
	if err == nil {
		r, err = s.overTCP(ctx, conn, m)
		return r, "tcp", err
	}
	noTCP := err
	if r, err = s.overUDP(ctx, m); err != nil {
		return reply{}, "udp", fmt.Errorf("over TCP: %w; over UDP: %w", plain(noTCP), plain(err))
	}
	if r.Truncated {
		return reply{}, "udp", fmt.Errorf("over UDP the answer is cut short; over TCP: %w", plain(noTCP))
	}
	s.udpFirst.Store(true)
	return r, "udp", nil
}

func (s *server) connect(ctx context.Context, network string) (net.Conn, error) {
	if s.dial != nil {
		return s.dial(ctx, network, s.address)
	}
	return new(net.Dialer).DialContext(ctx, network, s.address)
}

// plain is a network error without the addresses it repeats.
func plain(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return errors.New("no answer")
		}
	}
	if sys, ok := errors.AsType[syscall.Errno](err); ok {
		return sys
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("connection closed without an answer")
	}
	return err
}

// overTCP takes the first message that comes for the answer, since only the server can have sent it.
func (s *server) overTCP(ctx context.Context, conn net.Conn, m request) (reply, error) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	packet, mac, err := s.pack(m)
	if err != nil {
		return reply{}, err
	}
	if err := failpoint.Hit("before request to primary"); err != nil {
		return reply{}, err
	}
	message := append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
	if _, err := conn.Write(message); err != nil {
		return reply{}, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return reply{}, err
	}
	packet = make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, packet); err != nil {
		return reply{}, err
	}
	if err := failpoint.Hit("after request to primary"); err != nil {
		return reply{}, err
	}
	r, err := s.read(packet, m, mac)
	r.from = conn.RemoteAddr().String()
	switch {
	case err != nil:
		return reply{}, fmt.Errorf("its answer cannot be used: %w", err)
	case r.Truncated:
		return reply{}, errors.New("its answer is cut short, over TCP")
	}
	return r, nil
}

// pack signs a request, unless it goes bare.
func (s *server) pack(m request) (packet []byte, mac string, err error) {
	if m.bare {
		packet, err = m.Pack()
		return packet, "", err
	}
	return s.key.sign(m.Msg, s.now())
}

// overUDP waits for a signed answer, whatever else comes, and takes in the end a refusal without a signature.
func (s *server) overUDP(ctx context.Context, m request) (reply, error) {
	conn, err := s.connect(ctx, "udp")
	if err != nil {
		return reply{}, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if m.Opcode == dns.OpcodeQuery && m.IsEdns0() == nil {
		m.Msg = m.Copy()
		m.SetEdns0(bufferSize, false)
	}
	packet, mac, err := s.pack(m)
	if err != nil {
		return reply{}, err
	}
	if err := failpoint.Hit("before request to primary"); err != nil {
		return reply{}, err
	}
	if _, err := conn.Write(packet); err != nil {
		return reply{}, err
	}
	var (
		refusal *reply
		unfit   error
		buffer  [65535]byte
	)
	for {
		n, err := conn.Read(buffer[:])
		if err == nil {
			err = failpoint.Hit("after request to primary")
		}
		switch {
		case err != nil && refusal != nil:
			return *refusal, nil
		case err != nil && unfit != nil:
			return reply{}, fmt.Errorf("its answer cannot be used: %w", unfit)
		case err != nil:
			return reply{}, err
		}
		r, err := s.read(buffer[:n], m, mac)
		r.from = conn.RemoteAddr().String()
		switch {
		case err != nil:
			unfit = err
		case r.signed:
			return r, nil
		default:
			refusal = &r
		}
	}
}

// read returns the reply in packet if it answers m and either its signature holds or it is a refusal.
func (s *server) read(packet []byte, m request, mac string) (r reply, err error) {
	defer func() {
		if p := recover(); p != nil { // a defect of the DNS library must not be a way to crash us from outside
			r, err = reply{}, fmt.Errorf("unreadable: %v", p)
		}
	}()
	msg := new(dns.Msg)
	if err := msg.Unpack(packet); err != nil {
		return reply{}, fmt.Errorf("unreadable: %w", err)
	}
	switch {
	case msg.Id != m.Id:
		return reply{}, errors.New("it has another id")
	case !msg.Response || msg.Opcode != m.Opcode:
		return reply{}, errors.New("it is no answer")
	}
	t, err := s.key.verify(packet, mac, s.now())
	switch {
	case errors.Is(err, errUnsigned) && (refuses(msg.Rcode) || m.bare):
		if m.bare && !answers(msg, m.Msg) {
			return reply{}, errors.New("it answers another question")
		}
		return reply{Msg: msg, tsig: t, signed: m.bare, bare: m.bare}, nil
	case err != nil:
		return reply{}, err
	}
	if !answers(msg, m.Msg) {
		return reply{}, errors.New("it answers another question")
	}
	return reply{Msg: msg, tsig: t, signed: true}, nil
}

// answers reports whether a reply repeats the question of a query, as all but refusals must.
func answers(msg, m *dns.Msg) bool {
	return m.Opcode != dns.OpcodeQuery || refuses(msg.Rcode) || len(msg.Question) == 1 &&
		msg.Question[0].Qtype == m.Question[0].Qtype &&
		msg.Question[0].Qclass == dns.ClassINET && providers.CanonicalName(msg.Question[0].Name) == m.Question[0].Name
}

// refuses reports whether a reply says no more than that the server will not do what it was asked for.
func refuses(rcode int) bool {
	switch rcode {
	case dns.RcodeFormatError, dns.RcodeServerFailure, dns.RcodeNotImplemented, dns.RcodeRefused, dns.RcodeNotAuth,
		dns.RcodeNotZone:
		return true
	}
	return false
}

// describe is a request for the log.
func describe(m *dns.Msg) string {
	q := m.Question[0]
	if m.Opcode == dns.OpcodeUpdate {
		return "UPDATE " + q.Name
	}
	return dns.TypeToString[q.Qtype] + " " + q.Name
}

func rcodeName(rcode int) string {
	if name, ok := dns.RcodeToString[rcode]; ok {
		return name
	}
	return fmt.Sprintf("RCODE%d", rcode)
}
