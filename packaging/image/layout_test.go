package main

import (
	"archive/tar"
	"crypto/x509"
	"errors"
	"io"
	"maps"
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
func check(t *testing.T, image v1.Image, of recipe, architecture string) map[string][]byte {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.OS != "linux" || config.Architecture != architecture || config.Config.User != "65532:65532" ||
		!slices.Equal(config.Config.Entrypoint, []string{"/" + of.path}) || !slices.Equal(config.Config.Cmd, of.arguments) || !slices.Equal(config.Config.Env, of.environ) {
		t.Errorf("%s: %+v", architecture, config)
	}
	layers, err := image.Layers()
	if err != nil || len(layers) != 2 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	files := map[string][]byte{}
	var folders []string
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
			isOurs := slices.ContainsFunc(of.folders, func(f file) bool { return f.name == header.Name && f.mode == header.Mode })
			if isOurs != (header.Uid == user) || isOurs != (header.Gid == user) || !isOurs && header.Mode&0o022 != 0 || header.ModTime.Unix() > 0 {
				t.Errorf("%+v", header)
			}
			if header.Typeflag == tar.TypeDir {
				folders = append(folders, header.Name)
			}
			if header.Typeflag == tar.TypeReg {
				if files[header.Name], err = io.ReadAll(r); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if names := slices.Sorted(maps.Keys(files)); !slices.Equal(names, []string{"etc/passwd", "etc/ssl/certs/ca-certificates.crt", of.path}) {
		t.Errorf("the image holds %q", names)
	}
	for _, f := range of.folders {
		if !slices.Contains(folders, f.name) {
			t.Errorf("the image lacks %s", f.name)
		}
	}
	if roots := x509.NewCertPool(); !roots.AppendCertsFromPEM(files[certificates]) {
		t.Error("there are no CA certificates")
	}
	return files
}

// Each layout holds what it should, and is the same each time.
func TestLayout_TwiceTheSame(t *testing.T) {
	t.Parallel()
	compile := func(architecture string) ([]byte, error) { return []byte("program for " + architecture), nil }
	for _, of := range recipes {
		var digests []v1.Hash
		for range 2 {
			folder := filepath.Join(t.TempDir(), "image")
			digest, err := write(folder, "latest", of, compile)
			if err != nil {
				t.Fatal(err)
			}
			digests = append(digests, digest)
			all := images(t, folder)
			for _, architecture := range []string{"amd64", "arm64"} {
				if got := string(check(t, all["linux/"+architecture], of, architecture)[of.path]); got != "program for "+architecture {
					t.Errorf("%q", got)
				}
			}
			if len(all) != 2 {
				t.Errorf("%d images", len(all))
			}
		}
		if digests[0] != digests[1] {
			t.Errorf("%s: %v differ", of.name, digests)
		}
	}
}

// Nothing is written when the program cannot be built.
func TestWrite_ProgramCannotBeBuilt(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "image")
	broken := errors.New("broken")
	if _, err := write(folder, "latest", recipes[0], func(string) ([]byte, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("the folder was made")
	}
}
