package hooks

import (
	"errors"
	"strings"
	"testing"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

// What failed is said in one line that is the same in both languages, and explained in two more in the user's.
func TestFailureLines(t *testing.T) {
	t.Parallel()
	err := fault.Errorf(fault.CodeService, fault.Failed, "conoha: create TXT _acme-challenge.example.com.: 409 duplicate_record")
	english := strings.Split(failureLines(messages.English, "wildcard-auth-hook", err), "\n")
	japanese := strings.Split(failureLines(messages.Japanese, "wildcard-auth-hook", err), "\n")
	if len(english) != 3 || len(japanese) != 3 || english[0] != japanese[0] || !strings.HasSuffix(english[0], "duplicate_record [service.failed]") {
		t.Fatalf("%q\n%q", english, japanese)
	}
	for i, prefix := range []string{"  cause: ", "  next:  "} {
		if !strings.HasPrefix(english[i+1], prefix) {
			t.Errorf("%q does not begin with %q", english[i+1], prefix)
		}
	}
	for i, prefix := range []string{"  原因: ", "  対処: "} {
		if !strings.HasPrefix(japanese[i+1], prefix) {
			t.Errorf("%q does not begin with %q", japanese[i+1], prefix)
		}
	}
	if got := failureLines(messages.Japanese, "hook", usage("unexpected argument %s", `"x"`)); got != "hook: 余分な引数 \"x\" があります [usage]\n  対処: hook --help" {
		t.Errorf("%q", got)
	}
	if got := failureLines(messages.Japanese, "hook", errors.New("no code\nat all")); got != "hook: no code at all" {
		t.Errorf("%q", got)
	}
}
