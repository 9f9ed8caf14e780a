package pebbletest

import (
	"os"
	"strconv"
	"sync"
)

// environment serialises the instants in which Pebble's knobs stand in the process environment. The environment is state of
// the process, so its lock is too.
var environment sync.Mutex

// withKnobs calls construct while the process environment holds the variables that o stands for, and restores it.
func withKnobs(o Options, construct func()) {
	environment.Lock()
	defer environment.Unlock()
	for name, value := range map[string]string{
		"PEBBLE_VA_NOSLEEP":      strconv.FormatBool(seconds(o.ValidationDelay) < 1),
		"PEBBLE_VA_SLEEPTIME":    strconv.Itoa(seconds(o.ValidationDelay)),
		"PEBBLE_VA_ALWAYS_VALID": "false",
		"PEBBLE_WFE_NONCEREJECT": strconv.Itoa(o.NonceReject),
		"PEBBLE_AUTHZREUSE":      strconv.Itoa(o.AuthzReuse),
	} {
		before, was := os.LookupEnv(name)
		os.Setenv(name, value)
		if was {
			defer os.Setenv(name, before)
		} else {
			defer os.Unsetenv(name)
		}
	}
	construct()
}
