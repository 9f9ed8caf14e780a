package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"wildcard/internal/dns01/memory"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/providers"
	"wildcard/providers/builtin"
	"wildcard/providers/plugin"
)

// Config is what an Issuer says in the config of its webhook solver. It holds no secret.
type Config struct {
	// Provider is the provider's spec, [ZONE=]NAME[:ARG]. NAME is the solver's name, and alone the default.
	Provider string `json:"provider,omitempty"`
	// SecretRef names the Secret with the provider's variables, in the Issuer's namespace.
	SecretRef SecretRef `json:"secretRef"`
	// Settings are variables of the provider that are no secret and do not say where secrets go, such as CONOHA_REGION. Those of the
	// Secret count more.
	Settings map[string]string `json:"settings,omitempty"`
	// Resolvers find the name servers, "ip[:port],…"; the pod's own if there are none.
	Resolvers string `json:"resolvers,omitempty"`
	// NameServers are asked for publication in place of the delegated ones, "ip[:port],…".
	NameServers string `json:"nameServers,omitempty"`
	// CACache is for how many seconds the CA's resolvers keep an answer, 60 if it is not said: a further value at a name at which the
	// CA has just looked waits for that. 0 is for a CA of one's own whose resolver keeps nothing.
	CACache *int `json:"caCache,omitempty"`
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
	caCache                time.Duration
}

// parseConfig reads the config of the solver called name. Fields that it does not know are refused: they would be typing errors.
// environ is the pod's environment, which says where programs lie.
func parseConfig(name string, raw *apiextensions.JSON, environ []string) (parsed, error) {
	var c parsed
	bad := func(format string, args ...any) (parsed, error) {
		return parsed{}, fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "webhook: config: "+format, args...)
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
		return bad("provider: %s is another one than the solver, %s", fault.Excerpt(c.spec.Name), name)
	case c.spec.EnvFile != "":
		return bad("provider: @ENVFILE is of no use here: name a Secret in secretRef")
	case len(c.spec.Arg) > 0 && c.spec.Arg[0] == '/' && !installed(c.spec.Arg, environ):
		return bad("provider: programs that an Issuer may name lie in %s", strings.Join(plugin.Directories(environ), ", "))
	case c.spec.Name == "lego":
		return bad("provider: lego's services need what cert-manager does not tell: use cert-manager's own solver for the service")
	}
	if c.resolvers, err = servers(c.Resolvers); err != nil {
		return bad("resolvers: %w", err)
	}
	if c.nameServers, err = servers(c.NameServers); err != nil {
		return bad("nameServers: %w", err)
	}
	c.caCache = memory.DefaultKeep
	if c.CACache != nil {
		if c.caCache, err = memory.ParseKeep(strconv.Itoa(*c.CACache)); err != nil {
			return bad("caCache: %w", err)
		}
	}
	return c, nil
}

// installed reports whether all programs of a spec lie where plugins do. A user who may make an Issuer is not to choose among all
// programs of the pod.
func installed(programs string, environ []string) bool {
	for program := range strings.SplitSeq(programs, ",") {
		if !slices.Contains(plugin.Directories(environ), path.Dir(program)) {
			return false
		}
	}
	return true
}

// refuseFiles refuses variables that name files: those would be files of the pod, such as the token of its ServiceAccount, and
// a user who may make an Issuer and a Secret could have them sent to a server of his own.
func refuseFiles(c parsed, secret *core.Secret) error {
	for _, entry := range variables(c, secret) {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasSuffix(name, "_FILE") || strings.HasSuffix(name, "_PATH") || name == "OS_CACERT" || name == "OS_CLOUD" {
			return fault.Errorf(fault.CodeBadSettings, fault.Misconfigured,
				"webhook: %s names a file, and an Issuer has none: put into the Secret what stands in it", fault.Excerpt(name))
		}
	}
	return nil
}

// refuseSettings refuses variables of the Issuer's own that belong into the Secret: secrets, what would lead those of the Secret to where
// its owner has not said, and what the provider's table does not have, of which nothing is known.
func refuseSettings(c parsed, kind builtin.Kind) error {
	plain := map[string]bool{}
	for _, v := range variablesOf(kind) {
		for _, name := range append(v.Aliases, v.Name) {
			plain[name] = !v.Peer && !v.Secret
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Settings)) {
		why := "is not a plain setting of " + c.spec.Name
		switch {
		case plain[name]:
			continue
		case slices.Contains(peers(kind), name):
			why = "says where the password goes"
		}
		return fault.Errorf(fault.CodeBadSettings, fault.Misconfigured,
			"webhook: config: settings: %s %s: put it into the Secret", fault.Excerpt(name), why)
	}
	return nil
}

func servers(list string) ([]string, error) {
	if list == "" {
		return nil, nil
	}
	return propagation.ParseServers(list)
}
