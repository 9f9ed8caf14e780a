package cli

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/system/units"
)

func systemdCommand(p *program) *cli.Command {
	flags := func() []cli.Flag {
		return []cli.Flag{
			&cli.StringFlag{Name: "root", Usage: "the file system of another machine, or of an image, in `DIR`"},
			&cli.BoolFlag{Name: "json", Usage: "print the answer as one JSON document"},
		}
	}
	return &cli.Command{
		Name:      "systemd",
		Usage:     "have systemd renew what is due",
		UsageText: "wildcard systemd install|status|remove [options]",
		Description: `A timer runs "wildcard renew" four times a day, in a sandbox, and deploy hooks
after it, outside. Change the units with drop-ins ("systemctl edit
wildcard-renew.service"); a unit that was edited otherwise is left alone.

  wildcard systemd install
  wildcard systemd status`,
		Subcommands: []*cli.Command{
			{
				Name: "install", Usage: "write the units, enable and start the timer",
				UsageText: "wildcard systemd install [options]", Flags: flags(), Action: p.action(installUnits),
			},
			{
				Name: "status", Usage: "whether the timer runs, when next, and what came of it last",
				UsageText: "wildcard systemd status [options]", Flags: flags(), Action: p.action(showUnits),
			},
			{
				Name: "remove", Usage: "stop the timer and remove what install wrote",
				UsageText: "wildcard systemd remove [options]", Flags: flags(), Action: p.action(removeUnits),
			},
		},
	}
}

// unitsMachine is the machine that the command line means, for the program that we are.
func unitsMachine(p *program, c *cli.Context) (units.Machine, error) {
	if c.Args().Present() {
		return units.Machine{}, usage("systemd %s takes no names", c.Command.Name)
	}
	m := units.Machine{Environ: p.environ, Running: !c.IsSet("root") && units.Running()}
	var err error
	if m.Root, err = absolute("--root", c.String("root")); err != nil {
		return m, err
	}
	if m.Program, err = os.Executable(); err != nil {
		return m, fault.Errorf(units.CodeFailed, fault.Failed, "systemd: find own file: %w", err)
	}
	if inside, ok := strings.CutPrefix(m.Program, strings.TrimSuffix(m.Root, "/")+"/"); ok {
		m.Program = filepath.Join("/", inside)
	}
	return m, nil
}

func installUnits(p *program, c *cli.Context) error {
	m, err := unitsMachine(p, c)
	if err != nil {
		return err
	}
	files, err := m.Install(c.Context)
	if err != nil {
		return err
	}
	return unitsChanged(p, c, m, files, map[units.State]messages.Message{
		units.Missing: messages.New("written"), units.Old: messages.New("replaced"),
		units.Current:  messages.New("there already"),
		units.Packaged: messages.New("from the package"),
	})
}

func removeUnits(p *program, c *cli.Context) error {
	m, err := unitsMachine(p, c)
	if err != nil {
		return err
	}
	files, err := m.Remove(c.Context)
	if err != nil {
		return err
	}
	return unitsChanged(p, c, m, files, map[units.State]messages.Message{
		units.Missing: messages.New("not there"), units.Old: messages.New("removed"), units.Current: messages.New("removed"),
		units.Packaged: messages.New("left to the package"),
	})
}

// systemdAnswer is the answer of "systemd install --json" and "systemd remove --json": what was done, and how things stand.
type systemdAnswer struct {
	Done map[string]string `json:"done"` // by path
	units.Status
}

func unitsChanged(p *program, c *cli.Context, m units.Machine, files []units.File,
	words map[units.State]messages.Message) error {
	status, err := m.Status(c.Context)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		answer := systemdAnswer{Done: map[string]string{}, Status: status}
		for _, f := range files {
			answer.Done[f.Path] = words[f.State].String()
		}
		p.answer(answer)
		return nil
	}
	for _, f := range files {
		p.say("%s  %s", messages.Pad(words[f.State].In(p.language), 16), f.Path)
	}
	sayTimer(p, status)
	return nil
}

func showUnits(p *program, c *cli.Context) error {
	m, err := unitsMachine(p, c)
	if err != nil {
		return err
	}
	status, err := m.Status(c.Context)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		p.answer(status)
		return nil
	}
	for _, f := range status.Files {
		p.say("%s  %s", messages.Pad(unitState(f.State).In(p.language), 16), f.Path)
	}
	sayTimer(p, status)
	return nil
}

// unitState says how a unit stands.
func unitState(s units.State) messages.Message {
	switch s {
	case units.Missing:
		return messages.New("missing")
	case units.Current:
		return messages.New("installed")
	case units.Old:
		return messages.New("older")
	case units.Edited:
		return messages.New("edited")
	case units.Packaged:
		return messages.New("from the package")
	}
	return messages.New("%s", string(s))
}

// sayTimer says how the timer stands.
func sayTimer(p *program, s units.Status) {
	at := func(t *time.Time) messages.Message {
		if t == nil {
			return messages.New("never")
		}
		return messages.New("%s", messages.Instant(*t))
	}
	switch {
	case s.Enabled == "not-found":
		p.say("Nothing renews certificates by systemd here: wildcard systemd install does.")
	case s.Enabled != "enabled":
		p.say("%s is %s: wildcard systemd install enables it.", units.Timer, s.Enabled)
	case s.Active == "":
		p.say("%s is enabled; systemd does not run here now.", units.Timer)
	case s.Active != "active":
		p.say("%s is enabled, and %s: systemctl start %s", units.Timer, s.Active, units.Timer)
	case s.Last == nil:
		p.say("%s is enabled; next run %s.", units.Timer, at(s.Next))
	default:
		p.say("%s is enabled; last run %s, next run %s.", units.Timer, at(s.Last), at(s.Next))
	}
	if s.Result != "" && s.Result != "success" {
		p.say("The last renewal failed (%s): journalctl -u %s", s.Result, units.Renewal)
	}
	if s.Deploy != "" && s.Deploy != "success" {
		p.say("Deploy hooks failed the last time (%s): journalctl -u %s", s.Deploy, units.Deploy)
	}
}
