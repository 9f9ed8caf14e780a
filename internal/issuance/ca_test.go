package issuance_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/internal/issuance"
)

// TestKnownCAs has a table whose lines can be found again by every name and URL in them, and that says nothing that cannot be.
func TestKnownCAs(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, f := range issuance.KnownCAs() {
		about := f.Name + " " + f.Company
		if f.Company == "" || f.Operator == "" || f.Memory <= 0 || f.Memory > 5*time.Minute {
			t.Errorf("%s: %+v", about, f)
		}
		if f.Directory == "" && len(f.Hosts) == 0 {
			t.Errorf("%s cannot be found", about)
		}
		for _, server := range []string{f.Directory, f.Staging} {
			if server == "" {
				continue
			}
			if was, ok := seen[server]; ok {
				t.Errorf("%s: %s is %s, too", about, server, was)
			}
			seen[server] = about
			u, err := url.Parse(server)
			if err != nil || u.Scheme != "https" {
				t.Fatalf("%s: %s", about, server)
			}
			for _, spelled := range []string{server, server + "/", "https://" + strings.ToUpper(u.Host) + ":443" + u.Path} {
				if found, ok := issuance.KnownCA(spelled); !ok || found.Name != f.Name {
					t.Errorf("%s is %q, %v", spelled, found.Name, ok)
				}
			}
		}
		for _, host := range f.Hosts {
			if found, ok := issuance.KnownCA("https://x." + host + "/any/directory"); !ok || found.Company != f.Company {
				t.Errorf("%s is %+v", host, found)
			}
		}
		for profile, n := range f.ProfileNames {
			if n <= 0 || f.MostNames(profile) != n {
				t.Errorf("%s: profile %s has %d names", about, profile, n)
			}
		}
		if f.Name != "" && f.Ended == nil && !slices.Contains(issuance.ServerNames(), f.Name) {
			t.Errorf("%s is not offered", about)
		}
		if f.Ended != nil && slices.Contains(issuance.ServerNames(), f.Name) {
			t.Errorf("%s ended and is offered", about)
		}
	}
}

func TestKnownCA_Unknown(t *testing.T) {
	t.Parallel()
	for _, server := range []string{"https://ca.example.com/acme/directory", "https://127.0.0.1:14000/dir", "https://evilacme.ssl.com.example/x", "nonsense"} {
		f, ok := issuance.KnownCA(server)
		if ok || f.Memory != time.Minute || f.MostNames("") != 0 || f.Ended != nil || f.Wildcards != issuance.NotKnown {
			t.Errorf("%s: %v %+v", server, ok, f)
		}
	}
}

func TestServerURL(t *testing.T) {
	t.Parallel()
	for _, name := range issuance.ServerNames() {
		server := issuance.ServerURL(strings.ToUpper(name))
		if !strings.HasPrefix(server, "https://") {
			t.Errorf("%s is %s", name, server)
		}
		if issuance.IsStaging(server) != strings.HasSuffix(name, "-staging") {
			t.Errorf("%s: for tries %v", name, issuance.IsStaging(server))
		}
	}
	for server, want := range map[string]string{"letsencrypt": "letsencrypt-staging", "google": "google-staging", "zerossl": "", "letsencrypt-staging": "", "https://ca.example/dir": ""} {
		staging, ok := issuance.StagingOf(issuance.ServerURL(server))
		if ok != (want != "") || ok && staging != issuance.ServerURL(want) {
			t.Errorf("%s is tried at %q, %v", server, staging, ok)
		}
	}
	if server := "https://ca.example/Dir"; issuance.ServerURL(server) != server {
		t.Error("a URL is changed")
	}
}
