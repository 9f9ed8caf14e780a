package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

// commandLine is a command line, arranged for the flag library.
type commandLine struct {
	args []string
	path []*cli.Command // the command that it names, and those above it
	help bool           // --help is among the flags
}

// arrange puts flags before names, since the flag library stops looking for flags at the first name: what follows it would
// be taken for names, "--dry-run" among them. "--" ends the flags. A name that begins with "-" is refused, after "--" too:
// no name of ours does. Flags that all commands have may stand before the command. Commands and flags that are not there are found
// here, so that the nearest can be named. What it returns beside an error says for which command that is.
func arrange(app *cli.App, args []string) (commandLine, error) {
	l := commandLine{args: slices.Clone(args[:min(1, len(args))])}
	if len(args) < 2 {
		return l, nil
	}
	rest, err := l.choose(app, args[1:])
	if err != nil {
		return l, err
	}
	flags, commands := app.Flags, app.Commands
	if len(l.path) > 0 {
		flags, commands = l.path[len(l.path)-1].Flags, l.path[len(l.path)-1].Subcommands
	}
	known, long := optionsOf(flags)
	var names []string
	for i := 0; i < len(rest); i++ {
		arg := rest[i]
		if arg == "--" {
			names = append(names, rest[i+1:]...)
			break
		}
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			names = append(names, arg)
			continue
		}
		name, inline := optionName(arg), strings.Contains(arg, "=")
		value, ok := known[name]
		switch {
		case !ok:
			return l, noOption(l.typed(), arg, messages.Nearest(name, long))
		case value && !inline && i+1 == len(rest):
			return l, usage("--%s wants a value", name)
		}
		if name == "help" || name == "h" {
			l.help = true
			continue
		}
		l.args = append(l.args, arg)
		if value && !inline {
			i++
			l.args = append(l.args, rest[i])
		}
	}
	return l.named(names, commands)
}

// choose finds the command that a line begins with, and those below it. What is left of the line follows the command; of common
// flags that stood before one that is missing, those are left that do without.
func (l *commandLine) choose(app *cli.App, rest []string) ([]string, error) {
	flags, commands := app.Flags, app.Commands
	common, _ := optionsOf(commonFlags())
	var ahead []string
	for len(rest) > 0 && len(commands) > 0 {
		if words := leading(rest, common); words > 0 {
			ahead, rest = append(ahead, rest[:words]...), rest[words:]
			continue
		}
		command := find(commands, rest[0])
		switch {
		case command != nil:
			l.args, l.path = append(l.args, rest[0]), append(l.path, command)
			rest, flags, commands = rest[1:], command.Flags, command.Subcommands
			continue
		case !strings.HasPrefix(rest[0], "-") && !takesNames(l.path):
			return nil, l.missing(rest[0], commands)
		}
		break
	}
	if len(commands) > 0 && !takesNames(l.path) {
		known, _ := optionsOf(flags)
		ahead = slices.DeleteFunc(ahead, func(word string) bool {
			_, ok := known[optionName(word)]
			return !ok || !strings.HasPrefix(word, "-")
		})
	}
	return append(ahead, rest...), nil
}

// leading is how many words the option takes that a line begins with, if it is one of those; else 0.
func leading(line []string, options map[string]bool) int {
	if len(line[0]) < 2 || line[0][0] != '-' {
		return 0
	}
	value, ok := options[optionName(line[0])]
	switch {
	case !ok:
		return 0
	case value && !strings.Contains(line[0], "="):
		return min(2, len(line))
	}
	return 1
}

// optionName is the name of the option that a word gives, without hyphens and value.
func optionName(word string) string {
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	return name
}

// missing is the error for a word in the place of a command below those of the line.
func (l commandLine) missing(word string, commands []*cli.Command) error {
	return noCommand(strings.TrimPrefix(l.typed()+" "+word, "wildcard "), word, namesOf(commands))
}

// named puts the names at the end, which begin no flag. Commands are those below.
func (l commandLine) named(names []string, commands []*cli.Command) (commandLine, error) {
	for _, name := range names {
		if strings.HasPrefix(name, "-") {
			return l, usage("%s: a name cannot begin with a hyphen", fault.Excerpt(name))
		}
	}
	if len(commands) > 0 && len(names) > 0 && !takesNames(l.path) {
		return l, l.missing(names[0], commands)
	}
	if len(names) > 0 && (len(commands) == 0 || takesNames(l.path)) {
		l.args = append(l.args, "--")
	}
	l.args = append(l.args, names...)
	return l, nil
}

// optionsOf are the names of flags, and whether each takes a value; long are those that are proposed for what is mistyped.
func optionsOf(flags []cli.Flag) (known map[string]bool, long []string) {
	known = map[string]bool{"help": false, "h": false}
	for _, flag := range flags {
		for _, name := range flag.Names() {
			known[name] = takesValue(flag)
			if len(name) > 1 {
				long = append(long, name)
			}
		}
	}
	return known, long
}

// takesNames reports whether the command, although there are commands below it, is itself about names.
func takesNames(path []*cli.Command) bool { return len(path) > 0 && path[len(path)-1].ArgsUsage != "" }

// typed is the program with the command, as it is typed.
func (l commandLine) typed() string {
	words := []string{"wildcard"}
	for _, c := range l.path {
		words = append(words, c.Name)
	}
	return strings.Join(words, " ")
}

// noCommand is the error for a command that is not there. Of what was typed, word is wrong.
func noCommand(typed, word string, there []string) error {
	if nearest := messages.Nearest(word, there); nearest != "" {
		return usage("no command %s: did you mean %s?", fault.Excerpt(typed), strings.TrimSuffix(typed, word)+nearest)
	}
	return usage("no command %s", fault.Excerpt(typed))
}

// noOption is the error for a flag that a command does not have.
func noOption(command, arg, nearest string) error {
	arg, _, _ = strings.Cut(arg, "=")
	if nearest != "" {
		return usage("%s has no option %s: did you mean --%s?", command, fault.Excerpt(arg), nearest)
	}
	return usage("%s has no option %s", command, fault.Excerpt(arg))
}

func find(commands []*cli.Command, name string) *cli.Command {
	for _, command := range commands {
		if command.HasName(name) {
			return command
		}
	}
	return nil
}

// namesOf are the names of commands that may be shown.
func namesOf(commands []*cli.Command) []string {
	var names []string
	for _, c := range commands {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return names
}

// wantsJSON reports whether the answer is to be JSON, also when the command line is wrong otherwise.
func wantsJSON(args []string) bool {
	for _, arg := range args {
		switch arg {
		case "--json", "-json", "--json=true":
			return true
		case "--":
			return false
		}
	}
	return false
}
