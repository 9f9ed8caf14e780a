package repotest_test

import (
	"debug/buildinfo"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestProgramsOfServers reads from the programs themselves what they are made of. The hooks have what linked lists; wildcard has
// the ACME client of lego and no module that only its DNS services need, of which there are some 200.
func TestProgramsOfServers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	allowed := linked()
	allowed["wildcard/cmd/wildcard"] = append(slices.Clone(allowed["wildcard/hooks"]),
		"github.com/cenkalti/backoff/v5", "github.com/cpuguy83/go-md2man/v2", "github.com/go-acme/lego/v4", "github.com/go-jose/go-jose/v4",
		"github.com/jedib0t/go-pretty/v6", "github.com/kr/fs", "github.com/pkg/sftp", "github.com/mattn/go-runewidth", "github.com/pavlo-v-chernykh/keystore-go/v4",
		"github.com/rivo/uniseg", "github.com/russross/blackfriday/v2",
		"github.com/urfave/cli/v2", "github.com/xrash/smetrics", "golang.org/x/crypto", "golang.org/x/text",
		"software.sslmate.com/src/go-pkcs12")
	for _, pkg := range []string{"wildcard/cmd/wildcard", "wildcard/cmd/wildcard-auth-hook", "wildcard/cmd/wildcard-cleanup-hook"} {
		program := filepath.Join(dir, path.Base(pkg))
		if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, pkg).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		info, err := buildinfo.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		for _, module := range info.Deps {
			if !slices.Contains(allowed[pkg], module.Path) {
				t.Errorf("%s has %s in it", pkg, module.Path)
			}
		}
		deps, err := exec.CommandContext(t.Context(), "go", "list", "-deps", pkg).Output()
		if err != nil || len(info.Deps) == 0 {
			t.Fatal(err, info)
		}
		for dep := range strings.FieldsSeq(string(deps)) {
			if strings.HasPrefix(dep, "github.com/go-acme/lego/v4/providers") {
				t.Errorf("%s has lego's %s in it", pkg, dep)
			}
		}
	}
}
