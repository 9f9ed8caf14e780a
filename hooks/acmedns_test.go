package hooks_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/providers/acmedns/acmednstest"
)

// certbot's hooks with acme-dns: the first call says which CNAME to set; then two challenges share the name.
func TestAcmeDNS(t *testing.T) {
	t.Parallel()
	server, err := acmednstest.Start("auth.example.org")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w := newWorld(t, conohatest.Options{})
	w.environ = append(w.environ, "ACME_DNS_API_BASE="+server.URL(), "WILDCARD_PROVIDER=acmedns")
	for i, entry := range w.environ {
		if strings.HasPrefix(entry, "WILDCARD_NAMESERVERS=") {
			w.environ[i] += "," + server.Addr()
		}
	}
	calls := []call{{domain: "www.example.net", value: value(1), remaining: 1}, {domain: "www.example.net", value: value(2)}}
	first := w.fails("auth", calls[0], 78, "[cname.missing]", "_acme-challenge.www.example.net. CNAME")
	target := regexp.MustCompile(`CNAME (\S+)\.`).FindStringSubmatch(first.stderr)[1]
	w.fails("auth", calls[1], 78, "_acme-challenge.www.example.net. CNAME "+target+".")
	calls[0].output = first.stdout
	w.must("cleanup", calls[0]) // certbot calls it all the same
	calls[0].output = ""
	if names := server.Names(); len(names) != 1 || names[0] != target+"." {
		t.Fatalf("registered are %q, to be set was %s", names, target)
	}

	w.conoha.PutRecord("example.net", "_acme-challenge.www.example.net", "CNAME", target+".")
	for certificate := range 3 {
		for i := range calls {
			calls[i].value = value(10*certificate + i)
			calls[i].output = w.must("auth", calls[i])
			if want := "wildcard/1 created " + target + ". "; !strings.HasPrefix(calls[i].output, want) {
				t.Errorf("receipt %q, want %q", calls[i].output, want)
			}
		}
		for _, c := range calls {
			if !slices.Contains(server.Texts(target), c.value) {
				t.Errorf("%q lacks %s", server.Texts(target), c.value)
			}
		}
		for i := range calls {
			w.must("cleanup", calls[i])
			calls[i].output = ""
		}
		w.clean()
	}
}
