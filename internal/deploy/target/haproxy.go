package target

import (
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wildcard/internal/deploy"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/system/failpoint"
	"wildcard/internal/system/safepath"
)

const (
	mostAnswer = 1 << 20 // how much of an answer of HAProxy's is read
	abortLimit = 5 * time.Second
)

// haproxy is a certificate of a running HAProxy: haproxy:SOCKET=FILE, where FILE is the file that its configuration names. It is given to
// the process by its runtime API, without a reload (HAProxy Management Guide §9.3, "set ssl cert"), and written into the file, from which
// the next start reads it. The file comes last, so that one which the process refuses is not there for that start.
type haproxy struct {
	o            *Opener
	socket, file string
}

func wrongHAProxy(where string) fault.Text {
	socket, file, _ := strings.Cut(where, "=")
	for _, path := range []string{socket, file} {
		if !filepath.IsAbs(path) || filepath.Clean(path) != path || strings.ContainsAny(path, ";\\") {
			return "haproxy: wants SOCKET=FILE, two absolute paths"
		}
	}
	return ""
}

func openHAProxy(o *Opener, s Spec) (opened, error) {
	socket, file, _ := strings.Cut(s.Where, "=")
	t := opened{Target: &haproxy{o, socket, file}}
	var err error
	t.verify, err = verifyOf(s)
	return t, err
}

// Does implements [Target].
func (h *haproxy) Does() messages.Message {
	return messages.New("gives it to HAProxy at %s without a reload, and writes %s", h.socket, h.file)
}

// Check implements [Target].
func (h *haproxy) Check(ctx context.Context) error {
	level, err := h.ask(ctx, "show cli level")
	if err != nil {
		return err
	}
	if level != "admin" {
		return fault.Errorf(CodeUnusable, fault.Misconfigured, "%w",
			messages.New("the socket %s has the level %s, and admin is wanted", h.socket, fault.Excerpt(level))).
			Advise("write \"level admin\" behind %s in HAProxy's configuration, and restart it", h.socket)
	}
	answer, err := h.ask(ctx, "show ssl cert "+h.file)
	if err != nil {
		return err
	}
	if !strings.Contains(answer, "Filename: "+h.file) {
		return fault.Errorf(CodeUnusable, fault.Misconfigured, "%w",
			messages.New("HAProxy has no certificate of this name: %s", fault.Excerpt(answer))).
			Advise("name the file as HAProxy's configuration does (crt), and start HAProxy with one there")
	}
	return h.writable()
}

// writable refuses a file that would not be written (lineage, Export).
func (h *haproxy) writable() error {
	_, err := safepath.Look(filepath.Dir(h.file), safepath.ClosedDir)
	if err == nil {
		info, statErr := os.Lstat(h.file)
		if err = statErr; err == nil && !info.Mode().IsRegular() {
			err = messages.New("%s is no file", h.file)
		}
	}
	if err != nil {
		return fault.Errorf(CodeUnusable, fault.Misconfigured, "%w", err)
	}
	return nil
}

// Deploy implements [Target].
func (h *haproxy) Deploy(ctx context.Context, c Certificate) error {
	text, err := c.Set.Combined()
	if err != nil {
		return err
	}
	if err := h.replace(ctx, text); err != nil {
		return err
	}
	shown, err := h.ask(ctx, "show ssl cert "+h.file)
	if err != nil {
		return err
	}
	digest := fmt.Sprintf("%X", sha1.Sum(c.Leaf.Raw)) // which is what HAProxy shows of a certificate
	if !strings.Contains(shown, digest) {
		return fault.Errorf(CodeFailed, fault.Failed, "%w", messages.New("HAProxy still has another certificate"))
	}
	return h.o.Write(h.file, text)
}

// replace has the process take a certificate. One that it refuses leaves the former one where it was.
func (h *haproxy) replace(ctx context.Context, text []byte) error {
	payload := &bytes.Buffer{} // which ends at the first empty line
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			fmt.Fprintf(payload, "%s\n", line)
		}
	}
	answer, err := h.ask(ctx, "set ssl cert "+h.file+" <<\n"+payload.String())
	if err != nil {
		h.abort(ctx) // it may have come there
		return err
	}
	if !strings.Contains(answer, "Transaction created") && !strings.Contains(answer, "Transaction updated") {
		return refusedBy("HAProxy", answer)
	}
	answer, err = h.ask(ctx, "commit ssl cert "+h.file)
	if err == nil && strings.Contains(answer, "Success") {
		return nil
	}
	h.abort(ctx)
	if err != nil {
		return err
	}
	return refusedBy("HAProxy", answer)
}

// abort forgets a transaction, which waits for the next commit else, also after a signal.
func (h *haproxy) abort(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortLimit)
	defer cancel()
	_, _ = h.ask(ctx, "abort ssl cert "+h.file) // what failed before is told
}

// refusedBy is the error of a service that did not take a certificate, with its answer.
func refusedBy(service, answer string) error {
	return fault.Errorf(CodeFailed, fault.Failed, "%w",
		messages.New("%s did not take the certificate: %s", service, fault.Excerpt(answer)))
}

// trusted refuses a socket at which another user than root and us began to listen: it would get the key. HAProxy is started by root, and
// changes its user afterwards. One that is started by another user wants the file (combined) and a hook.
func (h *haproxy) trusted(conn net.Conn) error {
	uid, err := safepath.Listener(conn.(*net.UnixConn))
	if err != nil {
		return fault.Errorf(CodeFailed, fault.Failed, "%w", err)
	}
	if uid == 0 || uid == os.Geteuid() {
		return nil
	}
	return fault.Errorf(deploy.CodeUnsafe, fault.Misconfigured, "%w",
		messages.New("user %d listens at %s, and would get the private key", uid, h.socket)).
		Advise("name the socket of a HAProxy that root started; for another one use --combined and --deploy-hook")
}

// ask sends one command, and returns the answer to it.
func (h *haproxy) ask(ctx context.Context, command string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := failpoint.Hit("before command to HAProxy"); err != nil {
		return "", err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", h.socket)
	if err != nil {
		return "", fault.Errorf(CodeFailed, fault.Failed, "%w", err)
	}
	defer conn.Close()
	if err := h.trusted(conn); err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err := io.WriteString(conn, command+"\n"); err != nil {
		return "", fault.Errorf(CodeFailed, fault.Failed, "%w", err)
	}
	answer, err := io.ReadAll(io.LimitReader(conn, mostAnswer))
	if err == nil {
		err = failpoint.Hit("after command to HAProxy")
	}
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return "", fault.Errorf(CodeFailed, fault.Failed, "%w", err)
	case len(answer) == 0:
		return "", fault.Errorf(CodeFailed, fault.Failed, "%w", messages.New("no answer at %s", h.socket))
	}
	return strings.TrimSpace(string(answer)), nil
}
