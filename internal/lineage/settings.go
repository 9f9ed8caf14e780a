package lineage

import (
	"slices"
	"time"

	"wildcard/providers"
)

const (
	section = "wildcard"      // ours
	params  = "renewalparams" // certbot's
)

// Settings is what wildcard needs to renew a lineage and certbot does not keep: the [wildcard] section of its .conf. It holds
// names and paths of secrets, never a secret. Keys of the section that this version does not know stay as they are.
type Settings struct {
	Domains     []string         // domains: what was asked for, "*." included
	Providers   []providers.Spec // providers
	EnvFile     string           // env_file: path of --env-file
	Profile     string           // profile: ACME profile
	CABundle    string           // ca_bundle: path of extra roots for the CA's own TLS
	Resolvers   []string         // resolvers
	NameServers []string         // nameservers
	ExtraWait   string           // extra_wait: for how many seconds servers are waited for that cannot be asked; "" is none
	CACache     string           // ca_cache: for how many seconds the CA's resolvers keep an answer; "" is what is known of the CA
	Challenge   string           // challenge: how names are proven; "" is auto
	ProvenBy    string           // proven_by: dns-persist-01 if no DNS service was needed the last time; else ""
	Combined    string           // combined: path of the file with key and chain
	PKCS12      string           // pkcs12: path of the key store in PKCS #12
	JKS         string           // jks: path of the key store of Java's own form
	Password    string           // password_file: path of the password of both; "" is that of the key store with .password behind
	Legacy      bool             // legacy_pkcs12: encryption that old Java and Windows can read
	DeployHooks []string         // deploy_hooks: commands beyond certbot's renew_hook
	Verify      []string         // verify: addresses at which the certificate is to be served, as package deploy reads them
	Targets     []string         // targets: where the certificate is brought to, as package target reads them
	RolledBack  string           // rolled_back: number of the version that was not served, for which the former one is live
	RenewAt     time.Time        // renew_at: instant chosen within the CA's window (RFC 9773 §4.2), kept until it passes
	RetryAfter  time.Time        // ari_retry_after: renewal information is not asked for before
	Deploy      bool             // deploy_pending: deploy hooks have yet to succeed for the live certificate
	Rollback    bool             // rollback: the former version is made live where the new one is not served
	Imported    string           // imported: where another client has the certificate that this one was first
	NewKey      bool             // new_key: the live key was revoked as compromised, so the next renewal keeps it not
}

// DeployWaits reports whether the live certificate, or a newer one, has yet to be deployed.
func (s Settings) DeployWaits() bool { return s.Deploy || s.RolledBack != "" }

// ReadSpec reads a provider as it is written in a file. One that cannot be read keeps its whole text as Name, which no service
// has: what opens it says so, and nothing is lost when it is written again.
func ReadSpec(text string) providers.Spec {
	spec, err := providers.ParseSpec(text)
	if err != nil {
		return providers.Spec{Name: text}
	}
	return spec
}

// SpecTexts are the providers as they are typed.
func (s Settings) SpecTexts() []string {
	var all []string
	for _, spec := range s.Providers {
		all = append(all, spec.String())
	}
	return all
}

// texts, lists, switches and times name the keys once for both directions.
func (s *Settings) texts() map[string]*string {
	return map[string]*string{"env_file": &s.EnvFile, "profile": &s.Profile, "ca_bundle": &s.CABundle,
		"extra_wait": &s.ExtraWait, "ca_cache": &s.CACache, "combined": &s.Combined, "rolled_back": &s.RolledBack,
		"pkcs12": &s.PKCS12, "jks": &s.JKS, "password_file": &s.Password,
		"challenge": &s.Challenge, "proven_by": &s.ProvenBy, "imported": &s.Imported}
}

func (s *Settings) lists() map[string]*[]string {
	return map[string]*[]string{"domains": &s.Domains, "resolvers": &s.Resolvers,
		"nameservers": &s.NameServers, "deploy_hooks": &s.DeployHooks, "targets": &s.Targets, "verify": &s.Verify}
}

func (s *Settings) switches() map[string]*bool {
	return map[string]*bool{"rollback": &s.Rollback, "deploy_pending": &s.Deploy, "new_key": &s.NewKey,
		"legacy_pkcs12": &s.Legacy}
}

func (s *Settings) times() map[string]*time.Time {
	return map[string]*time.Time{"renew_at": &s.RenewAt, "ari_retry_after": &s.RetryAfter}
}

var order = []string{"domains", "providers", "env_file", "profile", "ca_bundle", "resolvers", "nameservers",
	"extra_wait", "ca_cache", "challenge", "proven_by", "combined",
	"pkcs12", "jks", "password_file", "legacy_pkcs12",
	"deploy_hooks", "targets", "verify", "rollback", "rolled_back",
	"renew_at", "ari_retry_after", "deploy_pending", "new_key",
	"imported"}

// Settings reads the [wildcard] section; ok is false when there is none. A time that cannot be read counts as not set.
func (c *Conf) Settings() (s Settings, ok bool) {
	for key, to := range s.texts() {
		*to, _ = c.Get(section, key)
	}
	for key, to := range s.lists() {
		*to = c.List(section, key)
	}
	for _, text := range c.List(section, "providers") {
		s.Providers = append(s.Providers, ReadSpec(text))
	}
	for key, to := range s.times() {
		text, _ := c.Get(section, key)
		*to, _ = time.Parse(time.RFC3339, text) // the zero time on error
	}
	for key, to := range s.switches() {
		text, _ := c.Get(section, key)
		*to = text == "True"
	}
	return s, c.Has(section)
}

// SetSettings writes the [wildcard] section, which makes a lineage ours together with autorenew = False (see
// [Lineage.Adopt]). What is empty is left out; times are RFC 3339 in UTC, to the second.
func (c *Conf) SetSettings(s Settings) error {
	next := *c
	next.items = slices.Clone(c.items)
	texts, lists, times, switches := s.texts(), s.lists(), s.times(), s.switches()
	specs := s.SpecTexts()
	lists["providers"] = &specs
	for _, key := range order {
		var err error
		text := ""
		switch {
		case lists[key] != nil:
			if err := next.SetList(section, key, *lists[key]); err != nil {
				return err
			}
			continue
		case texts[key] != nil:
			text = *texts[key]
		case times[key] != nil && !times[key].IsZero():
			text = times[key].UTC().Format(time.RFC3339)
		case switches[key] != nil && *switches[key]:
			text = "True"
		}
		if text == "" {
			next.Remove(section, key)
		} else if err = next.Set(section, key, text); err != nil {
			return err
		}
	}
	*c = next
	return nil
}
