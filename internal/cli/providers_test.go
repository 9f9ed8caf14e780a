package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wildcard/internal/testkit/executable"
)

// plugins makes a folder of plugins, of which each is a shell script that describes itself. No other user can write to it,
// whatever the umask.
func (w *world) plugins(descriptions map[string]string) string {
	w.t.Helper()
	dir := filepath.Join(w.dir, "plugins")
	if err := os.Mkdir(dir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	for name, description := range descriptions {
		script := "#!/bin/sh\nread -r line\n" + description + "\nread -r line\n"
		executable.Write(w.t, filepath.Join(dir, "wildcard-dns-"+name), script)
	}
	return dir
}

// describing is a plugin of which some answer depends on the service that is asked for.
const describing = `case $line in
*'"service":"route53"'*) echo '{"protocol":1,"id":1,"title":"Amazon Route 53","link":"https://aws.example/","variables":[{"name":"AWS_KEY","help":"the key"},{"name":"AWS_SECRET","secret":true}]}' ;;
*'"service":""'*) echo '{"protocol":1,"id":1,"title":"lego","services":[{"name":"route53","title":"Amazon Route 53"},{"name":"pdns","title":"PowerDNS\u001b[31m"}]}' ;;
*) echo '{"protocol":1,"id":1,"error":{"class":"usage","message":"no such service"}}' ;;
esac`

// bare is an environment without a single setting, but for where plugins are.
func bare(dir string) []string { return []string{"HOME=/nonexistent", "WILDCARD_PLUGIN_DIR=" + dir} }

// What there is, and what is to be set, is told without credentials, configuration or network.
func TestProviders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.environ = bare(w.plugins(map[string]string{
		"lego":   describing,
		"files":  `echo '{"protocol":1,"id":1,"title":"A folder","lists_zones":true,"variables":[{"name":"STORE","help":"folder","required":true}]}'`,
		"broken": `echo hello`,
	}))
	got := w.run("providers").exits(0, "PROVIDER", "ZONE=rfc2136", "plugin:files", "A folder", "ZONE=lego:route53", "Amazon Route 53", "plugin:broken: ", "not one line of JSON")
	if got.stderr != "" || strings.Contains(got.stdout, "\x1b") || strings.Contains(got.stdout, "is missing") {
		t.Errorf("%q\n%q", got.stdout, got.stderr)
	}
	list := answerOf[struct{ Providers []providerLine }](w.run("providers", "--json").exits(0)).Providers
	named := map[string]providerLine{}
	for _, line := range list {
		named[line.Name] = line
		if line.Problem == "" && (line.Spec == "" || line.Summary == "") {
			t.Errorf("%+v", line)
		}
	}
	if len(named) != len(list) || named["plugin:files"].Spec != "plugin:files" || named["lego:pdns"].Spec != "ZONE=lego:pdns" || named["plugin:broken"].Problem == "" {
		t.Errorf("%+v", list)
	}

	w.run("providers", "conoha").exits(0, "CONOHA_API_USERNAME or CONOHA_API_USER_ID", "required, secret", "CONOHAV3_", "for a second account", "CONOHA_TTL")
	w.run("providers", "rfc2136", "--quiet").exits(0, "RFC2136_TSIG_FILE", "hmac-sha256 (default)", "also DNSUPDATE_NAMESERVER")
	w.run("providers", "designate").exits(0, "OS_APPLICATION_CREDENTIAL_SECRET", "in their place")
	w.run("providers", "plugin").exits(0, "plugin:files", "lego:pdns")
	w.run("providers", "plugin:files").exits(0, "A folder", "STORE", "wildcard-dns-files")
	w.run("providers", "lego").exits(0, "lego:route53", "https://go-acme")
	w.run("providers", "lego:route53").exits(0, "Amazon Route 53", "https://aws.example/", "AWS_KEY", "optional, secret", "one or more of AWS_SECRET, AWS_KEY")

	shown := answerOf[providerAnswer](w.run("providers", "--json", "conoha").exits(0))
	password := func(v variableLine) bool {
		return v.Name == "CONOHA_API_PASSWORD" && v.Required && v.Secret && v.Help != ""
	}
	if len(shown.Sets) != 4 || shown.Sets[3].Account == shown.Sets[0].Account || !slices.ContainsFunc(shown.Sets[0].Variables, password) || len(shown.Settings) == 0 {
		t.Errorf("%+v", shown)
	}
	shown = answerOf[providerAnswer](w.run("providers", "--json", "plugin:files").exits(0))
	if shown.Name != "plugin:files" || filepath.Base(shown.Program) != "wildcard-dns-files" || len(shown.Sets) != 1 || !slices.Equal(shown.Sets[0].Needs, []string{"STORE"}) {
		t.Errorf("%+v", shown)
	}

	for line, want := range map[string]struct {
		code int
		text string
	}{
		"lego:none":             {2, "no such service [provider.unknown]"},
		"plugin:files@relative": {2, "absolute"},
	} {
		w.run(append([]string{"providers"}, strings.Fields(line)...)...).exits(want.code, want.text)
	}
	if calls := w.conoha.Calls(); calls.Connections+calls.Logins > 0 || len(w.conoha.Questions()) > 0 {
		t.Errorf("somebody was asked: %+v", calls)
	}
}

// TestProviders_ServiceOfLego: reports N9 and N20. A service of lego's is asked for by its own name, or without its plugin: what it is
// called here, and how the plugin is got, stands in the answer, also in that of issue; nothing is ordered.
func TestProviders_ServiceOfLego(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	folder := filepath.Join(w.dir, "plugins")
	w.environ = append(w.environ, "WILDCARD_PLUGIN_DIR="+folder)
	build := "go -C cmd/wildcard-dns-lego build"
	for _, service := range []string{"cloudflare", "cloudfare", "dns-cloudflare", "route53"} {
		want := "lego:" + strings.NewReplacer("dns-", "", "dfare", "dflare").Replace(service)
		w.run("providers", service).exits(2, want, "[provider.unknown]", "wildcard providers")
		w.run("issue", "--agree-tos", "--provider", service, "example.com").exits(2, want, "[provider.unknown]")
		w.run("providers", "lego:"+service).exits(78, folder, "/usr/local/lib/wildcard", build, "package wildcard-dns-lego", "[provider.not-installed]")
		w.run("issue", "--agree-tos", "--provider", "example.com=lego:"+service, "example.com").exits(78, folder, build, "[provider.not-installed]")
	}
	w.run("providers").exits(0, "wildcard-dns-lego is missing", folder, "wildcard explain provider.not-installed")
	w.run("explain", "provider.not-installed", "--lang", "ja").exits(0, "cmd/wildcard-dns-lego build")
	w.orders(0)
}

// A plugin trusts the roots that our own environment names, which we do not.
func TestProvidersRoots(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.environ = append(bare(w.plugins(map[string]string{"roots": `echo '{"protocol":1,"id":1,"title":"'$SSL_CERT_FILE:$SSL_CERT_DIR'"}'`})),
		"SSL_CERT_FILE=/roots.pem", "SSL_CERT_DIR=/roots")
	if got := w.start("providers", "plugin:roots").end(); got.code != 0 || !strings.Contains(got.stdout, "/roots.pem:/roots") {
		t.Errorf("exit status %d: %s%s", got.code, got.stdout, got.stderr)
	}
}
