package pebbletest_test

import (
	"os"
	"sync"
	"testing"

	"wildcard/internal/testkit/pebbletest"
)

// What Start sets for Pebble is taken back when it returns, also when several start at once.
func TestEnvironmentIsPutBack(t *testing.T) {
	t.Setenv("PEBBLE_AUTHZREUSE", "77")
	t.Setenv("PEBBLE_VA_NOSLEEP", "")
	os.Unsetenv("PEBBLE_VA_NOSLEEP") // t.Setenv above puts back what was there
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			ca, err := pebbletest.Start(pebbletest.Options{Resolver: "127.0.0.1:1", AuthzReuse: 5})
			if err != nil {
				t.Error(err)
				return
			}
			ca.Close()
		})
	}
	wg.Wait()
	if got := os.Getenv("PEBBLE_AUTHZREUSE"); got != "77" {
		t.Errorf("PEBBLE_AUTHZREUSE is %q, was 77", got)
	}
	if got, is := os.LookupEnv("PEBBLE_VA_NOSLEEP"); is {
		t.Errorf("PEBBLE_VA_NOSLEEP is %q, was unset", got)
	}
}
