package subprocess

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"wildcard/internal/system/failpoint"
)

// Call is a program that is run to its end.
type Call struct {
	Path    string
	Args    []string
	Environ []string
	Stdin   io.Reader // nil is empty
	Output  *Lines    // of standard output and standard error
	Limit   time.Duration
}

// Run runs it, if it is [Trusted]; a text without a "#!" line is run by /bin/sh. What it leaves running in the background is no
// failure. If ctx ends, the error is the cause of that; after Limit the program and all that it started are killed.
func (c Call) Run(ctx context.Context) error {
	late := fmt.Errorf("took longer than %v", c.Limit)
	ctx, cancel := context.WithTimeoutCause(ctx, c.Limit, late)
	defer cancel()
	command, err := Program(ctx, c.Environ, c.Path, c.Args...)
	if err != nil {
		return err
	}
	if bare(command.Path) {
		at, err := Trusted(shell)
		if err != nil {
			return err
		}
		command.Args = append([]string{shell, command.Path}, c.Args...) // BusyBox and bash go by the name
		command.Path = at
	}
	command.Stdin, command.Stdout, command.Stderr = c.Stdin, c.Output, c.Output
	err = failpoint.Do("program", "run", command.Run)
	c.Output.End()
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay) && command.ProcessState.Success():
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	if defect := Startable(c.Path); defect != nil {
		return fmt.Errorf("%w: %w", err, defect)
	}
	return err
}
