// Package help prints how programs and commands are used: in the user's language, and so short that it fits a screen of 24
// lines and 80 columns, which tests of the programs keep.
//
// What is printed comes from the command's own fields in the flag library: how it is called, what it is for, a paragraph, its
// examples (the paragraphs of the description that are indented by two blanks; a command without any shows those of the
// command above it), the commands below it, and its flags. Flags with a category are those that many commands have: they
// are only named, in a line for each category, and explained by "help CATEGORY".
package help

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"wildcard/internal/messages"
)

// width is that of the screen that is written for.
const width = 80

// Screen is where help is printed.
type Screen struct {
	Out      io.Writer
	Language messages.Language
	Groups   []string // the categories of flags, in order
}

func (s Screen) say(format messages.Text, args ...any) {
	fmt.Fprintln(s.Out, s.Language.Sprintf(format, args...))
}

// Command prints how a command is used, given from the top; without one, how the program is.
func (s Screen) Command(app *cli.App, path []*cli.Command) {
	synopsis, summary, description, flags, commands := app.UsageText, app.Usage, app.Description, app.Flags, app.Commands
	for _, c := range path {
		synopsis, summary, flags, commands = c.UsageText, c.Usage, c.Flags, c.Subcommands
		if c.Description != "" { // else its examples are those of the command above
			description = c.Description
		}
	}
	s.say("usage: %s", synopsis)
	s.Lay("", s.Language.Sentence(messages.Text(summary)))
	paragraphs, examples := messages.Page(description).Paragraphs()
	for _, paragraph := range paragraphs {
		s.Lay("", messages.Unwrap(s.Language.Translate(paragraph)))
	}
	space := "\n"
	if len(path) == 0 {
		space = "" // the screen is full otherwise, here and below
	}
	for _, example := range examples {
		s.say("%s%s", space, example)
	}
	s.commands(commands)
	if len(path) > 0 { // --version is not asked for here
		s.flags(flags)
	}
}

func (s Screen) commands(commands []*cli.Command) {
	commands = slices.DeleteFunc(slices.Clone(commands), func(c *cli.Command) bool { return c.Hidden })
	if len(commands) == 0 {
		return
	}
	longest := 0
	for _, c := range commands {
		longest = max(longest, len(c.Name))
	}
	s.say("")
	for _, c := range commands {
		s.Lay("  "+messages.Pad(c.Name, longest)+"  ", s.Language.Translate(messages.Text(c.Usage)))
	}
}

// flags explains the flags of a command alone, and names those of the groups.
func (s Screen) flags(flags []cli.Flag) {
	names := map[string][]string{}
	var own []cli.Flag
	for _, flag := range flags {
		group := ""
		if categorized, ok := flag.(cli.CategorizableFlag); ok {
			group = categorized.GetCategory()
		}
		switch {
		case Hidden(flag):
		case group == "":
			own = append(own, flag)
		default:
			names[group] = append(names[group], "--"+flag.Names()[0])
		}
	}
	if len(own) > 0 {
		s.say("")
		s.explainFlags(own)
	}
	if len(names) == 0 {
		return
	}
	s.say("\nOptions explained by \"wildcard help GROUP\":")
	for _, group := range s.Groups {
		if len(names[group]) > 0 {
			s.Lay("  "+messages.Pad(group, 13), strings.Join(names[group], " "))
		}
	}
}

// Group explains the options of a group, of whatever command.
func (s Screen) Group(app *cli.App, group string) {
	var flags []cli.Flag
	seen := map[string]bool{}
	var collect func([]*cli.Command)
	collect = func(commands []*cli.Command) {
		for _, c := range commands {
			for _, flag := range c.Flags {
				f, ok := flag.(cli.CategorizableFlag)
				if ok && f.GetCategory() == group && !Hidden(flag) && !seen[flag.Names()[0]] {
					seen[flag.Names()[0]] = true
					flags = append(flags, flag)
				}
			}
			collect(c.Subcommands)
		}
	}
	collect(app.Commands)
	s.explainFlags(flags)
}

func (s Screen) explainFlags(flags []cli.Flag) {
	type line struct{ name, text string }
	var lines []line
	longest := 0
	for _, flag := range flags {
		l := line{name: nameOf(flag)}
		if documented, ok := flag.(cli.DocGenerationFlag); ok {
			l.text = unquoted(s.Language.Translate(messages.Text(documented.GetUsage())))
		}
		longest = max(longest, messages.Width(l.name))
		lines = append(lines, l)
	}
	for _, l := range lines {
		s.Lay("  "+messages.Pad(l.name, longest)+"  ", l.text)
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

// Hidden reports whether a flag is not shown.
func Hidden(flag cli.Flag) bool {
	visible, ok := flag.(cli.VisibleFlag)
	return ok && !visible.IsVisible()
}

// Lay prints a text behind something, and goes on below itself where the screen ends.
func (s Screen) Lay(before, text string) {
	for _, line := range messages.Wrap(text, width-len(before)) {
		fmt.Fprintln(s.Out, before+line)
		before = strings.Repeat(" ", len(before))
	}
}
