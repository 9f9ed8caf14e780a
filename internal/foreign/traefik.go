package foreign

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/settings"
)

// traefik reads Traefik's acme.json, and of its static configuration what that lacks: the CA and the DNS service.
func traefik() client {
	return client{
		name:   "traefik",
		places: placesOf(nil, nil, []string{"etc/traefik", "letsencrypt", "data", "var/lib/traefik", "opt/traefik"}),
		is: func(path string) bool {
			return isFile(path) && strings.HasSuffix(path, ".json") || len(acmeFiles(path)) > 0
		},
		read: readTraefik,
	}
}

// acmeFiles are the storages in a folder.
func acmeFiles(dir string) (paths []string) {
	if isFile(dir) {
		return []string{dir}
	}
	for _, name := range names(dir) {
		if strings.HasPrefix(name, "acme") && strings.HasSuffix(name, ".json") && isFile(filepath.Join(dir, name)) {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	return paths
}

// traefikResolver is a resolver in a storage. encoding/json reads names in any capitals, as version 1 has others.
type traefikResolver struct {
	Account *struct {
		Email        string
		PrivateKey   string // base64 of DER
		Registration struct {
			URI  string
			Body struct{ Status string }
		}
	}
	Certificates []struct {
		Domain struct {
			Main string
			SANs []string
		}
		Certificate string // base64 of PEM
		Key         string
	}
}

// traefikACME is certificatesResolvers.NAME.acme of the static configuration.
type traefikACME struct {
	CAServer       string               `yaml:"caServer"`
	KeyType        string               `yaml:"keyType"`
	Profile        string               `yaml:"profile"`
	PreferredChain string               `yaml:"preferredChain"`
	Duration       string               `yaml:"certificatesDuration"`
	EAB            yaml.Node            `yaml:"eab"`
	DNS            map[string]yaml.Node `yaml:"dnsChallenge"`
	HTTP           *yaml.Node           `yaml:"httpChallenge"`
	TLS            *yaml.Node           `yaml:"tlsChallenge"`

	More map[string]yaml.Node `yaml:",inline"` // email and storage among them
}

func readTraefik(r *reader) error {
	confs, file := r.traefikStatic()
	for _, path := range acmeFiles(r.base) {
		var resolvers map[string]*traefikResolver
		if err := readJSON(path, &resolvers); err != nil {
			var one traefikResolver // version 1 has one, without a name
			if readJSON(path, &one) != nil {
				return err
			}
			resolvers = map[string]*traefikResolver{"acme": &one}
		}
		for _, name := range slices.Sorted(maps.Keys(resolvers)) {
			if resolvers[name] != nil {
				r.traefikResolver(path, name, resolvers[name], confs, file)
			}
		}
	}
	r.found.Extra = append(r.found.Extra, messages.New(
		"Traefik renews by itself. Take certResolver from the routers, put what is shown into a dynamic file, restart it"))
	r.found.Extra = append(r.found.Extra, messages.New(
		"Traefik reads a new certificate when the dynamic file changes: --deploy-hook \"touch FILE\" has it do so"))
	return nil
}

func (r *reader) traefikResolver(path, name string, t *traefikResolver, confs map[string]traefikACME, file string) {
	conf, known := confs[name]
	server := conf.CAServer
	if known && server == "" {
		server = "letsencrypt"
	}
	source := path + "#" + name
	host := ""
	if t.Account != nil {
		a := Account{Source: source, Server: server, URI: t.Account.Registration.URI, Contact: t.Account.Email}
		a.Host = hostOf(a.URI)
		host = a.Host
		a.Key, a.Err = pemOf(t.Account.PrivateKey)
		if status := t.Account.Registration.Body.Status; a.Err == nil && !usable(status) {
			a.Err = notUsable(status)
		}
		r.found.Accounts = append(r.found.Accounts, a)
	}
	for _, has := range t.Certificates {
		c := Certificate{Source: source + "#" + has.Domain.Main, Server: server, Host: host, Account: source,
			KeyType: conf.KeyType, Profile: conf.Profile, PreferredChain: conf.PreferredChain,
			End: "tls: {certificates: [{certFile: %[1]s/fullchain.pem, keyFile: %[1]s/privkey.pem}]}"}
		if has.Domain.Main != "" {
			c.Names = append([]string{has.Domain.Main}, has.Domain.SANs...)
		}
		var err error
		if c.Chain, err = base64.StdEncoding.DecodeString(has.Certificate); err != nil {
			c.Err = notBase64("certificate", source)
		}
		if c.Key, err = base64.StdEncoding.DecodeString(has.Key); err != nil {
			c.Err = notBase64("key", source)
		}
		r.traefikProof(&c, conf, file)
		r.found.Certificates = append(r.found.Certificates, c)
	}
	if t.Account == nil && len(t.Certificates) == 0 {
		r.lost(name, path)
	}
}

// traefikProof finds how a resolver proves names; its DNS service's variables are in Traefik's environment.
func (r *reader) traefikProof(c *Certificate, conf traefikACME, file string) {
	switch {
	case valueOf(conf.DNS["provider"]) != "":
		c.provenByLego(valueOf(conf.DNS["provider"]), r.traefikEnvironment())
	case conf.HTTP != nil:
		c.Proof = "httpChallenge"
	case conf.TLS != nil:
		c.Proof = "tlsChallenge"
	}
	if conf.Duration != "" {
		c.Lost = append(c.Lost, "certificatesDuration")
	}
	c.Lost = append(c.Lost, unknownKeys("dnsChallenge.", conf.DNS, "provider")...)
	c.Lost = append(c.Lost, unknownKeys("", conf.More, "email", "storage")...)
	if conf.EAB.Kind != 0 {
		r.lost("eab", file)
	}
}

// traefikEnvironment are the variables of Traefik's unit, else of a file of variables beside its configuration.
func (r *reader) traefikEnvironment() map[string]settings.Secret {
	for _, job := range r.trusted(jobsOf(r.Machine, r.base, []string{"traefik"})) {
		if values := secretsOf(job.Values); len(values) > 0 {
			return values
		}
	}
	for _, name := range names(r.folder()) {
		if strings.HasSuffix(name, ".env") || name == ".env" {
			path := filepath.Join(r.folder(), name)
			if values, err := r.variablesOf(path); err == nil && len(values) > 0 {
				return values
			}
		}
	}
	return map[string]settings.Secret{}
}

// traefikStatic reads the resolvers of the static configuration that lies beside the storage, or in the usual place.
func (r *reader) traefikStatic() (map[string]traefikACME, string) {
	for _, dir := range []string{r.folder(), r.locate("/etc/traefik")} {
		for _, name := range []string{"traefik.yml", "traefik.yaml", "traefik.toml"} {
			path := filepath.Join(dir, name)
			text, err := readFile(path)
			if err != nil {
				continue
			}
			if strings.HasSuffix(name, ".toml") {
				return tomlResolvers(string(text)), path
			}
			var conf struct {
				Resolvers map[string]struct {
					ACME traefikACME `yaml:"acme"`
				} `yaml:"certificatesResolvers"`
			}
			if yaml.Unmarshal(text, &conf) != nil {
				r.lost(name, dir)
				continue
			}
			all := map[string]traefikACME{}
			for name, of := range conf.Resolvers {
				all[name] = of.ACME
			}
			return all, path
		}
	}
	return nil, ""
}

// The lines of a static configuration in TOML that are read.
var (
	tomlTable = regexp.MustCompile(`^\[certificatesResolvers\.([\w.-]+?)\.acme(?:\.(\w+))?\]`)
	tomlValue = regexp.MustCompile(`^(\w+)\s*=\s*["']([^"']*)["']`)
)

// tomlResolvers reads what is plain of a static configuration in TOML: texts in tables of resolvers.
func tomlResolvers(text string) map[string]traefikACME {
	all := map[string]traefikACME{}
	name, part := "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			m := tomlTable.FindStringSubmatch(line)
			if name, part = "", ""; m != nil {
				name, part = m[1], m[2]
			}
		}
		if name == "" {
			continue
		}
		conf := all[name]
		m := tomlValue.FindStringSubmatch(line)
		switch {
		case part == "httpChallenge":
			conf.HTTP = &yaml.Node{}
		case part == "tlsChallenge":
			conf.TLS = &yaml.Node{}
		case m == nil:
		case part == "dnsChallenge" && m[1] == "provider":
			conf.DNS = map[string]yaml.Node{m[1]: {Kind: yaml.ScalarNode, Value: m[2]}}
		case part == "" && m[1] == "caServer":
			conf.CAServer = m[2]
		case part == "" && m[1] == "keyType":
			conf.KeyType = m[2]
		case part == "" && m[1] == "profile":
			conf.Profile = m[2]
		case part == "" && m[1] == "preferredChain":
			conf.PreferredChain = m[2]
		}
		all[name] = conf
	}
	return all
}

// pemOf is a key that stands as base64 of DER, of whichever kind.
func pemOf(text string) ([]byte, error) {
	der, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	kind := "PRIVATE KEY"
	if _, rsa := x509.ParsePKCS1PrivateKey(der); rsa == nil {
		kind = "RSA PRIVATE KEY"
	} else if _, ec := x509.ParseECPrivateKey(der); ec == nil {
		kind = "EC PRIVATE KEY"
	}
	if err != nil || len(der) == 0 {
		return nil, fault.Errorf(lineage.CodeAccount, fault.Misconfigured, "the account has no key")
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), nil
}

func notBase64(what, source string) error {
	return fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "%s of %s is not base64", what, source)
}
