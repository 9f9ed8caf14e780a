package main

import (
	"github.com/jedib0t/go-pretty/v6/table"
)

// grid is a table of the answer: columns with two blanks between them, as ps and df have, so that it is read as well by a
// person as by awk.
type grid struct{ table.Writer }

func newTable(head ...string) grid {
	g := grid{table.NewWriter()}
	style := table.StyleDefault
	style.Options = table.Options{}
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	g.SetStyle(style)
	g.SuppressTrailingSpaces()
	g.AppendHeader(row(head))
	return g
}

func (g grid) row(cells ...string) { g.AppendRow(row(cells)) }

// String is the table, without a line break at the end.
func (g grid) String() string { return g.Render() }

func row(cells []string) table.Row {
	r := make(table.Row, len(cells))
	for i, cell := range cells {
		r[i] = cell
	}
	return r
}
