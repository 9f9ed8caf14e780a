package issuance_test

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/testkit/acmetest"
)

// nothing is what a CA finds that does not see our records.
func nothing(string) []string { return nil }

// Google's dates of 1970, fractions of seconds, profile that was not asked for, and problems without a status are what they mean.
func TestObtain_GoogleWays(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{Deviations: acmetest.Deviations{GoogleWays: true, WhileValidating: acmetest.TurnsProcessing, NonceLength: 130}})
	w.succeeds()
	w.answeredOnce()
	failing := newScripted(t, acmetest.Options{Look: nothing, Deviations: acmetest.Deviations{GoogleWays: true}})
	failing.fails(issuance.CodeValidation, fault.Failed, "TXT")
	refusing := newScripted(t, acmetest.Options{Deviations: acmetest.Deviations{GoogleWays: true}})
	refusing.ca.On(acmetest.NewOrder, func(*acmetest.Request) *acmetest.Reply {
		reply := acmetest.Problem(429, "rateLimited", "quota exceeded").With("Retry-After", "3600")
		return reply.Edit(func(d map[string]any) { delete(d, "status") })
	})
	refusing.fails(issuance.CodeRateLimited, fault.Temporary, "quota exceeded")
}

// Why a validation failed is said where the CA says it; a CA that does not is quoted as such. It is a failed validation all the same.
func TestValidate_WhereReasonsAre(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reasons acmetest.Reasons
		text    string
	}{
		"in the challenge": {acmetest.InTheChallenge, "TXT"},
		"empty":            {acmetest.Empty, "the CA does not say why"},
		"absent":           {acmetest.Absent, "the CA does not say why"},
		"in the order":     {acmetest.InTheOrder, "TXT"},
	} {
		for _, names := range [][]string{{"example.com"}, {"*.example.com", "example.com"}} {
			w := newScripted(t, acmetest.Options{Look: nothing, ValidationTime: acmetest.Takes(2 * time.Second), Deviations: acmetest.Deviations{Reasons: c.reasons}})
			err := w.fails(issuance.CodeValidation, fault.Failed, c.text, names...)
			if !strings.Contains(err.Error(), "example.com") {
				t.Errorf("%s: which name it was is not said: %v", name, err)
			}
		}
	}
}

// A CA that would look again if an invalid challenge was answered (acme2certifier) is not made to.
func TestAnswer_InvalidIsNotAnswered(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{Look: nothing, Deviations: acmetest.Deviations{AfterInvalid: acmetest.ValidatesInvalid}})
	w.ca.On(acmetest.Challenge, func(r *acmetest.Request) *acmetest.Reply {
		r.Next() // the reply is lost, and the validation fails meanwhile
		return &acmetest.Reply{Drop: true}
	})
	w.fails(issuance.CodeValidation, fault.Failed, "TXT", "example.com")
	w.answeredOnce()
}

// A load balancer's own refusal (ZeroSSL: 429 with HTML and no Retry-After) is waited out as one in the CA's words is.
func TestObtain_BalancerSpeaksHTML(t *testing.T) {
	t.Parallel()
	for name, html := range map[string]bool{"words of the CA": false, "HTML": true} {
		w := newScripted(t, acmetest.Options{Staging: true, Deviations: acmetest.Deviations{BalancerSpeaksHTML: html, NoLimits: true}})
		var asked atomic.Int32 // on a slow machine the balancer itself has nothing to refuse
		w.ca.On(acmetest.Authorization, func(r *acmetest.Request) *acmetest.Reply {
			if n := asked.Add(1); n == 2 || n == 5 || n == 20 {
				return w.ca.ServiceBusy()
			}
			return r.Next()
		})
		w.succeeds(manyNames(50)...)
		if asked.Load() < 50 {
			t.Errorf("%s: %d authorizations were asked for", name, asked.Load())
		}
		w.answeredOnce()
	}
}

// Google's binding of an external account is good for one account, and for seven days.
func TestExternalAccounts_OnceAndForDays(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{
		EABKeys:    map[string][]byte{"kid": mustDecode(eabKey), "second": mustDecode(eabKey)},
		Deviations: acmetest.Deviations{BindingsAreUsedOnce: true, BindingsEnd: 7 * 24 * time.Hour},
	})
	register := func(kid string) error {
		_, err := w.issuer.CA.Register(t.Context(), nil, issuance.Registration{AgreeToTerms: true, EABKeyID: kid, EABKey: eabKey})
		return err
	}
	failedWith(t, register("kid"), issuance.CodeExternalAccount, fault.Misconfigured, "used before")
	if err := w.clock.Sleep(t.Context(), 8*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	failedWith(t, register("second"), issuance.CodeExternalAccount, fault.Misconfigured, "has expired")
}

// What a CAA record has to say for this CA to issue is what its own directory says, or what is known of it; never another CA's name.
func TestObtain_CAANamesTheCA(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		identities []any
		want       string
	}{
		"Let's Encrypt": {[]any{"letsencrypt.org"}, "called letsencrypt.org"},
		"another":       {[]any{"pki.goog", "google.example"}, "called pki.goog"},
		"hostile":       {[]any{"a\x1b[2J" + strings.Repeat("b", 300)}, "called a [2Jb"},
		"none":          {[]any{}, ""},
	} {
		for _, at := range []acmetest.Endpoint{acmetest.NewOrder, acmetest.Finalize} {
			w := newScripted(t, acmetest.Options{Meta: map[string]any{"caaIdentities": c.identities}})
			w.ca.On(at, func(*acmetest.Request) *acmetest.Reply { return acmetest.Problem(403, "caa", "CAA forbids") })
			err := w.fails(issuance.CodeCAA, fault.Misconfigured, c.want, "example.com")
			if c.want == "" && strings.Contains(err.Error(), "called") || name != "Let's Encrypt" && strings.Contains(err.Error(), "letsencrypt.org") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// An order that is ready is believed once a few authorizations were seen to be valid. A look at one that hangs keeps no certificate
// waiting that is there.
func TestObtain_ConfirmationHangs(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{ValidationTime: acmetest.Takes(2 * time.Second)})
	w.impatient(time.Hour) // requests end with what they are for
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	var finalizing, hung atomic.Bool
	observe := w.issuer.Observe
	w.issuer.Observe = func(e issuance.Event) {
		if e.Step == issuance.StepValidation && e.State == issuance.Finished {
			finalizing.Store(true)
		}
		observe(e)
	}
	w.ca.On(acmetest.Authorization, func(r *acmetest.Request) *acmetest.Reply {
		if finalizing.Load() {
			hung.Store(true)
			<-release
		}
		return r.Next()
	})
	w.ca.On(acmetest.Finalize, func(r *acmetest.Request) *acmetest.Reply {
		for n := 0; n < 10_000_000 && !hung.Load(); n++ { // the look has begun
			runtime.Gosched()
		}
		return r.Next()
	})
	w.succeeds(manyNames(5)...)
	if !hung.Load() {
		t.Error("no look hangs, so nothing is shown")
	}
}
