//go:build e2e

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wildcard/providers/plugin"
)

// A plugin that is built with some services alone is small, has these under all their names, and says of another how it is built in.
func TestDescribe_BuiltWithSomeServices(t *testing.T) {
	t.Parallel()
	dir := private(t)
	program := filepath.Join(dir, name)
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-tags", "one,cloudflare,acmedns", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if info, err := os.Stat(program); err != nil || info.Size() >= 20<<20 || info.Mode().Perm()&0o022 != 0 {
		t.Errorf("%v %v", info, err)
	}
	o := plugin.Options{Environ: []string{"WILDCARD_PLUGIN_DIR=" + dir, "HOME=/nowhere"}, Stderr: said{t}}
	d, err := plugin.Describe(t.Context(), "lego", "", o)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range d.Services {
		names = append(names, s.Name)
	}
	if !slices.Equal(names, []string{"acme-dns", "acmedns", "cloudflare"}) {
		t.Errorf("it has %q", names)
	}
	if d, err := plugin.Describe(t.Context(), "lego", "cloudflare", o); err != nil || d.Title != "Cloudflare" {
		t.Errorf("%+v %v", d, err)
	}
	for service, tags := range map[string]string{"route53": "-tags one,route53,", "acme": "lego has no DNS service", "rfc2136": "-tags one,rfc2136,"} {
		if _, err := plugin.Describe(t.Context(), "lego", service, o); err == nil || !strings.Contains(err.Error(), tags) {
			t.Errorf("%s: %v", service, err)
		}
	}
	h := host{dir: dir, service: "cloudflare", environ: []string{"CF_DNS_API_TOKEN=" + "0123456789"}}
	h.must(t)
}
