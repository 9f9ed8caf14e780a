package hooks_test

import (
	"os"
	"testing"

	"wildcard/hooks"
	"wildcard/internal/testkit/executable"
	"wildcard/internal/testkit/parallel"
)

// TestMain lets the test binary be the two hook programs, so that tests run them as processes of their own, as certbot does.
func TestMain(m *testing.M) {
	program := hooks.Program{Args: os.Args, Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr}
	switch os.Getenv("WILDCARD_TEST_PROGRAM") {
	case "auth":
		hooks.Harden()
		os.Exit(hooks.Auth(program))
	case "cleanup":
		hooks.Harden()
		os.Exit(hooks.CleanUp(program))
	}
	executable.DefaultSignals()
	parallel.Waiting()
	os.Exit(m.Run())
}
