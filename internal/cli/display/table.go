package display

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"wildcard/internal/messages"
)

// gap is what stands between two columns.
const gap = "  "

// leastCells is what is left of a column that is shortened, and of a last one that goes on below itself.
const leastCells, leastText = 10, 16

// Table is columns with two blanks between them, as ps and df have, so that it is read as well by a person as by awk. It is a
// [messages.Localizer]: its head, and the cells that are texts, are put into a language with it.
type Table struct {
	head    []messages.Text
	rows    [][]any
	cells   int // it is to fit into; 0 is any number
	shorten []messages.Text
	leave   []messages.Text
}

// Names is a cell with several names: all, or where that is too much, the first and how many more.
type Names []string

func (n Names) short() string {
	if len(n) < 2 {
		return strings.Join(n, "")
	}
	return fmt.Sprintf("%s +%d", n[0], len(n)-1)
}

// NewTable returns an empty table; head has the English names of its columns.
func NewTable(head ...messages.Text) *Table { return &Table{head: head} }

// Row adds a row of strings, [Names] and texts.
func (t *Table) Row(cells ...any) { t.rows = append(t.rows, cells) }

// GiveWay says what becomes of a table that is too wide for its terminal: these columns are shortened, then those are left out, the
// first ones first. Without it, the last column goes on below itself.
func (t *Table) GiveWay(shorten, leave []messages.Text) { t.shorten, t.leave = shorten, leave }

// Within has the table fit into so many cells of a terminal; 0 is any number.
func (t *Table) Within(cells int) *Table {
	t.cells = cells
	return t
}

// In is the table, without a line break at the end.
func (t *Table) In(l messages.Language) string {
	w := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.Options{}
	style.Box.PaddingLeft, style.Box.PaddingRight = "", gap
	w.SetStyle(style)
	w.SuppressTrailingSpaces()
	limits := t.limits(l)
	for i := -1; i < len(t.rows); i++ {
		var row table.Row
		for column, limit := range limits {
			if limit > 0 {
				row = append(row, t.fit(l, i, column, limit))
			}
		}
		if i < 0 {
			w.AppendHeader(row)
		} else {
			w.AppendRow(row)
		}
	}
	lines := strings.Split(w.Render(), "\n")
	if last := len(limits) - 1; limits[last] == 0 && t.goesBelow() {
		for row := len(t.rows) - 1; row >= 0; row-- {
			below := "    " + strings.Join(messages.Wrap(t.text(l, row, last), t.cells-4), "\n    ")
			lines = slices.Insert(lines, row+2, below)
		}
	}
	return strings.Join(lines, "\n")
}

// goesBelow reports whether the last column goes on below itself where the table is too wide, or below its row where there is no
// room left for it.
func (t *Table) goesBelow() bool { return t.shorten == nil && t.leave == nil }

// text is a cell; row -1 is the head.
func (t *Table) text(l messages.Language, row, column int) string {
	if row < 0 {
		return l.Translate(t.head[column])
	}
	switch cell := t.rows[row][column].(type) {
	case messages.Localizer:
		return cell.In(l)
	case Names:
		return strings.Join(cell, " ")
	default:
		return fmt.Sprint(cell)
	}
}

// fit is a cell in so many cells of a terminal.
func (t *Table) fit(l messages.Language, row, column, limit int) string {
	whole := t.text(l, row, column)
	if cellsOf(whole) <= limit {
		return whole
	}
	if t.goesBelow() {
		return strings.Join(messages.Wrap(whole, limit), "\n")
	}
	if row >= 0 {
		if names, ok := t.rows[row][column].(Names); ok && len(names) > 1 {
			more := names.short()[len(names[0]):]
			return shortened(names[0], limit-len(more)) + more
		}
	}
	return shortened(whole, limit)
}

// limits are the cells that each column may take; 0 is one that is left out.
func (t *Table) limits(l messages.Language) []int {
	widest, least := make([]int, len(t.head)), make([]int, len(t.head))
	for column := range t.head {
		for row := -1; row < len(t.rows); row++ {
			widest[column] = max(widest[column], cellsOf(t.text(l, row, column)))
			if row < 0 {
				least[column] = leastCells
			} else if names, ok := t.rows[row][column].(Names); ok {
				least[column] = max(least[column], min(cellsOf(names.short()), 2*leastCells))
			}
		}
	}
	if t.cells == 0 {
		return widest
	}
	for column := range t.head { // with nothing in it
		if !slices.ContainsFunc(t.rows, func(row []any) bool { return row[column] != "" }) && len(t.rows) > 0 {
			widest[column] = 0
		}
	}
	limits := slices.Clone(widest)
	for out := 0; ; out++ {
		over := -len(gap) - t.cells
		for _, limit := range limits {
			if limit > 0 {
				over += limit + len(gap)
			}
		}
		for _, name := range t.shorten {
			column := slices.Index(t.head, name)
			if less := min(over, limits[column]-least[column]); less > 0 {
				limits[column] -= less
				over -= less
			}
		}
		switch {
		case over <= 0:
			return limits
		case t.goesBelow():
			last := len(limits) - 1
			if limits[last] -= over; limits[last] < leastText {
				limits[last] = 0
			}
			return limits
		case out == len(t.leave):
			return limits
		}
		limits[slices.Index(t.head, t.leave[out])] = 0
		for column, limit := range limits {
			if limit > 0 {
				limits[column] = widest[column]
			}
		}
	}
}

// String is the table in English.
func (t *Table) String() string { return t.In(messages.English) }

// cellsOf is how many cells of a terminal a text takes that may have colours.
func cellsOf(s string) int { return text.StringWidthWithoutEscSequences(s) }

// shortened is a name in so many cells, with dots for its middle: names differ at either end.
func shortened(name string, cells int) string {
	if cellsOf(name) <= cells {
		return name
	}
	rest := max(cells-3, 1)
	end := []rune(name)
	for cellsOf(string(end)) > rest/2 {
		end = end[1:]
	}
	return text.Trim(name, rest-rest/2) + "..." + string(end)
}
