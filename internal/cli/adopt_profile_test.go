package cli

import (
	"strings"
	"testing"
	"time"

	"wildcard/internal/testkit/acmetest"
)

// TestAdopt_Profile: report O15. certbot's profiles (4.1 and later) are asked for by the next order, as certbot asks for them, and
// shown; --profile of issue counts more.
func TestAdopt_Profile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lines string
		meta  map[string]any // of the directory; nil is Let's Encrypt's
		days  int            // that the next certificate lives
		exit  int            // of the renewal
		show  string
	}{
		"both":                          {"preferred_profile = shortlived\nrequired_profile = shortlived\n", nil, 6, 0, "shortlived\n"},
		"preferred":                     {"preferred_profile = tlsserver\n", nil, 44, 0, "tlsserver, if the CA offers it"},
		"required counts more":          {"preferred_profile = tlsserver\nrequired_profile = shortlived\n", nil, 6, 0, "shortlived\n"},
		"preferred, of no such CA":      {"preferred_profile = shortlived\n", map[string]any{}, 89, 0, "shortlived, if the CA offers it"},
		"preferred, which is not there": {"preferred_profile = longlived\n", nil, 89, 0, "longlived, if the CA offers it"},
		"required, of no such CA":       {"required_profile = shortlived\n", map[string]any{}, 0, 2, "shortlived\n"},
		"required, which is not there":  {"required_profile = longlived\n", nil, 0, 2, "longlived\n"},
		"None":                          {"preferred_profile = None\nrequired_profile = None\n", nil, 89, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldOf(t, acmetest.Options{Deviations: unproven, Meta: test.meta})
			conf := w.ofCertbot("example.com", "[renewalparams]\n", "[renewalparams]\n"+test.lines)
			before := w.read(conf)
			said := w.run("adopt", "--yes", "example.com").exits(0, "managed by wildcard from now on")
			if told := strings.Contains(said.stdout, "no certificate of this profile can be ordered"); told != (test.exit != 0) {
				t.Errorf("told that it cannot be ordered: %v\n%s", told, said.stdout)
			}
			if test.show != "" {
				w.run("show", "example.com").exits(0, test.show)
			}
			if test.exit != 0 {
				w.run("plan", "--force", "example.com").exits(test.exit, "acme.profile")
				w.run("renew", "--force", "--no-jitter").exits(test.exit, "acme.profile")
				w.run("renew", "--dry-run", "--no-jitter").exits(test.exit, "acme.profile")
				if test.meta == nil {
					w.issue("--force", "--profile", "classic", "example.com")
				}
				return
			}
			w.run("renew", "--force", "--no-jitter").exits(0, "1 renewed")
			leaf := w.lineage("example.com").Leaf
			if got := int(leaf.NotAfter.Sub(leaf.NotBefore).Hours() / 24); got != test.days {
				t.Errorf("it lives for %d days, not %d", got, test.days)
			}
			w.run("renew", "--no-jitter").exits(0, "good for now")
			w.run("release", "--yes", "example.com").exits(0)
			if w.read(conf) != before {
				t.Error("release has not given back what there was")
			}
		})
	}
}

// TestAdopt_RenewBeforeExpiry: report O16. A time that certbot was told is when we renew, unless we do so earlier; what is no time, or
// longer than a certificate lives, is named.
func TestAdopt_RenewBeforeExpiry(t *testing.T) {
	t.Parallel()
	const third = 30 * 24 * time.Hour
	for value, test := range map[string]struct {
		left time.Duration // of the certificate's life, when it is renewed; 0 is refused
		said string
	}{
		"60 days":         {60 * 24 * time.Hour, "renew_before_expiry is 60 days"},
		"45":              {45 * 24 * time.Hour, "renew_before_expiry is 45"},
		"10 weeks 1 hour": {70*24*time.Hour + time.Hour, "renew_before_expiry is 10 weeks 1 hour"},
		"10 days":         {third, "a third of its life is left"},
		"4 months":        {third, "is longer than the certificate lives"},
		"some time":       {0, `its renew_before_expiry is "some time"`},
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			conf := w.ofCertbot("example.com", "\n# Options", "renew_before_expiry = "+value+"\n\n# Options")
			before := w.read(conf)
			if test.left == 0 {
				w.refuses(78, nil, test.said, "adopt.impossible")
				return
			}
			w.run("adopt", "--yes", "example.com").exits(0, test.said)
			got := answerOf[showAnswer](w.run("show", "--json", "example.com").exits(0))
			l := w.lineage("example.com")
			if left := l.Leaf.NotAfter.Sub(*got.RenewAt).Round(time.Minute); left != test.left {
				t.Errorf("renewed %v before the end, want %v", left, test.left)
			}
			if test.left == third { // which the CA's suggestion precedes
				return
			}
			w.at(got.RenewAt.Add(-time.Hour))
			w.run("renew", "--no-jitter").exits(0, "good for now")
			w.at(got.RenewAt.Add(time.Hour))
			w.run("renew", "--no-jitter").exits(0, "1 renewed")
			w.run("renew", "--no-jitter").exits(0, "good for now")
			w.run("release", "--yes", "example.com").exits(0)
			if w.read(conf) != before {
				t.Error("release has not given back what there was")
			}
		})
	}
}
