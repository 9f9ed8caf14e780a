package cli

import (
	"log/slog"

	"github.com/urfave/cli/v2"

	"wildcard/internal/certificates"
	"wildcard/internal/cli/display"
	"wildcard/internal/settings"
)

// machine is one call of a command: the certificates of this machine, and how the call is shown.
type machine struct {
	*program
	dirs    settings.Directories
	options certificates.Options // that the manager was opened with
	manager *certificates.Manager
	display *display.Progress
	log     *slog.Logger
	json    bool
	quiet   bool
	plain   bool
}

// machine opens what a command needs on this machine. It sends nothing.
func (p *program) machine(c *cli.Context) (*machine, error) {
	return p.open(c, certificates.Options{})
}

// reader is machine for a command that only looks. It writes nothing.
func (p *program) reader(c *cli.Context) (*machine, error) {
	return p.open(c, certificates.Options{ReadOnly: true})
}

func (p *program) open(c *cli.Context, o certificates.Options) (*machine, error) {
	m := &machine{program: p, json: c.Bool("json"), quiet: c.Bool("quiet"), plain: c.Bool("plain"),
		log: slog.New(slog.DiscardHandler)}
	level := slog.LevelInfo
	if c.Bool("vv") {
		level = slog.LevelDebug
	}
	if c.Bool("verbose") || c.Bool("vv") {
		m.plain = true
		m.log = slog.New(slog.NewTextHandler(p.lines, &slog.HandlerOptions{Level: level}))
	}
	m.log = slog.New(p.trace.Handler(m.log.Handler()))
	var err error
	if m.dirs, err = settings.FindDirectories(c.String("config-dir"), c.String("state-dir"), p.environ); err != nil {
		return nil, err
	}
	m.display = display.NewProgress(m.lines, m.language, m.terminal(), m.quiet)
	o.Dirs, o.Program, o.UserAgent, o.Environ = m.dirs, p.args[0], userAgent(), p.environ
	o.Root = p.root
	o.Events, o.Output, o.Person = m.event, m.display, m.taskPrinter()
	o.Log, o.Now, o.Sleep, o.Trace = m.log, p.now, p.sleep, p.trace
	m.options = o
	if m.manager, err = certificates.Open(o); err != nil {
		m.display.Close()
		return nil, err
	}
	return m, nil
}

// close ends what was opened.
func (m *machine) close() {
	m.display.Close()
	m.manager.Close()
}

// event shows what happens.
func (m *machine) event(e certificates.Event) {
	if e.Step == nil {
		m.display.Notice("%s", e.Note)
		return
	}
	m.display.Lineage(e.Lineage)(*e.Step)
}
