package display

import (
	"github.com/jedib0t/go-pretty/v6/table"

	"wildcard/internal/messages"
)

// Table is columns with two blanks between them, as ps and df have, so that it is read as well by a person as by awk. It is a
// [messages.Localizer]: its head, and the cells that are texts, are put into a language with it.
type Table struct {
	head []messages.Text
	rows [][]any
}

// NewTable returns an empty table; head has the English names of its columns.
func NewTable(head ...messages.Text) *Table { return &Table{head: head} }

// Row adds a row of strings and texts.
func (t *Table) Row(cells ...any) { t.rows = append(t.rows, cells) }

// In is the table, without a line break at the end.
func (t *Table) In(l messages.Language) string {
	w := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.Options{}
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	w.SetStyle(style)
	w.SuppressTrailingSpaces()
	var head table.Row
	for _, name := range t.head {
		head = append(head, l.Translate(name))
	}
	w.AppendHeader(head)
	for _, cells := range t.rows {
		var row table.Row
		for _, cell := range cells {
			if text, ok := cell.(messages.Localizer); ok {
				cell = text.In(l)
			}
			row = append(row, cell)
		}
		w.AppendRow(row)
	}
	return w.Render()
}

// String is the table in English.
func (t *Table) String() string { return t.In(messages.English) }
