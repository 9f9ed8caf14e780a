//go:build boulder

package boulder

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/boulder"
)

// certbot is certbot with folders of this world.
func (w *world) certbot(args ...string) said {
	w.t.Helper()
	return w.run("certbot", slices.Concat(args, []string{"-n", "--config-dir", w.dir + "/etc", "--work-dir", w.dir + "/work", "--logs-dir", w.dir + "/log"})...)
}

// certonly has certbot get a certificate for n names with our hooks, as the README says.
func (w *world) certonly(n int, args ...string) said {
	w.t.Helper()
	line := slices.Concat([]string{
		"certonly", "--manual", "--preferred-challenges", "dns", "--manual-auth-hook", "wildcard-auth-hook", "--manual-cleanup-hook", "wildcard-cleanup-hook",
		"--server", w.ca.DirectoryURL(), "--agree-tos", "--register-unsafely-without-email", "--cert-name", w.zone,
	}, args)
	for _, name := range w.names(n) {
		line = append(line, "-d", name)
	}
	return w.certbot(line...)
}

// certbotWarns fails the test for each warning in certbot's log.
func (w *world) certbotWarns() {
	w.t.Helper()
	log, err := os.ReadFile(w.dir + "/log/letsencrypt.log")
	if err != nil {
		w.t.Fatal(err)
	}
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, ":WARNING:") || strings.Contains(line, ":ERROR:") {
			w.t.Errorf("certbot warns: %s", line)
		}
	}
}

// certbot with our hooks gets a certificate and renews it, however long the CA takes.
func TestCertbot_SlowValidation(t *testing.T) {
	t.Parallel()
	for _, variant := range boulder.Variants() {
		for _, validation := range validations() {
			for _, n := range []int{1, 2, 20} {
				if n != 2 && validation != validations()[2] {
					continue // what differs by length is seen with two names, what differs by number with one length
				}
				t.Run(fmt.Sprintf("%s, %v, %d names", variant, validation, n), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, variant, conohatest.Options{})
					w.ca.Slow(w.zone, validation)
					w.certonly(n).exits(0)
					w.certbotWarns()
					first := w.certificate(n)
					w.answeredOnce(n)
					w.nothingLeft()
					w.certbot("renew", "--force-renewal", "--no-random-sleep-on-renew").exits(0)
					if second := w.certificate(n); first.SerialNumber.Cmp(second.SerialNumber) == 0 {
						t.Error("it was not renewed")
					}
					w.nothingLeft()
				})
			}
		}
	}
}
