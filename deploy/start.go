package deploy

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"wildcard/program"
	"wildcard/providers"
)

// start runs one hook to its end. Errors call it by name, which is printable.
func (h *Hooks) start(ctx context.Context, kind, name string, argv, environment []string) error {
	timeout := h.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	late := fmt.Errorf("took longer than %v", timeout)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, late)
	defer cancel()
	h.logger().Info("hook", "kind", kind, "command", name)
	out := &program.Lines{To: h.Stderr, Prefix: kind + " hook: "}
	hook := program.Command(ctx, environment, argv[0], argv[1:]...)
	hook.Stdout, hook.Stderr = out, out
	err := hook.Run()
	out.End()
	if err == nil || errors.Is(err, exec.ErrWaitDelay) && hook.ProcessState.Success() {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		if cause != late { //nolint:errorlint // the very value from above
			return cause // the run ends; whoever ended it says so
		}
		err = cause
	}
	return providers.Errorf(CodeFailed, providers.Failed, "%s hook %s: %w", kind, name, err)
}

// environment is what hooks see of ours.
func (h *Hooks) environment() []string {
	var kept []string
	path := false
	for _, entry := range h.Environ {
		name, _, _ := strings.Cut(entry, "=")
		switch name {
		case "PATH":
			path = true
		case "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TERM", "TMPDIR",
			"XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS", "INVOCATION_ID",
			"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY":
		default:
			if !strings.HasPrefix(name, "LC_") {
				continue
			}
		}
		kept = append(kept, entry)
	}
	if !path {
		kept = append(kept, program.Path)
	}
	return kept
}

// joined makes one error of many, with the code of the first.
func joined(all []error) error {
	err := errors.Join(all...)
	if err == nil {
		return nil
	}
	code, class := CodeFailed, providers.Failed
	for _, one := range all {
		if one != nil && providers.CodeOf(one) == "" {
			return err // the run was ended
		}
		if providers.CodeOf(one) == CodeUnsafe {
			code, class = CodeUnsafe, providers.Misconfigured
		}
	}
	return providers.Errorf(code, class, "%w", err)
}
