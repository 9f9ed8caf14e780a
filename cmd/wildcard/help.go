package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"wildcard/help"
)

// Groups of options. A command's help has their names in a line, "wildcard help GROUP" explains them: what is the same
// everywhere need not be read everywhere.
const (
	groupCertificate = "certificate"
	groupCA          = "ca"
	groupDNS         = "dns"
	groupCommon      = "common"
)

func groups() []string { return []string{groupCertificate, groupCA, groupDNS, groupCommon} }

// grouped puts flags into a group.
func grouped(group string, flags []cli.Flag) []cli.Flag {
	for _, flag := range flags {
		switch f := flag.(type) {
		case *cli.StringFlag:
			f.Category = group
		case *cli.StringSliceFlag:
			f.Category = group
		case *cli.BoolFlag:
			f.Category = group
		}
	}
	return flags
}

func (p *program) helpCommand() *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "how to use a command, or a group of options",
		UsageText: "wildcard help [COMMAND|certificate|ca|dns|common]",
		ArgsUsage: "[COMMAND|GROUP]",
		Description: `The groups are options that several commands have: certificate, ca, dns, common.

  wildcard help issue
  wildcard help dns`,
		Action: p.helpOn,
	}
}

// helpOn is "wildcard help".
func (p *program) helpOn(c *cli.Context) error {
	words := c.Args().Slice()
	if len(words) == 1 && slices.Contains(groups(), words[0]) {
		p.screen().Group(c.App, words[0])
		return nil
	}
	path, commands := []*cli.Command{}, c.App.Commands
	for i, word := range words {
		command := find(commands, word)
		if command == nil {
			return noCommand(strings.Join(words[:i+1], " "), word, append(namesOf(commands), groups()...))
		}
		path, commands = append(path, command), command.Subcommands
	}
	p.screen().Command(c.App, path)
	return nil
}

func (p *program) screen() help.Screen {
	return help.Screen{Out: p.stdout, Language: p.language, Groups: groups()}
}
