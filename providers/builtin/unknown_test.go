package builtin_test

import (
	"path/filepath"
	"strings"
	"testing"

	"wildcard/providers"
	"wildcard/providers/builtin"
)

// TestUnknown_WhatWasMeant: report N20. A service of lego's, by its name, by that of certbot's plugin, mistyped, with and without a zone;
// a mistyped kind of ours; what no one has.
func TestUnknown_WhatWasMeant(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		"cloudflare":                 "--provider example.com=lego:cloudflare",
		"example.net=route53":        "--provider example.net=lego:route53",
		"cloudfare@/etc/x.env":       "--provider example.com=lego:cloudflare",
		"dns-cloudflare":             "--provider example.com=lego:cloudflare",
		"route-53":                   "lego:route53",
		"dns-digitalocean":           "lego:digitalocean",
		"gandi-v5":                   "lego:gandiv5",
		"conoah":                     "did you mean conoha?",
		"rfc2316":                    "did you mean rfc2136?",
		"dns-rfc2136":                "did you mean rfc2136?",
		"acme-dns":                   "did you mean acmedns?",
		"a-service-that-no-one-has":  "only acmedns, certbot-hook, conoha, designate, exec, lego, manual, plugin, rfc2136, and lego:NAME",
		"lego:cloudflare":            "it is installed separately",
		"lego:cloudfare":             "did you mean lego:cloudflare?",
		"lego:dns-cloudflare":        "did you mean lego:cloudflare?",
		"lego:one-that-it-has-not":   "lego has no service",
		"plugin:cloudflare":          "did you mean lego:cloudflare?",
		"plugin:nothing-of-the-sort": "there is no wildcard-dns-nothing-of-the-sort in ",
	} {
		parsed, err := providers.ParseSpec(spec)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		_, err = builtin.Registry().Open([]providers.Spec{parsed}, builtin.Config{Environ: []string{"WILDCARD_PLUGIN_DIR=" + dir}})
		code, class := providers.CodeUnknownProvider, providers.Usage
		switch parsed.Name {
		case "lego":
			code, class = providers.CodeNotInstalled, providers.Misconfigured
		case "plugin":
			class = providers.Misconfigured
		}
		if err == nil || !strings.Contains(err.Error(), want) || providers.CodeOf(err) != code || providers.ClassOf(err) != class {
			t.Errorf("%s: %v [%s], want %q [%s]", spec, err, providers.CodeOf(err), want, code)
		}
		if class == providers.Misconfigured && !strings.Contains(err.Error(), filepath.Join(dir)) {
			t.Errorf("%s: %v does not name the folders", spec, err)
		}
	}
	if _, err := providers.ParseSpec("Cloudflare"); err == nil || !strings.Contains(err.Error(), "small letters, cloudflare") {
		t.Errorf("%v", err)
	}
}
