package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"wildcard/internal/fault"
)

func TestWithoutForeign(t *testing.T) {
	t.Parallel()
	said := &fault.Foreign{Text: "the token of the node is abc"}
	for want, err := range map[string]error{
		"log in: 401 …":             fault.Errorf(fault.CodeCredentials, fault.Refused, "log in: 401 %w", said),
		"log in: 401 …; then …":     fmt.Errorf("log in: 401 %w; then %w", said, &fault.Foreign{Text: "more"}),
		"plain":                     errors.New("plain"),
		`the id "…" of "…" is none`: fmt.Errorf("the id %s of %s is none", fault.Excerpt(`a "quoted" \\ id`), fault.Excerpt("b")),
		`ends "…"`:                  errors.New(`ends "without an end`),
		"both: …\n…":                fmt.Errorf("both: %w", errors.Join(said, said)),
		`long "…" is cut`:           fmt.Errorf("long %s is cut", fault.Excerpt(string(make([]byte, 500)))),
		"nothing said: ":            fmt.Errorf("nothing said: %w", &fault.Foreign{}),
	} {
		if got := fault.WithoutForeign(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
