package dns01_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"wildcard/conoha/conohatest"
	"wildcard/internal/dns01"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/settings"
	"wildcard/providers"
	"wildcard/providers/builtin"
)

// The life of the record of *.example.com, at a ConoHa that is offline.
func ExampleSolver() {
	conoha, err := conohatest.Start(conohatest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer conoha.Close()
	user := conoha.AddAccount(conohatest.Account{Version: 3})
	conoha.AddZone(user.Tenant, "example.com")
	dir, err := os.MkdirTemp("", "journal-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := obtain(context.Background(), conoha, user, dir); err != nil {
		fmt.Println(err)
	}
	// Output:
	// _acme-challenge.example.com. is written to conoha, in the zone example.com.
	// published on all name servers: true
	// now the CA may look; the journal has 1 entry
	// deleted; the journal has 0 entries
}

func obtain(ctx context.Context, conoha *conohatest.Service, user conohatest.Account, dir string) error {
	spec, err := providers.ParseSpec("conoha")
	if err != nil {
		return err
	}
	accounts, err := builtin.Registry().Open([]providers.Spec{spec}, builtin.Config{
		Settings: settings.FromProcess("", conoha.Environ(user), "", dir),
	})
	if err != nil {
		return err
	}
	records, err := journal.Open(dir, nil)
	if err != nil {
		return err
	}
	self, err := journal.Self()
	if err != nil {
		return err
	}
	s := &dns01.Solver{
		Router:   providers.Router{Accounts: accounts},
		Resolver: &propagation.Resolver{NameServers: conoha.NameServers(3)},
		Journal:  records,
	}

	place, err := s.Locate(ctx, "example.com")
	if err != nil {
		return err
	}
	fmt.Printf("%s is written to %s, in the zone %s\n", place.FQDN, place.Route.Account.Spec, place.Route.Zone)
	record, err := s.Present(ctx, dns01.Owner{Process: self, Round: "1"}, place, providers.Challenge{Domain: "example.com", Value: wanted})
	if err != nil {
		return err
	}
	report, err := s.Wait(ctx, []*dns01.Record{record})
	fmt.Println("published on all name servers:", err == nil && !report.Unverified)
	entries, _, _ := records.Entries()
	fmt.Printf("now the CA may look; the journal has %d entry\n", len(entries))
	if err := s.CleanUp(ctx, record); err != nil {
		return err
	}
	entries, _, err = records.Entries()
	fmt.Printf("deleted; the journal has %d entries\n", len(entries))
	return err
}
