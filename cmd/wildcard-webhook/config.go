package main

import (
	"bytes"
	"encoding/json"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"wildcard/providers"
	"wildcard/providers/propagation"
)

// Config is what an Issuer says in the config of its webhook solver. It holds no secret.
type Config struct {
	// Provider is the provider's spec, [ZONE=]NAME[:ARG]. NAME is the solver's name, and alone the default.
	Provider string `json:"provider,omitempty"`
	// SecretRef names the Secret with the provider's variables, in the Issuer's namespace.
	SecretRef SecretRef `json:"secretRef"`
	// Settings are variables of the provider that are no secret, such as CONOHA_REGION. Those of the Secret count more.
	Settings map[string]string `json:"settings,omitempty"`
	// Resolvers find the name servers, "ip[:port],…"; the pod's own if there are none.
	Resolvers string `json:"resolvers,omitempty"`
	// NameServers are asked for publication in place of the delegated ones, "ip[:port],…".
	NameServers string `json:"nameServers,omitempty"`
}

// SecretRef names a Secret.
type SecretRef struct {
	Name string `json:"name"`
}

// parsed is a Config that was checked.
type parsed struct {
	Config
	spec                   providers.Spec
	resolvers, nameServers []string
}

// parseConfig reads the config of the solver called name. Fields that it does not know are refused: they would be typing errors.
func parseConfig(name string, raw *apiextensions.JSON) (parsed, error) {
	var c parsed
	bad := func(format string, args ...any) (parsed, error) {
		return parsed{}, providers.Errorf(providers.CodeBadSettings, providers.Misconfigured, "webhook: config: "+format, args...)
	}
	if raw != nil {
		decoder := json.NewDecoder(bytes.NewReader(raw.Raw))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&c.Config); err != nil {
			return bad("%w", err)
		}
	}
	text := c.Provider
	if text == "" {
		text = name
	}
	var err error
	if c.spec, err = providers.ParseSpec(text); err != nil {
		return bad("%w", err)
	}
	switch {
	case c.spec.Name != name:
		return bad("provider: %s is another one than the solver, %s", providers.Excerpt(c.spec.Name), name)
	case c.spec.EnvFile != "":
		return bad("provider: @ENVFILE is of no use here: name a Secret in secretRef")
	case c.spec.Name == "lego":
		return bad("provider: lego's services need what cert-manager does not tell: use cert-manager's own solver for the service")
	}
	if c.resolvers, err = servers(c.Resolvers); err != nil {
		return bad("resolvers: %w", err)
	}
	if c.nameServers, err = servers(c.NameServers); err != nil {
		return bad("nameServers: %w", err)
	}
	return c, nil
}

func servers(list string) ([]string, error) {
	if list == "" {
		return nil, nil
	}
	return propagation.ParseServers(list)
}
