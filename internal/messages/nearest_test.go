package messages_test

import (
	"strings"
	"testing"

	"wildcard/internal/messages"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	commands := []string{"issue", "renew", "list", "show", "revoke", "delete", "adopt", "release", "account"}
	for word, want := range map[string]string{
		"isue": "issue", "issu": "issue", "renw": "renew", "reknew": "renew", "rneew": "renew", "lsit": "list", "shwo": "show",
		"adapt": "adopt", "accounts": "account", "relaese": "release",
		"certonly": "", "": "", "x": "", "example.com": "", "発行": "", strings.Repeat("issue", 1000): "",
	} {
		if got := messages.Nearest(word, commands); got != want {
			t.Errorf("Nearest(%.40q) = %q, want %q", word, got, want)
		}
	}
	if got := messages.Nearest("dryrun", []string{"dry-run", "force"}); got != "dry-run" {
		t.Errorf("got %q", got)
	}
}
