package designate

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wildcard/internal/settings"
	"wildcard/providers"
)

// The file that Horizon lets one download for an application credential is an env file as it is.
func TestOpenrc(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "app-cred-certificates-openrc.sh")
	text := "#!/usr/bin/env bash\n\nexport OS_AUTH_TYPE=v3applicationcredential\nexport OS_AUTH_URL=" + w.url + "/identity\n" +
		"export OS_IDENTITY_API_VERSION=3\nexport OS_REGION_NAME=\"RegionOne\"\nexport OS_INTERFACE=public\n" +
		"export OS_APPLICATION_CREDENTIAL_ID=" + testCred + "\nexport OS_APPLICATION_CREDENTIAL_SECRET=" + testSecret + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	accounts, err := w.try("designate@"+path, settings.Sources{})
	if err != nil {
		t.Fatal(err)
	}
	p := accounts[0].Provider.(*Provider)
	defer func() { _ = p.Close() }()
	w.present(p, challenge("example.com", 1))
}

func TestClouds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	write := func(path, text string) string {
		t.Helper()
		path = filepath.Join(t.TempDir(), path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const form = "clouds:\n  mine:\n    auth_type: v3applicationcredential\n    auth: {auth_url: %s/identity, application_credential_id: %s, application_credential_secret: %q}\n    region_name: RegionOne\n" +
		"  user:\n    region_name: RegionOne\n    auth: {auth_url: %s/identity, username: wildcard, project_name: demo}\n    verify: true\n  lax:\n    verify: false\n    auth: {auth_url: https://x/, username: u, password: p, project_name: d}\n  far: {profile: rackspace, auth: {username: u, password: p, project_name: d}}\n"
	path := write("openstack/clouds.yaml", fmt.Sprintf(form, w.url, testCred, testSecret, w.url))
	dir := filepath.Dir(path)
	open := func(cloud string, src settings.Sources) error {
		src.Environ = append(src.Environ, "OS_CLOUD="+cloud)
		accounts, err := w.try("designate", src)
		if err != nil {
			return err
		}
		p := accounts[0].Provider.(*Provider)
		defer func() { _ = p.Close() }()
		_, err = p.Zones(t.Context(), false)
		return err
	}
	named := settings.Sources{Environ: []string{"OS_CLIENT_CONFIG_FILE=" + path}}
	if err := open("mine", named); err != nil {
		t.Error(err)
	}
	w.fails(open("user", named), providers.CodeMissing, providers.Misconfigured, `cloud "user"`, "lacks auth.password")
	if err := os.WriteFile(filepath.Join(dir, "secure.yaml"), []byte("clouds: {user: {auth: {password: \""+testPassword+"\"}}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open("user", named); err != nil {
		t.Error(err)
	}
	w.fails(open("none", named), providers.CodeBadSettings, providers.Misconfigured, `no cloud "none"`)
	w.fails(open("lax", named), providers.CodeBadSettings, providers.Misconfigured, "OS_CACERT")
	w.fails(open("far", named), providers.CodeBadSettings, providers.Misconfigured, `profile "rackspace"`)
	for _, elsewhere := range []string{"OS_DNS_ENDPOINT_OVERRIDE=https://rogue.example/", "OS_CACERT=/tmp/rogue.pem"} { // the password is the file's
		name, _, _ := strings.Cut(elsewhere, "=")
		w.fails(open("mine", settings.Sources{Environ: append([]string{elsewhere}, named.Environ...)}), providers.CodeBadSettings, providers.Misconfigured, name, "clouds.yaml")
	}
	w.fails(open("mine", settings.Sources{Environ: []string{"OS_CLIENT_CONFIG_FILE=" + path + ".not"}}), providers.CodeMissing, providers.Misconfigured)

	home := filepath.Join(t.TempDir(), ".config")
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, filepath.Join(home, "openstack")); err != nil {
		t.Fatal(err)
	}
	if err := open("mine", settings.Sources{Environ: []string{"HOME=" + filepath.Dir(home)}}); err != nil {
		t.Error(err)
	}
	clouds := filepath.Join(home, "openstack", "clouds.yaml")
	if err := os.Chmod(clouds, 0o644); err != nil {
		t.Fatal(err)
	}
	w.fails(open("mine", settings.Sources{Environ: []string{"HOME=" + filepath.Dir(home)}}), providers.CodeUnsafeFile, providers.Misconfigured, "chmod")
	broken := write("clouds.yaml", "clouds: {mine: "+testSecret+"\n\t")
	w.fails(open("mine", settings.Sources{Environ: []string{"OS_CLIENT_CONFIG_FILE=" + broken}}), providers.CodeBadSettings, providers.Misconfigured, "YAML")
}
