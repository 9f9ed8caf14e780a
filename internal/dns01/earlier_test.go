package dns01_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/internal/dns01"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/propagation"
	"wildcard/providers"
)

const (
	fqdn    = "_acme-challenge.example.com."
	wanted  = "AAAA_first_value_43_characters_long_AAAAAAA"
	account = "conoha https://identity.example/v2.0 tenant user"
)

// service deletes at a fake ConoHa, behind its API's back, and notes by which handles.
type service struct {
	conoha  *conohatest.Service
	cleaned []providers.Handle
}

func (s *service) Present(context.Context, providers.Challenge) (providers.Handle, error) {
	panic("it is the caller who creates")
}

func (s *service) CleanUp(_ context.Context, c providers.Challenge, h providers.Handle) error {
	s.cleaned = append(s.cleaned, h)
	s.conoha.DeleteRecord("example.com", c.FQDN, "TXT", c.Value)
	return nil
}

// keeper is a service that deletes nothing.
type keeper struct{ *service }

func (keeper) Zones(context.Context, bool) ([]string, error)       { return nil, nil }
func (keeper) Alias(context.Context, string, bool) (string, error) { return "", nil }
func (k keeper) CleanUp(context.Context, providers.Challenge, providers.Handle) error {
	panic("there is nothing to wait for afterwards")
}

// What an earlier run may have left, and what has to be done about it.
func TestEarlier(t *testing.T) {
	t.Parallel()
	plain := func(s *service) providers.Provider { return s }
	for name, test := range map[string]struct {
		earlier  *journal.Entry // handle and mark of a dead run's entry
		shown    bool
		provider func(*service) providers.Provider
		there    bool
		doubled  bool
		cleaned  []providers.Handle
	}{
		"nothing":                           {provider: plain},
		"shown, and not in the journal":     {provider: plain, shown: true, cleaned: []providers.Handle{""}},
		"there":                             {earlier: &journal.Entry{Handle: "a"}, provider: plain, shown: true, there: true},
		"not published, or deleted by hand": {earlier: &journal.Entry{Handle: "a"}, provider: plain},
		"killed while it was created":       {earlier: &journal.Entry{}, provider: plain, shown: true, doubled: true},
		"killed while it was deleted":       {earlier: &journal.Entry{Handle: "a", CleaningUp: true}, provider: plain, shown: true, cleaned: []providers.Handle{"a"}},
		"killed when it was deleted":        {earlier: &journal.Entry{Handle: "a", CleaningUp: true}, provider: plain, cleaned: []providers.Handle{"a"}},
		"the service deletes nothing":       {earlier: &journal.Entry{Handle: "a", CleaningUp: true}, shown: true, provider: func(s *service) providers.Provider { return keeper{s} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conoha, err := conohatest.Start(conohatest.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conoha.Close() })
			conoha.AddZone(conoha.AddAccount(conohatest.Account{Version: 2}).Tenant, "example.com")
			if test.shown {
				conoha.PutRecord("example.com", fqdn, "TXT", wanted)
			}
			j, draft := openJournal(t)
			if test.earlier != nil {
				dead := draft
				dead.Owner.StartTime++ // the number belongs to us, who began at another time
				dead.Handle, dead.CleaningUp = test.earlier.Handle, test.earlier.CleaningUp
				if _, err := j.Add(dead); err != nil {
					t.Fatal(err)
				}
			}
			entry, err := dns01.Enter(t.Context(), j, draft, false)
			if err != nil || entry.Taken != (test.earlier != nil) || entry.Doubled != test.doubled {
				t.Fatalf("entered %+v, %v", entry, err)
			}
			s := &service{conoha: conoha}
			there, err := dns01.Earlier{
				Wait:    propagation.Wait{Resolver: &propagation.Resolver{NameServers: conoha.NameServers(2)}},
				Journal: j, Account: providers.Account{Provider: test.provider(s), Fingerprint: account},
				Challenge: providers.Challenge{Domain: "example.com", FQDN: fqdn, Value: wanted},
			}.Find(t.Context(), &entry)
			if err != nil || there != test.there || !slices.Equal(s.cleaned, test.cleaned) {
				t.Errorf("there %v, deleted by %q, %v; want %v, %q", there, s.cleaned, err, test.there, test.cleaned)
			}
			if len(s.cleaned) > 0 && (entry.Handle != "" || !entry.CleaningUp) {
				t.Errorf("the next run would count on the record: %+v", entry)
			}
			if all, _, err := j.Entries(); err != nil || len(all) != 1 || all[0] != entry.Entry {
				t.Errorf("the journal has %+v, %v; want %+v", all, err, entry.Entry)
			}
		})
	}
}

// What a living run has as well is neither asked for nor deleted, whatever is known of it.
func TestEarlier_OfALivingRun(t *testing.T) {
	t.Parallel()
	j, draft := openJournal(t)
	draft.Order = "https://ca.example/order/1"
	if _, err := j.Add(draft); err != nil {
		t.Fatal(err)
	}
	entry, err := dns01.Enter(t.Context(), j, draft, false)
	if err != nil || entry.Taken || !entry.Shared {
		t.Fatalf("entered %+v, %v", entry, err)
	}
	s := &service{}
	there, err := dns01.Earlier{
		Wait:    propagation.Wait{Resolver: &propagation.Resolver{NameServers: []string{"127.0.0.1:1"}}},
		Journal: j, Account: providers.Account{Provider: s, Fingerprint: account},
		Challenge: providers.Challenge{Domain: "example.com", FQDN: fqdn, Value: wanted},
	}.Find(t.Context(), &entry)
	if err != nil || there || len(s.cleaned) > 0 {
		t.Errorf("there %v, deleted by %q, %v", there, s.cleaned, err)
	}
}

// openJournal is a journal, and the entry that a run of ours begins with.
func openJournal(t *testing.T) (*journal.Journal, journal.Entry) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "journal")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	self, err := journal.Self()
	if err != nil {
		t.Fatal(err)
	}
	return j, journal.Entry{Spec: "conoha", Fingerprint: account, Zone: "example.com.", Domain: "example.com", FQDN: fqdn, Value: wanted, Owner: self}
}
