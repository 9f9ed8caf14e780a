package libdns

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libdns/libdns"

	"wildcard/internal/settings"
	"wildcard/providers"
	"wildcard/providers/builtin"
)

// zone is the one that each service holds.
const zone = "example.com."

// service is a DNS service without our providers: what its zone holds, and a way for others to change it.
type service interface {
	records(t testing.TB) []libdns.RR
	put(t testing.TB, rr libdns.RR)
	remove(t testing.TB, rr libdns.RR)
}

// adapter is one of our providers as libdns wants one. Records of other types than TXT are others': they go to the
// service directly.
type adapter struct {
	service
	t       testing.TB
	spec    string
	environ []string
	ttl     string // name of the variable with the TTL in seconds
	runDir  string
}

// open opens the provider as a new process does. A TTL of zero is left to the provider.
func (a *adapter) open(ttl time.Duration) (providers.Account, error) {
	spec, err := providers.ParseSpec(a.spec)
	if err != nil {
		return providers.Account{}, err
	}
	environ := a.environ
	if ttl != 0 {
		environ = append(slices.Clone(environ), fmt.Sprintf("%s=%d", a.ttl, ttl/time.Second))
	}
	accounts, err := builtin.Registry().Open([]providers.Spec{spec}, builtin.Config{Settings: settings.Sources{Environ: environ}, RunDir: a.runDir})
	if err != nil || len(accounts) != 1 {
		return providers.Account{}, fmt.Errorf("%d accounts: %w", len(accounts), err)
	}
	if closer, ok := accounts[0].Provider.(providers.Closer); ok {
		a.t.Cleanup(func() { _ = closer.Close() })
	}
	return accounts[0], nil
}

// challenge is the one whose record a TXT record of libdns is.
func challenge(rr libdns.RR) providers.Challenge {
	fqdn := libdns.AbsoluteName(rr.Name, zone)
	return providers.Challenge{Domain: strings.TrimSuffix(strings.TrimPrefix(fqdn, "_acme-challenge."), "."), FQDN: fqdn, Value: rr.Data}
}

func (a *adapter) ListZones(ctx context.Context) ([]libdns.Zone, error) {
	account, err := a.open(0)
	if err != nil {
		return nil, err
	}
	names, err := account.Provider.(providers.Zones).Zones(ctx, true)
	var zones []libdns.Zone
	for _, name := range names {
		zones = append(zones, libdns.Zone{Name: name})
	}
	return zones, err
}

func (a *adapter) GetRecords(_ context.Context, name string) ([]libdns.Record, error) {
	if name != zone {
		return nil, fmt.Errorf("there is no zone %s", name)
	}
	var records []libdns.Record
	for _, rr := range a.records(a.t) {
		record, err := rr.Parse()
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return records, nil
}

// AppendRecords keeps the handles of records with them, as libdns provides for.
func (a *adapter) AppendRecords(ctx context.Context, _ string, records []libdns.Record) (made []libdns.Record, err error) {
	for _, record := range records {
		rr := record.RR()
		if rr.Type != "TXT" {
			a.put(a.t, rr)
			made = append(made, record)
			continue
		}
		account, err := a.open(rr.TTL)
		if err != nil {
			return made, err
		}
		handle, err := account.Present(ctx, challenge(rr))
		if err != nil {
			return made, err
		}
		made = append(made, libdns.TXT{Name: rr.Name, TTL: rr.TTL, Text: rr.Data, ProviderData: handle})
	}
	return made, nil
}

// SetRecords removes and makes, as the documentation of libdns has it.
func (a *adapter) SetRecords(ctx context.Context, name string, records []libdns.Record) ([]libdns.Record, error) {
	existing, err := a.GetRecords(ctx, name)
	if err != nil {
		return nil, err
	}
	old := slices.DeleteFunc(existing, func(have libdns.Record) bool {
		return !slices.ContainsFunc(records, func(want libdns.Record) bool {
			return have.RR().Name == want.RR().Name && have.RR().Type == want.RR().Type
		})
	})
	if _, err := a.DeleteRecords(ctx, name, old); err != nil {
		return nil, err
	}
	return a.AppendRecords(ctx, name, records)
}

// DeleteRecords removes those of records that there are. A TXT record that still has its handle is removed by that, any other
// by name and value.
func (a *adapter) DeleteRecords(ctx context.Context, _ string, records []libdns.Record) (ended []libdns.Record, err error) {
	existing := a.records(a.t)
	for _, record := range records {
		rr := record.RR()
		if !slices.Contains(existing, rr) && rr.TTL != 0 {
			continue
		}
		if txt, ok := record.(libdns.TXT); ok {
			handle, _ := txt.ProviderData.(providers.Handle)
			account, err := a.open(0)
			if err != nil {
				return ended, err
			}
			if err := account.CleanUp(ctx, challenge(rr), handle); err != nil {
				return ended, err
			}
		} else {
			a.remove(a.t, rr)
		}
		ended = append(ended, record)
	}
	return ended, nil
}
