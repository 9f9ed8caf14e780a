package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"
	"time"
	"unicode"

	"wildcard/providers"
)

// FuzzDecode reads lines with a right checksum, as from a hand that knows how, and without one.
func FuzzDecode(f *testing.F) {
	e := sample(Process{PID: 4711, StartTime: 98765, PIDNamespace: "pid:[4026531836]", BootID: "7c9ee0f8-0000-4000-8000-000000000000"})
	e.ID, e.Created = "0123456789abcdef0123456789abcdef", time.Unix(1_800_000_000, 5)
	e.KeyAuth, e.Value = keyAuth, keyAuthValue
	e.Handle, e.Order, e.Round, e.Remaining, e.Sequence, e.CleaningUp = "zone/record", "https://ca.example/order/1", "ABC", 1, 1, true
	text, err := encode(e)
	if err != nil {
		f.Fatal(err)
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	f.Add(text)
	f.Add(line)
	f.Add(text[:len(text)/2])
	for _, change := range [][2]string{
		{`"version":1`, `"version":2`},
		{`"id":"0`, `"id":"../0`},
		{`"fqdn":"_acme-challenge.`, `"fqdn":"_acme-challenge\u0000.`},
		{`"zone":"example.com."`, `"zone":"com."`},
		{`"pid":4711`, `"pid":-1`},
		{`"sequence":1`, `"sequence":9223372036854775807`},
		{`"created":"`, `"created":"+`},
		{`Z"`, `+09:01"`},
		{`"key_authorization":"t`, `"key_authorization":"T`},
		{`"handle":"zone`, `"handle":"\u001b[2J`},
	} {
		f.Add(bytes.Replace(line, []byte(change[0]), []byte(change[1]), 1))
	}
	f.Add([]byte("{}\n"))
	f.Add([]byte("null"))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, in []byte) {
		if e, err := decode(in); err == nil {
			wantSound(t, e)
		}
		sum := sha256.Sum256(in)
		e, err := decode(slices.Concat(in, []byte("\n"+hex.EncodeToString(sum[:])+"\n")))
		if err == nil {
			wantSound(t, e)
		}
	})
}

// The key authorization of RFC 8555 §8.3 with its value; others make an entry that is not ours.
const keyAuth, keyAuthValue = "token_1-x.thumbprint", "riDZdk67FKBzvHCvH68-ccxq1ZjH5b1lnN4D7tUFLSM"

func TestKeyAuthorization(t *testing.T) {
	t.Parallel()
	j := open(t)
	e := sample(Process{PID: 1})
	e.KeyAuth, e.Value = keyAuth, keyAuthValue
	added, err := j.Add(e)
	if err != nil {
		t.Fatal(err)
	}
	want := providers.Challenge{Domain: e.Domain, FQDN: e.FQDN, Zone: e.Zone, Value: keyAuthValue, Token: "token_1-x", KeyAuth: keyAuth}
	if c := added.Challenge(); c != want {
		t.Errorf("%+v, want %+v", c, want)
	}
	for _, wrong := range []string{"token_2-x.thumbprint", "token_1-x thumbprint", "token", "x.\x1b"} {
		e.KeyAuth = wrong
		if e.ID = added.ID; e.check() == nil {
			t.Errorf("%q is taken for the key authorization of %s", wrong, e.Value)
		}
	}
}

// wantSound checks that an entry read back is harmless and is written as it was read.
func wantSound(t *testing.T, e Entry) {
	t.Helper()
	text, err := encode(e)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := decode(text); err != nil || same != e {
		t.Errorf("%+v is read back as %+v, %v", e, same, err)
	}
	if bytes.ContainsFunc(bytes.TrimSuffix(text, []byte("\n"))[:len(text)-66], unicode.IsControl) {
		t.Errorf("control characters in %q", text)
	}
	for _, s := range []string{e.ID, e.Spec, e.Fingerprint, e.Zone, e.Domain, e.FQDN, e.Value, string(e.Handle), e.Owner.PIDNamespace, e.Owner.BootID, e.Order, e.Round} {
		for _, r := range s {
			if !unicode.IsPrint(r) {
				t.Errorf("%q in %+v", s, e)
			}
		}
	}
	if _, err := providers.ParseValue(e.Value); err != nil || len(e.Handle) > 512 || len(e.FQDN) > 254 || e.Owner.PID < 0 || e.Sequence < 0 {
		t.Errorf("%+v, %v", e, err)
	}
}
