package providers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// blind is a provider that cannot list zones.
type blind struct{}

func (blind) Present(context.Context, Challenge) (Handle, error) { return "", nil }
func (blind) CleanUp(context.Context, Challenge, Handle) error   { return nil }

// lister is a provider with a list kept from before and one that it would fetch now.
type lister struct {
	blind
	kept, now []string
	err       error
	asked     *[]bool // whether each call wanted a fresh list
}

func (l lister) Zones(_ context.Context, fresh bool) ([]string, error) {
	*l.asked = append(*l.asked, fresh)
	if fresh {
		return l.now, l.err
	}
	return l.kept, l.err
}

// world is a set of accounts whose labels are their specs.
type world struct{ router Router }

func (w *world) blind(t *testing.T, spec string) {
	w.add(t, spec, blind{})
}

func (w *world) lists(t *testing.T, spec string, zones ...string) lister {
	l := lister{kept: zones, now: zones, asked: new([]bool)}
	w.add(t, spec, l)
	return l
}

func (w *world) add(t *testing.T, spec string, p Provider) {
	t.Helper()
	parsed, err := ParseSpec(spec)
	if err != nil {
		t.Fatal(err)
	}
	w.router.Accounts = append(w.router.Accounts, Account{Provider: p, Spec: parsed, Label: spec, Fingerprint: spec})
}

// want fails the test unless fqdn is routed to the account of that label and to zone, in any order of the accounts.
func (w *world) want(t *testing.T, fqdn, label, zone string) {
	t.Helper()
	for range w.router.Accounts {
		w.router.Accounts = append(w.router.Accounts[1:], w.router.Accounts[0])
		route, err := w.router.Route(t.Context(), fqdn)
		if err != nil || route.Account.Label != label || route.Zone != zone {
			t.Errorf("Route(%s) = %s, zone %q, %v, want %s, zone %q", fqdn, route.Account.Label, route.Zone, err, label, zone)
		}
	}
}

// refuses fails the test unless fqdn has no route, for the reason of that code, in words that name all of those given.
func (w *world) refuses(t *testing.T, fqdn, code string, words ...string) {
	t.Helper()
	route, err := w.router.Route(t.Context(), fqdn)
	if err == nil || CodeOf(err) != code || ClassOf(err) != Misconfigured || route.Account.Provider != nil {
		t.Errorf("Route(%s) = %+v, %v (code %q), want an error of code %q", fqdn, route, err, CodeOf(err), code)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("Route(%s): %q does not name %s", fqdn, err, word)
		}
	}
}

func TestLongestListedZoneWins(t *testing.T) {
	t.Parallel()
	var w world
	w.lists(t, "conoha@/v2", "example.com.", "example.co.jp.", "2.0.192.in-addr.arpa.")
	w.lists(t, "conoha@/v3", "sub.example.com.", "Example.NET")
	w.want(t, "_acme-challenge.example.com.", "conoha@/v2", "example.com.")
	w.want(t, "_acme-challenge.www.example.com.", "conoha@/v2", "example.com.")
	w.want(t, "_acme-challenge.a.sub.example.com.", "conoha@/v3", "sub.example.com.")
	w.want(t, "_acme-challenge.example.co.jp.", "conoha@/v2", "example.co.jp.")
	w.want(t, "_acme-challenge.example.net.", "conoha@/v3", "example.net.")
	w.want(t, "_ACME-challenge.Example.Net", "conoha@/v3", "example.net.")
	w.refuses(t, "_acme-challenge.notexample.com.", CodeNoZone, "_acme-challenge.notexample.com.", "example.com.", "sub.example.com.", "Example.NET")
}

func TestZoneOfSpecWins(t *testing.T) {
	t.Parallel()
	var w world
	w.lists(t, "conoha", "example.com.", "a.sub.example.com.")
	w.blind(t, "sub.example.com=rfc2136")
	w.blind(t, "deep.sub.example.com=acmedns")
	w.lists(t, "example.org=conoha@/v3", "example.org.", "child.example.org.", "example.com.")
	w.want(t, "_acme-challenge.example.com.", "conoha", "example.com.") // the account bound to example.org lists it too
	w.want(t, "_acme-challenge.sub.example.com.", "sub.example.com=rfc2136", "sub.example.com.")
	w.want(t, "_acme-challenge.a.sub.example.com.", "sub.example.com=rfc2136", "sub.example.com.") // though listed longer
	w.want(t, "_acme-challenge.x.deep.sub.example.com.", "deep.sub.example.com=acmedns", "deep.sub.example.com.")
	w.want(t, "_acme-challenge.example.org.", "example.org=conoha@/v3", "example.org.")
	w.want(t, "_acme-challenge.child.example.org.", "example.org=conoha@/v3", "child.example.org.")
	w.want(t, "_acme-challenge.notsub.example.com.", "conoha", "example.com.")
}

// A ZONE= says whose the zone is, so no other account is asked when that account does not have it.
func TestZoneOfSpecIsNotOvercome(t *testing.T) {
	t.Parallel()
	var w world
	w.lists(t, "conoha", "example.org.")
	w.lists(t, "example.org=conoha@/v3", "other.example.")
	w.refuses(t, "_acme-challenge.example.org.", CodeNoZone, "other.example.")
}

func TestAmbiguous(t *testing.T) {
	t.Parallel()
	var listed, bound, blinds world
	listed.lists(t, "conoha@/a", "example.com.")
	listed.lists(t, "conoha@/b", "Example.Com")
	listed.refuses(t, "_acme-challenge.example.com.", CodeAmbiguous, "conoha@/a", "conoha@/b", "example.com=NAME")

	bound.blind(t, "example.com=rfc2136")
	bound.blind(t, "example.com=acmedns")
	bound.refuses(t, "_acme-challenge.example.com.", CodeAmbiguous, "example.com=rfc2136", "example.com=acmedns")

	blinds.blind(t, "rfc2136")
	blinds.blind(t, "acmedns")
	blinds.refuses(t, "_acme-challenge.example.com.", CodeAmbiguous, "rfc2136", "acmedns", "ZONE=NAME")
}

func TestBlindAccountIsLast(t *testing.T) {
	t.Parallel()
	var w world
	w.blind(t, "rfc2136")
	w.want(t, "_acme-challenge.example.com.", "rfc2136", "")
	w.lists(t, "conoha", "example.net.")
	w.want(t, "_acme-challenge.example.com.", "rfc2136", "")
	w.want(t, "_acme-challenge.example.net.", "conoha", "example.net.")
}

func TestFreshLists(t *testing.T) {
	t.Parallel()
	added := func() lister {
		return lister{kept: []string{"example.com."}, now: []string{"example.com.", "new.example.", "sub.example.com."}, asked: new([]bool)}
	}
	t.Run("a hit needs none", func(t *testing.T) {
		t.Parallel()
		var w world
		l := added()
		w.add(t, "conoha", l)
		w.want(t, "_acme-challenge.example.com.", "conoha", "example.com.")
		wantAsked(t, l, false)
	})
	t.Run("a miss fetches them once", func(t *testing.T) {
		t.Parallel()
		var w world
		l := added()
		w.add(t, "conoha", l)
		w.want(t, "_acme-challenge.new.example.", "conoha", "new.example.")
		wantAsked(t, l, false, true)
	})
	t.Run("a second miss is final", func(t *testing.T) {
		t.Parallel()
		var w world
		l := added()
		w.add(t, "conoha", l)
		w.refuses(t, "_acme-challenge.example.org.", CodeNoZone, "new.example.")
		wantAsked(t, l, false, true)
	})
	t.Run("before a blind account", func(t *testing.T) {
		t.Parallel()
		var w world
		w.add(t, "conoha", added())
		w.blind(t, "rfc2136")
		w.want(t, "_acme-challenge.new.example.", "conoha", "new.example.")
		w.want(t, "_acme-challenge.example.org.", "rfc2136", "")
	})
	t.Run("not of accounts that are no candidates", func(t *testing.T) {
		t.Parallel()
		var w world
		l := added()
		w.add(t, "conoha", l)
		w.blind(t, "example.org=rfc2136")
		w.want(t, "_acme-challenge.example.org.", "example.org=rfc2136", "example.org.")
		wantAsked(t, l)
	})
}

func wantAsked(t *testing.T, l lister, fresh ...bool) {
	t.Helper()
	if !slices.Equal(*l.asked, fresh) {
		t.Errorf("lists were asked for with fresh %v, want %v", *l.asked, fresh)
	}
}

// An account that cannot be asked might hold a longer zone than the one that could.
func TestListerThatFails(t *testing.T) {
	t.Parallel()
	var w world
	down := Errorf(CodeUnavailable, Temporary, "conoha: list zones: 503")
	w.add(t, "conoha@/a", lister{err: down, asked: new([]bool)})
	w.lists(t, "conoha@/b", "example.com.")
	w.blind(t, "example.org=rfc2136")
	_, err := w.router.Route(t.Context(), "_acme-challenge.example.com.")
	if !errors.Is(err, down) || CodeOf(err) != CodeUnavailable || ClassOf(err) != Temporary {
		t.Errorf("got %v, want the lister's error", err)
	}
	if lists, err := w.router.Lists(t.Context(), "_acme-challenge.example.com."); lists || !errors.Is(err, down) {
		t.Errorf("Lists = %t, %v, want the lister's error", lists, err)
	}
	w.want(t, "_acme-challenge.example.org.", "example.org=rfc2136", "example.org.")
}

func TestNoZone(t *testing.T) {
	t.Parallel()
	var none, empty, many world
	none.refuses(t, "_acme-challenge.example.com.", CodeNoZone, "no zones at all")

	empty.lists(t, "conoha")
	empty.refuses(t, "_acme-challenge.example.com.", CodeNoZone, "no zones at all")

	var zones []string
	for i := range 500 {
		zones = append(zones, fmt.Sprintf("zone%03d.example.", i))
	}
	many.lists(t, "conoha@/a", zones...)
	many.lists(t, "conoha@/b", zones...)
	many.refuses(t, "_acme-challenge.example.com.", CodeNoZone, "zone000.example.", "zone019.example.", "and 480 more")
	if _, err := many.router.Route(t.Context(), "_acme-challenge.example.com."); strings.Contains(err.Error(), "zone020.example.") {
		t.Errorf("names too many zones: %v", err)
	}
}

// A CNAME may be followed only into a zone that is known to be ours.
func TestLists(t *testing.T) {
	t.Parallel()
	var w world
	w.lists(t, "conoha@/a", "example.com.", "twice.example.")
	w.lists(t, "conoha@/b", "twice.example.")
	w.blind(t, "bound.example=rfc2136")
	w.blind(t, "acmedns")
	for fqdn, want := range map[string]bool{
		"_acme-challenge.example.com.":   true,
		"x.bound.example.":               true,
		"_acme-challenge.other.example.": false, // only the account that knows no zones could take it
		"_acme-challenge.example.com.x.": false,
	} {
		if got, err := w.router.Lists(t.Context(), fqdn); got != want || err != nil {
			t.Errorf("Lists(%s) = %t, %v, want %t", fqdn, got, err, want)
		}
	}
	if got, err := w.router.Lists(t.Context(), "twice.example."); got || CodeOf(err) != CodeAmbiguous {
		t.Errorf("Lists of an ambiguous name = %t, %v", got, err)
	}
	if got, err := (Router{}).Lists(t.Context(), "example.com."); got || err != nil {
		t.Errorf("Lists without accounts = %t, %v", got, err)
	}
}
