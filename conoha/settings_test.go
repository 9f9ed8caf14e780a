package conoha

import (
	"strings"
	"testing"
	"time"

	"wildcard/internal/settings"
	"wildcard/providers"
)

// opened opens accounts whose settings are in the environment.
func opened(t *testing.T, environ ...string) []*Provider {
	t.Helper()
	accounts, err := Open(providers.Spec{Name: "conoha"}, settings.Sources{Environ: environ}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out []*Provider
	for _, a := range accounts {
		out = append(out, a.Provider.(*Provider))
	}
	return out
}

const (
	hexUser = "0123456789abcdef0123456789abcdef"
	hexMore = "fedcba9876543210fedcba9876543210"
)

func TestGeneration(t *testing.T) {
	for name, c := range map[string]struct {
		environ  string
		version  int
		user     string
		userIsID bool
		identity string
		dns      string
	}{
		"user name":           {"CONOHA_API_USERNAME=gncu1", 2, "gncu1", false, "https://identity.tyo1.conoha.io/v2.0", "https://dns-service.tyo1.conoha.io"},
		"user id":             {"CONOHA_API_USER_ID=" + hexUser, 3, hexUser, true, "https://identity.c3j1.conoha.io/v3", "https://dns-service.c3j1.conoha.io"},
		"both":                {"CONOHA_API_USERNAME=gncu1 CONOHA_API_USER_ID=" + hexUser, 3, hexUser, true, "https://identity.c3j1.conoha.io/v3", "https://dns-service.c3j1.conoha.io"},
		"both in tyo2":        {"CONOHA_REGION=tyo2 CONOHA_API_USERNAME=gncu1 CONOHA_API_USER_ID=" + hexUser, 2, "gncu1", false, "https://identity.tyo2.conoha.io/v2.0", "https://dns-service.tyo2.conoha.io"},
		"name in c3j1":        {"CONOHA_REGION=c3j1 CONOHA_API_USERNAME=gncu1", 3, "gncu1", false, "https://identity.c3j1.conoha.io/v3", "https://dns-service.c3j1.conoha.io"},
		"id as name in c3j2":  {"CONOHA_REGION=c3j2 CONOHA_API_USERNAME=" + hexUser, 3, hexUser, true, "https://identity.c3j2.conoha.io/v3", "https://dns-service.c3j2.conoha.io"},
		"URL of Ver.3.0":      {"CONOHA_IDENTITY_URL=https://id.example/prov2/v3/ CONOHA_API_USERNAME=gncu1", 3, "gncu1", false, "https://id.example/prov2/v3", "https://dns-service.c3j1.conoha.io"},
		"URL of Ver.2.0":      {"CONOHA_IDENTITY_URL=https://id.example/v2.0// CONOHA_API_USERNAME=gncu1", 2, "gncu1", false, "https://id.example/v2.0", "https://dns-service.tyo1.conoha.io"},
		"DNS URL":             {"CONOHA_DNS_URL=http://127.0.0.9:8080/ CONOHA_API_USERNAME=gncu1", 2, "gncu1", false, "https://identity.tyo1.conoha.io/v2.0", "http://127.0.0.9:8080"},
		"DNS URL with /v1":    {"CONOHA_DNS_URL=http://[::1]:1/v1 CONOHA_API_USERNAME=gncu1", 2, "gncu1", false, "https://identity.tyo1.conoha.io/v2.0", "http://[::1]:1"},
		"id as name":          {"CONOHA_API_USERNAME=" + hexUser, 3, hexUser, true, "https://identity.c3j1.conoha.io/v3", "https://dns-service.c3j1.conoha.io"},
		"id as name in tyo1":  {"CONOHA_REGION=tyo1 CONOHA_API_USERNAME=" + hexUser, 2, hexUser, false, "https://identity.tyo1.conoha.io/v2.0", "https://dns-service.tyo1.conoha.io"},
		"id as name, /v2.0":   {"CONOHA_IDENTITY_URL=https://id.example/v2.0 CONOHA_API_USERNAME=" + hexUser, 2, hexUser, false, "https://id.example/v2.0", "https://dns-service.tyo1.conoha.io"},
		"31 digits":           {"CONOHA_API_USERNAME=" + hexUser[1:], 2, hexUser[1:], false, "https://identity.tyo1.conoha.io/v2.0", "https://dns-service.tyo1.conoha.io"},
		"32 that are no ID":   {"CONOHA_API_USERNAME=gncu" + hexUser[4:], 2, "gncu" + hexUser[4:], false, "https://identity.tyo1.conoha.io/v2.0", "https://dns-service.tyo1.conoha.io"},
		"region unknown here": {"CONOHA_REGION=sin1 CONOHA_IDENTITY_URL=https://x.example/v3 CONOHA_API_USERNAME=gncu1", 3, "gncu1", false, "https://x.example/v3", "https://dns-service.sin1.conoha.io"},
	} {
		t.Run(name, func(t *testing.T) {
			environ := append(strings.Fields(c.environ), "CONOHA_TENANT_ID="+hexMore, "CONOHA_API_PASSWORD=password")
			a := opened(t, environ...)[0].account
			if a.generation.version != c.version || a.user != c.user || a.userIsID != c.userIsID || a.identityURL != c.identity || a.dnsURL != c.dns {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestFamilies(t *testing.T) {
	for name, c := range map[string]struct {
		environ string
		prints  []string
	}{
		"scripts, Ver.2.0":          {"CNH_TENANT_ID=t CNH_USERNAME=gncu1 CNH_PASSWORD=p", []string{"conoha https://identity.tyo1.conoha.io/v2.0 t gncu1"}},
		"scripts, region":           {"CNH_REGION=tyo2 CNH_TENANT_ID=t CNH_USERNAME=gncu1 CNH_PASSWORD=p", []string{"conoha https://identity.tyo2.conoha.io/v2.0 t gncu1"}},
		"scripts, Ver.3.0 with id":  {"CNH_REGION=c3j1 CNH_TENANT_ID=t CNH_PASSWORD=p CNH_USERNAME=" + hexUser, []string{"conoha https://identity.c3j1.conoha.io/v3 t " + hexUser}},
		"older script":              {"CNH_TENANTID=t CNH_NAME=gncu1 CNH_PASS=p", []string{"conoha https://identity.tyo1.conoha.io/v2.0 t gncu1"}},
		"older script, an id":       {"CNH_TENANTID=" + hexMore + " CNH_PASS=x CNH_NAME=" + hexUser, []string{"conoha https://identity.c3j1.conoha.io/v3 " + hexMore + " " + hexUser}},
		"scripts, an id":            {"CNH_TENANT_ID=" + hexMore + " CNH_PASSWORD=x CNH_USERNAME=" + strings.ToUpper(hexUser), []string{"conoha https://identity.c3j1.conoha.io/v3 " + hexMore + " " + strings.ToUpper(hexUser)}},
		"lego's Ver.3.0":            {"CONOHAV3_TENANT_ID=t CONOHAV3_API_USER_ID=i CONOHAV3_API_PASSWORD=p", []string{"conoha https://identity.c3j1.conoha.io/v3 t i"}},
		"lego's Ver.3.0 with name":  {"CONOHAV3_TENANT_ID=t CONOHAV3_API_USERNAME=gncu1 CONOHAV3_API_PASSWORD=p", []string{"conoha https://identity.c3j1.conoha.io/v3 t gncu1"}},
		"an account of each":        {"CONOHAV3_TENANT_ID=t CONOHAV3_API_USER_ID=i CONOHAV3_API_PASSWORD=p CONOHA_TENANT_ID=u CONOHA_API_USERNAME=n CONOHA_API_PASSWORD=q", []string{"conoha https://identity.tyo1.conoha.io/v2.0 u n", "conoha https://identity.c3j1.conoha.io/v3 t i"}},
		"one account in two shapes": {"CONOHAV3_TENANT_ID=t CONOHAV3_API_USER_ID=i CONOHAV3_API_PASSWORD=p CONOHA_TENANT_ID=t CONOHA_API_USER_ID=i CONOHA_API_PASSWORD=p", []string{"conoha https://identity.c3j1.conoha.io/v3 t i"}},
	} {
		t.Run(name, func(t *testing.T) {
			var prints []string
			for _, p := range opened(t, strings.Fields(c.environ)...) {
				prints = append(prints, p.account.fingerprint())
			}
			if strings.Join(prints, "\n") != strings.Join(c.prints, "\n") {
				t.Errorf("got %q, want %q", prints, c.prints)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	p := opened(t, "CONOHA_TENANT_ID=t", "CONOHA_API_USERNAME=n", "CONOHA_API_PASSWORD=p")[0]
	if a := p.account; a.ttl != 60 || a.timeout != 30*time.Second || p.LongestWait() != 0 {
		t.Errorf("%+v", a)
	}
	p = opened(t, "CONOHA_TENANT_ID=t", "CONOHA_API_USERNAME=n", "CONOHA_API_PASSWORD=p",
		"CONOHA_TTL=300", "CONOHA_HTTP_TIMEOUT=5", "CONOHA_PROPAGATION_TIMEOUT=10m")[0]
	if a := p.account; a.ttl != 300 || a.timeout != 5*time.Second || p.LongestWait() != 10*time.Minute {
		t.Errorf("%+v", a)
	}
	p = opened(t, "CONOHAV3_TENANT_ID=t", "CONOHAV3_API_USER_ID=n", "CONOHAV3_API_PASSWORD=p", "CONOHA_TTL=300",
		"CONOHAV3_TTL=90", "CONOHAV3_DNS_URL=https://dns.example/x/")[0]
	if a := p.account; a.ttl != 90 || a.dnsURL != "https://dns.example/x" {
		t.Errorf("%+v", a)
	}
}

func TestLabel(t *testing.T) {
	accounts, err := Open(providers.Spec{Name: "conoha"}, settings.Sources{Environ: []string{
		"CONOHA_TENANT_ID=" + hexMore, "CONOHA_API_USER_ID=" + hexUser, "CONOHA_API_PASSWORD=password",
	}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := accounts[0].Label, "conoha Ver.3.0 (c3j1, tenant fedcba98…, CONOHA_* from the environment; Ver.3.0 because CONOHA_API_USER_ID is set)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBadSettings(t *testing.T) {
	const v2 = "CONOHA_TENANT_ID=t CONOHA_API_USERNAME=n CONOHA_API_PASSWORD=canary-password "
	const v3 = "CONOHAV3_TENANT_ID=t CONOHAV3_API_USER_ID=n CONOHAV3_API_PASSWORD=canary-password "
	for environ, want := range map[string]struct{ code, names string }{
		v2 + "CONOHA_TTL=59":                                         {providers.CodeBadSettings, "CONOHA_TTL"},
		v2 + "CONOHA_TTL=1m":                                         {providers.CodeBadSettings, "CONOHA_TTL"},
		v2 + "CONOHA_HTTP_TIMEOUT=0":                                 {providers.CodeBadSettings, "CONOHA_HTTP_TIMEOUT"},
		v2 + "CONOHA_HTTP_TIMEOUT=-5s":                               {providers.CodeBadSettings, "CONOHA_HTTP_TIMEOUT"},
		v2 + "CONOHA_PROPAGATION_TIMEOUT=soon":                       {providers.CodeBadSettings, "CONOHA_PROPAGATION_TIMEOUT"},
		v2 + "CONOHA_PROPAGATION_TIMEOUT=9999999999999999":           {providers.CodeBadSettings, "CONOHA_PROPAGATION_TIMEOUT"},
		v2 + "CONOHA_REGION=evil.example/":                           {providers.CodeBadSettings, "CONOHA_REGION"},
		v2 + "CONOHA_REGION=x":                                       {providers.CodeBadSettings, "CONOHA_REGION"},
		v2 + "CONOHA_IDENTITY_URL=https://id.example/":               {providers.CodeBadSettings, "/v2.0 or /v3"},
		v2 + "CONOHA_IDENTITY_URL=http://id.example/v2.0":            {providers.CodeBadSettings, "https"},
		v2 + "CONOHA_IDENTITY_URL=http://127.0.0.1.example/v2.0":     {providers.CodeBadSettings, "https"},
		v2 + "CONOHA_IDENTITY_URL=https://u:canary-password@x/v2.0":  {providers.CodeBadSettings, "CONOHA_IDENTITY_URL"},
		v2 + "CONOHA_IDENTITY_URL=https://x/v2.0?canary-password":    {providers.CodeBadSettings, "CONOHA_IDENTITY_URL"},
		v2 + "CONOHA_IDENTITY_URL=:canary-password":                  {providers.CodeBadSettings, "CONOHA_IDENTITY_URL"},
		v2 + "CONOHA_REGION=c3j1 CONOHA_IDENTITY_URL=https://x/v2.0": {providers.CodeBadSettings, "CONOHA_REGION"},
		v2 + "CONOHA_DNS_URL=ftp://127.0.0.1/":                       {providers.CodeBadSettings, "CONOHA_DNS_URL"},
		v2 + "CONOHA_DNS_URL=dns.example":                            {providers.CodeBadSettings, "CONOHA_DNS_URL"},
		v3 + "CONOHAV3_REGION=tyo1":                                  {providers.CodeBadSettings, "CONOHAV3_REGION"},
		v3 + "CONOHAV3_IDENTITY_URL=https://x/v2.0":                  {providers.CodeBadSettings, "CONOHAV3_IDENTITY_URL"},
		"CONOHA_TENANT_ID=t CONOHA_API_PASSWORD=canary-password":     {providers.CodeMissing, "CONOHA_API_USERNAME"},
		"CONOHA_TENANT_ID=t CONOHA_API_USERNAME=n":                   {providers.CodeMissing, "CONOHA_API_PASSWORD"},
		"CONOHA_REGION=tyo1 CONOHA_TENANT_ID=t CONOHA_API_USER_ID=n CONOHA_API_PASSWORD=canary-password": {providers.CodeMissing, "CONOHA_API_USERNAME"},
		"CONOHA_TENANT_ID=té CONOHA_API_USERNAME=n CONOHA_API_PASSWORD=canary-password":                  {providers.CodeBadSettings, "CONOHA_TENANT_ID"},
		"": {providers.CodeMissing, "CONOHA_"},
	} {
		_, err := Open(providers.Spec{Name: "conoha"}, settings.Sources{Environ: strings.Fields(environ)}, Options{})
		if providers.CodeOf(err) != want.code || providers.ClassOf(err) != providers.Misconfigured {
			t.Errorf("%s: %v (%s)", environ, err, providers.CodeOf(err))
			continue
		}
		if !strings.Contains(err.Error(), want.names) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", environ, err)
		}
	}
	if _, err := Open(providers.Spec{Name: "conoha", Arg: "x"}, settings.Sources{}, Options{}); providers.CodeOf(err) != providers.CodeBadSpec {
		t.Error(err)
	}
}
