package cli

import (
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"wildcard/internal/cli/display"
	"wildcard/internal/doctor"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

func explainCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "what an error's code means, and what to do",
		UsageText: "wildcard explain [options] [CODE]",
		Description: `Codes stand in brackets at the end of an error; without one, all are listed.

  wildcard explain zone.not-found
  wildcard explain --lang ja`,
		ArgsUsage: "[CODE]",
		Flags:     commonFlags(),
		Action:    p.action(runExplain),
	}
}

// codeLine is a code in the answer of "explain --json".
type codeLine struct {
	messages.Explanation
	Class []string `json:"class"` // of each exit status
}

func runExplain(p *program, c *cli.Context) error {
	if c.NArg() > 1 {
		return usage("explain takes one code")
	}
	if c.NArg() == 0 {
		listCodes(p, c)
		return nil
	}
	code := strings.Trim(c.Args().First(), "[]") // as it was copied
	codes, names := allCodes(), []string{}
	for _, known := range codes {
		names = append(names, known.Name)
	}
	i := slices.Index(names, code)
	if i < 0 {
		if nearest := messages.Nearest(code, names); nearest != "" {
			return usage("no code %s: did you mean %s?", fault.Excerpt(code), nearest)
		}
		return usage("no code %s: wildcard explain lists them", fault.Excerpt(code))
	}
	line := codeLineOf(p, codes[i])
	if c.Bool("json") {
		p.answer(line)
		return nil
	}
	p.say("%s", code)
	p.screen().Lay("  ", p.language.Sprintf("cause: %s", line.Cause))
	p.screen().Lay("  ", p.language.Sprintf("next:  %s", line.Next))
	p.screen().Lay("  ", p.language.Sprintf("exit status: %s", line.exits()))
	return nil
}

// allCodes are the codes of errors and of findings, sorted; one that both have is the error's.
func allCodes() []messages.Code {
	codes := slices.Concat(messages.Codes(), doctor.Codes())
	slices.SortStableFunc(codes, func(a, b messages.Code) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(codes, func(a, b messages.Code) bool { return a.Name == b.Name })
}

func codeLineOf(p *program, code messages.Code) codeLine {
	line := codeLine{Explanation: code.In(p.language)}
	for _, exit := range code.Exits {
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
func listCodes(p *program, c *cli.Context) {
	var lines []codeLine
	for _, code := range allCodes() {
		lines = append(lines, codeLineOf(p, code))
	}
	if c.Bool("json") {
		p.answer(map[string]any{"codes": lines})
		return
	}
	t := display.NewTable("CODE", "EXIT", "CLASS", "MEANING")
	for _, line := range lines {
		t.Row(line.Code, strconv.Itoa(line.Exits[0]), line.Class[0], first(line.Cause))
	}
	sayTable(p, t)
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
