// Generate writes catalogue/services.json: what lego's source says about its DNS services. Each has a file in TOML for lego's
// documentation, with most of its variables, and Go constants, with the names of all it reads. It also writes the files of
// package services, of lego's registry.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: generate FILE FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// write writes the catalogue into a file, and the constructors into a folder, where no others stay.
func write(file, folder string) error {
	text, err := generate()
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	files, err := constructors()
	if err != nil {
		return err
	}
	former, err := filepath.Glob(filepath.Join(folder, "service_*.go"))
	if err != nil {
		return err
	}
	for _, path := range former {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
