//go:build e2e

// Package packaging_test builds the packages from the last commit and uses them.
package packaging_test

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed session.sh
var session string

// run runs a command to its end and returns its output.
func run(t *testing.T, dir string, environ []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), environ...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return string(out)
}

// built builds wildcard's packages from a copy of the last commit, and returns the copy and the folder they are in.
func built(t *testing.T, from, name string) (sources, out string) {
	t.Helper()
	top := t.TempDir()
	sources, out = filepath.Join(top, name), filepath.Join(top, "out")
	run(t, "..", nil, "git", "clone", "--quiet", "--no-hardlinks", "--depth=1", "file://"+from, sources)
	run(t, sources, nil, "bash", "packaging/build", out, "wildcard")
	return sources, out
}

// module is the folder of this module.
func module(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// only is the one file that a pattern matches.
func only(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %q %v", pattern, found, err)
	}
	return found[0]
}

// The packages: the same bytes wherever they are built, nothing for lintian to say, and a life from installation to purge in
// a fresh Debian.
func TestPackages(t *testing.T) {
	sources, first := built(t, module(t), "a")
	_, second := built(t, sources, "another/folder")
	files := 0
	if err := filepath.WalkDir(first, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		one, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		other, err := os.ReadFile(second + strings.TrimPrefix(path, first))
		if err != nil || !bytes.Equal(one, other) {
			t.Errorf("%s differs when built again: %v", filepath.Base(path), err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if files != 4+8 { // packages, bills of materials
		t.Errorf("%d files", files)
	}

	t.Run("deb", func(t *testing.T) {
		for _, architecture := range []string{"amd64", "arm64"} {
			deb := only(t, first+"/wildcard_*_"+architecture+".deb")
			if out := run(t, "", nil, "lintian", "--allow-root", "--fail-on", "error,warning", deb); out != "" {
				t.Errorf("lintian: %s", out)
			}
			if got := run(t, "", nil, "dpkg-deb", "--field", deb, "Architecture"); got != architecture+"\n" {
				t.Errorf("%s is for %s", deb, got)
			}
		}
	})
	t.Run("rpm", func(t *testing.T) {
		home := []string{"HOME=" + t.TempDir()}
		for _, architecture := range []string{"x86_64", "aarch64"} {
			rpm := only(t, first+"/wildcard-*."+architecture+".rpm")
			if out := run(t, "", home, "rpm", "-K", rpm); !strings.Contains(out, "digests OK") {
				t.Errorf("rpm -K: %s", out)
			}
			root := t.TempDir()
			run(t, "", home, "rpm", "--root", root, "--initdb")
			run(t, "", home, "rpm", "--root", root, "-i", "--nodeps", "--noscripts", "--ignorearch", rpm)
			for path, mode := range map[string]os.FileMode{
				"usr/bin/wildcard": 0o755, "usr/bin/wildcard-auth-hook": 0o755, "usr/lib/systemd/system/wildcard-renew.timer": 0o644,
				"etc/letsencrypt/conoha": 0o700 | os.ModeDir, "etc/letsencrypt/conoha/.env.example": 0o600,
				"usr/share/zsh/site-functions/_wildcard": 0o644, "usr/share/man/man1/wildcard-issue.1.gz": 0o644,
			} {
				if info, err := os.Stat(filepath.Join(root, path)); err != nil || info.Mode() != mode {
					t.Errorf("%s: %v %v", path, info, err)
				}
			}
		}
	})
	t.Run("bill of materials", func(t *testing.T) {
		for program, module := range map[string]string{"wildcard": "github.com/go-acme/lego/v4", "wildcard-auth-hook": "github.com/miekg/dns"} {
			text, err := os.ReadFile(first + "/sbom/" + program + "_arm64.cdx.json")
			if err != nil {
				t.Fatal(err)
			}
			var bom struct {
				BOMFormat  string
				Components []struct{ Name, Version string }
			}
			if err := json.Unmarshal(text, &bom); err != nil || bom.BOMFormat != "CycloneDX" || !strings.Contains(string(text), `"`+module+`"`) || len(bom.Components) < 3 {
				t.Errorf("%s: %v\n%s", program, err, text)
			}
		}
	})
	t.Run("life", func(t *testing.T) { life(t, only(t, first+"/wildcard_*_amd64.deb")) })
}

// life runs the session in a fresh Debian.
func life(t *testing.T, deb string) {
	root, err := os.MkdirTemp("", "wildcard-debian-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	run(t, "", nil, "debootstrap", "--variant=minbase", "bookworm", root)
	text, err := os.ReadFile(deb)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"wildcard.deb": text, "session.sh": []byte(session)} {
		if err := os.WriteFile(filepath.Join(root, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// Mounts and /run are the session's alone, and end with it.
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "bash", "-euc", `
mount -t proc proc "$0/proc"
mount -t tmpfs tmpfs "$0/run"
mount --rbind /dev "$0/dev"
exec chroot "$0" bash /session.sh`, root)
	cmd.Env = append(os.Environ(), "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TMPDIR=/tmp")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// The manual pages that are written by hand have the options that the programs have, and are read without a warning.
func TestHandWrittenPages(t *testing.T) {
	for _, program := range []string{"wildcard-auth-hook", "wildcard-cleanup-hook", "wildcard-sandbox"} {
		page, err := os.ReadFile("man/" + program + ".1")
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(page), `\-`, "-")
		if program != "wildcard-sandbox" {
			options := 0
			for line := range strings.Lines(run(t, "..", nil, "go", "run", "./cmd/"+program, "--help")) {
				if !strings.HasPrefix(line, "  -") {
					continue
				}
				options++
				if option := strings.Fields(line)[0]; !strings.Contains(text, option) {
					t.Errorf("%s.1 lacks %s", program, option)
				}
			}
			if options < 7 {
				t.Errorf("%s --help has %d options", program, options)
			}
		}
		cmd := exec.Command("man", "--warnings=w", "-l", "man/"+program+".1")
		var warnings strings.Builder
		cmd.Stderr = &warnings
		if out, err := cmd.Output(); err != nil || warnings.String() != "" || !strings.Contains(string(out), "SEE ALSO") {
			t.Errorf("man %s: %v\n%s", program, err, &warnings)
		}
	}
}
