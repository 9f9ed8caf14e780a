package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"wildcard/cmd/wildcard-dns-lego/catalogue"
	"wildcard/providers/plugin"
)

// The catalogue is that of the version of lego in go.mod.
func TestUpToDate(t *testing.T) {
	t.Parallel()
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile("../services.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Error("catalogue/services.json is not what lego's source says: go generate ./catalogue")
	}
}

// The constructors are those of lego's registry, each in a file that build tags leave out, and there is no other file of that form.
func TestUpToDate_Constructors(t *testing.T) {
	t.Parallel()
	want, err := constructors()
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("../../services/service_*.go")
	if err != nil || len(paths) != len(want) || len(want) < 190 {
		t.Errorf("%d files of %d %v: go generate ./catalogue", len(paths), len(want), err)
	}
	all, err := catalogue.Services()
	if err != nil {
		t.Fatal(err)
	}
	named := ""
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(text) != want[filepath.Base(path)] {
			t.Errorf("%s is not what lego's registry says: go generate ./catalogue", path)
		}
		named += string(text)
	}
	for _, s := range all {
		if !strings.Contains(named, "add("+strconv.Quote(s.Name)+", ") {
			t.Errorf("no file adds %s", s.Name)
		}
	}
}

// Every name that lego's registry knows is in the catalogue, and no other.
func TestNames(t *testing.T) {
	t.Parallel()
	all, err := catalogue.Services()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range all {
		names = append(append(names, s.Name), s.Aliases...)
	}
	want := slices.DeleteFunc(registry(t), func(name string) bool { return name == "manual" }) // which asks at a terminal
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) || len(want) < 190 {
		t.Errorf("catalogue: %q\nlego: %q", names, want)
	}
}

// registry returns the names in the big switch of lego's NewDNSChallengeProviderByName.
func registry(t *testing.T) (names []string) {
	t.Helper()
	root, err := legoDir()
	if err != nil {
		t.Fatal(err)
	}
	syntax, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "providers", "dns", "zz_gen_dns_providers.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(syntax, func(n ast.Node) bool {
		if clause, ok := n.(*ast.CaseClause); ok {
			for _, e := range clause.List {
				name, err := strconv.Unquote(e.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				names = append(names, name)
			}
		}
		return true
	})
	return names
}

func TestSecret(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"CF_DNS_API_TOKEN": true, "AWS_SECRET_ACCESS_KEY": true, "CONOHA_API_PASSWORD": true, "DNSUPDATE_TSIG_SECRET": true, "EPIK_SIGNATURE": true,
		"HURRICANE_TOKENS": true, "MYADDR_PRIVATE_KEYS_MAPPING": true, "NETCUP_API_KEY": true, "OVH_APPLICATION_SECRET": true, "DREAMHOST_API_KEY": true,
		"DNSUPDATE_TSIG_FILE": false, "TRANSIP_PRIVATE_KEY_PATH": false, "AWS_REGION": false, "HTTPREQ_ENDPOINT": false, "CONOHA_API_USERNAME": false,
		"AWS_WEB_IDENTITY_TOKEN_FILE": false, "CLOUDFLARE_TTL": false,
	} {
		if secret(name) != want {
			t.Errorf("secret(%s) = %t", name, !want)
		}
	}
}

func TestSplitHelp(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		"The TTL in seconds (Default: 60)":  {"The TTL in seconds", "60"},
		"Two\nlines (Default: a b).":        {"Two lines", "a b"},
		"A mode (Default: 60), only in SVC": {"A mode (Default: 60), only in SVC", ""},
		"":                                  {"", ""},
	} {
		if help, value := splitHelp(text); help != want[0] || value != want[1] {
			t.Errorf("%q: %q, %q", text, help, value)
		}
	}
}

// What the catalogue says of some services that people know.
func TestVariables(t *testing.T) {
	t.Parallel()
	all, err := catalogue.Services()
	if err != nil {
		t.Fatal(err)
	}
	variable := func(service, name string) plugin.Variable {
		s, ok := catalogue.Find(all, service)
		if !ok {
			t.Fatalf("no %s", service)
		}
		for _, v := range s.Variables {
			if v.Name == name {
				return v
			}
		}
		return plugin.Variable{}
	}
	for _, test := range []struct {
		service string
		want    plugin.Variable
	}{
		{"conoha", plugin.Variable{Name: "CONOHA_API_PASSWORD", Help: "The API password", Required: true, Secret: true}},
		{"conoha", plugin.Variable{Name: "CONOHA_REGION", Help: "The region", Default: "tyo1"}},
		{"cloudflare", plugin.Variable{Name: "CF_TTL", Help: "The same as CLOUDFLARE_TTL", Default: "120"}}, // not in the TOML
		{"exec", plugin.Variable{Name: "EXEC_PATH", Required: true}},                                        // no variable of it is in the TOML
		{"dnsupdate", plugin.Variable{Name: "RFC2136_NAMESERVER", Help: "The same as DNSUPDATE_NAMESERVER"}},
		{"route53", plugin.Variable{Name: "AWS_SESSION_TOKEN", Secret: true}},
		{"gcloud", plugin.Variable{Name: "GCE_SERVICE_ACCOUNT_FILE", Help: "Account file path"}},
	} {
		if v := variable(test.service, test.want.Name); v != test.want {
			t.Errorf("%s: %+v, want %+v", test.service, v, test.want)
		}
	}
	for service, name := range map[string]string{"gcloud": "GCE_SERVICE_ACCOUNT", "cloudflare": "CF_EMAIL", "namecheap": "REQUEST_METHOD"} {
		if v := variable(service, name); v.Name != "" {
			t.Errorf("%s offers %s", service, name)
		}
	}
}
