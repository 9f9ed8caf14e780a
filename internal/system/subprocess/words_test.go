package subprocess

import (
	"slices"
	"testing"
)

// The text of each command is as it is written: what a shell would do with it is the same.
func TestParts_Text(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"a -q && cat 'x y' z > /etc/ssl/c.pem; service b reload # why": {"a -q", "cat 'x y' z > /etc/ssl/c.pem", "service b reload"},
		"a 2>&1 | tee -a log || exit 1":                                {"a 2>&1", "tee -a log", "exit 1"},
		"a # b; c\nd \"e;f\" >> g":                                     {"a", "d \"e;f\" >> g"},
		"# nothing":                                                    nil,
		"日本 >語; a":                                                     {"日本 >語", "a"},
		"(a; b)":                                                       {"a", "b"},
		"a \\\n b":                                                     {"a \\\n b"},
	} {
		var got []string
		for _, part := range Parts(line) {
			got = append(got, part.Text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}
