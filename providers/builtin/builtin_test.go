package builtin_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wildcard/internal/settings"
	"wildcard/providers"
	"wildcard/providers/builtin"
)

// Every kind says what a person needs to know before it is used: of each variable what it is for, and of each family what it
// needs.
func TestEveryKindExplainsItself(t *testing.T) {
	t.Parallel()
	for name, kind := range builtin.Registry() {
		if kind.Summary == "" || kind.Form == "" || kind.Open == nil {
			t.Errorf("%s: %+v", name, kind)
		}
		form := strings.NewReplacer("[ZONE=]", "", "ZONE", "example.com").Replace(kind.Form)
		if spec, err := providers.ParseSpec(form); err != nil || spec.Name != name {
			t.Errorf("%s is written %s: %v", name, kind.Form, err)
		}
		var variables []settings.Variable
		for _, f := range kind.Families {
			variables = append(variables, f.Variables...)
			if f.Name == "" || len(f.Needs()) == 0 {
				t.Errorf("%s: family %q needs %q", name, f.Name, f.Needs())
			}
		}
		for _, v := range slices.Concat(variables, kind.Settings) {
			if v.Name == "" || v.Help == "" {
				t.Errorf("%s: variable %+v", name, v)
			}
		}
	}
}

func TestOpenUnknown(t *testing.T) {
	t.Parallel()
	_, err := builtin.Registry().Open([]providers.Spec{{Name: "nothing"}}, builtin.Config{})
	if providers.CodeOf(err) != providers.CodeUnknownProvider || providers.ClassOf(err) != providers.Usage {
		t.Error(err)
	}
}

// What its name or its help calls a URL, a server or the like decides who gets the secrets, and must be marked so. Text of the
// environment is out of reach for a provider otherwise: package settings hands out numbers alone.
func TestPeers_Marked(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`(?i)(_|^)(url|base|server|nameserver|host|endpoint|address|proxy|cacert|ca)(_|$)|^URL|^base URL|^file with the CA|name server: host`)
	found := 0
	for name, kind := range builtin.Registry() {
		for _, f := range kind.Families {
			for _, v := range f.Variables {
				if !v.Peer && (form.MatchString(v.Name) || form.MatchString(string(v.Help))) {
					t.Errorf("%s: %s looks like one that says where secrets go", name, v.Name)
				}
				if v.Peer {
					found++
				}
				if v.Peer && v.Secret {
					t.Errorf("%s: %s is both", name, v.Name)
				}
			}
		}
		for _, v := range kind.Settings {
			if v.Peer || form.MatchString(v.Name) || form.MatchString(string(v.Help)) {
				t.Errorf("%s: %s belongs to a family", name, v.Name)
			}
		}
	}
	if found < 8 {
		t.Errorf("%d variables are marked", found)
	}
}

// No kind sends the password of a file where the environment says.
func TestPeers_Environment(t *testing.T) {
	t.Parallel()
	const rogue = "https://rogue.example/v3"
	for kind, file := range map[string]string{
		"conoha":    "CONOHA_TENANT_ID=t\nCONOHA_API_USERNAME=gncu1\nCONOHA_API_PASSWORD=p\n",
		"designate": "OS_AUTH_URL=https://keystone.example/v3\nOS_USERNAME=u\nOS_PASSWORD=p\nOS_PROJECT_NAME=x\n",
		"rfc2136":   "RFC2136_TSIG_KEY=k\nRFC2136_TSIG_SECRET=c2VjcmV0\nRFC2136_NAMESERVER=192.0.2.1\n",
		"acmedns":   "ACME_DNS_API_BASE=https://acme-dns.example\nACMEDNS_USERNAME=u\nACMEDNS_PASSWORD=p\nACMEDNS_SUBDOMAIN=s\n",
	} {
		path := filepath.Join(t.TempDir(), "env")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		var environ []string
		for _, f := range builtin.Registry()[kind].Families {
			for _, v := range f.Variables {
				for _, name := range append(v.Aliases, v.Name) {
					if v.Peer {
						environ = append(environ, name+"="+rogue)
					}
				}
			}
		}
		spec := providers.Spec{Zone: "example.com.", Name: kind, EnvFile: path}
		accounts, err := builtin.Registry().Open([]providers.Spec{spec}, builtin.Config{Settings: settings.Sources{Environ: environ}})
		for _, a := range accounts {
			if text := a.Fingerprint + a.Label; strings.Contains(text, "rogue") {
				t.Errorf("%s: %s", kind, text)
			}
		}
		if err != nil && (providers.CodeOf(err) != providers.CodeBadSettings || strings.Contains(err.Error(), "rogue")) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
