package messages_test

import (
	"slices"
	"strings"
	"testing"

	"wildcard/internal/messages"
)

func TestWidth(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 0, "abc": 3, "証明書": 6, "ジャーナル。": 12, "ＡＢ": 4, "ｱ": 1, "…✓é": 3, "CA が": 5} {
		if got := messages.Width(text); got != want {
			t.Errorf("Width(%q) = %d, want %d", text, got, want)
		}
	}
	if got := messages.Pad("証明書", 8) + "|"; got != "証明書  |" {
		t.Errorf("padded to %q", got)
	}
	if got := messages.Pad("longer", 3); got != "longer" {
		t.Errorf("padded to %q", got)
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text  string
		cells int
		want  []string
	}{
		{"", 10, []string{""}},
		{"one two three", 7, []string{"one two", "three"}},
		{"one two three", 13, []string{"one two three"}},
		{"averylongword x", 5, []string{"averylongword", "x"}},
		{"証明書を更新します。", 10, []string{"証明書を更", "新します。"}},
		{"更新します。次は", 10, []string{"更新しま", "す。次は"}},
		{"次は wildcard renew です", 14, []string{"次は wildcard", "renew です"}},
		{"残り (必須) です", 8, []string{"残り (必", "須) です"}},
	} {
		got := messages.Wrap(test.text, test.cells)
		if !slices.Equal(got, test.want) {
			t.Errorf("Wrap(%q, %d) = %q, want %q", test.text, test.cells, got, test.want)
		}
		if strings.ReplaceAll(strings.Join(got, ""), " ", "") != strings.ReplaceAll(test.text, " ", "") {
			t.Errorf("Wrap(%q) lost something: %q", test.text, got)
		}
	}
}

func TestUnwrap(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "one\ntwo": "one two", "更新し\nます": "更新します", "更新は\nwildcard です": "更新は wildcard です", "one": "one",
	} {
		if got := messages.Unwrap(text); got != want {
			t.Errorf("Unwrap(%q) = %q, want %q", text, got, want)
		}
	}
}
