package help_test

import (
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"wildcard/internal/cli/display/help"
	"wildcard/internal/messages"
)

func app() *cli.App {
	return &cli.App{
		UsageText: "tool COMMAND", Usage: "does things",
		Commands: []*cli.Command{
			{
				Name: "outer", Usage: "has one below", UsageText: "tool outer inner", Description: "A paragraph\nof two lines.\n\n  tool outer inner x\n  tool outer inner y",
				Subcommands: []*cli.Command{{
					Name: "inner", Usage: "is below", UsageText: "tool outer inner [options] NAME",
					Flags: []cli.Flag{
						&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "`PATH`: what to read"},
						&cli.StringFlag{Name: "word", Usage: "the `WORD` to say"},
						&cli.BoolFlag{Name: "json", Category: "common", Usage: "as JSON"},
						&cli.BoolFlag{Name: "secret", Hidden: true},
					},
				}},
			},
			{Name: "words", Hidden: true, Usage: "not shown"},
		},
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	a := app()
	outer := a.Commands[0]
	for _, test := range []struct {
		path []*cli.Command
		want string
	}{
		{nil, "usage: tool COMMAND\nDoes things.\n\n  outer  has one below\n"},
		{[]*cli.Command{outer}, "usage: tool outer inner\nHas one below.\nA paragraph of two lines.\n\n  tool outer inner x\n  tool outer inner y\n\n  inner  is below\n"},
		{[]*cli.Command{outer, outer.Subcommands[0]}, `usage: tool outer inner [options] NAME
Is below.
A paragraph of two lines.

  tool outer inner x
  tool outer inner y

  --file, -f PATH  what to read
  --word WORD      the WORD to say

Options explained by "wildcard help GROUP":
  common       --json
`},
	} {
		var b strings.Builder
		help.Screen{Out: &b, Groups: []string{"common"}}.Command(a, test.path)
		if b.String() != test.want {
			t.Errorf("%s\nwant\n%s", b.String(), test.want)
		}
	}
}

func TestGroup(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	help.Screen{Out: &b, Groups: []string{"common"}}.Group(app(), "common")
	if want := "  --json  as JSON\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestLay(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	help.Screen{Out: &b, Language: messages.Japanese}.Lay("  --x  ", strings.Repeat("更新", 40))
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) < 2 || messages.Width(lines[0]) > 80 || !strings.HasPrefix(lines[1], "       更") {
		t.Errorf("%q", lines)
	}
}
