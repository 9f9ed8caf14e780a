package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"

	"wildcard/internal/system/failpoint"
	"wildcard/internal/system/subprocess"
	"wildcard/providers"
)

const mostOutput = 64 << 10 // bytes of a script's standard output that are looked at

// script is a provider of which each call is a process.
type script struct {
	spec    providers.Spec
	environ []string
	options Options
	// dialect says what is run for a call.
	dialect func(op, fqdn string, c providers.Challenge, h providers.Handle) (call, error)
	// handle makes a handle of the standard output of present.
	handle func(output []byte) providers.Handle
}

// call is one process; without a program there is nothing to run.
type call struct {
	program string // that root and we alone must be able to change
	argv    []string
	environ []string
}

var _ providers.Provider = (*script)(nil)

// OpenExec opens exec:/PATH.
func OpenExec(spec providers.Spec, o Options) ([]providers.Account, error) {
	if !filepath.IsAbs(spec.Arg) {
		return nil, providers.Errorf(providers.CodeBadSpec, providers.Usage, "provider %s: want exec:/ABSOLUTE/PATH", spec)
	}
	return openScript(spec, o, &script{
		dialect: func(op, fqdn string, c providers.Challenge, h providers.Handle) (call, error) {
			out := call{program: spec.Arg, argv: []string{spec.Arg, op, fqdn, c.Value}}
			if h != "" {
				out.environ = []string{"WILDCARD_HANDLE=" + string(h)}
			}
			return out, nil
		},
		handle: func(output []byte) providers.Handle {
			first, _, _ := bytes.Cut(output, []byte("\n"))
			if text := strings.TrimRight(string(first), "\r"); handleForm.MatchString(text) {
				return providers.Handle(text)
			}
			return ""
		},
	}, spec.Arg)
}

func openScript(spec providers.Spec, o Options, s *script, paths ...string) ([]providers.Account, error) {
	if spec.Zone == "" {
		return nil, needsZone(spec)
	}
	for _, path := range paths {
		if _, err := subprocess.Trusted(path); err != nil {
			return nil, providers.Errorf(providers.CodeUnsafeFile, providers.Misconfigured, "provider %s: it is not run: %w",
				spec, err)
		}
	}
	variables, err := fileVariables(spec.EnvFile)
	if err != nil {
		return nil, err
	}
	s.spec, s.options = spec, o
	s.environ = append(environment(o.Environ), variables...)
	name := spec.Name + ":" + spec.Arg
	return []providers.Account{{
		Provider: s, Spec: spec,
		Fingerprint: fmt.Sprintf("script %s %s %s", name, spec.Zone, spec.EnvFile),
		Label:       name,
	}}, nil
}

// Present runs the script and makes a handle of its output.
func (s *script) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	output, err := s.run(ctx, "present", c, "")
	if err != nil {
		return "", err
	}
	return s.handle(output), nil
}

// CleanUp runs the script.
func (s *script) CleanUp(ctx context.Context, c providers.Challenge, h providers.Handle) error {
	if !handleForm.MatchString(string(h)) {
		h = ""
	}
	_, err := s.run(ctx, "cleanup", c, h)
	return err
}

func (s *script) run(ctx context.Context, op string, c providers.Challenge, h providers.Handle) ([]byte, error) {
	fqdn, err := checkChallenge(c)
	if err != nil {
		return nil, err
	}
	fail := func(err error) ([]byte, error) {
		return nil, providers.Errorf(providers.CodeOf(err), providers.ClassOf(err), "%s:%s: %s %s: %w", s.spec.Name,
			s.spec.Arg, op, fqdn, err)
	}
	if err := inZone(s.spec, fqdn); err != nil {
		return fail(err)
	}
	what, err := s.dialect(op, fqdn, c, h)
	if err != nil {
		return fail(err)
	}
	if what.program == "" {
		return nil, nil
	}
	if _, err := subprocess.Trusted(what.program); err != nil { // it may have changed since it was opened
		return fail(providers.Errorf(providers.CodeUnsafeFile, providers.Misconfigured, "it is not run: %w", err))
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	late := fmt.Errorf("it did not end within %v", s.options.limit())
	limited, cancel := context.WithTimeoutCause(ctx, s.options.limit(), late)
	defer cancel()
	environ := append(s.environ[:len(s.environ):len(s.environ)], what.environ...)
	cmd, err := subprocess.Program(limited, environ, what.argv[0], what.argv[1:]...)
	if err != nil {
		return fail(providers.Errorf(providers.CodeUnsafeFile, providers.Misconfigured, "it is not run: %w", err))
	}
	var stdout head
	stderr := &subprocess.Lines{To: s.options.stderr(), Prefix: filepath.Base(what.program) + ": "}
	cmd.Stdout, cmd.Stderr = &stdout, stderr
	err = failpoint.Do("script", "run", cmd.Run)
	stderr.End()
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay) && cmd.ProcessState.Success():
		return stdout.text, nil
	case ctx.Err() != nil:
		return nil, providers.Errorf(providers.CodeUnavailable, providers.Temporary, "%s:%s: %s %s: %w", s.spec.Name,
			s.spec.Arg, op, fqdn, context.Cause(ctx))
	case limited.Err() != nil:
		return fail(providers.Errorf(providers.CodeUnavailable, providers.Temporary, "%w", late))
	}
	if last := stderr.Last(); last != "" {
		err = fmt.Errorf("%w: %s", err, providers.Excerpt(last))
	}
	return fail(providers.Errorf(providers.CodeService, providers.Failed, "%w", err))
}

// head keeps the beginning of what is written.
type head struct{ text []byte }

var _ io.Writer = (*head)(nil)

func (h *head) Write(text []byte) (int, error) {
	if room := mostOutput - len(h.text); room > 0 {
		h.text = append(h.text, text[:min(len(text), room)]...)
	}
	return len(text), nil
}
