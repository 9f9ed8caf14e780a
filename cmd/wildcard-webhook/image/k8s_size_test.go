//go:build k8s

package main

import (
	"bytes"
	"debug/elf"
	"path/filepath"
	"testing"
)

// most is how many bytes of an image may have to be fetched.
const most = 30_000_000

// The real image: the program for each architecture, without a dynamic linker, in less than 30 MB.
func TestSize(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "image")
	if _, err := write(folder, func(architecture string) ([]byte, error) { return compile(t.Context(), architecture) }); err != nil {
		t.Fatal(err)
	}
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	for _, architecture := range architectures {
		image := images(t, folder)["linux/"+architecture]
		binary, err := elf.NewFile(bytes.NewReader(check(t, image, architecture)[program]))
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
		size := manifest.Config.Size
		for _, layer := range manifest.Layers {
			size += layer.Size
		}
		t.Logf("%s: %.1f MB", architecture, float64(size)/1e6)
		if size >= most {
			t.Errorf("%s: %d bytes of %d", architecture, size, most)
		}
	}
}
