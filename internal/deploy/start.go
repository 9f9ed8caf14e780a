package deploy

import (
	"context"
	"errors"
	"strconv"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/system/subprocess"
)

// start runs one hook to its end. Errors call it by name, which is printable.
func (h *Hooks) start(ctx context.Context, kind, name string, argv, environment []string) error {
	timeout := h.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	began := time.Now()
	h.logger().Info("hook", "kind", kind, "command", name)
	err := subprocess.Call{
		Path: argv[0], Args: argv[1:], Environ: environment,
		Output: &subprocess.Lines{To: h.Stderr, Prefix: kind + " hook: "}, Limit: timeout,
	}.Run(ctx)
	took := time.Since(began)
	h.logger().Debug("hook ended", "kind", kind, "command", name, "took", took, "error", err)
	if h.Ran != nil {
		h.Ran(Run{Kind: kind, Command: argv[len(argv)-1], Took: took, Err: err})
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx) // the run ends; what ended it says so
	}
	return fault.Errorf(CodeFailed, fault.Failed, "%s hook %s: %w", kind, name, err)
}

// startCommand runs a command line, unless another user could have changed the program that it begins with. Where it names a script
// that cannot be started, the shell says no more than "not found". Errors have the line whole, as what differs may be
// at its end.
func (h *Hooks) startCommand(ctx context.Context, kind, command string, environment []string) error {
	problem := h.problem(command)
	if problem != nil && problem.Code == CodeUnsafe {
		return problem.refusal(kind, strconv.QuoteToASCII(command))
	}
	err := h.start(ctx, kind, strconv.QuoteToASCII(command), []string{"/bin/sh", "-c", command}, environment)
	if problem == nil || fault.CodeOf(err) != CodeFailed {
		return err
	}
	return fault.Errorf(CodeFailed, fault.Failed, "%w: %w: %s", err, problem.Why, problem.Next)
}

// joined makes one error of many, with the code of the first.
func joined(all []error) error {
	err := errors.Join(all...)
	if err == nil {
		return nil
	}
	code, class := CodeFailed, fault.Failed
	for _, one := range all {
		if one != nil && fault.CodeOf(one) == "" {
			return err // the run was ended
		}
		if fault.CodeOf(one) == CodeUnsafe {
			code, class = CodeUnsafe, fault.Misconfigured
		}
	}
	return fault.Errorf(code, class, "%w", err)
}
