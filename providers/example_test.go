package providers_test

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"wildcard/providers"
)

// shelf is a DNS service as a provider sees one: zones, and values at names.
type shelf struct {
	zones []string

	mu     sync.Mutex
	values map[string][]string // by owner
}

// Present adds the value, and adds it once (rules 1 and 2 of the package comment).
func (s *shelf) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	fqdn, err := providers.ParseRecord(c)
	if err != nil {
		return "", providers.Unmade(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.values[fqdn], c.Value) {
		s.values[fqdn] = append(s.values[fqdn], c.Value)
	}
	return providers.Handle(c.Value), ctx.Err()
}

// CleanUp removes the one value. That it is not there any more is success (rule 3).
func (s *shelf) CleanUp(ctx context.Context, c providers.Challenge, _ providers.Handle) error {
	fqdn, err := providers.ParseRecord(c)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[fqdn] = slices.DeleteFunc(s.values[fqdn], func(value string) bool { return value == c.Value })
	return ctx.Err()
}

// Zones lets [providers.Router] find the account by itself.
func (s *shelf) Zones(context.Context, bool) ([]string, error) { return s.zones, nil }

// A provider is two methods, and a third that says which zones the account has.
func ExampleProvider() {
	s := &shelf{zones: []string{"example.com."}, values: map[string][]string{}}
	ctx := context.Background()
	apex := providers.Challenge{Domain: "example.com", FQDN: "_acme-challenge.example.com.", Zone: "example.com.", Value: "value-of-the-apex"}
	wildcard := apex
	wildcard.Value = "value-of-the-wildcard" // at the same name
	handle, err := s.Present(ctx, apex)
	fmt.Println(handle, err)
	_, _ = s.Present(ctx, wildcard)
	_, _ = s.Present(ctx, wildcard) // once more, after an answer that was lost
	fmt.Println(s.values[apex.FQDN])
	fmt.Println(s.CleanUp(ctx, apex, handle), s.values[apex.FQDN])
	// Output:
	// value-of-the-apex <nil>
	// [value-of-the-apex value-of-the-wildcard]
	// <nil> [value-of-the-wildcard]
}

// Two accounts; the zone decides.
func ExampleRouter_Route() {
	account := func(text string, zones ...string) providers.Account {
		spec, err := providers.ParseSpec(text)
		if err != nil {
			panic(err)
		}
		return providers.Account{Provider: &shelf{zones: zones}, Spec: spec, Fingerprint: text, Label: text}
	}
	router := providers.Router{Accounts: []providers.Account{
		account("first", "example.com.", "example.net."), account("second", "sub.example.com."),
	}}
	for _, domain := range []string{"example.com", "www.sub.example.com", "example.org"} {
		route, err := router.Route(context.Background(), providers.ChallengeName(domain))
		if err != nil {
			fmt.Println(providers.CodeOf(err))
			continue
		}
		fmt.Println(route.Account.Label, route.Zone)
	}
	// Output:
	// first example.com.
	// second sub.example.com.
	// zone.not-found
}

func ExampleParseSpec() {
	for _, text := range []string{"conoha", "example.net=conoha@/etc/letsencrypt/conoha/v3.env", "exec:/usr/local/bin/my-script", "Conoha"} {
		spec, err := providers.ParseSpec(text)
		if err != nil {
			fmt.Println(providers.CodeOf(err))
			continue
		}
		fmt.Printf("name %q, zone %q, argument %q, file %q\n", spec.Name, spec.Zone, spec.Arg, spec.EnvFile)
	}
	// Output:
	// name "conoha", zone "", argument "", file ""
	// name "conoha", zone "example.net.", argument "", file "/etc/letsencrypt/conoha/v3.env"
	// name "exec", zone "", argument "/usr/local/bin/my-script", file ""
	// provider.spec
}
