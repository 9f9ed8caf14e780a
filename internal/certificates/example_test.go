package certificates_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"wildcard/internal/certificates"
	"wildcard/internal/issuance"
	"wildcard/internal/settings"
	"wildcard/providers"
)

// What a timer does: everything that is due is renewed, and whatever fails stops nothing else.
func ExampleManager_Renew() {
	dir, err := os.MkdirTemp("", "certificates")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	m, err := certificates.Open(certificates.Options{
		Dirs:   settings.Directories{Config: filepath.Join(dir, "config"), State: filepath.Join(dir, "state"), Run: filepath.Join(dir, "run")},
		Events: func(e certificates.Event) { fmt.Println(e.Lineage, e.Note) },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	result, err := m.Renew(context.Background(), certificates.RenewRequest{Unattended: true})
	if err != nil {
		log.Fatal(err)
	}
	for _, one := range result.Lineages {
		fmt.Println(one.Name, one.Outcome, one.Due.At, one.Err)
	}
	fmt.Println(result.Kept, "are not due")
	// Output: 0 are not due
}

// A certificate for *.example.com, whose records a DNS service of ConoHa's publishes. A second call with the same request does
// nothing until renewal is due.
func ExampleManager_Obtain() {
	m, err := certificates.Open(certificates.Options{
		Dirs:    settings.Directories{Config: "/etc/letsencrypt", State: "/var/lib/wildcard", Run: "/run/wildcard"},
		Environ: os.Environ(), // where ConoHa's credentials are
	})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	got, err := m.Obtain(context.Background(), certificates.Request{
		Names:        []string{"*.example.com"},
		Server:       certificates.Choice[string]{Value: issuance.ServerURL("letsencrypt")},
		Registration: issuance.Registration{Emails: []string{"you@example.com"}, AgreeToTerms: true},
		DNS:          certificates.DNS{Providers: certificates.Choice[[]providers.Spec]{Value: []providers.Spec{{Name: "conoha"}}, Firm: true}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(got.Outcome, got.Lineage.Path("fullchain"), got.Due.At)
}
