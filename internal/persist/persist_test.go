package persist_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"testing"
	"time"

	"wildcard/internal/dns01/propagation"
	"wildcard/internal/persist"
)

const account = "https://ca.example/acct/123"

// The draft's vectors (draft-ietf-acme-dns-persist-02, appendix).
const (
	thumbprint = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
	prefix     = "https://ca.example/account-hash/"
	ofExample  = prefix + "sha-256/5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw"
	ofAny      = prefix + "sha-256/NpDnSwUthQK8zCgFdefYxAdAVPnygMLbs9US6oO-5ug"
)

func now() time.Time { return time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC) }

func question(shape persist.Shape, wildcard bool) persist.Question {
	q := persist.Question{
		CA: persist.CA{Issuers: []string{"ca.example"}}, Account: persist.Account{URI: account, Thumbprint: thumbprint},
		Domain: "example.com", Wildcard: wildcard, At: now(),
	}
	if shape == persist.Hashed {
		q.CA.Prefix = prefix
	}
	return q
}

func TestMake_VectorsOfTheDraft(t *testing.T) {
	t.Parallel()
	q := question(persist.Hashed, true)
	got := q.CA.Make(q.Account, q.Domain, true, time.Unix(1798761600, 0)).String()
	if want := "ca.example;accounturi=" + ofExample + ";policy=wildcard;persistUntil=1798761600"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for text, want := range map[string]persist.Verdict{
		"ca.example;accounturi=" + ofExample + ";policy=wildcard":                                          persist.Fits,
		"ca.example;accounturi=" + ofAny + ";policy=wildcard":                                              persist.Fits,
		"ca.example;accounturi=" + ofExample:                                                               persist.NoWildcard,
		"ca.example;accounturi=" + account + ";policy=wildcard":                                            persist.OtherShape,
		"ca.example;accounturi=" + strings.Replace(ofExample, "sha-256", "sha256", 1) + ";policy=wildcard": persist.OtherAccount,
		"ca.example;accounturi=https://ca.example/acct/9;policy=wildcard":                                  persist.OtherAccount,
	} {
		if _, got, _ := q.Judge(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	q.Domain = "example.net" // the record of one domain is no other's
	if _, got, _ := q.Judge("ca.example;accounturi=" + ofExample + ";policy=wildcard"); got != persist.OtherAccount {
		t.Errorf("of another domain: %s", got)
	}
	if _, got, _ := q.Judge("ca.example;accounturi=" + ofAny + ";policy=wildcard"); got != persist.Fits {
		t.Errorf("of any domain: %s", got)
	}
}

// good and bad are records as people write them, with what they are to a wildcard.
func records() map[string]persist.Verdict {
	uri := "accounturi=" + account
	return map[string]persist.Verdict{
		"ca.example;" + uri + ";policy=wildcard":                             persist.Fits,
		"ca.example; " + uri + "; policy=wildcard":                           persist.Fits,
		"  ca.example  ;  accounturi = " + account + " ; policy = wildcard ": persist.Fits,
		"\tca.example;\t" + uri + ";\tpolicy=wildcard":                       persist.Fits,
		"ca.example;" + uri + ";policy=WildCard":                             persist.Fits,
		"ca.example;" + uri + ";POLICY=wildcard":                             persist.Fits,
		"ca.example;ACCOUNTURI=" + account + ";policy=wildcard":              persist.Fits,
		"ca.example;policy=wildcard;" + uri:                                  persist.Fits,
		"ca.example;" + uri + ";policy=wildcard;persistUntil=4102444800":     persist.Fits,
		"ca.example;" + uri + ";policy=wildcard;persistuntil=4102444800":     persist.Fits,
		"ca.example;" + uri + ";policy=wildcard;persistUntil=+4102444800":    persist.Fits,
		"ca.example;" + uri + ";policy=wildcard;foo=bar":                     persist.Fits,
		"ca.example;" + uri + ";policy=wildcard;foo=":                        persist.Fits,
		"ca.example;" + uri + ";policy=wildcard;foo=a=b":                     persist.Fits,
		"ca.example;" + uri + ";policy=wildcard;bad tag=x":                   persist.Fits,
		"ca.example;" + uri:                                                        persist.NoWildcard,
		"ca.example;" + uri + ";policy=":                                           persist.NoWildcard,
		"ca.example;" + uri + ";policy=wildcards":                                  persist.NoWildcard,
		"ca.example;" + uri + ";policy=wildcard;persistUntil=1":                    persist.Ended,
		"ca.example;" + uri + ";policy=wildcard;persistUntil=-1":                   persist.Ended,
		"ca.example;" + uri + ";policy=wildcard;persistUntil=0":                    persist.Ended,
		"ca.example;" + uri + "4;policy=wildcard":                                  persist.OtherAccount,
		"ca.example;" + uri + "/;policy=wildcard":                                  persist.OtherAccount,
		"ca.example;accounturi=HTTPS://ca.example/acct/123;policy=wildcard":        persist.OtherAccount,
		"ca.example;" + uri + ";policy=wildcard;":                                  persist.Malformed,
		"ca.example;;" + uri + ";policy=wildcard":                                  persist.Malformed,
		"ca.example;" + uri + ";" + uri + ";policy=wildcard":                       persist.Malformed,
		"ca.example;" + uri + ";AccountURI=x;policy=wildcard":                      persist.Malformed,
		"ca.example;" + uri + ";policy=wildcard;foo=1;FOO=2":                       persist.Malformed,
		"ca.example;" + uri + ";policy=wild card":                                  persist.Malformed,
		"ca.example;" + uri + ";policy=wildcard;note=größe":                        persist.Malformed,
		"ca.example;" + uri + ";wildcard":                                          persist.Malformed,
		"ca.example;" + uri + ";=wildcard":                                         persist.Malformed,
		"ca.example;policy=wildcard":                                               persist.Malformed,
		"ca.example;accounturi=;policy=wildcard":                                   persist.Malformed,
		"ca.example;" + uri + ";policy=wildcard;persistUntil=":                     persist.Malformed,
		"ca.example;" + uri + ";policy=wildcard;persistUntil=2027-01-01":           persist.Malformed,
		"ca.example;" + uri + ";policy=wildcard;persistUntil=1e9":                  persist.Malformed,
		"ca.example;" + uri + ";policy=wildcard;persistUntil=99999999999999999999": persist.Malformed,
		"CA.example;" + uri + ";policy=wildcard":                                   persist.Malformed,
		"ca.example.;" + uri + ";policy=wildcard":                                  persist.Malformed,
		"ca.example":                                persist.Malformed,
		"ca.example " + uri + ";policy=wildcard":    persist.OtherCA,
		"other.example;" + uri + ";policy=wildcard": persist.OtherCA,
		"other.example;" + uri + ";" + uri:          persist.OtherCA,
		";" + uri + ";policy=wildcard":              persist.OtherCA,
		"":                                          persist.OtherCA,
		"v=spf1 -all":                               persist.OtherCA,
		`"ca.example;` + uri + `;policy=wildcard"`:  persist.OtherCA,
	}
}

func TestJudge_AsPebbleAndBoulder(t *testing.T) {
	t.Parallel()
	if n := len(records()); n < 40 {
		t.Errorf("only %d records", n)
	}
	for text, want := range records() {
		if _, got, why := question(persist.Plain, true).Judge(text); got != want {
			t.Errorf("%q: %s (%v), want %s", text, got, why, want)
		}
		asServers(t, text)
	}
}

// asServers compares with what both servers would make of a record.
func asServers(t *testing.T, text string) {
	t.Helper()
	for _, wildcard := range []bool{false, true} {
		q := question(persist.Plain, wildcard)
		_, got, _ := q.Judge(text)
		atPebble := pebble(text, q.CA.Issuers, account, wildcard, q.At)
		atBoulder := boulder(text, "ca.example", account, wildcard, q.At)
		if both := atPebble == nil && atBoulder == nil; (got == persist.Fits) != both {
			t.Errorf("%q, wildcard %v: %s; Pebble: %v, Boulder: %v", text, wildcard, got, atPebble, atBoulder)
		}
	}
}

func FuzzJudge(f *testing.F) {
	for text := range records() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return // nothing so long is read
		}
		asServers(t, text)
		r, err := persist.Parse(text)
		if err != nil {
			return
		}
		again, err := persist.Parse(r.String())
		if err != nil || again.String() != r.String() {
			t.Errorf("%q is written %q, which is %q, %v", text, r, again, err)
		}
	})
}

func TestBest_SeveralRecords(t *testing.T) {
	t.Parallel()
	fits := "ca.example;accounturi=" + account + ";policy=wildcard"
	soon, late := fits+";persistUntil=1796000000", fits+";persistUntil=4102444800"
	for name, c := range map[string]struct {
		texts []string
		want  string
	}{
		"beside those of others":    {[]string{"v=spf1 -all", "other.example;accounturi=x", fits}, fits},
		"beside a malformed one":    {[]string{fits + ";", fits}, fits},
		"the one that holds longer": {[]string{soon, late}, late},
		"the one without end":       {[]string{late, fits, soon}, fits},
		"an ended one before none":  {[]string{"other.example;accounturi=x", fits + ";persistUntil=1"}, fits + ";persistUntil=1"},
	} {
		if best, ok := question(persist.Plain, true).Best(c.texts); !ok || best.Text != c.want {
			t.Errorf("%s: %q, %v", name, best.Text, ok)
		}
	}
	if _, ok := question(persist.Plain, true).Best(nil); ok {
		t.Error("the best of none")
	}
}

// A CA may ask any of the servers, so what one of them lacks is not there.
func TestView_ServersDiffer(t *testing.T) {
	t.Parallel()
	fits := "ca.example;accounturi=" + account + ";policy=wildcard"
	q := question(persist.Plain, true)
	with, without := propagation.Answer{Texts: []string{fits}}, propagation.Answer{}
	other := propagation.Answer{Texts: []string{"ca.example;accounturi=" + account}}
	silent := propagation.Answer{Err: errors.New("silent")}
	for name, c := range map[string]struct {
		answers []propagation.Answer
		want    persist.Verdict
		ok      bool
	}{
		"all have it":        {[]propagation.Answer{with, with}, persist.Fits, true},
		"one is silent":      {[]propagation.Answer{silent, with}, persist.Fits, true},
		"one has none":       {[]propagation.Answer{with, without}, "", false},
		"one has an old one": {[]propagation.Answer{with, other}, persist.NoWildcard, true},
		"none answers":       {[]propagation.Answer{silent}, "", false},
	} {
		if f, ok := (persist.View{Answers: c.answers}).Judge(q); ok != c.ok || f.Verdict != c.want {
			t.Errorf("%s: %s, %v", name, f.Verdict, ok)
		}
	}
}

func TestThumbprint(t *testing.T) {
	t.Parallel()
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	primes, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	one, err := persist.Thumbprint(curve)
	two, err2 := persist.Thumbprint(primes)
	if err != nil || err2 != nil || len(one) != 43 || len(two) != 43 || one == two {
		t.Errorf("%s %s, %v %v", one, two, err, err2)
	}
}
