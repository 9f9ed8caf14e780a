package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"wildcard/messages"
	"wildcard/providers"
)

func (p *program) explainCommand() *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "what an error's code means, and what to do",
		UsageText: "wildcard explain [options] [CODE]",
		Description: `Codes stand in brackets at the end of an error; without one, all are listed.

  wildcard explain zone.not-found
  wildcard explain --lang ja`,
		ArgsUsage: "[CODE]",
		Flags:     commonFlags(),
		Action:    p.explain,
	}
}

// codeLine is a code in the answer of "explain --json".
type codeLine struct {
	messages.Explanation
	Class []string `json:"class"` // of each exit status
}

func (p *program) explain(c *cli.Context) error {
	if c.NArg() > 1 {
		return usage("explain takes one code")
	}
	if c.NArg() == 0 {
		p.listCodes(c)
		return nil
	}
	code := strings.Trim(c.Args().First(), "[]") // as it was copied
	known, ok := p.language.Explain(code)
	if !ok {
		if nearest := messages.Nearest(code, messages.Codes()); nearest != "" {
			return usage("no code %s: did you mean %s?", providers.Excerpt(code), nearest)
		}
		return usage("no code %s: wildcard explain lists them", providers.Excerpt(code))
	}
	line := p.codeLine(known)
	if c.Bool("json") {
		p.answer(line)
		return nil
	}
	p.say("%s", code)
	p.lay("  ", p.language.Sprintf("cause: %s", known.Cause))
	p.lay("  ", p.language.Sprintf("next:  %s", known.Next))
	p.lay("  ", p.language.Sprintf("exit status: %s", line.exits()))
	return nil
}

func (p *program) codeLine(e messages.Explanation) codeLine {
	line := codeLine{Explanation: e}
	for _, exit := range e.Exits {
		line.Class = append(line.Class, messages.Class(exit).In(p.language))
	}
	return line
}

// exits are the exit statuses with their meaning.
func (l codeLine) exits() string {
	var all []string
	for i, exit := range l.Exits {
		all = append(all, strconv.Itoa(exit)+" ("+l.Class[i]+")")
	}
	return strings.Join(all, ", ")
}

// listCodes prints all codes, each with its usual exit status and the beginning of what it means.
func (p *program) listCodes(c *cli.Context) {
	var lines []codeLine
	for _, code := range messages.Codes() {
		known, _ := p.language.Explain(code)
		lines = append(lines, p.codeLine(known))
	}
	if c.Bool("json") {
		p.answer(map[string]any{"codes": lines})
		return
	}
	t := newTable("CODE", "EXIT", "CLASS", "MEANING")
	for _, line := range lines {
		t.row(line.Code, strconv.Itoa(line.Exits[0]), line.Class[0], first(line.Cause))
	}
	p.say("%s", t)
}

// first is a text's first sentence.
func first(text string) string {
	ends := []int{len(text)}
	for _, stop := range []string{". ", "。"} {
		if i := strings.Index(text, stop); i >= 0 {
			ends = append(ends, i+len(strings.TrimSpace(stop)))
		}
	}
	return text[:slices.Min(ends)]
}
