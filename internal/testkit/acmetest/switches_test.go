package acmetest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-acme/lego/v4/acme"
	"github.com/go-acme/lego/v4/acme/api"
	"github.com/miekg/dns"

	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/clock"
)

// refused fails the test unless an error is a problem of this status, type and text.
func refused(t *testing.T, err error, status int, kind, text string) {
	t.Helper()
	var p *acme.ProblemDetails
	var limited *acme.RateLimitedError
	var nonce *acme.NonceError
	var replaced *acme.AlreadyReplacedError
	switch {
	case errors.As(err, &limited):
		p = limited.ProblemDetails
	case errors.As(err, &nonce):
		p = nonce.ProblemDetails
	case errors.As(err, &replaced):
		p = replaced.ProblemDetails
	case !errors.As(err, &p):
		t.Errorf("no problem: %v", err)
		return
	}
	if p.HTTPStatus != status || !strings.HasSuffix(p.Type, ":"+kind) || !strings.Contains(p.Detail, text) {
		t.Errorf("%d %s %q, want %d %s %q", p.HTTPStatus, p.Type, p.Detail, status, kind, text)
	}
}

// validated answers the challenges of an order and lets their time pass.
func validated(t *testing.T, c *clock.Clock, core *api.Core, names ...string) acme.ExtendedOrder {
	t.Helper()
	o, all := order(t, core, names...)
	for _, a := range all {
		if a.Status == "pending" {
			if _, err := core.Challenges.New(dns01(t, a)); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.Advance(10 * time.Second)
	return o
}

// F7, F8, F24: orders are given back, whatever the order of their names; valid authorizations are used again for as long as their
// profile says.
func TestOrder_Reuse(t *testing.T) {
	t.Parallel()
	c := clock.New(time.Now())
	s := start(t, acmetest.Options{Now: c.Now})
	core := newClient(t, s)
	first, _ := order(t, core, "b.example.com", "a.example.com")
	if first.Identifiers[0].Value != "a.example.com" {
		t.Errorf("not sorted: %v", first.Identifiers)
	}
	if again, _ := order(t, core, "a.example.com", "b.example.com"); again.Location != first.Location {
		t.Errorf("%s is not given back", first.Location)
	}
	other, err := core.Orders.NewWithOptions([]string{"a.example.com", "b.example.com"}, &api.OrderOptions{Profile: "tlsserver"})
	if err != nil || other.Location == first.Location {
		t.Errorf("another profile: %s %v", other.Location, err)
	}
	if stranger, _ := order(t, newClient(t, s), "a.example.com", "b.example.com"); stranger.Location == first.Location {
		t.Error("given to another account")
	}
	validated(t, c, core, "a.example.com", "b.example.com")
	if o, _ := order(t, core, "a.example.com"); o.Status != "ready" {
		t.Errorf("a proof is not used again: %s", o.Status)
	}
	c.Advance(31 * 24 * time.Hour)
	if o, _ := order(t, core, "a.example.com"); o.Status != "pending" {
		t.Errorf("a proof is used after 31 days: %s", o.Status)
	}
}

// F11, F17: what has expired is not found.
func TestOrder_Expired(t *testing.T) {
	t.Parallel()
	c := clock.New(time.Now())
	core := newClient(t, start(t, acmetest.Options{Now: c.Now}))
	o, err := core.Orders.NewWithOptions([]string{"example.com"}, &api.OrderOptions{Profile: "shortlived"})
	if err != nil {
		t.Fatal(err)
	}
	c.Advance(time.Hour + time.Second)
	_, err = core.Orders.Get(o.Location)
	refused(t, err, 404, "malformed", "No order")
	_, err = core.Authorizations.Get(o.Authorizations[0])
	refused(t, err, 404, "malformed", "Expired authorization")
}

// F15, F16: failed validations are counted, given-up ones too, and block orders until one has come back; paused names wait for a person.
func TestLimits_FailedValidations(t *testing.T) {
	t.Parallel()
	c := clock.New(time.Now())
	s := start(t, acmetest.Options{Now: c.Now, Look: func(string) []string { return nil }})
	core := newClient(t, s)
	for i := range 5 {
		if i == 2 {
			o, _ := order(t, core, "example.com")
			if err := core.Authorizations.Deactivate(o.Authorizations[0]); err != nil {
				t.Fatal(err)
			}
			continue
		}
		validated(t, c, core, "example.com")
	}
	if n := s.Failed(); n != 5 {
		t.Errorf("%d failed validations", n)
	}
	_, err := core.Orders.New([]string{"example.com"})
	refused(t, err, 429, "rateLimited", "too many failed authorizations (5)")
	if limited := new(acme.RateLimitedError); !errors.As(err, &limited) || limited.RetryAfter == "" {
		t.Errorf("no Retry-After: %v", err)
	}
	c.Advance(13 * time.Minute)
	order(t, core, "example.com")
	s.Pause("paused.example.com")
	_, err = core.Orders.New([]string{"paused.example.com"})
	refused(t, err, 429, "rateLimited", "https://portal")
	if n := len(s.Violations()); n != 1 { // the one that was given up
		t.Errorf("violations: %q", s.Violations())
	}
}

// F13: the load balancer lets so many through, and more with time.
func TestBalancer(t *testing.T) {
	t.Parallel()
	c := clock.New(time.Now())
	s := start(t, acmetest.Options{Now: c.Now, Staging: true})
	core := newClient(t, s)
	o, _ := order(t, core, "example.com")
	var err error
	for n := 0; err == nil && n < 100; n++ {
		_, err = core.Orders.Get(o.Location)
	}
	refused(t, err, 503, "rateLimited", "Service busy")
	c.Advance(time.Second)
	if _, err := core.Orders.Get(o.Location); err != nil || s.Busy() == 0 {
		t.Errorf("%v, %d refused", err, s.Busy())
	}
}

// table answers from a table of each perspective, with a TTL of an hour, and counts.
type table struct {
	txt map[int][]string
	caa map[string]acmetest.Answer
}

func (r *table) Look(perspective int, name string, kind uint16) acmetest.Answer {
	if kind == dns.TypeCAA {
		return r.caa[name]
	}
	values, differs := r.txt[perspective]
	if !differs {
		values = r.txt[0]
	}
	a := acmetest.LookFunc(func(string) []string { return values }).Look(perspective, name, kind)
	a.TTL = time.Hour
	return a
}

// F18, F19, F21, F23: what was looked at is remembered for a minute; one perspective may differ, two may not; CAA is asked up to the
// top.
func TestValidation_Resolvers(t *testing.T) {
	t.Parallel()
	forbids := acmetest.Answer{Records: []dns.RR{&dns.CAA{Tag: "issue", Value: "other.example"}}}
	for name, test := range map[string]struct {
		stale int // perspectives that do not have the value
		caa   map[string]acmetest.Answer
		text  string
	}{
		"all see it":        {0, nil, ""},
		"one does not":      {1, nil, ""},
		"two do not":        {2, nil, "During secondary validation: Incorrect TXT record"},
		"CAA forbids":       {0, map[string]acmetest.Answer{"com.": forbids}, "While processing CAA for example.com: CAA record for com prevents issuance"},
		"CAA is not known":  {0, map[string]acmetest.Answer{"example.com.": {Rcode: dns.RcodeServerFailure}}, "DNS problem: SERVFAIL looking up CAA for example.com"},
		"CAA for ourselves": {0, map[string]acmetest.Answer{"com.": forbids, "example.com.": {Records: []dns.RR{&dns.CAA{Tag: "issue", Value: "letsencrypt.org"}}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := clock.New(time.Now())
			r := &table{txt: map[int][]string{}, caa: test.caa}
			core := newClient(t, start(t, acmetest.Options{Now: c.Now, Resolver: r}))
			o, all := order(t, core, "example.com")
			authorization, err := core.GetKeyAuthorization(all[0].Challenges[0].Token)
			if err != nil {
				t.Fatal(err)
			}
			r.txt[0] = []string{value(authorization)}
			for i := range test.stale {
				r.txt[i+1] = []string{"old"}
			}
			if _, err := core.Challenges.New(dns01(t, all[0])); err != nil {
				t.Fatal(err)
			}
			c.Advance(10 * time.Second)
			a, err := core.Authorizations.Get(o.Authorizations[0])
			if err != nil || (a.Status == "valid") != (test.text == "") {
				t.Fatalf("%+v %v", a, err)
			}
			if test.text != "" && !strings.Contains(a.Challenges[0].Error.Detail, test.text) {
				t.Errorf("%v", a.Challenges[0].Error)
			}
		})
	}
	t.Run("remembered", func(t *testing.T) {
		t.Parallel()
		c := clock.New(time.Now())
		r := &table{txt: map[int][]string{0: {"old"}}}
		core := newClient(t, start(t, acmetest.Options{Now: c.Now, Resolver: r}))
		for i, want := range []string{"invalid", "invalid", "valid"} {
			o, all := order(t, core, "example.com")
			authorization, err := core.GetKeyAuthorization(all[0].Challenges[0].Token)
			if err != nil {
				t.Fatal(err)
			}
			if i > 0 {
				r.txt[0] = []string{value(authorization)}
			}
			if _, err := core.Challenges.New(dns01(t, all[0])); err != nil {
				t.Fatal(err)
			}
			c.Advance(10 * time.Second)
			if a, err := core.Authorizations.Get(o.Authorizations[0]); err != nil || a.Status != want {
				t.Errorf("%d: %+v, %v", i, a, err)
			}
			if i == 1 {
				c.Advance(time.Minute)
			}
		}
	})
}
