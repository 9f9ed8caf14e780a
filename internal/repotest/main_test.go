package repotest_test

import (
	"fmt"
	"os"
	"testing"
)

// TestMain runs the guards at the root of the repository, which they look at whole.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
