package deploy

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wildcard/internal/system/subprocess"
)

// DefaultTimeout is what one hook may take.
const DefaultTimeout = 10 * time.Minute

// Codes of this package's errors.
const (
	CodeFailed = "hook.failed" // a hook could not be run, ended with another status than 0, or took too long
	CodeUnsafe = "hook.unsafe" // another user could change a hook

	CodeUnusable = "hook.unusable" // found beforehand: a hook's program is not there, or cannot be run
)

// Hooks runs hooks. Its methods return one error for all that failed, and run the rest.
type Hooks struct {
	ConfigDir string    // certbot's: renewal-hooks is in it
	Environ   []string  // as os.Environ; what hooks may see of it is taken
	Stderr    io.Writer // where their output goes; nil is nowhere
	Timeout   time.Duration
	Log       *slog.Logger // nil is silent
	Ran       func(Run)    // told of each hook that ended; nil: not told

	Done func(kind, command string) bool // hooks that are not run, as they have done their work; nil is none
}

// Run is what came of one hook.
type Run struct {
	Kind    string // pre, deploy or post
	Command string // the program of a folder, or the command line
	Took    time.Duration
	Err     error
}

// Pre runs the pre hooks, once before the first order of a run.
func (h *Hooks) Pre(ctx context.Context, commands []string) error {
	return h.run(ctx, "pre", commands, nil)
}

// Deploy runs the deploy hooks for a lineage that was renewed: dir is its live directory.
func (h *Hooks) Deploy(ctx context.Context, dir string, domains, commands []string) error {
	return h.run(ctx, "deploy", commands, []string{"RENEWED_LINEAGE=" + dir,
		"RENEWED_DOMAINS=" + strings.Join(domains, " ")})
}

// Post runs the post hooks, once after the last order of a run. domains are those on renewed certificates, failed those that
// were to be renewed and were not.
func (h *Hooks) Post(ctx context.Context, commands, domains, failed []string) error {
	return h.run(ctx, "post", commands, []string{"RENEWED_DOMAINS=" + strings.Join(domains, " "),
		"FAILED_DOMAINS=" + strings.Join(failed, " ")})
}

// Any reports whether a hook of a kind ("pre", "deploy", "post") is there for all lineages.
func (h *Hooks) Any(kind string) bool {
	programs, err := h.programs(kind)
	return len(programs) > 0 || err != nil
}

func (h *Hooks) run(ctx context.Context, kind string, commands, variables []string) error {
	programs, err := h.programs(kind)
	var all []error
	if err != nil {
		all = append(all, err)
	}
	environment := append(subprocess.Environment(h.Environ), variables...)
	for _, path := range programs {
		if ctx.Err() != nil {
			return errors.Join(append(all, context.Cause(ctx))...)
		}
		if !h.done(kind, path) {
			all = append(all, h.startProgram(ctx, kind, path, environment))
		}
	}
	for _, command := range commands {
		if command == "" || slices.Contains(programs, command) || h.done(kind, command) {
			continue
		}
		if ctx.Err() != nil {
			return errors.Join(append(all, context.Cause(ctx))...)
		}
		all = append(all, h.startCommand(ctx, kind, command, environment))
	}
	return joined(all)
}

func (h *Hooks) done(kind, command string) bool { return h.Done != nil && h.Done(kind, command) }

func (h *Hooks) dir(kind string) string { return filepath.Join(h.ConfigDir, "renewal-hooks", kind) }

func (h *Hooks) logger() *slog.Logger {
	if h.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return h.Log
}
