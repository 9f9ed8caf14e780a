//go:build boulder

package boulder

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"wildcard/internal/testkit/boulder"
)

// moments are the times in a text: of the CA's words, and of ours.
func moments(text string) []string {
	found := regexp.MustCompile(`\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}`).FindAllString(text, -1)
	for i := range found {
		found[i] = found[i][:10] + " " + found[i][11:]
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// limited checks a refusal for a limit: to be tried again, at one time.
func (s said) limited(text string) {
	s.t.Helper()
	s.exits(75, "acme.rate-limited", text)
	if times := moments(s.text); len(times) != 1 {
		s.t.Errorf("when to come back: %q\n%s", times, s.text)
	}
}

// The CA refuses the sixth certificate for the same names in a week.
func TestRenew_DuplicateLimit(t *testing.T) {
	everywhere(t, func(w *world) {
		w.issue(1)
		for range 4 {
			w.wildcard("renew", "--force", "--cert-name", w.zone)
		}
		w.run("wildcard", "renew", "--force", "--cert-name", w.zone).limited("already issued for this exact set of identifiers")
		w.certificate(1)
		w.answeredOnce(1)
		w.nothingLeft()
	})
}

// After five failed validations of a name in an hour the CA refuses orders for it. We stop at three; the other two are those of
// another machine with the same account.
func TestIssue_FailureLimit(t *testing.T) {
	everywhere(t, func(w *world) {
		w.answer(dns.TypeTXT, boulder.Perspectives(), code(dns.RcodeNameError))
		issue := func(machine string) said {
			return w.run("wildcard", "issue", "--agree-tos", "--state-dir", w.dir+"/"+machine, "*."+w.zone)
		}
		for i := range 3 {
			issue("state").exits(1, "NXDOMAIN looking up TXT")
			if n := w.failures(); n != i+1 {
				w.t.Fatalf("%d failed validations", n)
			}
		}
		issue("state").exits(75)
		if n := w.failures(); n != 3 {
			w.t.Fatalf("%d failed validations", n)
		}
		for i := range 2 {
			issue(fmt.Sprint("other", i)).exits(1)
		}
		issue("third").limited("too many failed authorizations")
		// Another name of the same account and zone is not concerned, although its record stands at the same name.
		w.ca.Answer(w.zone, nil)
		w.run("wildcard", "issue", "--agree-tos", "--state-dir", w.dir+"/fourth", w.zone).exits(0)
		w.nothingLeft()
	})
}

// failures counts answers to challenges of the zone whose authorization is invalid.
func (w *world) failures() (n int) {
	for _, challenge := range w.ca.Challenges(w.zone) {
		n += len(challenge.Answers)
	}
	return n
}

// A person has to visit the address that the CA names, so it must be whole, and waiting does not help.
func TestRenew_Paused(t *testing.T) {
	everywhere(t, func(w *world) {
		w.issue(2)
		for _, name := range w.names(2) {
			if err := w.ca.Pause(w.t.Context(), w.accountNumber(), name); err != nil {
				w.t.Fatal(err)
			}
		}
		address := regexp.MustCompile(`https://unpause\.example\.net/sfe/v1/unpause\?jwt=[\w-]+\.[\w-]+\.[\w-]+`)
		for _, args := range [][]string{{"renew", "--force", "--cert-name", w.zone}, {"issue", "--force", "*." + w.zone, w.zone}} {
			got := w.run("wildcard", args...)
			if got.code == 0 || got.code == 75 {
				w.t.Errorf("%s: exit status %d\n%s", got.line, got.code, got.text)
			}
			said := address.FindString(got.text)
			if said == "" || said != address.FindString(w.lastReply("/acme/new-order")) {
				w.t.Errorf("%s: the address is %q, the CA's %q\n%s", got.line, said, w.lastReply("/acme/new-order"), got.text)
			}
		}
		w.certificate(2)
		w.nothingLeft()
	})
}

// lastReply is the last that the CA said at a path to a client of this world.
func (w *world) lastReply(path string) (text string) {
	for _, e := range w.ca.Exchanges() {
		if e.Path == path && slices.Contains(regexp.MustCompile(`[a-z0-9.-]+`).FindAllString(string(e.Payload), -1), w.zone) {
			text = string(e.Reply)
		}
	}
	return text
}
