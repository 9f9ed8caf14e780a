package plugin_test

import (
	"slices"
	"testing"

	"wildcard/providers/plugin"
)

// TestFamily_WhatLogsIn: report N21. Of a service with several ways to log in, a time-out or another setting of how it is called is no
// way, and another name of a variable is not named beside it, though it will do.
func TestFamily_WhatLogsIn(t *testing.T) {
	t.Parallel()
	f := plugin.Description{Variables: []plugin.Variable{
		{Name: "CF_API_EMAIL", Help: "Account email"}, {Name: "CF_API_KEY", Secret: true}, {Name: "CF_DNS_API_TOKEN", Secret: true},
		{Name: "CF_HTTP_TIMEOUT", Help: "The same as CLOUDFLARE_HTTP_TIMEOUT"}, {Name: "CLOUDFLARE_HTTP_TIMEOUT"}, {Name: "CF_TTL"},
		{Name: "CF_POLLING_INTERVAL"}, {Name: "AWS_MAX_RETRIES"}, {Name: "CLOUDFLARE_BASE_URL"},
		{Name: "CLOUDFLARE_DNS_API_TOKEN", Help: "Alias to CF_DNS_API_TOKEN", Secret: true},
	}}.Family("lego:cloudflare")
	if needs := f.Needs(); !slices.Equal(needs, []string{"one or more of CF_API_KEY, CF_DNS_API_TOKEN, CF_API_EMAIL"}) {
		t.Errorf("%q", needs)
	}
	for name, want := range map[string]bool{
		"CF_DNS_API_TOKEN": true, "CLOUDFLARE_DNS_API_TOKEN": true, "CF_API_KEY": true,
		"CF_HTTP_TIMEOUT": false, "CLOUDFLARE_HTTP_TIMEOUT": false, "CF_TTL": false, "AWS_MAX_RETRIES": false, "CLOUDFLARE_BASE_URL": false,
	} {
		missing := f.Check(func(asked string) string {
			if asked == name {
				return "x"
			}
			return ""
		})
		if (len(missing) == 0) != want {
			t.Errorf("with %s alone %q is missing", name, missing)
		}
	}
}
