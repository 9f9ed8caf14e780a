// Package catalogue has the name, the settings and the home page of each of lego's DNS services, as lego's own source tells them.
// generate makes services.json, and the files of package services, of the version of lego in go.mod; a test of it fails when they
// no longer agree.
package catalogue

import (
	_ "embed"
	"encoding/json"
	"slices"

	"wildcard/providers/plugin"
)

//go:generate go run ./generate services.json ../services

// Service is one DNS service.
type Service struct {
	plugin.Service                   // its first name, its title, its home page
	Aliases        []string          `json:"aliases,omitempty"`   // other names for it
	Variables      []plugin.Variable `json:"variables,omitempty"` // in alphabetical order
}

//go:embed services.json
var services []byte

// Services returns all services, in alphabetical order of their first names.
func Services() ([]Service, error) {
	var all []Service
	err := json.Unmarshal(services, &all)
	return all, err
}

// Find returns the service with a name.
func Find(all []Service, name string) (Service, bool) {
	i := slices.IndexFunc(all, func(s Service) bool { return s.Name == name || slices.Contains(s.Aliases, name) })
	if i < 0 {
		return Service{}, false
	}
	return all[i], true
}
