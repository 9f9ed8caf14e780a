package plugin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"wildcard/internal/system/confine"
	"wildcard/internal/system/failpoint"
	"wildcard/internal/system/subprocess"
	"wildcard/providers"
)

// closeLimit is what a plugin may take to end when it is told to.
const closeLimit = 5 * time.Second

// session is a running plugin.
type session struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr *subprocess.Lines
	cancel context.CancelFunc
	done   chan struct{} // closed when the process has ended and its output read
	folder string        // its own, "" if none could be made

	writing sync.Mutex
	mu      sync.Mutex
	next    int
	waiting map[int]chan answer // a nil channel for a request whose caller has ended
	broken  error               // why no request can be made any more
}

type answer struct {
	reply Reply
	err   error
}

// start runs a plugin. The session outlives the call that started it.
func start(path string, environ []string, stderr io.Writer, prefix string, begin starter) (*session, error) {
	ctx, cancel := context.WithCancel(context.Background())
	cmd, err := subprocess.Program(ctx, environ, path)
	if err != nil {
		cancel()
		return nil, providers.Errorf(providers.CodeUnsafeFile, providers.Misconfigured, "it is not run: %w", err)
	}
	s := &session{cmd: cmd, stderr: &subprocess.Lines{To: stderr, Prefix: prefix},
		cancel: cancel, done: make(chan struct{}), waiting: map[int]chan answer{}}
	s.cmd.Stderr = s.stderr
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	s.stdin = stdin
	// Not StdoutPipe: Wait would close it before all is read, and wait for what a daemon holds open.
	reader, writer := io.Pipe()
	s.cmd.Stdout = writer
	err = failpoint.Hit("before plugin start")
	if err == nil {
		err = begin(s)
	}
	if err != nil {
		s.removeFolder()
		cancel()
		if providers.CodeOf(err) != "" {
			return nil, err
		}
		return nil, providers.Errorf(providers.CodeService, providers.Misconfigured, "it does not start: %w", err)
	}
	read := make(chan struct{})
	go func() { defer close(read); s.read(reader) }()
	go func() {
		err := s.cmd.Wait()
		_ = writer.Close()
		<-read
		s.stderr.End()
		s.removeFolder()
		if err == nil {
			err = errors.New("exit status 0")
		}
		s.fail(s.with(fmt.Errorf("it ended: %w", err)))
		cancel()
		close(s.done)
	}()
	return s, nil
}

// starter starts the process of a session.
type starter func(s *session) error

// confined starts a plugin that sees what its variables name and no other files.
func confined(s *session) error {
	files, err := named(s.cmd.Env)
	if err != nil {
		return err
	}
	s.makeFolder()
	return confine.Start(s.cmd, s.folder, files)
}

// unconfined starts lego's "exec": the script that it runs is the operator's own, as that of exec: is.
func unconfined(s *session) error { return failpoint.Do("plugin", "run", s.cmd.Start) }

// makeFolder makes a folder for what the plugin writes. Many write nothing, so it is no failure if there is no place for one.
func (s *session) makeFolder() {
	_ = failpoint.Do("plugin", "mkdir", func() (err error) {
		s.folder, err = os.MkdirTemp("", prefix)
		return err
	})
}

func (s *session) removeFolder() {
	if s.folder != "" {
		_ = failpoint.Do("plugin", "remove", func() error { return os.RemoveAll(s.folder) }) // it is in a folder for what is left behind
	}
}

// with adds what the plugin said last.
func (s *session) with(err error) error {
	if last := s.stderr.Last(); last != "" {
		return fmt.Errorf("%w: %s", err, providers.Excerpt(last))
	}
	return err
}

// read hands replies to those who wait for them. The first one that breaks the protocol ends the session.
func (s *session) read(from *io.PipeReader) {
	defer from.Close() // what a plugin still writes then fails, and blocks no sender
	lines := bufio.NewReaderSize(from, mostReply)
	for {
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			s.kill(fmt.Errorf("a line of its output has more than %d bytes", mostReply))
			return
		case err != nil && len(bytes.TrimSpace(line)) == 0:
			return
		}
		reply, bad := parseReply(line)
		if bad != nil {
			s.kill(bad)
			return
		}
		s.mu.Lock()
		waiting, made := s.waiting[reply.ID]
		delete(s.waiting, reply.ID)
		s.mu.Unlock()
		if !made {
			s.kill(fmt.Errorf("it answers request %d, which was not made", reply.ID))
			return
		}
		if waiting != nil {
			waiting <- answer{reply: reply}
		}
		if err != nil {
			return
		}
	}
}

// kill ends the process for a reason.
func (s *session) kill(why error) {
	s.fail(why)
	s.cancel()
}

// fail answers all waiting calls. The first reason stays.
func (s *session) fail(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		s.broken = why
	}
	for id, waiting := range s.waiting {
		delete(s.waiting, id)
		if waiting != nil {
			waiting <- answer{err: s.broken}
		}
	}
}

// usable reports whether a request can be made.
func (s *session) usable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken == nil
}

// lostError says that no answer came: the request may have been carried out or not.
type lostError struct {
	error
	late bool // it took too long, or the call was ended: no reason to try again
}

func (e *lostError) Unwrap() error { return e.error }

func lost(err error) error {
	return &lostError{error: providers.Errorf(providers.CodeUnavailable, providers.Temporary, "%w", err)}
}

// ask sends a request and waits for its reply. A plugin that does not answer in time is killed; so is one whose caller gives
// up, unless it takes several requests at once: the others then go on, and what it knows of them is not lost.
func (s *session) ask(caller context.Context, r Request, limit time.Duration, several bool) (Reply, error) {
	if caller.Err() != nil {
		return Reply{}, context.Cause(caller)
	}
	ctx, cancel := context.WithTimeoutCause(caller, limit, fmt.Errorf("it gave no answer within %v", limit))
	defer cancel()
	waiting := make(chan answer, 1)
	s.mu.Lock()
	if s.broken != nil {
		defer s.mu.Unlock()
		return Reply{}, lost(s.broken)
	}
	s.next++
	r.Protocol, r.ID = Protocol, s.next
	s.waiting[r.ID] = waiting
	s.mu.Unlock()
	if deadline, ok := ctx.Deadline(); ok {
		r.Seconds = max(1, int(time.Until(deadline).Seconds()))
	}
	line, err := json.Marshal(r)
	if err != nil {
		return Reply{}, err
	}
	if err := failpoint.Hit("before request to plugin"); err != nil {
		s.kill(err)
		return Reply{}, lost(err)
	}
	go s.write(append(line, '\n')) // a plugin that reads nothing must not hold us up
	select {
	case a := <-waiting:
		if a.err != nil {
			return Reply{}, lost(a.err)
		}
		if err := failpoint.Hit("after request to plugin"); err != nil {
			s.kill(err)
			return Reply{}, lost(err)
		}
		if a.reply.Error != nil {
			return Reply{}, a.reply.Error.err()
		}
		if r.FQDN != "" && providers.CanonicalName(a.reply.FQDN) != r.FQDN {
			err := fmt.Errorf("it answers for %s, and %s was asked", providers.Excerpt(a.reply.FQDN), r.FQDN)
			s.kill(err)
			return Reply{}, lost(err)
		}
		return a.reply, nil
	case <-ctx.Done():
		s.leave(r.ID)
		if !several || caller.Err() == nil {
			s.kill(context.Cause(ctx))
		}
		return Reply{}, &lostError{providers.Errorf(providers.CodeUnavailable, providers.Temporary, "%w", context.Cause(ctx)),
			true}
	}
}

// leave gives up a request.
func (s *session) leave(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, open := s.waiting[id]; open {
		s.waiting[id] = nil
	}
}

func (s *session) write(line []byte) {
	s.writing.Lock()
	defer s.writing.Unlock()
	_, _ = s.stdin.Write(line) // if it is not read, the end of the process tells more
}

// close lets the plugin end by itself for a while.
func (s *session) close() {
	if s.usable() {
		ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
		_, _ = s.ask(ctx, Request{Op: "close"}, closeLimit, false) // it ends either way
		cancel()
	}
	_ = s.stdin.Close()
	select {
	case <-s.done:
	case <-time.After(closeLimit):
		s.cancel()
		<-s.done
	}
}
