//go:build !linux

package confine

import "os/exec"

// Start starts a command. Elsewhere than on Linux, where no certificates are kept, nothing is hidden from it.
func Start(c *exec.Cmd, _ string, _ Named) error { return c.Start() }

// Can is what this process can do.
func Can() Powers { return Powers{} }

// NotForOthersError says that a program can be run by its owner alone.
type NotForOthersError struct{ Path string }

func (e *NotForOthersError) Error() string { return "" }
