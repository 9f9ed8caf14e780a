//go:build boulder

package boulder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Names that the wildcard covers are redundant to the CA: it says so, no hint of ours advises to add them, and the refusal of an
// order that replaces a certificate is not taken for one of the replacement.
func TestIssue_RedundantName(t *testing.T) {
	everywhere(t, func(w *world) {
		covered := "www." + w.zone
		got := w.run("wildcard", "issue", "--agree-tos", "*."+w.zone, covered)
		got.exits(1, "redundant", covered).without("to add it: wildcard issue")
		orders := w.posts("/acme/new-order")
		w.issue(1).without(covered)
		got = w.run("wildcard", "issue", "--cert-name", w.zone, "*."+w.zone, covered)
		got.exits(1, "redundant", covered).without("replaces", "to add it: wildcard issue")
		if n := w.posts("/acme/new-order"); n > 2*orders+2 || orders != 1 {
			w.t.Errorf("%d orders for the first refusal, %d in all", orders, n)
		}
		w.certificate(1)
		w.nothingLeft()
	})
}

// All names that the CA refuses are shown, not only the first.
func TestIssue_RefusedNames(t *testing.T) {
	everywhere(t, func(w *world) {
		refused := []string{"*." + w.zone + ".test", w.zone + ".invalid", "*." + w.zone + ".example"}
		for _, name := range refused {
			zone := strings.TrimPrefix(name, "*.")
			w.conoha.AddZone(w.tenant, zone)
			w.ca.Delegate(zone, w.conoha.ValidationResolver())
		}
		w.run("wildcard", append([]string{"issue", "--agree-tos", "*." + w.zone}, refused...)...).exits(1, append(refused, "acme.rejected-name")...)
		w.nothingLeft()
	})
}

// A certificate of another account cannot be replaced: the renewal goes on without that.
func TestRenew_AnotherAccount(t *testing.T) {
	everywhere(t, func(w *world) {
		w.issue(1)
		first := w.certificate(1)
		before := w.account()
		if err := os.Rename(w.dir+"/etc/accounts", w.dir+"/accounts"); err != nil {
			w.t.Fatal(err)
		}
		w.wildcard("account", "register", "--agree-tos")
		if w.account() == before {
			w.t.Fatal("it is the same account")
		}
		w.wildcard("issue", "--force", "--account", w.account(), "*."+w.zone)
		if second := w.certificate(1); first.SerialNumber.Cmp(second.SerialNumber) == 0 {
			w.t.Error("it was not renewed")
		}
		w.nothingLeft()
	})
}

// account is the only account of the machine, as certbot names it.
func (w *world) account() string {
	w.t.Helper()
	found, err := filepath.Glob(w.dir + "/etc/accounts/*/directory/*")
	if err != nil || len(found) != 1 {
		w.t.Fatalf("%q %v", found, err)
	}
	return filepath.Base(found[0])
}

// Logs for certificate transparency that are late make the CA give an order up with 500, after the validation. The next run has
// a certificate without another one.
func TestIssue_LateLogs(t *testing.T) {
	everywhere(t, func(w *world) {
		w.ca.LateLogs(w.zone, 20*time.Second)
		w.run("wildcard", "issue", "--agree-tos", "*."+w.zone).exits(75, "acme.unavailable")
		w.nothingLeft()
		w.ca.LateLogs(w.zone, 0)
		w.issue(1)
		w.certificate(1)
		w.answeredOnce(1)
		w.nothingLeft()
	})
}

// A try with --dry-run proves the name again each time, and what the CA's resolvers remember of the one before is waited for.
func TestIssue_AfterDryRun(t *testing.T) {
	everywhere(t, func(w *world) {
		w.ca.Slow(w.zone, 3*time.Second)
		for range 2 {
			w.issue(2, "--dry-run")
			if _, err := os.Stat(w.dir + "/etc/live"); err == nil {
				w.t.Fatal("there is a lineage")
			}
			w.nothingLeft()
		}
		w.issue(2)
		w.certificate(2)
		w.answeredOnce(2)
		w.nothingLeft()
	})
}
