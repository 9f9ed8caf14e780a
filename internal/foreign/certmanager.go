package foreign

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/settings"
)

// certManager reads objects of Kubernetes as kubectl writes them: Secrets with certificates, and the Certificates, Issuers and Secrets
// that belong to them, in one file or in all files of a folder.
func certManager() client {
	return client{
		name:   "cert-manager",
		places: func(Machine) []string { return nil },
		is:     func(path string) bool { return len(manifests(path)) > 0 },
		read:   readCertManager,
	}
}

func manifests(path string) (paths []string) {
	ends := func(name string) bool {
		return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name))
	}
	if isFile(path) {
		return []string{path}
	}
	for _, name := range names(path) {
		if ends(name) && isFile(filepath.Join(path, name)) {
			paths = append(paths, filepath.Join(path, name))
		}
	}
	return paths
}

// object is one of Kubernetes', with what of it concerns us.
type object struct {
	Kind     string   `yaml:"kind"`
	Items    []object `yaml:"items"`
	Metadata struct {
		Name        string            `yaml:"name"`
		Namespace   string            `yaml:"namespace"`
		Annotations map[string]string `yaml:"annotations"`
	} `yaml:"metadata"`
	Type       string            `yaml:"type"`
	Data       map[string]string `yaml:"data"`
	StringData map[string]string `yaml:"stringData"`
	Spec       objectSpec        `yaml:"spec"`
	Status     struct {
		ACME struct {
			URI string `yaml:"uri"`
		} `yaml:"acme"`
	} `yaml:"status"`

	file string
}

// objectSpec is that of a Certificate, and of an Issuer.
type objectSpec struct {
	SecretName string   `yaml:"secretName"`
	DNSNames   []string `yaml:"dnsNames"`
	PrivateKey struct {
		Algorithm      string `yaml:"algorithm"`
		Size           string `yaml:"size"`
		RotationPolicy string `yaml:"rotationPolicy"`
	} `yaml:"privateKey"`
	RenewBefore string `yaml:"renewBefore"`
	IssuerRef   struct {
		Name string `yaml:"name"`
		Kind string `yaml:"kind"`
	} `yaml:"issuerRef"`
	ACME *struct {
		Server         string          `yaml:"server"`
		Email          string          `yaml:"email"`
		Profile        string          `yaml:"profile"`
		PreferredChain string          `yaml:"preferredChain"`
		Key            secretRef       `yaml:"privateKeySecretRef"`
		EAB            yaml.Node       `yaml:"externalAccountBinding"`
		Solvers        []managerSolver `yaml:"solvers"`
	} `yaml:"acme"`
}

type secretRef struct {
	Name string `yaml:"name"`
	Key  string `yaml:"key"`
}

type managerSolver struct {
	Selector struct {
		Zones []string `yaml:"dnsZones"`
		Names []string `yaml:"dnsNames"`
	} `yaml:"selector"`
	DNS01  map[string]yaml.Node `yaml:"dns01"`
	HTTP01 yaml.Node            `yaml:"http01"`
}

func readCertManager(r *reader) error {
	var all []object
	for _, path := range manifests(r.base) {
		text, err := readFile(path)
		if err != nil {
			return err
		}
		decoder := yaml.NewDecoder(bytes.NewReader(text))
		for {
			var o object
			err := decoder.Decode(&o)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "%s is not what it should be", path)
			}
			for _, item := range append(o.Items, o) {
				item.file = path
				all = append(all, item)
			}
		}
	}
	m := manager{r, all}
	for _, o := range all {
		switch {
		case o.Kind == "Secret" && o.value("tls.crt") != nil:
			m.certificate(o)
		case o.Kind == "Issuer" || o.Kind == "ClusterIssuer":
			m.account(o)
		}
	}
	return nil
}

type manager struct {
	r   *reader
	all []object
}

// value is one of a Secret's; nil if there is none.
func (o object) value(key string) []byte {
	if text, ok := o.StringData[key]; ok {
		return []byte(text)
	}
	text, err := base64.StdEncoding.DecodeString(o.Data[key])
	if err != nil || len(text) == 0 {
		return nil
	}
	return text
}

func (o object) source() string {
	return o.file + "#" + strings.TrimPrefix(o.Metadata.Namespace+"/"+o.Metadata.Name, "/")
}

// find is an object of a kind by its name; of several in different namespaces that of one namespace.
func (m manager) find(kind, name, namespace string) (found object, ok bool) {
	for _, o := range m.all {
		if o.Kind == kind && o.Metadata.Name == name && (!ok || o.Metadata.Namespace == namespace) {
			found, ok = o, true
		}
	}
	return found, ok
}

func (m manager) certificate(secret object) {
	c := Certificate{Source: secret.source(), Chain: secret.value("tls.crt"), Key: secret.value("tls.key"),
		Issuers: secret.value("ca.crt")}
	if c.Key == nil {
		c.Err = fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "there is no tls.key in it")
	}
	notes := secret.Metadata.Annotations
	kind, issuer := notes["cert-manager.io/issuer-kind"], notes["cert-manager.io/issuer-name"]
	space := secret.Metadata.Namespace
	for _, o := range m.all {
		if o.Kind != "Certificate" || o.Spec.SecretName != secret.Metadata.Name || o.Metadata.Namespace != space {
			continue
		}
		spec := o.Spec
		c.Names = spec.DNSNames
		kind, issuer = spec.IssuerRef.Kind, spec.IssuerRef.Name
		if strings.EqualFold(spec.PrivateKey.Algorithm, "ECDSA") {
			c.KeyType = "ec" + spec.PrivateKey.Size
		} else if spec.PrivateKey.Size != "" {
			c.KeyType = "rsa" + spec.PrivateKey.Size
		}
		c.ReuseKey = spec.PrivateKey.RotationPolicy == "Never"
		if spec.RenewBefore != "" {
			c.Lost = append(c.Lost, "renewBefore")
		}
		c.End = "kubectl delete certificate " + lineage.Quote(o.Metadata.Name) + " -n " + lineage.Quote(space)
	}
	if kind == "" {
		kind = "Issuer"
	}
	if by, ok := m.find(kind, issuer, space); ok && by.Spec.ACME != nil {
		c.Server, c.Profile, c.PreferredChain = by.Spec.ACME.Server, by.Spec.ACME.Profile, by.Spec.ACME.PreferredChain
		c.Account = by.source()
		m.solver(&c, by)
	}
	m.r.found.Certificates = append(m.r.found.Certificates, c)
}

func (m manager) account(o object) {
	if o.Spec.ACME == nil {
		m.r.lost(o.Kind+" "+o.Metadata.Name, o.file)
		return
	}
	acme := o.Spec.ACME
	a := Account{Source: o.source(), Server: acme.Server, URI: o.Status.ACME.URI, Contact: acme.Email}
	namespace := o.Metadata.Namespace
	if o.Kind == "ClusterIssuer" {
		namespace = "cert-manager"
	}
	secret, _ := m.find("Secret", acme.Key.Name, namespace)
	key := acme.Key.Key
	if key == "" {
		key = "tls.key"
	}
	if a.Key = secret.value(key); a.Key == nil {
		a.Err = fault.Errorf(lineage.CodeAccount, fault.Misconfigured, "its key, the Secret %s, is not there",
			fault.Excerpt(acme.Key.Name))
	}
	if acme.EAB.Kind != 0 {
		m.r.lost("externalAccountBinding", o.file)
	}
	m.r.found.Accounts = append(m.r.found.Accounts, a)
}

// solver finds the solver of a certificate's names: that with the longest zone, else the one for all.
func (m manager) solver(c *Certificate, issuer object) {
	best, most := -1, -1
	for i, s := range issuer.Spec.ACME.Solvers {
		n := 0
		if len(s.Selector.Zones)+len(s.Selector.Names) > 0 {
			n = -1
		}
		for _, zone := range s.Selector.Zones {
			for _, name := range c.Names {
				if name == zone || strings.HasSuffix(name, "."+zone) {
					n = max(n, len(zone))
				}
			}
		}
		for _, name := range s.Selector.Names {
			if slices.Contains(c.Names, name) {
				n = 1 << 10
			}
		}
		if n > most {
			best, most = i, n
		}
	}
	if best < 0 {
		return
	}
	of := issuer.Spec.ACME.Solvers[best].DNS01
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if of[name].Kind == yaml.MappingNode { // cnameStrategy stands beside the service
			m.dns(c, issuer, name, of[name])
			return
		}
	}
	c.Proof = "http01"
}

// dns reads a dns01 solver whose credentials are one Secret.
func (m manager) dns(c *Certificate, issuer object, name string, node yaml.Node) {
	c.Proof = "dns01 " + name
	var refs map[string]yaml.Node
	if node.Decode(&refs) != nil {
		return
	}
	for field, to := range map[string][2]string{ // acme.cert-manager.io/v1, ACMEChallengeSolverDNS01
		"cloudflare apiTokenSecretRef":     {"lego:cloudflare", "CF_DNS_API_TOKEN"},
		"digitalocean tokenSecretRef":      {"lego:digitalocean", "DO_AUTH_TOKEN"},
		"rfc2136 tsigSecretSecretRef":      {"rfc2136", "RFC2136_TSIG_SECRET"},
		"route53 secretAccessKeySecretRef": {"lego:route53", "AWS_SECRET_ACCESS_KEY"},
	} {
		of, key, _ := strings.Cut(field, " ")
		var ref secretRef
		at := refs[key]
		if of != name || at.Decode(&ref) != nil || ref.Name == "" {
			continue
		}
		namespace := issuer.Metadata.Namespace
		if issuer.Kind == "ClusterIssuer" {
			namespace = "cert-manager"
		}
		secret, _ := m.find("Secret", ref.Name, namespace)
		if value := secret.value(ref.Key); value != nil {
			token := settings.NewSecret(strings.TrimSpace(string(value)))
			c.Service = &Service{Spec: to[0], Values: map[string]settings.Secret{to[1]: token}}
			for plain, variable := range map[string]string{"nameserver": "RFC2136_NAMESERVER", "tsigKeyName": "RFC2136_TSIG_KEY",
				"tsigAlgorithm": "RFC2136_TSIG_ALGORITHM", "accessKeyID": "AWS_ACCESS_KEY_ID", "region": "AWS_REGION"} {
				if text := valueOf(refs[plain]); text != "" {
					c.Service.Values[variable] = settings.NewSecret(text)
				}
			}
		}
	}
}
