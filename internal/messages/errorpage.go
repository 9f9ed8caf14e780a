package messages

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

//go:generate go test -count=1 -run ^TestErrorPages_Generated$ wildcard/internal/repotest -update

// ErrorPage is the page of the documentation, in Markdown, that has all codes: those of errors, and those of doctor's findings.
func (l Language) ErrorPage(errors, findings []Code) string {
	var b strings.Builder
	say := func(before string, text Text) { fmt.Fprintf(&b, "%s%s\n\n", before, l.Translate(text)) }
	table := func(heads ...Text) {
		row := make([]any, len(heads))
		for i, head := range heads {
			row[i] = New(head)
		}
		l.row(&b, row...)
		fmt.Fprintln(&b, strings.Repeat("|---", len(heads))+"|")
	}
	say("# ", "The codes of errors and findings")
	links := "[日本語](errors.ja.md) · [README](../README.md)"
	if l == Japanese {
		links = "[English](errors.md) · [README](../README.ja.md)"
	}
	fmt.Fprintf(&b, "%s\n\n", links)
	say("", "Each error ends with its code in brackets, and wildcard explain CODE shows what this page says of it. Codes stay as they are: scripts may compare them.")
	say("", "This page is generated (go generate ./internal/messages).")
	table("exit status", "meaning")
	for _, exit := range []int{0, 1, 2, 70, 75, 77, 78, 130, 143} {
		l.row(&b, exit, Class(exit))
	}
	say("\n## ", "Errors")
	table("code", "exit status", "cause", "what to do")
	for _, code := range errors {
		l.row(&b, "`"+code.Name+"`", listed(code.Exits), New(code.Cause), New(code.Next))
	}
	say("\n## ", "What wildcard doctor finds")
	say("", "Each finding says what to do.")
	table("code", "exit status", "why it matters")
	for _, code := range findings {
		l.row(&b, "`"+code.Name+"`", listed(code.Exits), New(code.Cause))
	}
	return b.String()
}

// row writes a row of a table.
func (l Language) row(b *strings.Builder, cells ...any) {
	plain := strings.NewReplacer(`*`, `\*`, `_`, `\_`, `|`, `\|`, `<`, `\<`)
	for _, cell := range l.all(cells) {
		fmt.Fprintf(b, "| %s ", plain.Replace(fmt.Sprint(cell)))
	}
	fmt.Fprintln(b, "|")
}

// listed is numbers with commas between them.
func listed(numbers []int) string {
	var all []string
	for _, n := range slices.Sorted(slices.Values(numbers)) {
		all = append(all, strconv.Itoa(n))
	}
	return strings.Join(all, ", ")
}
