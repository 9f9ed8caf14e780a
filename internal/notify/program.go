package notify

import (
	"bytes"
	"context"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/system/subprocess"
)

// programChannel runs a program with the message on its standard input.
type programChannel struct {
	path    string
	options Options
}

func newProgram(path string, o Options) (Channel, error) {
	if !absolutePath(path) {
		return nil, invalid("exec:%s: want the absolute path of a program, without arguments", fault.Excerpt(path))
	}
	return programChannel{path, o}, nil
}

func (c programChannel) String() string { return "exec:" + c.path }

func (c programChannel) Send(ctx context.Context, m Message) error {
	text, err := m.json()
	if err != nil {
		return err
	}
	return run(ctx, c.options, programLimit, text, c.path)
}

// run runs a program that no other user could have changed.
func run(ctx context.Context, o Options, limit time.Duration, stdin []byte, path string, args ...string) error {
	return subprocess.Call{
		Path: path, Args: args, Environ: subprocess.Environment(o.Environ), Stdin: bytes.NewReader(stdin),
		Output: &subprocess.Lines{To: o.Stderr, Prefix: "notify: "}, Limit: limit,
	}.Run(ctx)
}
