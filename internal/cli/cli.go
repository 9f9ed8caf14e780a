// Package cli is the command line of wildcard, which gets certificates for *.example.com from an ACME CA by DNS-01, keeps them
// renewed, and keeps them where certbot does, in certbot's form. "wildcard --help" lists its commands; each has a file of its
// name here.
//
// A command turns its flags and the environment into a request to package certificates, and what that answers into words. What
// commands have in common is in options.go (flags and environment) and machine.go (one call of a command). What a person sees of
// them is package display. For those who watch over it there are check.go (list --check), prometheus.go, notify.go (--notify) and
// trace.go.
//
// # Decisions
//
// Without a terminal "renew" waits for up to a minute, at random, before the first order, since cron starts everybody on
// the minute; not with --force, --dry-run, --cert-name or --no-jitter. systemd's timer has its own delay, and so has --every.
//
// Under systemd (INVOCATION_ID) "renew" says nothing when nothing is due: a timer's journal of a month stays short.
//
// SSL_CERT_FILE and SSL_CERT_DIR are not followed: the one way to trust another root for a CA's own TLS is --ca-bundle.
package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/cli/display"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/settings"
	"wildcard/internal/system/signals"
	"wildcard/internal/timeline"
)

// Main runs the command line and returns the exit status. It changes the process, which is to be wildcard's: see harden. The
// environment is the one that the process was given; plugins trust the roots that it names (package plugin).
func Main(args, environ []string, stdin, stdout, stderr *os.File) int {
	settings.Harden()
	display.NarrowAmbiguous()
	p := &program{environ: environ, stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now}
	return p.main(args)
}

// program is what the operating system gave us.
type program struct {
	args                  []string
	environ               []string
	stdin, stdout, stderr *os.File
	now                   func() time.Time
	sleep                 func(context.Context, time.Duration) error // before and between requests to a CA, and while it remembers; nil is a timer
	language              messages.Language
	out                   io.Writer          // stdout, in the locale's character set
	root                  string             // of the file system in which doctor looks for schedulers; "" is /
	typed                 string             // the program with its command
	lines                 *display.Lines     // to stderr, while a command runs
	trace                 *timeline.Recorder // nil without --trace
}

// main runs the command line and returns the exit status.
func (p *program) main(args []string) (code int) {
	// A reader that went away must not kill us between a record and the journal; writing then fails with EPIPE.
	signal.Ignore(syscall.SIGPIPE)
	chosen, args := messages.Take(args)
	language, languageErr := messages.Choose(chosen, p.environ)
	p.args, p.language = args, language
	p.out = p.language.Writer(p.stdout, p.environ)
	p.lines = display.NewLines(p.language.Writer(p.stderr, p.environ))
	defer p.lines.Close()
	asJSON := wantsJSON(args)
	defer func() {
		if r := recover(); r != nil {
			code = p.failed(fault.Errorf("internal", fault.Internal,
				"internal error: %v (the journal knows what is left; the next run removes it)", r), asJSON)
		}
	}()
	ctx, stop := signals.Context(context.Background())
	defer stop()
	app := p.app()
	line, err := arrange(app, args)
	p.typed = line.typed()
	switch {
	case err != nil:
	case languageErr != nil:
		err = usage("%w", languageErr)
	case line.help:
		p.screen().Command(app, line.path)
	default:
		if err = settings.CheckProxies(p.environ); err == nil {
			err = app.RunContext(ctx, line.args)
		}
	}
	p.lines.Flush()
	if err == nil {
		return 0
	}
	return p.failed(err, asJSON)
}

// failed says what went wrong, where it is looked for, and returns the exit status.
func (p *program) failed(err error, asJSON bool) int {
	code := fault.ExitCode(err)
	if outcome, ok := errors.AsType[*outcomeError](err); ok {
		return outcome.code // it was said already
	}
	if asJSON {
		p.answer(map[string]any{"error": p.errorOf(err)})
	}
	p.complain(err)
	p.lines.Flush()
	return code
}

// outcomeError ends a command whose answer was printed and has the failure in it.
type outcomeError struct{ code int }

func (e *outcomeError) Error() string { return fmt.Sprintf("exit status %d", e.code) }

// answer prints a document for --json.
func (p *program) answer(document any) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(document) // into memory, what is ours
	said := text.Bytes()
	if !p.language.ShowsUTF8(p.environ) {
		said = messages.ASCIIDocument(said)
	}
	_, _ = p.out.Write(said) // no one reads it then
}

// say prints a line of the answer, in the user's language.
func (p *program) say(format messages.Text, args ...any) {
	fmt.Fprintln(p.out, p.language.Sprintf(format, args...))
}

// action is what a command does, with what this program was given.
func (p *program) action(run func(*program, *cli.Context) error) cli.ActionFunc {
	return func(c *cli.Context) error { return run(p, c) }
}

func (p *program) app() *cli.App {
	app := &cli.App{
		Name:        "wildcard",
		Usage:       "certificates for *.example.com, for servers the Internet cannot reach",
		UsageText:   "wildcard COMMAND [options] [NAME...]",
		Description: description,
		Writer:      p.out,
		ErrWriter:   io.Discard, // errors are printed by main, once
		HideHelp:    true,       // help.go prints it
		HideVersion: true,       // the library has one flag for it, which two programs in a process would share
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "version", Aliases: []string{"v"}, Usage: "print version, commit and Go"},
		},
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {}, // main decides
		OnUsageError:              usageError,
		Action:                    p.bare,
		Commands: []*cli.Command{
			issueCommand(p), renewCommand(p), planCommand(p), listCommand(p), showCommand(p),
			deployCommand(p), revokeCommand(p), deleteCommand(p), adoptCommand(p), releaseCommand(p), importCommand(p),
			accountCommand(p),
			persistCommand(p),
			cleanCommand(p), providersCommand(p), serveCommand(p), clientCommand(p), systemdCommand(p),
			doctorCommand(p), explainCommand(p),
			helpCommand(p), versionCommand(p),
		},
	}
	app.Commands = append(app.Commands, completionCommand(p), manualCommand()) // of which few have need
	for _, c := range app.Commands {
		prepare(c)
	}
	return app
}

// bare is wildcard without a command: alone, it is help.
func (p *program) bare(c *cli.Context) error {
	switch {
	case c.Bool("version"):
		p.sayVersion()
		return nil
	case len(p.args) > 1: // options alone, as of a script that lost its command
		return usage("no command given")
	default:
		p.screen().Command(c.App, nil)
		return nil
	}
}

// prepare gives a command and those below it what all have.
func prepare(c *cli.Command) {
	c.HideHelp = true
	c.OnUsageError = usageError
	for _, sub := range c.Subcommands {
		prepare(sub)
	}
	if len(c.Subcommands) > 0 && c.Action == nil {
		c.Action = func(c *cli.Context) error { return usage("%s what?", c.Command.Name) }
	}
}

const description = `  wildcard issue --agree-tos --email you@example.com '*.example.com' example.com
  wildcard renew`

// usage is an error of the command line: exit status 2.
func usage(format messages.Text, args ...any) error {
	return fault.Errorf(fault.CodeUsage, fault.Usage, "%w", messages.New(format, args...))
}

func usageError(_ *cli.Context, err error, _ bool) error {
	return usage("%w", err)
}
