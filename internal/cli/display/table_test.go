package display

import (
	"fmt"
	"strings"
	"testing"

	"wildcard/internal/messages"
)

// list is the table of "wildcard list".
func list(names int) *Table {
	t := NewTable("CERTIFICATE", "EXPIRES", "DAYS", "RENEWAL", "BY", "STATUS", "LAST", "NAMES")
	t.GiveWay([]messages.Text{"NAMES", "CERTIFICATE"}, []messages.Text{"LAST", "EXPIRES", "RENEWAL", "NAMES", "BY"})
	var all Names
	for i := range names {
		all = append(all, fmt.Sprintf("n%d.example.com", i+1))
	}
	t.Row("n1.example.com", "2027-01-01", "60", "2026-12-01", "wildcard", messages.New("good"), messages.New("succeeded"), all)
	t.Row("a-rather-long-name.of-a-department.example.co.jp", "2027-01-01", "60", "-", "certbot", messages.New("unreadable"), "-", Names{})
	return t
}

// TestTable_Width: report N6. No line of a table is wider than the terminal, and piped it is whole.
func TestTable_Width(t *testing.T) {
	t.Parallel()
	for _, l := range []messages.Language{messages.English, messages.Japanese} {
		for _, names := range []int{0, 1, 2, 18, 100} {
			for columns := 40; columns <= 220; columns++ {
				text := list(names).Within(columns).In(l)
				for line := range strings.SplitSeq(text, "\n") {
					if messages.Width(line) > columns {
						t.Fatalf("%s, %d names: %d cells of %d:\n%s", l, names, messages.Width(line), columns, text)
					}
				}
				if status := l.Translate("unreadable"); !strings.Contains(text, status) {
					t.Fatalf("%d columns: not %q:\n%s", columns, status, text)
				}
			}
			whole := list(names).In(l)
			if want := fmt.Sprintf("n%d.example.com", names); names > 0 && (!strings.Contains(whole, want) || strings.Contains(whole, "+")) {
				t.Errorf("not whole:\n%s", whole)
			}
		}
	}
	if text := list(18).Within(80).In(messages.English); !strings.Contains(text, "n1.example.com +17") {
		t.Errorf("80 columns:\n%s", text)
	}
	if text := list(2).Within(300).In(messages.English); !strings.Contains(text, "n1.example.com n2.example.com") || !strings.Contains(text, "LAST") {
		t.Errorf("300 columns:\n%s", text)
	}
}

// TestTable_LastColumn: a text in the last column goes on below itself, whole.
func TestTable_LastColumn(t *testing.T) {
	t.Parallel()
	table := func() *Table {
		t := NewTable("PROVIDER", "SERVICE")
		t.Row("conoha", "ConoHa's DNS, of both generations, by the API of each of them")
		t.Row("更新", strings.Repeat("更新する。", 12))
		return t
	}
	for columns := 20; columns <= 120; columns++ {
		text := table().Within(columns).String()
		for line := range strings.SplitSeq(text, "\n") {
			if messages.Width(line) > columns {
				t.Errorf("%d cells of %d:\n%s", messages.Width(line), columns, text)
			}
		}
		if joined := strings.Join(strings.Fields(text), " "); !strings.Contains(joined, "of each") || strings.Count(text, "更新する") == 0 {
			t.Errorf("not whole in %d columns:\n%s", columns, text)
		}
	}
}
