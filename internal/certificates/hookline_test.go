package certificates

import (
	"reflect"
	"testing"

	"wildcard/internal/lineage"
	"wildcard/internal/settings"
	"wildcard/providers"
)

// What a lineage keeps is in the command line of its hooks, and is read out of it again.
func TestSettingsOfHook_RoundTrip(t *testing.T) {
	t.Parallel()
	for _, s := range []lineage.Settings{
		{},
		{Providers: []providers.Spec{{Name: "conoha"}}, EnvFile: "/root/my creds/.env"},
		{
			Providers: []providers.Spec{{Zone: "example.org.", Name: "rfc2136"}, {Name: "acmedns"}}, EnvFile: "/etc/x/.env",
			Resolvers: []string{"1.1.1.1", "https://dns.example/q"}, NameServers: []string{"192.0.2.1"}, ExtraWait: "15", CACache: "30",
		},
	} {
		line, _ := hookLines(settings.Directories{Config: "/opt/le", State: "/opt/state"}, s)
		if reflect.DeepEqual(s.Providers, []providers.Spec{{Name: "conoha"}}) {
			s.Providers = nil // as by default
		}
		if got := SettingsOfHook(line, "/opt/le"); !reflect.DeepEqual(got, s) {
			t.Errorf("%s: %+v, want %+v", line, got, s)
		}
	}
}

// An option without a value, and one that is none of ours, hide nothing behind them.
func TestSettingsOfHook_FlagWithoutValue(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"/usr/bin/wildcard-auth-hook -v --provider rfc2136 --env-file /x/.env",
		"wildcard-auth-hook --provider=rfc2136 -v --env-file=/x/.env",
		"wildcard-auth-hook --new-option --provider rfc2136 -v -env-file /x/.env -v",
		"wildcard-auth-hook --state-dir --x --provider rfc2136 --env-file /x/.env",
	} {
		got := SettingsOfHook(line, "/etc/letsencrypt")
		if len(got.Providers) != 1 || got.Providers[0].Name != "rfc2136" || got.EnvFile != "/x/.env" {
			t.Errorf("%s: %+v", line, got)
		}
	}
}
