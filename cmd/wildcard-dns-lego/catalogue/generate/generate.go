package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"wildcard/cmd/wildcard-dns-lego/catalogue"
	"wildcard/providers/plugin"
)

// generate returns the catalogue, one service a line.
func generate() ([]byte, error) {
	root, err := legoDir()
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(root, "providers", "dns", "*", "*.toml"))
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, file := range files {
		if filepath.Base(file) == "manual.toml" {
			continue // it asks at a terminal
		}
		s, err := service(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		line, err := encode(s)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	slices.Sort(lines) // each begins with the service's name
	return []byte("[\n" + strings.Join(lines, ",\n") + "\n]\n"), nil
}

// legoDir is where the source of lego's version in go.mod is.
func legoDir() (string, error) {
	out, err := exec.CommandContext(context.Background(), "go", "list", "-m", "-f", "{{.Dir}}",
		"github.com/go-acme/lego/v4").Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

func encode(s catalogue.Service) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(s)
	return strings.TrimSpace(b.String()), err
}

// document is what we want of lego's TOML.
type document struct {
	Name          string
	Code          string
	Aliases       []string
	URL           string
	Configuration struct{ Credentials, Additional map[string]string }
}

// service reads one service's TOML and the Go files beside it.
func service(file string) (catalogue.Service, error) {
	var d document
	if _, err := toml.DecodeFile(file, &d); err != nil {
		return catalogue.Service{}, err
	}
	c, err := readConstants(filepath.Dir(file))
	if err != nil {
		return catalogue.Service{}, err
	}
	s := catalogue.Service{Service: plugin.Service{Name: d.Code, Title: d.Name, Link: d.URL}, Aliases: d.Aliases}
	if strings.HasPrefix(s.Link, "/") {
		s.Link = "https://go-acme.github.io/lego" + s.Link
	}
	helps := map[string]string{}
	for _, name := range slices.Concat(c.variables, furtherVariables(d.Code)) {
		helps[name] = ""
	}
	for other, first := range c.others {
		if !strings.HasPrefix(d.Configuration.Credentials[first], "Alias to ") { // which says what the other name is
			helps[other] = "The same as " + first
		}
	}
	for _, section := range []map[string]string{d.Configuration.Additional, d.Configuration.Credentials} {
		for name, help := range section {
			helps[name] = help
		}
	}
	for name, help := range helps {
		if _, file := helps[name+"_FILE"]; file || !offered(name) {
			continue
		}
		v := plugin.Variable{Name: name, Required: slices.Contains(c.required, name) && !choosy(d.Code), Secret: secret(name)}
		v.Help, v.Default = splitHelp(help)
		if first := c.others[name]; v.Default == "" && first != "" {
			_, v.Default = splitHelp(d.Configuration.Additional[first])
		}
		s.Variables = append(s.Variables, v)
	}
	slices.SortFunc(s.Variables, func(a, b plugin.Variable) int { return strings.Compare(a.Name, b.Name) })
	return s, nil
}

// choosy reports whether a service has several ways to be opened, though it calls env.Get once.
func choosy(code string) bool { return code == "cloudns" || code == "designate" }

// furtherVariables are read by the libraries that a service is reached through, and lego's own source does not name them.
func furtherVariables(code string) []string {
	switch code {
	case "route53", "lightsail":
		return []string{"AWS_CONFIG_FILE", "AWS_ROLE_ARN", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE"}
	case "gcloud":
		return []string{"GOOGLE_APPLICATION_CREDENTIALS"}
	}
	return nil
}
