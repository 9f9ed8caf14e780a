// Image builds the container image of wildcard-webhook as an OCI image layout (a folder), for linux/amd64 and linux/arm64,
// without a container daemon:
//
//	go run ./image FOLDER
//
// skopeo, crane, podman and others bring the folder into a registry. The image holds the program, the CA certificates of
// Mozilla's list as golang.org/x/crypto has it, and nothing else: no shell, no user but 65532. The same sources make the same
// image, byte for byte, on any machine.
package main

import (
	"context"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: image FOLDER")
		os.Exit(2)
	}
	digest, err := write(os.Args[1],
		func(architecture string) ([]byte, error) { return compile(context.Background(), architecture) })
	if err != nil {
		fmt.Fprintf(os.Stderr, "image: %v\n", err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stdout, digest)
}
