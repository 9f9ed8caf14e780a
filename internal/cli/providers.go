package cli

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"wildcard/internal/cli/display"
	"wildcard/internal/messages"
	"wildcard/internal/settings"
	"wildcard/providers"
	"wildcard/providers/builtin"
	"wildcard/providers/plugin"
)

func providersCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "providers",
		Usage:     "DNS services and their required settings",
		UsageText: "wildcard providers [options] [NAME]",
		Description: `No credentials are needed and no server is asked; plugins describe themselves.

  wildcard providers
  wildcard providers conoha
  wildcard providers lego:route53 --json
  wildcard providers test --zone example.com conoha`,
		ArgsUsage:   "[NAME]",
		Flags:       commonFlags(),
		Subcommands: []*cli.Command{providersTestCommand(p)},
		Action:      p.action(runProviders),
	}
}

// providerLine is a provider in the answer of "providers --json".
type providerLine struct {
	Name    string `json:"name"` // conoha, plugin:NAME, lego:NAME
	Spec    string `json:"spec"` // how it is written for --provider
	Summary string `json:"summary"`
	Link    string `json:"link,omitempty"`
	Program string `json:"program,omitempty"` // of a plugin
	Problem string `json:"problem,omitempty"` // why a plugin that is there cannot be used
}

// providerAnswer is the answer of "providers NAME --json".
type providerAnswer struct {
	providerLine
	Sets     []variableSet  `json:"sets"`               // of each account, one complete set is wanted
	Settings []variableLine `json:"settings,omitempty"` // what may be set besides
	Services []providerLine `json:"services,omitempty"` // what a plugin stands for
}

// variableSet is a credential under one family of names.
type variableSet struct {
	Account   string         `json:"account"`
	Name      string         `json:"name"`
	Needs     []string       `json:"needs"` // variables, and in words where there is a choice
	Variables []variableLine `json:"variables"`
}

type variableLine struct {
	Name     string   `json:"name"`
	Aliases  []string `json:"aliases,omitempty"`
	Required bool     `json:"required"`
	Secret   bool     `json:"secret"`
	Help     string   `json:"help"`
}

func runProviders(p *program, c *cli.Context) error {
	switch c.Args().Len() {
	case 0:
		return listProviders(p, c)
	case 1:
		return showProvider(p, c, c.Args().First())
	}
	return usage("providers takes one name")
}

// listProviders lists the kinds we ship, then the plugins that are there.
func listProviders(p *program, c *cli.Context) error {
	registry := builtin.Registry()
	var lines []providerLine
	for _, name := range registry.Names() {
		lines = append(lines, lineOfKind(p, name, registry[name]))
	}
	plugins := plugin.List(p.environ)
	described := make([][]providerLine, len(plugins))
	var all sync.WaitGroup
	for i, found := range plugins {
		all.Go(func() { described[i] = describePlugin(p, c.Context, found) })
	}
	all.Wait()
	lines = append(lines, slices.Concat(described...)...)
	if err := context.Cause(c.Context); err != nil {
		return err
	}
	if c.Bool("json") {
		p.answer(map[string]any{"providers": lines})
		return nil
	}
	t := display.NewTable("PROVIDER", "SPEC", "SERVICE")
	for _, line := range lines {
		t.Row(line.Name, line.Spec, line.Summary)
	}
	sayTable(p, t)
	for _, line := range lines {
		if line.Problem != "" {
			p.say("%s: %s", line.Name, line.Problem)
		}
	}
	if !slices.ContainsFunc(plugins, func(found plugin.Installed) bool { return found.Name == "lego" }) {
		sayWrapped(p, "For lego:NAME the plugin wildcard-dns-lego is missing; install it in one of %s. How to get it: wildcard explain provider.not-installed",
			strings.Join(plugin.Directories(p.environ), ", "))
	}
	p.say("wildcard providers NAME shows a provider's required settings.")
	return nil
}

func lineOfKind(p *program, name string, kind builtin.Kind) providerLine {
	return providerLine{Name: name, Spec: kind.Form, Summary: p.language.Translate(kind.Summary), Link: kind.Link}
}

// describePlugin has a plugin describe itself: a line for it, or for each service it stands for.
func describePlugin(p *program, ctx context.Context, found plugin.Installed) []providerLine {
	line := providerLine{Name: "plugin:" + found.Name, Program: found.Path}
	d, err := plugin.Describe(ctx, found.Name, "", pluginOptions(p))
	if err != nil {
		line.Problem = messages.OneLine(err.Error())
	}
	if found.Name == "lego" && err == nil {
		return servicesOf(d, found.Path)
	}
	line.Spec, line.Summary, line.Link = specOf(line.Name, d), messages.OneLine(d.Title), messages.OneLine(d.Link)
	return []providerLine{line}
}

// servicesOf has a line for each service of the plugin of lego's.
func servicesOf(d plugin.Description, path string) []providerLine {
	var lines []providerLine
	for _, s := range d.Services {
		name := "lego:" + s.Name
		lines = append(lines, providerLine{
			Name: name, Spec: specOf(name, d), Summary: messages.OneLine(s.Title), Link: messages.OneLine(s.Link), Program: path,
		})
	}
	return lines
}

// specOf is how a plugin is written for --provider: one that lists its zones needs none before it.
func specOf(name string, d plugin.Description) string {
	if d.Zoned {
		return name
	}
	return "ZONE=" + name
}

// pluginOptions are those of a plugin that only describes itself. What it says beside its answer is said again in its error.
func pluginOptions(p *program) plugin.Options {
	return plugin.Options{Environ: p.environ, Stderr: io.Discard}
}

// showProvider shows what one provider wants to have set.
func showProvider(p *program, c *cli.Context, name string) error {
	spec, err := providers.ParseSpec(name)
	if err != nil {
		return err
	}
	registry := builtin.Registry()
	kind, ok := registry[spec.Name]
	if !ok {
		return registry.Unknown(spec)
	}
	answer := providerAnswer{
		providerLine: lineOfKind(p, spec.Name, kind), Sets: setsOf(p, kind.Families), Settings: variablesOf(p, kind.Settings),
	}
	switch {
	case spec.Name == "lego", spec.Name == "plugin" && spec.Arg != "":
		if answer, err = showPlugin(p, c.Context, spec); err != nil {
			return err
		}
	case spec.Name == "plugin":
		for _, found := range plugin.List(p.environ) {
			answer.Services = append(answer.Services, describePlugin(p, c.Context, found)...)
		}
	}
	if c.Bool("json") {
		p.answer(answer)
		return nil
	}
	printProvider(p, answer)
	return nil
}

// showPlugin asks a plugin about itself, or about the service of lego's that the spec names.
func showPlugin(p *program, ctx context.Context, spec providers.Spec) (providerAnswer, error) {
	program, service, name := spec.Arg, "", spec.Name+":"+spec.Arg
	if spec.Name == "lego" {
		program, service = "lego", spec.Arg
	}
	d, err := plugin.Describe(ctx, program, service, pluginOptions(p))
	if err != nil {
		return providerAnswer{}, err
	}
	answer := providerAnswer{Sets: []variableSet{}}
	for _, found := range plugin.List(p.environ) {
		if found.Name == program {
			answer.Program = found.Path
		}
	}
	if spec.Name == "lego" && service == "" {
		answer.providerLine = lineOfKind(p, "lego", builtin.Registry()["lego"])
		answer.Services = servicesOf(d, answer.Program)
		return answer, nil
	}
	answer.Name, answer.Spec = name, specOf(name, d)
	answer.Summary, answer.Link = messages.OneLine(d.Title), messages.OneLine(d.Link)
	if len(d.Variables) > 0 {
		answer.Sets = setsOf(p, []settings.Family{d.Family(name)})
	}
	return answer, nil
}

func setsOf(p *program, families []settings.Family) []variableSet {
	sets := []variableSet{}
	for _, f := range families {
		sets = append(sets, variableSet{
			Account: f.Account, Name: f.Name, Needs: f.Needs(), Variables: variablesOf(p, f.Variables),
		})
	}
	return sets
}

func variablesOf(p *program, variables []settings.Variable) []variableLine {
	var lines []variableLine
	for _, v := range variables {
		lines = append(lines, variableLine{
			Name: v.Name, Aliases: v.Aliases, Required: !v.Optional, Secret: v.Secret,
			Help: messages.OneLine(p.language.Translate(v.Help)),
		})
	}
	return lines
}

func printProvider(p *program, answer providerAnswer) {
	p.say("%s: %s", answer.Name, answer.Summary)
	d := p.details()
	d.Value("spec", answer.Spec)
	d.Value("program", answer.Program)
	d.Value("more", answer.Link)
	accounts := map[string]int{}
	for _, set := range answer.Sets {
		accounts[set.Account]++
	}
	said := map[string]bool{}
	for _, set := range answer.Sets {
		p.say("")
		switch {
		case said[set.Account]:
			sayWrapped(p, "%s, in their place; needs %s", set.Name, strings.Join(set.Needs, ", "))
		case len(said) > 0:
			sayWrapped(p, "%s, for a second account; needs %s", set.Name, strings.Join(set.Needs, ", "))
		default:
			sayWrapped(p, "%s; needs %s", set.Name, strings.Join(set.Needs, ", "))
		}
		said[set.Account] = true
		printVariables(p, set.Variables)
	}
	if len(answer.Settings) > 0 {
		p.say("\nFurther settings")
		printVariables(p, answer.Settings)
	}
	if len(answer.Services) > 0 {
		t := display.NewTable("PROVIDER", "SPEC", "SERVICE")
		for _, line := range answer.Services {
			t.Row(line.Name, line.Spec, line.Summary+line.Problem)
		}
		p.say("")
		sayTable(p, t)
	}
}

func printVariables(p *program, lines []variableLine) {
	t := display.NewTable("VARIABLE", "KIND", "MEANING")
	for _, v := range lines {
		kind := messages.New("optional")
		if v.Required {
			kind = messages.New("required")
		}
		if v.Secret {
			kind = messages.New("%s, secret", kind)
		}
		help := messages.New("%s", v.Help)
		if len(v.Aliases) > 0 {
			help = messages.New("%s; also %s", v.Help, strings.Join(v.Aliases, ", "))
		}
		t.Row(v.Name, kind, help)
	}
	sayTable(p, t)
}
