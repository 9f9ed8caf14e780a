package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wildcard/internal/testkit/acmetest"
)

// TestIssue_AccountCannotBeStored: report O20. An account for which there is no place is not registered, and plan and doctor say so beforehand.
func TestIssue_AccountCannotBeStored(t *testing.T) {
	t.Parallel()
	for what, path := range map[string]func(w *world) string{
		"accounts is a file":          func(w *world) string { return w.config("accounts") },
		"the server's folder is one":  func(w *world) string { return w.config("accounts", w.ca.Host()) },
		"the directory's folder is":   func(w *world) string { return w.config("accounts", w.ca.Host(), "directory") },
		"accounts leads to no folder": func(w *world) string { return w.config("accounts") + "->" },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			path, link := strings.CutSuffix(path(w), "->")
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			var err error
			if link {
				err = os.Symlink("nothing", path)
			} else {
				err = os.WriteFile(path, nil, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{"issue", "--agree-tos", "example.com"}, {"account", "register", "--agree-tos"}, {"plan", "example.com"},
				{"issue", "--agree-tos", "example.com"}} {
				w.run(args...).exits(78, path)
			}
			w.run("doctor", "example.com").exits(78, path)
			if n := w.ca.Accounts(); n != 0 {
				t.Errorf("%d accounts were registered", n)
			}
			w.orders(0)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			w.run("issue", "--agree-tos", "example.com").exits(0)
			if n := w.ca.Accounts(); n != 1 {
				t.Errorf("%d accounts were registered", n)
			}
		})
	}
}

// An account whose place was taken between the try and the storing is ended: the next run makes another one.
func TestIssue_AccountNotStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	accounts := w.config("accounts")
	w.ca.On(acmetest.NewAccount, func(r *acmetest.Request) *acmetest.Reply {
		if err := errors.Join(os.MkdirAll(w.config(), 0o755), os.WriteFile(accounts, nil, 0o600)); err != nil {
			t.Error(err)
		}
		return r.Next()
	})
	w.run("issue", "--agree-tos", "example.com").exits(78, accounts)
	if states := w.ca.AccountStates(); len(states) != 1 || states[0] != "deactivated" {
		t.Errorf("the accounts are %q", states)
	}
	w.orders(0)
	w.ca.On(acmetest.NewAccount, nil)
	if err := os.Remove(accounts); err != nil {
		t.Fatal(err)
	}
	w.run("issue", "--agree-tos", "example.com").exits(0)
	w.orders(1)
}

// What cannot be stored is not ordered: archive, live or renewal are no folders, or a lineage's own is none.
func TestIssue_CertificateCannotBeStored(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"live", "archive", "renewal"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if err := os.MkdirAll(w.config(), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(w.config(name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			w.run("issue", "--agree-tos", "example.com").exits(78, w.config(name))
			w.run("plan", "example.com").exits(78, w.config(name))
			w.run("doctor", "example.com").exits(78, w.config(name))
			if n := w.ca.Accounts(); n != 0 {
				t.Errorf("%d accounts were registered", n)
			}
			w.orders(0)
		})
	}
}
