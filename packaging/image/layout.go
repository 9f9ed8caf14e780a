package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/pem"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

const (
	certificates = "etc/ssl/certs/ca-certificates.crt"
	user         = 65532 // "nonroot" of many images
)

var architectures = []string{"amd64", "arm64"}

// file is a file of a layer, or, if its name ends with a slash, a folder that the user may write in.
type file struct {
	name string
	mode int64
	data []byte
}

// write writes an image into a folder that is not there or is an image layout, which calls it reference, and returns the digest of its
// index. compile makes the program for an architecture.
func write(folder, reference string, of recipe, compile func(architecture string) ([]byte, error)) (v1.Hash, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, architecture := range architectures {
		binary, err := compile(architecture)
		if err != nil {
			return v1.Hash{}, err
		}
		image, err := build(of, architecture, binary)
		if err != nil {
			return v1.Hash{}, fmt.Errorf("%s: %w", architecture, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}},
		})
	}
	path, err := layout.Write(folder, empty.Index)
	if err != nil {
		return v1.Hash{}, err
	}
	if err := path.AppendIndex(index,
		layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": reference})); err != nil {
		return v1.Hash{}, err
	}
	return index.Digest()
}

// build makes the image of one architecture.
func build(of recipe, architecture string, binary []byte) (v1.Image, error) {
	// The certificates change less often than the program: a node that has an older image need not fetch them again.
	trusted, err := layer(file{certificates, 0o644, roots()},
		file{"etc/passwd", 0o644, fmt.Appendf(nil, "root:x:0:0::/:\n"+
			"nonroot:x:%d:%[1]d::/:/sbin/nologin\n", user)})
	if err != nil {
		return nil, err
	}
	own, err := layer(append([]file{{of.path, 0o755, binary}}, of.folders...)...)
	if err != nil {
		return nil, err
	}
	bare := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.AppendLayers(bare, trusted, own)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", architecture
	config.Config = v1.Config{
		User: fmt.Sprintf("%d:%[1]d", user), Entrypoint: []string{"/" + of.path}, Cmd: of.arguments,
		Env: of.environ, WorkingDir: "/",
		Labels: map[string]string{
			"org.opencontainers.image.title": of.name, "org.opencontainers.image.licenses": "MIT",
		},
	}
	return mutate.ConfigFile(image, config)
}

// layer packs files with the folders above them. All but the folders that the user may write in belongs to root, and everything is as
// old as the epoch.
func layer(files ...file) (v1.Layer, error) {
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	made := map[string]bool{}
	for _, f := range files {
		for i, c := range f.name {
			if folder := f.name[:i]; c == '/' && i+1 < len(f.name) && !made[folder] {
				made[folder] = true
				if err := w.WriteHeader(&tar.Header{Name: folder + "/", Mode: 0o755, Typeflag: tar.TypeDir}); err != nil {
					return nil, err
				}
			}
		}
		header := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data)), Typeflag: tar.TypeReg}
		if strings.HasSuffix(f.name, "/") {
			header.Typeflag, header.Uid, header.Gid = tar.TypeDir, user, user
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil }
	return tarball.LayerFromOpener(open,
		tarball.WithCompressionLevel(gzip.BestCompression), tarball.WithCompressedCaching,
		tarball.WithMediaType(types.OCILayer))
}

// roots are the CA certificates, PEM.
func roots() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		// Some roots are trusted only for certificates of before a date, which a file cannot say: programs are not to trust them.
		if root.Constraint == nil {
			_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
		}
	}
	return out.Bytes()
}
