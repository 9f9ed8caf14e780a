package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"wildcard/providers"
)

// arrange puts flags before names, since the flag library stops looking for flags at the first name: what follows it would
// be taken for names, "--dry-run" among them. "--" ends the flags. A name that begins with "-" is refused, after "--" too:
// no name of ours does.
func arrange(app *cli.App, args []string) ([]string, error) {
	if len(args) < 2 {
		return args, nil
	}
	arranged := args[:1:1]
	rest := args[1:]
	flags := app.Flags
	commands := app.Commands
	// The command, and the one below it. Options of the app itself (--help, --version) stand before.
	for len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		command := find(commands, rest[0])
		if command == nil {
			break
		}
		arranged = append(arranged, rest[0])
		rest, flags, commands = rest[1:], command.Flags, command.Subcommands
	}
	takesValue := map[string]bool{}
	for _, flag := range flags {
		value, ok := flag.(cli.DocGenerationFlag)
		for _, name := range flag.Names() {
			takesValue[name] = ok && value.TakesValue()
		}
	}
	var names []string
	for i := 0; i < len(rest); i++ {
		arg := rest[i]
		switch {
		case arg == "--":
			names = append(names, rest[i+1:]...)
			i = len(rest)
		case !strings.HasPrefix(arg, "-") || arg == "-":
			names = append(names, arg)
		default:
			arranged = append(arranged, arg)
			if name := strings.TrimLeft(arg, "-"); takesValue[name] && i+1 < len(rest) {
				i++
				arranged = append(arranged, rest[i])
			}
		}
	}
	for _, name := range names {
		if strings.HasPrefix(name, "-") {
			return nil, usage("%s: a name cannot begin with a hyphen", providers.Excerpt(name))
		}
	}
	if len(names) > 0 && len(commands) == 0 {
		arranged = append(arranged, "--")
	}
	return append(arranged, names...), nil
}

func find(commands []*cli.Command, name string) *cli.Command {
	for _, command := range commands {
		if command.HasName(name) {
			return command
		}
	}
	return nil
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
