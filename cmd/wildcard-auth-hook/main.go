// Wildcard-auth-hook is certbot's --manual-auth-hook: it publishes the TXT record of a DNS-01 challenge. Package hooks has
// what it promises.
package main

import (
	"os"

	"wildcard/hooks"
)

func main() {
	hooks.Harden()
	os.Exit(hooks.Auth(hooks.Program{Args: os.Args, Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr}))
}
