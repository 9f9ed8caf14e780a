package providers

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// aliases is a provider with names of its own, of which it makes one more for a domain that has none.
type aliases struct {
	lister
	asked *[]string
	err   error
}

func (a aliases) CNAMETarget(_ context.Context, domain string, register bool) (string, error) {
	if !register {
		return "", a.err
	}
	*a.asked = append(*a.asked, domain)
	return "new.auth.example.", a.err
}

func (w *world) aliases(t *testing.T, spec string, names ...string) aliases {
	a := aliases{lister: lister{kept: names, now: names, asked: new([]bool)}, asked: new([]string)}
	w.add(t, spec, a)
	return a
}

// A registered name is written by the account that has it, whatever else there is, and nothing below it or beside it.
func TestRouteAliases(t *testing.T) {
	t.Parallel()
	w := &world{}
	w.aliases(t, "acmedns", "one.auth.example.")
	w.aliases(t, "example.org=acmedns", "two.auth.example.")
	w.lists(t, "conoha", "example.com.", "auth.example.")
	w.want(t, "one.auth.example.", "acmedns", "")
	w.want(t, "One.Auth.Example", "acmedns", "")
	w.want(t, "two.auth.example.", "example.org=acmedns", "")
	w.want(t, "x.one.auth.example.", "conoha", "auth.example.")
	w.want(t, "_acme-challenge.example.com.", "conoha", "example.com.")
	w.refuses(t, "_acme-challenge.example.org.", CodeNoZone, "one.auth.example.", "auth.example.")
	for name, want := range map[string]bool{
		"one.auth.example.": true, "x.one.auth.example.": true, "one.auth.example.net.": false, "_acme-challenge.example.org.": false,
	} {
		if got, err := w.router.Lists(t.Context(), name); err != nil || got != want {
			t.Errorf("Lists(%s) = %t, %v, want %t", name, got, err, want)
		}
	}
	w.aliases(t, "acmedns@/other.env", "one.auth.example.")
	w.refuses(t, "one.auth.example.", CodeAmbiguous, "acmedns@/other.env")
}

func TestAdvise(t *testing.T) {
	t.Parallel()
	noZone := Errorf(CodeNoZone, Misconfigured, "no zone of it")
	w := &world{}
	plain := w.aliases(t, "acmedns")
	if err := w.router.Advise(t.Context(), "example.com", ChallengeName("example.com"), noZone, true); CodeOf(err) != CodeNoCNAME || ClassOf(err) != Misconfigured ||
		!strings.HasSuffix(err.Error(), ": _acme-challenge.example.com. CNAME new.auth.example.") {
		t.Errorf("%v", err)
	}
	if err := w.router.Advise(t.Context(), "example.com", ChallengeName("example.com"), noZone, false); CodeOf(err) != CodeNoCNAME || !strings.Contains(err.Error(), "wildcard issue registers one") || len(*plain.asked) != 1 {
		t.Errorf("%v, registered for %q", err, *plain.asked)
	}
	leads := Errorf(CodeCNAME, Misconfigured, "it leads elsewhere")
	if err := w.router.Advise(t.Context(), "example.com", ChallengeName("example.com"), leads, true); CodeOf(err) != CodeNoCNAME || !strings.Contains(err.Error(), "CNAME new.auth.example. (it leads elsewhere)") {
		t.Errorf("%v", err)
	}
	for _, cause := range []error{errors.New("broken"), Errorf(CodeNoAnswer, Temporary, "silence"), Errorf(CodeAmbiguous, Misconfigured, "two")} {
		if err := w.router.Advise(t.Context(), "example.com", ChallengeName("example.com"), cause, true); err != nil {
			t.Errorf("after %v: %v", cause, err)
		}
	}
	bound := w.aliases(t, "example.net=acmedns")
	w.lists(t, "example.org=conoha")
	for domain, want := range map[string]string{"www.example.net": CodeNoCNAME, "example.org": "", "example.com": CodeNoCNAME} {
		if err := w.router.Advise(t.Context(), domain, ChallengeName(domain), noZone, true); CodeOf(err) != want {
			t.Errorf("%s: %v, want %q", domain, err, want)
		}
	}
	if len(*bound.asked) != 1 || (*bound.asked)[0] != "www.example.net" || len(*plain.asked) != 3 {
		t.Errorf("asked %q and %q", *bound.asked, *plain.asked)
	}
	w.aliases(t, "acmedns@/other.env")
	if err := w.router.Advise(t.Context(), "example.com", ChallengeName("example.com"), noZone, true); CodeOf(err) != CodeAmbiguous || !strings.Contains(err.Error(), "say which with example.com=NAME") {
		t.Errorf("%v", err)
	}
	failing := &world{}
	a := failing.aliases(t, "acmedns")
	failing.router.Accounts[0].Provider = aliases{lister: a.lister, asked: a.asked, err: Errorf(CodeUnavailable, Temporary, "down")}
	if err := failing.router.Advise(t.Context(), "example.com", ChallengeName("example.com"), noZone, true); CodeOf(err) != CodeUnavailable {
		t.Errorf("%v", err)
	}
}
