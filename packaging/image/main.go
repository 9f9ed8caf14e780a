// Image builds the container images, each as an OCI image layout (a folder), for linux/amd64 and linux/arm64, without a
// container daemon:
//
//	go -C packaging/image run . wildcard FOLDER [REFERENCE]
//	go -C packaging/image run . wildcard-webhook FOLDER [REFERENCE]
//
// REFERENCE is what the layout calls it ("latest"), and podman load after it: wildcard:1.2.3.
// skopeo, crane, podman and others bring the folder into a registry. An image holds the program, the CA certificates of
// Mozilla's list as golang.org/x/crypto has it, the folders that the program keeps things in, and nothing else: no shell, and no
// user but root and 65532, who runs it. The same commit makes the same image, byte for byte, on any machine.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	reference := "latest"
	switch len(os.Args) {
	case 3:
	case 4:
		reference = os.Args[3]
	default:
		fmt.Fprintln(os.Stderr, "usage: image NAME FOLDER [REFERENCE]")
		os.Exit(2)
	}
	i := slices.IndexFunc(recipes, func(r recipe) bool { return r.name == os.Args[1] })
	if i < 0 {
		fmt.Fprintf(os.Stderr, "image: there is no image %s\n", os.Args[1])
		os.Exit(2)
	}
	top := filepath.Join("..", "..") // go run begins in this folder
	digest, err := write(os.Args[2], reference, recipes[i], func(architecture string) ([]byte, error) {
		return compile(context.Background(), top, recipes[i], architecture)
	})
	if err != nil {
		fmt.Fprintf(os.Stderr, "image: %v\n", err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stdout, digest)
}
