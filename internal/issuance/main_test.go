package issuance_test

import (
	"os"
	"testing"

	"wildcard/internal/testkit/parallel"
)

func TestMain(m *testing.M) {
	parallel.Waiting()
	os.Exit(m.Run())
}
