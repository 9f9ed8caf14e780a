package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"wildcard/internal/cli/display"
	"wildcard/internal/cli/display/help"
	"wildcard/internal/issuance"
	"wildcard/internal/messages"
)

// Groups of options. A command's help has their names in a line, "wildcard help GROUP" explains them: what is the same
// everywhere need not be read everywhere.
const (
	groupCertificate = "certificate"
	groupDeployment  = "deployment"
	groupCA          = "ca"
	groupDNS         = "dns"
	groupCommon      = "common"
)

func groups() []string {
	return []string{groupCertificate, groupDeployment, groupCA, groupDNS, groupCommon}
}

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

func helpCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "how to use a command, or a group of options",
		UsageText: "wildcard help [COMMAND|certificate|deployment|ca|dns|common]",
		ArgsUsage: "[COMMAND|GROUP]",
		Description: `The groups are options that several commands have: certificate, deployment,
ca, dns, common.

  wildcard help issue
  wildcard help dns`,
		Action: p.action(runHelp),
	}
}

// runHelp is "wildcard help".
func runHelp(p *program, c *cli.Context) error {
	words := c.Args().Slice()
	if len(words) == 1 && slices.Contains(groups(), words[0]) {
		p.screen().Group(c.App, words[0])
		if words[0] == groupCA {
			sayCAs(p)
		}
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

// sayCAs prints what the CAs that have a short name take: names on one certificate, wildcards, and whether a new account must be
// bound to one made on their web site.
func sayCAs(p *program) {
	t := display.NewTable("CA", "NAMES", "WILDCARDS", "--EAB-KID")
	var others []string
	for _, f := range issuance.KnownCAs() {
		switch {
		case f.Name == "" || f.Ended != nil:
			continue
		case f.Names == 0 && f.Free == 0:
			others = append(others, f.Name)
			continue
		}
		t.Row(f.Name, namesTaken(f), offer(f.Wildcards), needed(f.Binding))
	}
	p.say("")
	sayTable(p, t)
	p.say("Others, as agreed with them: %s.", strings.Join(others, " "))
}

// namesTaken is how many names a CA takes on a certificate, with the profiles that differ.
func namesTaken(f issuance.CAFacts) string {
	text := strconv.Itoa(f.Names)
	var other []string
	for _, profile := range slices.Sorted(maps.Keys(f.ProfileNames)) {
		if n := f.ProfileNames[profile]; n != f.Names {
			other = append(other, fmt.Sprintf("%s %d", profile, n))
		}
	}
	switch {
	case len(other) > 0:
		return text + " (" + strings.Join(other, ", ") + ")"
	case f.Names == 0:
		return strconv.Itoa(f.Free) + " + www."
	case f.Free > 0:
		return fmt.Sprintf("%d + www. (%d)", f.Free, f.Names)
	}
	return text
}

func offer(o issuance.Offer) messages.Localizer {
	switch o {
	case issuance.Offered:
		return messages.New("yes")
	case issuance.NotOffered:
		return messages.New("no")
	case issuance.Paid:
		return messages.New("paid")
	case issuance.NotKnown:
	}
	return messages.Message{Format: "?"}
}

func needed(b issuance.Binding) messages.Localizer {
	if b == issuance.BindingWanted || b == issuance.BindingUnsaid {
		return messages.New("needed")
	}
	return messages.Message{Format: "-"}
}

func (p *program) screen() help.Screen {
	return help.Screen{Out: p.out, Language: p.language, Groups: groups()}
}
