package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/urfave/cli/v2"

	"wildcard/providers"
)

func main() {
	// Before anything else, so that no signal finds a half-made sandbox and leaves it.
	signals := make(chan os.Signal, 16)
	for _, s := range forwarded() {
		if s != syscall.SIGHUP || !signal.Ignored(s) { // nohup stays nohup
			signal.Notify(signals, s)
		}
	}
	// Caught, not ignored: a reader that goes away, as head does, must not end us before the folder is removed, and a command
	// must not inherit the indifference.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	p := program{environ: os.Environ(), signals: signals, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(p.main(os.Args))
}

// program is what the process was given.
type program struct {
	environ               []string
	signals               <-chan os.Signal
	stdin, stdout, stderr *os.File
	command               []string // what stood after "--"; nil if there was none
}

// say prints one line for the person at the terminal.
func (p *program) say(format string, args ...any) {
	fmt.Fprintf(p.stderr, "wildcard-sandbox: "+format+"\n", args...)
}

// main runs the command line args and returns the exit status.
func (p *program) main(args []string) int {
	// The command is cut off here and never seen by the flag library, so it arrives as it was typed.
	if i := slices.Index(args, "--"); i >= 0 {
		args, p.command = args[:i], args[i+1:]
	}
	err := p.app().Run(args)
	var status exitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	}
	p.say("%v", err)
	var interrupt interrupted
	var command commandError
	switch {
	case errors.As(err, &interrupt):
		return 128 + int(interrupt.signal)
	case errors.As(err, &command):
		return command.status
	}
	return providers.ClassOf(err).ExitCode()
}

func (p *program) app() *cli.App {
	return &cli.App{
		Name:      "wildcard-sandbox",
		Usage:     "certificates in an offline world: an ACME server, ConoHa and its name servers on 127.0.0.1",
		UsageText: "wildcard-sandbox demo [options]\nwildcard-sandbox serve [options]\nwildcard-sandbox run [options] -- COMMAND [ARGUMENT...]",
		Description: `Try certbot with the hooks, without root, an account or the Internet:

wildcard-sandbox run -- certbot certonly --manual --preferred-challenges dns \
    --manual-auth-hook wildcard-auth-hook --manual-cleanup-hook wildcard-cleanup-hook \
    -d example.com -d '*.example.com'`,
		Writer:    p.stdout,
		ErrWriter: p.stderr,

		HideHelpCommand:           true,
		HideVersion:               true,
		DisableSliceFlagSeparator: true,
		OnUsageError:              usageError,
		ExitErrHandler:            func(*cli.Context, error) {}, // main decides
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usage("no command %s; --help lists them", providers.Excerpt(c.Args().First()))
			}
			return usage("no command given; --help lists them")
		},
		Commands: []*cli.Command{
			{
				Name:            "demo",
				Usage:           "get a certificate for *.example.com, and show how",
				UsageText:       "wildcard-sandbox demo [options]",
				Description:     "The folder with the files is kept and named. No root, no account and no Internet is needed.",
				HideHelpCommand: true,
				OnUsageError:    usageError,
				Flags:           worldFlags(),
				Action:          p.demo,
			},
			{
				Name:            "serve",
				Usage:           "print the environment to use, and serve until SIGINT or SIGTERM",
				UsageText:       "wildcard-sandbox serve [options]",
				Description:     `eval "$(wildcard-sandbox serve &)" points a shell into the sandbox; kill "$WILDCARD_SANDBOX_PID" ends it.`,
				HideHelpCommand: true,
				OnUsageError:    usageError,
				Flags:           worldFlags(),
				Action:          p.serve,
			},
			{
				Name:            "run",
				Usage:           "run a command whose environment points into the sandbox",
				UsageText:       "wildcard-sandbox run [options] -- COMMAND [ARGUMENT...]",
				Description:     "The exit status is the command's; signals are passed on to it.",
				HideHelpCommand: true,
				OnUsageError:    usageError,
				Flags:           worldFlags(),
				Action:          p.run,
			},
		},
	}
}

// usage is an error of the command line: exit status 2.
func usage(format string, args ...any) error {
	return providers.Errorf(providers.CodeUsage, providers.Usage, format, args...)
}

func usageError(_ *cli.Context, err error, _ bool) error {
	return usage("%w; --help lists the options", err)
}

// exitStatus is the exit status of a command that ended by itself: there is nothing to add.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }
