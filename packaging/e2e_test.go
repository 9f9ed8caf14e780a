//go:build e2e

// Package packaging_test makes releases from the last commit and uses them.
package packaging_test

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
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

// released makes a release of wildcard from a copy of the last commit, and returns the copy and the release's folder.
func released(t *testing.T, from, name, version string, environ ...string) (sources, folder string) {
	t.Helper()
	top := t.TempDir()
	sources, folder = filepath.Join(top, name), filepath.Join(top, "out")
	run(t, "..", nil, "git", "clone", "--quiet", "--no-hardlinks", "--depth=1", "file://"+from, sources)
	run(t, sources, environ, "bash", "packaging/release", version, folder, "wildcard")
	return sources, folder
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

// A release: the same bytes wherever it is made, nothing for lintian to say, and a life from installation to purge in a fresh Debian,
// from a web server.
func TestRelease(t *testing.T) {
	sources, first := released(t, module(t), "a", "1.0.0")
	_, second := released(t, sources, "another/folder", "v1.0.0")
	equal(t, first, second)
	_, before := released(t, sources, "before", "0.9.0", "ARCHITECTURES=amd64")
	key := signed(t, first, before)
	server := httptest.NewServer(http.StripPrefix("/new/", http.FileServer(http.Dir(first))))
	t.Cleanup(server.Close)
	old := httptest.NewServer(http.FileServer(http.Dir(before)))
	t.Cleanup(old.Close)

	t.Run("sums", func(t *testing.T) {
		run(t, first, nil, "sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS")
		notes, err := os.ReadFile(first + "/NOTES.md")
		if err != nil || !strings.HasPrefix(string(notes), "# wildcard 1.0.0\n") || strings.Count(string(notes), "\n## ") != 0 || len(notes) < 100 {
			t.Errorf("%v\n%s", err, notes)
		}
	})
	t.Run("tar", func(t *testing.T) {
		dir := t.TempDir()
		run(t, dir, nil, "tar", "-xf", first+"/tar/wildcard-1.0.0-linux-amd64.tar.gz")
		out := run(t, dir, nil, dir+"/wildcard-1.0.0-linux-amd64/bin/wildcard", "--version")
		if commit := run(t, sources, nil, "git", "rev-parse", "HEAD"); !strings.Contains(out, "v1.0.0") || !strings.Contains(out, strings.TrimSpace(commit)) {
			t.Errorf("%s of %s", out, commit)
		}
	})
	t.Run("deb", func(t *testing.T) {
		for _, architecture := range []string{"amd64", "arm64"} {
			deb := only(t, first+"/deb/wildcard_*_"+architecture+".deb")
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
			rpm := only(t, first+"/rpm/wildcard-*."+architecture+".rpm")
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
	t.Run("dnf", func(t *testing.T) { withDNF(t, old.URL+"/rpm", server.URL+"/new/rpm", key) })
	t.Run("image", func(t *testing.T) { image(t, first+"/images/wildcard-1.0.0.oci.tar") })
	t.Run("life", func(t *testing.T) { life(t, key, "OLD="+old.URL, "NEW="+server.URL+"/new") })
}

// equal fails the test unless two folders hold the same files.
func equal(t *testing.T, first, second string) {
	t.Helper()
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
	if files != 4+8+2+3+4+1+2 { // packages, bills of materials, archives, apt's index, dnf's, an image, notes and sums
		t.Errorf("%d files", files)
	}
}

// signed signs releases with a new key, and returns the file that has its public half.
func signed(t *testing.T, folders ...string) (key string) {
	t.Helper()
	home, err := os.MkdirTemp("", "gnupg-") // its socket's path has little room
	if err != nil {
		t.Fatal(err)
	}
	environ := []string{"GNUPGHOME=" + home}
	t.Cleanup(func() {
		run(t, "", environ, "gpgconf", "--kill", "all")
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	run(t, "", environ, "gpg", "--batch", "--passphrase", "", "--quick-generate-key", "release@example.org", "rsa3072", "sign", "never")
	for _, folder := range folders {
		run(t, "..", environ, "bash", "packaging/sign", folder, "release@example.org")
		run(t, folder, environ, "gpg", "--verify", "SHA256SUMS.asc", "SHA256SUMS")
	}
	return folders[0] + "/wildcard.asc"
}

// withDNF installs the version before into a fresh root, upgrades and removes it, with dnf from a web server. Fedora is not here: what
// wildcard needs of it is a package of ours.
func withDNF(t *testing.T, before, now, key string) {
	root, stub := t.TempDir(), t.TempDir()
	configuration := "name: ca-certificates\narch: all\nversion: 1.0.0\nmaintainer: test <test@example.org>\ndescription: stands for Fedora's\n"
	if err := os.WriteFile(stub+"/stub.yaml", []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, stub, nil, "go", "run", nfpm(t), "package", "-f", "stub.yaml", "-p", "rpm", "-t", stub)
	run(t, stub, nil, "createrepo_c", "--quiet", ".")
	dnf := func(url string, args ...string) {
		t.Helper()
		run(t, "", []string{"HOME=" + root, "no_proxy=127.0.0.1"}, "dnf", append([]string{"--installroot=" + root, "--releasever=1", "-y", "--quiet",
			"--setopt=reposdir=" + stub, "--setopt=tsflags=noscripts", "--setopt=cachedir=" + root + "/cache",
			"--repofrompath=stub,file://" + stub, "--setopt=stub.gpgcheck=0", "--repofrompath=wildcard," + url, "--setopt=wildcard.gpgcheck=0",
			"--setopt=wildcard.repo_gpgcheck=1", "--setopt=wildcard.gpgkey=file://" + key}, args...)...)
	}
	version := func() string {
		return run(t, "", []string{"HOME=" + root}, "rpm", "--root", root, "-qa", "--qf", "%{VERSION} ", "wildcard")
	}
	dnf(before, "install", "wildcard")
	if got := version(); got != "0.9.0 " {
		t.Errorf("installed: %s", got)
	}
	dnf(now, "--refresh", "upgrade", "wildcard")
	if got := version(); got != "1.0.0 " {
		t.Errorf("upgraded: %s", got)
	}
	if out := run(t, "", nil, root+"/usr/bin/wildcard", "--version"); !strings.Contains(out, "v1.0.0") {
		t.Error(out)
	}
	dnf(now, "remove", "wildcard")
	if _, err := os.Stat(root + "/usr/bin/wildcard"); !os.IsNotExist(err) || version() != "" {
		t.Errorf("removed: %v, %s", err, version())
	}
}

// nfpm is the program that packaging/build makes packages with.
func nfpm(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("build")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^nfpm=(\S+)`).FindSubmatch(text)
	if found == nil {
		t.Fatal("packaging/build names no nfpm")
	}
	return string(found[1])
}

// image runs what an image holds for this processor, as its user, with nothing else to see but the sandbox's loopback servers.
func image(t *testing.T, file string) {
	dir := t.TempDir()
	layout, root := dir+"/layout", dir+"/root"
	for _, each := range []string{layout, root, root + "/proc"} {
		if err := os.Mkdir(each, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "", nil, "chmod", "755", filepath.Dir(dir), dir) // its user is to reach it
	run(t, "", nil, "tar", "-xf", file, "-C", layout)
	read := func(digest string, into any) {
		t.Helper()
		text, err := os.ReadFile(layout + "/blobs/" + strings.Replace(digest, ":", "/", 1))
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	type descriptor struct {
		Digest   string
		Platform struct{ Architecture string }
	}
	var outer, index struct{ Manifests []descriptor }
	text, err := os.ReadFile(layout + "/index.json")
	if err != nil || json.Unmarshal(text, &outer) != nil || len(outer.Manifests) != 1 {
		t.Fatal(err, outer)
	}
	read(outer.Manifests[0].Digest, &index)
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	for _, each := range index.Manifests {
		if each.Platform.Architecture == runtime.GOARCH {
			read(each.Digest, &manifest)
		}
	}
	for _, layer := range manifest.Layers {
		run(t, "", nil, "tar", "-xzf", layout+"/blobs/"+strings.Replace(layer.Digest, ":", "/", 1), "-C", root)
	}
	var config struct {
		Config struct {
			User                 string
			Entrypoint, Cmd, Env []string
		}
	}
	read(manifest.Config.Digest, &config)
	within := "env HOME=/ WILDCARD_CA_BUNDLE=/ca.pem " + strings.Join(config.Config.Env, " ") +
		" chroot --userspec=" + config.Config.User + " " + root + " " + strings.Join(config.Config.Entrypoint, " ")
	run(t, "..", nil, "go", "run", "./cmd/wildcard-sandbox", "run", "--", "unshare", "--mount", "--propagation", "private", "bash", "-euc",
		`mount -t proc proc `+root+`/proc; install -m 644 "$WILDCARD_CA_BUNDLE" `+root+`/ca.pem; `+within+` issue --agree-tos '*.example.com'; `+within+` list --check 14d`)
	if info, err := os.Stat(root + "/etc/letsencrypt/live/example.com/privkey.pem"); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

// life runs the session in a fresh Debian.
func life(t *testing.T, key string, environ ...string) {
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
	text, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"usr/share/keyrings/wildcard.asc": text, "session.sh": []byte(session)} {
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
	cmd.Env = append(append(os.Environ(), "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TMPDIR=/tmp"), environ...)
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
