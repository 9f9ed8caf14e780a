//go:build e2e || k8s

package main

import (
	"bytes"
	"debug/elf"
	"path/filepath"
	"testing"
)

// size builds a real image: the program for each architecture, without a dynamic linker, in fewer bytes to fetch than there may be.
func size(t *testing.T, of recipe, most int64) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "image")
	if _, err := write(folder, "latest", of, func(architecture string) ([]byte, error) {
		return compile(t.Context(), filepath.Join("..", ".."), of, architecture)
	}); err != nil {
		t.Fatal(err)
	}
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	for _, architecture := range architectures {
		image := images(t, folder)["linux/"+architecture]
		binary, err := elf.NewFile(bytes.NewReader(check(t, image, of, architecture)[of.path]))
		if err != nil {
			t.Fatal(err)
		}
		if binary.Machine != machines[architecture] || binary.Section(".interp") != nil {
			t.Errorf("%s: the program is for %v, or needs a dynamic linker", architecture, binary.Machine)
		}
		manifest, err := image.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		bytes := manifest.Config.Size
		for _, layer := range manifest.Layers {
			bytes += layer.Size
		}
		t.Logf("%s: %.1f MB", architecture, float64(bytes)/1e6)
		if bytes >= most {
			t.Errorf("%s: %d bytes of %d", architecture, bytes, most)
		}
	}
}
