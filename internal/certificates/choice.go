package certificates

import (
	"cmp"
	"time"

	"wildcard/internal/dns01/memory"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/providers"
)

// Choice is what a caller chose for a setting of a lineage: a firm one counts more than what is stored with the lineage, which
// counts more than another.
type Choice[T any] struct {
	Value T
	Firm  bool
}

// Over is what holds, with what is stored; stored says whether anything is.
func (c Choice[T]) Over(value T, stored bool) T {
	if stored && !c.Firm {
		return value
	}
	return c.Value
}

// text is [Choice.Over] for texts, of which "" is nothing.
func text(c Choice[string], stored string) string { return c.Over(stored, stored != "") }

// list is [Choice.Over] for lists, of which an empty one is nothing.
func list[T any](c Choice[[]T], stored []T) []T { return c.Over(stored, len(stored) > 0) }

// DNS says which services publish the records of a certificate, and how the DNS is asked.
type DNS struct {
	Providers   Choice[[]providers.Spec] // none is conoha
	EnvFile     Choice[string]           // absolute path of the file with the credentials
	Resolvers   Choice[[]string]         // IP:PORT
	NameServers Choice[[]string]         // IP:PORT of those that are asked for publication, in place of the delegated ones
	ExtraWait   Choice[string]           // seconds, as [propagation.ParseExtraWait] reads them
	CACache     Choice[string]           // seconds, as [memory.ParseKeep] reads them
}

// Over puts the choice over what a lineage has stored.
func (d DNS) Over(s *lineage.Settings) error {
	s.Providers = list(d.Providers, s.Providers)
	if len(s.Providers) == 0 {
		s.Providers = []providers.Spec{{Name: "conoha"}}
	}
	s.EnvFile = text(d.EnvFile, s.EnvFile)
	s.Resolvers = list(d.Resolvers, s.Resolvers)
	s.NameServers = list(d.NameServers, s.NameServers)
	s.ExtraWait = text(d.ExtraWait, s.ExtraWait)
	s.CACache = text(d.CACache, s.CACache)
	if _, err := propagation.ParseExtraWait(cmp.Or(s.ExtraWait, "0")); err != nil {
		return fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "%s %w", "extra_wait", err)
	}
	if _, err := memory.ParseKeep(cmp.Or(s.CACache, "0")); err != nil {
		return fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "%s %w", "ca_cache", err)
	}
	return nil
}

// cache is how long the CA's resolvers keep an answer, if a lineage says so.
func cache(s lineage.Settings) *time.Duration {
	if s.CACache == "" {
		return nil
	}
	keep, err := memory.ParseKeep(s.CACache)
	if err != nil {
		return nil // [DNS.Over] says so
	}
	return &keep
}

// extraWait is how long a lineage waits for servers that cannot be asked.
func extraWait(s lineage.Settings) time.Duration {
	d, err := propagation.ParseExtraWait(s.ExtraWait)
	if err != nil {
		return 0 // not set; else [DNS.Over] has said so
	}
	return d
}
