package main

import (
	"archive/tar"
	"crypto/x509"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// images reads the images of a layout, by architecture.
func images(t *testing.T, folder string) map[string]v1.Image {
	t.Helper()
	outer, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := outer.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("%v, %v", manifest, err)
	}
	index, err := outer.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	if manifest, err = index.IndexManifest(); err != nil {
		t.Fatal(err)
	}
	all := map[string]v1.Image{}
	for _, descriptor := range manifest.Manifests {
		image, err := index.Image(descriptor.Digest)
		if err != nil {
			t.Fatal(err)
		}
		all[descriptor.Platform.OS+"/"+descriptor.Platform.Architecture] = image
	}
	return all
}

// check checks an image and returns what its files hold.
func check(t *testing.T, image v1.Image, architecture string) map[string][]byte {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.OS != "linux" || config.Architecture != architecture || config.Config.User != "65532:65532" ||
		!slices.Equal(config.Config.Entrypoint, []string{"/usr/local/lib/wildcard/wildcard-webhook"}) || len(config.Config.Cmd) > 0 {
		t.Errorf("%s: %+v", architecture, config)
	}
	layers, err := image.Layers()
	if err != nil || len(layers) != 2 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	files := map[string][]byte{}
	for _, l := range layers {
		content, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		for r := tar.NewReader(content); ; {
			header, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if header.Uid != 0 || header.Gid != 0 || header.Mode&0o022 != 0 || header.ModTime.Unix() > 0 {
				t.Errorf("%+v", header)
			}
			if header.Typeflag == tar.TypeReg {
				if files[header.Name], err = io.ReadAll(r); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"etc/passwd", "etc/ssl/certs/ca-certificates.crt", "usr/local/lib/wildcard/wildcard-webhook"}) {
		t.Errorf("the image holds %q", names)
	}
	if roots := x509.NewCertPool(); !roots.AppendCertsFromPEM(files[certificates]) {
		t.Error("there are no CA certificates")
	}
	return files
}

// The layout holds what it should, and is the same each time.
func TestLayout(t *testing.T) {
	t.Parallel()
	compile := func(architecture string) ([]byte, error) { return []byte("program for " + architecture), nil }
	var digests []v1.Hash
	for range 2 {
		folder := filepath.Join(t.TempDir(), "image")
		digest, err := write(folder, compile)
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest)
		all := images(t, folder)
		for _, architecture := range []string{"amd64", "arm64"} {
			if got := string(check(t, all["linux/"+architecture], architecture)[program]); got != "program for "+architecture {
				t.Errorf("%q", got)
			}
		}
		if len(all) != 2 {
			t.Errorf("%d images", len(all))
		}
	}
	if digests[0] != digests[1] {
		t.Errorf("%v differ", digests)
	}
}

// Nothing is written when the program cannot be built.
func TestBroken(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "image")
	broken := errors.New("broken")
	if _, err := write(folder, func(string) ([]byte, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("the folder was made")
	}
}
