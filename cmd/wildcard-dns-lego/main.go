package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"slices"

	"github.com/go-acme/lego/v4/challenge/dns01"
	legolog "github.com/go-acme/lego/v4/log"
	"golang.org/x/sys/unix"

	"wildcard/cmd/wildcard-dns-lego/catalogue"
	"wildcard/cmd/wildcard-dns-lego/services"
	"wildcard/internal/settings"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves the requests on standard input until it ends.
func run() error {
	settings.HardenPlugin()
	if err := settings.CheckProxies(os.Environ()); err != nil {
		return err
	}
	replies, err := ownOutput()
	if err != nil {
		return err
	}
	all, err := catalogue.Services()
	if err != nil {
		return err
	}
	secrets := secretsOf(all, os.Getenv)
	logger := log.New(secrets.writer(os.Stderr), "", 0)
	legolog.Logger = logger
	log.SetFlags(0)
	log.SetOutput(logger.Writer())
	// Read by dns01.GetChallengeInfo at every call.
	if err := os.Setenv("LEGO_DISABLE_CNAME_SUPPORT", "true"); err != nil {
		return err
	}
	zones, err := startZones()
	if err != nil {
		return err
	}
	defer zones.close()
	// The option sets a variable of lego's package, which is what counts here.
	if err := dns01.AddRecursiveNameservers([]string{zones.address()})(nil); err != nil {
		return err
	}
	here := slices.DeleteFunc(all, func(s catalogue.Service) bool { return !services.Has(s.Name) })
	return newServer(here, zones, secrets, services.Open).serve(os.Stdin, replies)
}

// ownOutput takes standard output for the replies. What a library prints goes to standard error from then on.
func ownOutput() (io.Writer, error) {
	fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("standard output: %w", err)
	}
	if err := unix.Dup3(2, 1, 0); err != nil {
		return nil, fmt.Errorf("standard output: %w", err)
	}
	return os.NewFile(uintptr(fd), "replies"), nil
}
