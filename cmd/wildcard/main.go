// Wildcard gets certificates for *.example.com from an ACME CA by DNS-01, keeps them renewed, and keeps them where certbot
// does, in certbot's form. "wildcard --help" lists its commands, which are package internal/cli.
package main

import (
	"os"

	"wildcard/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args, os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}
