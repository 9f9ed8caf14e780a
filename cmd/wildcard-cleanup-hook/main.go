// Wildcard-cleanup-hook is certbot's --manual-cleanup-hook: it deletes the TXT record of a DNS-01 challenge. Package hooks has
// what it promises.
package main

import (
	"os"

	"wildcard/hooks"
)

func main() {
	hooks.Harden()
	os.Exit(hooks.CleanUp(hooks.Program{Args: os.Args, Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr}))
}
