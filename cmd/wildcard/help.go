package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"wildcard/messages"
)

// screen is the width that help is written for; its length is that of a screen of 24 lines, which a test keeps.
const screen = 80

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
		p.printGroup(c.App, words[0])
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
	p.printHelp(c.App, path)
	return nil
}

// printHelp prints how a command is used, given from the top; without one, how the program is.
func (p *program) printHelp(app *cli.App, path []*cli.Command) {
	synopsis, summary, description, flags, commands := app.UsageText, app.Usage, app.Description, app.Flags, app.Commands
	for _, c := range path {
		synopsis, summary, flags, commands = c.UsageText, c.Usage, c.Flags, c.Subcommands
		if c.Description != "" { // else its examples are those of the command above
			description = c.Description
		}
	}
	p.say("usage: %s", synopsis)
	p.lay("", p.sentence(summary))
	var examples []string
	for _, paragraph := range strings.Split(description, "\n\n") {
		if strings.HasPrefix(paragraph, "  ") {
			examples = append(examples, paragraph)
		} else if paragraph != "" {
			p.lay("", messages.Unwrap(p.language.Translate(paragraph)))
		}
	}
	for _, example := range examples {
		p.say("\n%s", example)
	}
	p.printCommands(commands)
	if len(path) > 0 { // the screen is full otherwise, and --version is nobody's question here
		p.printFlags(flags)
	}
}

// sentence is a text with a capital at its beginning and a full stop, where the language has them.
func (p *program) sentence(text string) string {
	if p.language == messages.Japanese {
		return p.language.Translate(text) + "。"
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func (p *program) printCommands(commands []*cli.Command) {
	commands = slices.DeleteFunc(slices.Clone(commands), func(c *cli.Command) bool { return c.Hidden })
	if len(commands) == 0 {
		return
	}
	width := 0
	for _, c := range commands {
		width = max(width, len(c.Name))
	}
	p.say("")
	for _, c := range commands {
		p.lay("  "+messages.Pad(c.Name, width)+"  ", p.language.Translate(c.Usage))
	}
}

// printFlags explains the flags of a command alone, and names those of the groups.
func (p *program) printFlags(flags []cli.Flag) {
	names := map[string][]string{}
	var own []cli.Flag
	for _, flag := range flags {
		group := ""
		if categorized, ok := flag.(cli.CategorizableFlag); ok {
			group = categorized.GetCategory()
		}
		switch {
		case hidden(flag):
		case group == "":
			own = append(own, flag)
		default:
			names[group] = append(names[group], "--"+flag.Names()[0])
		}
	}
	if len(own) > 0 {
		p.say("")
		p.explainFlags(own)
	}
	if len(names) == 0 {
		return
	}
	p.say("\nOptions explained by \"wildcard help GROUP\":")
	for _, group := range groups() {
		if len(names[group]) > 0 {
			p.lay("  "+messages.Pad(group, 13), strings.Join(names[group], " "))
		}
	}
}

// printGroup explains the options of a group, of whatever command.
func (p *program) printGroup(app *cli.App, group string) {
	var flags []cli.Flag
	seen := map[string]bool{}
	var collect func([]*cli.Command)
	collect = func(commands []*cli.Command) {
		for _, c := range commands {
			for _, flag := range c.Flags {
				if f, ok := flag.(cli.CategorizableFlag); ok && f.GetCategory() == group && !hidden(flag) && !seen[flag.Names()[0]] {
					seen[flag.Names()[0]] = true
					flags = append(flags, flag)
				}
			}
			collect(c.Subcommands)
		}
	}
	collect(app.Commands)
	p.explainFlags(flags)
}

func (p *program) explainFlags(flags []cli.Flag) {
	type line struct{ name, text string }
	var lines []line
	width := 0
	for _, flag := range flags {
		l := line{name: nameOf(flag)}
		if documented, ok := flag.(cli.DocGenerationFlag); ok {
			l.text = unquoted(p.language.Translate(documented.GetUsage()))
		}
		width = max(width, messages.Width(l.name))
		lines = append(lines, l)
	}
	for _, l := range lines {
		p.lay("  "+messages.Pad(l.name, width)+"  ", l.text)
	}
}

// nameOf is a flag as it is typed, with what its usage has in backquotes.
func nameOf(flag cli.Flag) string {
	var names []string
	for _, name := range flag.Names() {
		if len(name) == 1 {
			names = append(names, "-"+name)
		} else {
			names = append(names, "--"+name)
		}
	}
	text := strings.Join(names, ", ")
	if documented, ok := flag.(cli.DocGenerationFlag); ok && documented.TakesValue() {
		if parts := strings.Split(documented.GetUsage(), "`"); len(parts) == 3 {
			return text + " " + parts[1]
		}
		return text + " VALUE"
	}
	return text
}

// unquoted is a flag's usage without backquotes. What stands before a colon at its beginning is seen in the flag already.
func unquoted(usage string) string {
	parts := strings.Split(usage, "`")
	if len(parts) != 3 {
		return usage
	}
	if rest, ok := strings.CutPrefix(parts[2], ": "); ok && parts[0] == "" {
		return rest
	}
	return strings.Join(parts, "")
}

func hidden(flag cli.Flag) bool {
	visible, ok := flag.(cli.VisibleFlag)
	return ok && !visible.IsVisible()
}

// lay prints a text behind something, and goes on below itself where the screen ends.
func (p *program) lay(before, text string) {
	for _, line := range messages.Wrap(text, screen-len(before)) {
		fmt.Fprintln(p.stdout, before+line)
		before = strings.Repeat(" ", len(before))
	}
}
