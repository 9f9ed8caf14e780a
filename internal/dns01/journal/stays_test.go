package journal

import (
	"os"
	"slices"
	"strings"
	"testing"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// standing is an entry of a record that stays, whose owner has ended.
func standing(t *testing.T) Entry {
	t.Helper()
	e := ofTheDead(t)
	e.FQDN, e.KeyAuth, e.Stays = "_validation-persist.example.com.", "", true
	e.Value = "letsencrypt.org;accounturi=https://ca.example/acct/1;policy=wildcard"
	return e
}

// A record that stays is swept by no run until its deletion has begun, and then by any.
func TestSweep_RecordThatStays(t *testing.T) {
	t.Parallel()
	j := open(t)
	stays, err := j.Add(standing(t))
	if err != nil {
		t.Fatal(err)
	}
	s := &service{zones: []string{"example.com."}}
	accounts := []providers.Account{{Provider: s, Fingerprint: stays.Fingerprint}}
	if report, err := j.Sweep(t.Context(), accounts, nil); err != nil || len(report.Swept)+len(report.Kept)+len(s.cleaned) != 0 {
		t.Fatalf("swept: %+v, %v", report, err)
	}
	again := stays // the same record, of a run that died before it was known to stay
	again.ID, again.Stays = "", false
	if _, err := j.Add(again); err != nil {
		t.Fatal(err)
	}
	if _, ok, shared, err := j.TakeOver(t.Context(), again, false); err != nil || !ok || !shared {
		t.Errorf("taken over %v, shared %v, %v", ok, shared, err)
	}
	if got := entries(t, j); len(got) != 2 || !slices.ContainsFunc(got, func(e Entry) bool { return e == stays }) {
		t.Errorf("what stays was taken over: %+v", got)
	}
	if _, err := j.Delete(stays); err != nil {
		t.Fatal(err)
	}
	report, err := j.Sweep(t.Context(), accounts, nil)
	if err != nil || len(report.Swept) != 2 || len(entries(t, j)) != 0 { // the other's owner has ended, too
		t.Errorf("%+v, %v", report, err)
	}
}

// A program that does not know of such records must not sweep them, and one that does takes no other entry for one.
func TestEntry_StaysInAForm(t *testing.T) {
	t.Parallel()
	j := open(t)
	e, err := j.Add(standing(t))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(j.path(e))
	if err != nil || !strings.HasPrefix(string(text), `{"version":2,`) {
		t.Errorf("%s, %v", text, err)
	}
	e.Stays = false
	if err := j.Update(e); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(j.path(e)); err != nil || !strings.HasPrefix(string(text), `{"version":1,`) {
		t.Errorf("%s, %v", text, err)
	}
	for _, bad := range []string{"two words", "a\"b", strings.Repeat("a", 256), "größe"} {
		e := standing(t)
		e.Value = bad
		if _, err := j.Add(e); fault.CodeOf(err) != fault.CodeState {
			t.Errorf("%q: %v", bad, err)
		}
	}
	e = standing(t)
	e.FQDN, e.Stays = "_acme-challenge.example.com.", false
	if _, err := j.Add(e); fault.CodeOf(err) != fault.CodeState {
		t.Errorf("a challenge's record with such a value: %v", err)
	}
}
