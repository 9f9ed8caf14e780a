package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"wildcard/internal/cli/display/help"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/system/signals"
)

func main() {
	// Before anything else, so that no signal finds a half-made sandbox and leaves it.
	received := make(chan os.Signal, 16)
	signals.Notify(received, forwarded()...)
	// Caught, not ignored: a reader that goes away, as head does, must not end us before the folder is removed, and a command
	// must not inherit the indifference.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	p := program{environ: os.Environ(), signals: received, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(p.main(os.Args))
}

// program is what the process was given.
type program struct {
	environ               []string
	signals               <-chan os.Signal
	stdin, stdout, stderr *os.File
	language              messages.Language
	lang                  string    // what --lang says
	out, errs             io.Writer // stdout and stderr, in the locale's character set
	command               []string  // what stood after "--"; nil if there was none
}

// say prints one line for the person at the terminal, in that person's language.
func (p *program) say(format messages.Text, args ...any) {
	fmt.Fprintln(p.errs, "wildcard-sandbox: "+p.language.Sprintf(format, args...))
}

// main runs the command line args and returns the exit status.
func (p *program) main(args []string) int {
	// The command is cut off here and never seen by the flag library, so it arrives as it was typed.
	if i := slices.Index(args, "--"); i >= 0 {
		args, p.command = args[:i], args[i+1:]
	}
	p.lang, args = messages.Take(args)
	var err error
	p.language, err = messages.Choose(p.lang, p.environ)
	p.out, p.errs = p.language.Writer(p.stdout, p.environ), p.language.Writer(p.stderr, p.environ)
	if err != nil {
		err = usage("%w", err)
	} else if app := p.app(); !p.helps(app, args) {
		err = app.Run(args)
	}
	var status exitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	}
	p.say("%s", p.language.Error(err))
	if command, ok := errors.AsType[commandError](err); ok {
		return command.status
	}
	return fault.ExitCode(err)
}

func (p *program) app() *cli.App {
	return &cli.App{
		Name:      "wildcard-sandbox",
		Usage:     "certificates in a sandbox: a simulated CA, ConoHa and its name servers on 127.0.0.1",
		UsageText: "wildcard-sandbox demo|serve|run [options] [-- COMMAND [ARGUMENT...]]",
		Description: `Nothing leaves this machine: no root, no account and no Internet is needed.

  wildcard-sandbox demo
  wildcard-sandbox run -- certbot certonly --manual \
    --preferred-challenges dns --manual-auth-hook wildcard-auth-hook \
    --manual-cleanup-hook wildcard-cleanup-hook -d '*.example.com'`,
		Writer:    p.out,
		ErrWriter: p.errs,

		HideHelp:                  true, // helps prints it
		HideVersion:               true,
		DisableSliceFlagSeparator: true,
		OnUsageError:              usageError,
		ExitErrHandler:            func(*cli.Context, error) {}, // main decides
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return usage("no command given; --help lists them")
			}
			word := c.Args().First()
			if nearest := messages.Nearest(word, []string{"demo", "serve", "run"}); nearest != "" {
				return usage("no command %s: did you mean %s?", fault.Excerpt(word), nearest)
			}
			return usage("no command %s; --help lists them", fault.Excerpt(word))
		},
		Commands: p.commands(),
	}
}

func (p *program) commands() []*cli.Command {
	return []*cli.Command{
		{
			Name:      "demo",
			Usage:     "get a certificate for *.example.com, and show how",
			UsageText: "wildcard-sandbox demo [options]",
			Description: `The folder with the files is kept and named.

  wildcard-sandbox demo
  wildcard-sandbox demo --zone example.co.jp --delay 1s,5s`,
			HideHelp:     true,
			OnUsageError: usageError,
			Flags:        worldFlags(),
			Action:       p.demo,
		},
		{
			Name:      "serve",
			Usage:     "print the environment to use, and serve until SIGINT or SIGTERM",
			UsageText: "wildcard-sandbox serve [options]",
			Description: `It points a shell into the sandbox.

  eval "$(wildcard-sandbox serve &)"
  kill "$WILDCARD_SANDBOX_PID"`,
			HideHelp:     true,
			OnUsageError: usageError,
			Flags:        worldFlags(),
			Action:       p.serve,
		},
		{
			Name:      "run",
			Usage:     "run a command whose environment points into the sandbox",
			UsageText: "wildcard-sandbox run [options] -- COMMAND [ARGUMENT...]",
			Description: `The exit status is the command's; signals are passed on to it.

  wildcard-sandbox run -- wildcard issue --agree-tos '*.example.com'
  wildcard-sandbox run --delay 0s -- sh -c 'certbot certificates'`,
			HideHelp:     true,
			OnUsageError: usageError,
			Flags:        worldFlags(),
			Action:       p.run,
		},
	}
}

// usage is an error of the command line: exit status 2.
func usage(format messages.Text, args ...any) error {
	return fault.Errorf(fault.CodeUsage, fault.Usage, "%w", messages.New(format, args...))
}

func usageError(c *cli.Context, err error, _ bool) error {
	unknown, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !ok {
		return usage("%w", err)
	}
	names := []string{"help", "lang"}
	for _, flag := range c.Command.Flags {
		names = append(names, flag.Names()...)
	}
	if nearest := messages.Nearest(unknown, names); nearest != "" {
		return usage("no option --%s: did you mean --%s?", unknown, nearest)
	}
	return usage("no option --%s; --help lists them", unknown)
}

// helps prints help if it is asked for.
func (p *program) helps(app *cli.App, args []string) bool {
	if !slices.ContainsFunc(args, func(arg string) bool { return arg == "--help" || arg == "-help" || arg == "-h" }) {
		return false
	}
	var path []*cli.Command
	if len(args) > 1 && app.Command(args[1]) != nil {
		path = append(path, app.Command(args[1]))
	}
	help.Screen{Out: p.out, Language: p.language}.Command(app, path)
	return true
}

// exitStatus is the exit status of a command that ended by itself: there is nothing to add.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }
