package cli

import (
	_ "embed"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"wildcard/internal/certificates"
	"wildcard/internal/cli/display/help"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/settings"
	"wildcard/providers/builtin"
)

// The scripts ask "completion words" what may stand in a place, so that they never lag behind the commands.
var (
	//go:embed shells/wildcard.bash
	bashScript string
	//go:embed shells/wildcard.zsh
	zshScript string
	//go:embed shells/wildcard.fish
	fishScript string
)

func completionCommand(p *program) *cli.Command {
	script := func(shell, text string) *cli.Command {
		return &cli.Command{
			Name: shell, Usage: "print the script to source", UsageText: "wildcard completion " + shell,
			Action: func(*cli.Context) error {
				p.say("%s", strings.TrimSuffix(text, "\n"))
				return nil
			},
		}
	}
	return &cli.Command{
		Name:      "completion",
		Usage:     "completion of command lines, for bash, zsh or fish",
		UsageText: "wildcard completion bash|zsh|fish",
		Description: `Packages install it. Otherwise, in ~/.bashrc, ~/.zshrc or config.fish:

  source <(wildcard completion bash)
  source <(wildcard completion zsh)
  wildcard completion fish | source`,
		Subcommands: []*cli.Command{
			script("bash", bashScript), script("zsh", zshScript), script("fish", fishScript),
			{Name: "words", Hidden: true, Action: p.action(printWords)},
		},
	}
}

// printWords answers a script: standard input has the words after "wildcard", one a line, the last one being written.
// The answer has a line for each word that fits, with a tab and what it means, or the line ":files" or ":dirs". Whatever goes
// wrong, nothing is said into a command line that is being written.
func printWords(p *program, c *cli.Context) error {
	text, err := io.ReadAll(io.LimitReader(p.stdin, 64<<10))
	if err != nil || len(text) == 0 {
		return nil //nolint:nilerr // nothing to complete
	}
	words := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	completion := completionOf(p, c.App, words)
	for _, word := range completion.words {
		p.say("%s\t%s", word.text, word.meaning)
	}
	if completion.paths != "" && len(completion.words) == 0 {
		p.say("%s", completion.paths)
	}
	return nil
}

// completion is what may stand in a place of a command line.
type completion struct {
	words []word
	paths string // ":files" or ":dirs": paths may, too
}

type word struct{ text, meaning string }

// completionOf finds what may stand in the place of the last word.
func completionOf(p *program, app *cli.App, words []string) completion {
	current := words[len(words)-1]
	flags, commands, command, configDir := app.Flags, app.Commands, "", ""
	var value cli.Flag // whose value the word is
	names := 0
	for _, before := range words[:len(words)-1] {
		switch {
		case value != nil:
			if slices.Contains(value.Names(), "config-dir") {
				configDir = before
			}
			value = nil
		case strings.HasPrefix(before, "-"):
			name, inline, ok := strings.Cut(strings.TrimLeft(before, "-"), "=")
			if flag := flagOf(slices.Concat(flags, commonFlags()), name); flag != nil && takesValue(flag) && !ok {
				value = flag
			} else if name == "config-dir" {
				configDir = inline
			}
		default:
			if below := find(commands, before); below != nil {
				flags, commands, command = below.Flags, below.Subcommands, below.Name
			} else {
				names++
			}
		}
	}
	var found completion
	prefix := ""
	name, inline, assigned := strings.Cut(current, "=")
	if assigned && value == nil && strings.HasPrefix(current, "--") {
		value, prefix, current = flagOf(flags, strings.TrimPrefix(name, "--")), name+"=", inline
	}
	switch {
	case value != nil:
		found = valuesOf(p, value, current, configDir)
	case assigned && prefix != "":
	case strings.HasPrefix(current, "-"):
		found.words = flagWords(flags)
	case len(commands) > 0:
		for _, c := range commands {
			if !c.Hidden {
				found.words = append(found.words, word{c.Name, c.Usage})
			}
		}
		if command == "providers" {
			found.words = append(found.words, providerWords()...)
		}
	case names > 0:
	default:
		found.words = lineageWords(p, command, configDir)
	}
	found.words = slices.DeleteFunc(found.words, func(w word) bool { return !strings.HasPrefix(w.text, current) })
	for i := range found.words {
		found.words[i].text = prefix + found.words[i].text
	}
	return found
}

// valuesOf are the values of a flag.
func valuesOf(p *program, flag cli.Flag, current, configDir string) (found completion) {
	var values []string
	switch flag.Names()[0] {
	case "cert-name":
		return completion{words: lineageWords(p, "renew", configDir)}
	case "provider":
		zone := ""
		if i := strings.LastIndex(current, "="); i >= 0 && !strings.ContainsAny(current[:i], ":@") {
			zone = current[:i+1]
		}
		for _, w := range providerWords() {
			found.words = append(found.words, word{zone + w.text, w.meaning})
		}
		return found
	case "server":
		values = issuance.ServerNames()
	case "key-type":
		values = []string{string(issuance.ECDSA256), string(issuance.ECDSA384), string(issuance.RSA2048),
			string(issuance.RSA3072), string(issuance.RSA4096)}
	case "lang":
		values = messages.LanguageNames()
	case "deploy":
		values = []string{string(certificates.DeployNow), string(certificates.DeployLater), string(certificates.DeployOnly)}
	}
	for _, value := range values {
		found.words = append(found.words, word{value, ""})
	}
	if documented, ok := flag.(cli.DocGenerationFlag); ok {
		switch placeholder, _ := placeholderOf(documented.GetUsage()); placeholder {
		case "FILE":
			found.paths = ":files"
		case "DIR":
			found.paths = ":dirs"
		}
	}
	return found
}

func flagOf(flags []cli.Flag, name string) cli.Flag {
	for _, flag := range flags {
		if slices.Contains(flag.Names(), name) {
			return flag
		}
	}
	return nil
}

func takesValue(flag cli.Flag) bool {
	value, ok := flag.(cli.DocGenerationFlag)
	return ok && value.TakesValue()
}

func flagWords(flags []cli.Flag) (words []word) {
	for _, flag := range flags {
		documented, ok := flag.(cli.DocGenerationFlag)
		if !ok || help.Hidden(flag) {
			continue
		}
		_, usage := placeholderOf(documented.GetUsage())
		words = append(words, word{"--" + flag.Names()[0], usage})
	}
	return append(words, word{"--help", "show help"})
}

func providerWords() (words []word) {
	for name := range builtin.Registry() {
		meaning := ""
		switch name {
		case "exec", "certbot-hook":
			name, meaning = name+":", "followed by the path of a program"
		case "plugin", "lego":
			name, meaning = name+":", "followed by a name"
		}
		words = append(words, word{name, meaning})
	}
	slices.SortFunc(words, func(a, b word) int { return strings.Compare(a.text, b.text) })
	return words
}

// lineageWords are the certificates that a command can be about.
func lineageWords(p *program, command, configDir string) (words []word) {
	wants := map[string]func(owned bool) bool{
		"renew": func(owned bool) bool { return owned }, "release": func(owned bool) bool { return owned },
		"adopt": func(owned bool) bool { return !owned },
		"show":  func(bool) bool { return true }, "revoke": func(bool) bool { return true },
		"delete": func(bool) bool { return true },
	}[command]
	dirs, err := settings.FindDirectories(configDir, "", p.environ)
	if wants == nil || err != nil {
		return nil
	}
	store, err := lineage.Open(lineage.Options{ConfigDir: dirs.Config, RunDir: dirs.Run})
	if err != nil {
		return nil
	}
	for l, err := range store.All() {
		if err == nil && wants(l.Owned()) {
			s, _ := l.Conf.Settings()
			if l.Leaf != nil {
				s.Domains = l.Names()
			}
			words = append(words, word{l.Name, strings.Join(s.Domains, " ")})
		}
	}
	return words
}

// placeholderOf is what stands in backquotes in a flag's usage, and the usage without them.
func placeholderOf(usage string) (placeholder, text string) {
	before, rest, _ := strings.Cut(usage, "`")
	placeholder, after, ok := strings.Cut(rest, "`")
	if !ok {
		return "", usage
	}
	return placeholder, before + placeholder + after
}
