package foreign

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"wildcard/internal/messages"
	"wildcard/internal/settings"
)

// caddy reads the storage of Caddy and other users of certmagic: certificates/CA/NAME and acme/CA/users. Its settings are the configuration
// that Caddy took last, in autosave.json of another folder.
func caddy() client {
	return client{
		name: "caddy",
		places: placesOf([]string{"XDG_DATA_HOME/caddy"}, []string{".local/share/caddy", ".local/share/certmagic"},
			[]string{"var/lib/caddy/.local/share/caddy", "data/caddy"}),
		is: func(path string) bool {
			return isDir(filepath.Join(path, "certificates")) && isDir(filepath.Join(path, "acme"))
		},
		read: readCaddy,
	}
}

// caddyPolicy is a policy of apps.tls.automation.
type caddyPolicy struct {
	Subjects  []string      `json:"subjects"`
	KeyType   string        `json:"key_type"`
	ReuseKeys bool          `json:"reuse_private_keys"`
	Ratio     float64       `json:"renewal_window_ratio"`
	Issuers   []caddyIssuer `json:"issuers"`
}

// caddyIssuer is an issuer of a policy: module, ca, profile, challenges and more.
type caddyIssuer map[string]any

func (i caddyIssuer) text(key string) string {
	text, _ := i[key].(string)
	return text
}

// dns is what stands in challenges.dns, and of that the provider.
func (i caddyIssuer) dns() (dns, provider map[string]any) {
	challenges, _ := i["challenges"].(map[string]any)
	dns, _ = challenges["dns"].(map[string]any)
	provider, _ = dns["provider"].(map[string]any)
	return dns, provider
}

// caddyCertificate is a NAME.json.
type caddyCertificate struct {
	SANs   []string `json:"sans"`
	Issuer struct {
		CA      string `json:"ca"`
		Account string `json:"account"`
		URL     string `json:"url"`
	} `json:"issuer_data"`
}

func readCaddy(r *reader) error {
	policies := r.caddyPolicies()
	r.caddyAccounts()
	dir := filepath.Join(r.base, "certificates")
	for _, ca := range names(dir) {
		if ca == "local" { // its own CA
			r.lost("certificates/local", r.base)
			continue
		}
		for _, name := range names(filepath.Join(dir, ca)) {
			at := filepath.Join(dir, ca, name, name)
			if isFile(at + ".crt") {
				r.caddyCertificate(at, policies)
			}
		}
	}
	r.found.Extra = append(r.found.Extra, messages.New(
		"Caddy renews by itself. Per site, put what is shown into its block of the Caddyfile; then: systemctl reload caddy"))
	return nil
}

// caddyPolicies are those of the configuration that Caddy took last.
func (r *reader) caddyPolicies() []caddyPolicy {
	home := filepath.Join(r.base, "..", "..", "..")
	for _, path := range []string{
		filepath.Join(r.get("XDG_CONFIG_HOME"), "caddy", "autosave.json"),
		filepath.Join(home, ".config", "caddy", "autosave.json"),
		filepath.Join(r.base, "..", "..", "config", "caddy", "autosave.json"),
	} {
		var conf struct {
			Apps struct {
				TLS struct {
					Automation struct {
						Policies []caddyPolicy `json:"policies"`
					} `json:"automation"`
				} `json:"tls"`
			} `json:"apps"`
		}
		if filepath.IsAbs(path) && isFile(path) && readJSON(path, &conf) == nil {
			return conf.Apps.TLS.Automation.Policies
		}
	}
	return nil
}

func (r *reader) caddyAccounts() {
	dir := filepath.Join(r.base, "acme")
	for _, ca := range names(dir) {
		users := filepath.Join(dir, ca, "users")
		for _, contact := range names(users) {
			for _, name := range names(filepath.Join(users, contact)) {
				base, ok := strings.CutSuffix(name, ".json")
				if !ok {
					continue
				}
				at := filepath.Join(users, contact, base)
				a := Account{Source: at + ".key", Contact: contact}
				var about struct{ Status, Location string }
				a.Err = readJSON(at+".json", &about)
				a.URI, a.Host = about.Location, hostOf(about.Location)
				var err error
				if a.Key, err = readFile(at + ".key"); err != nil && a.Err == nil {
					a.Err = err
				}
				if a.Err == nil && !usable(about.Status) {
					a.Err = notUsable(about.Status)
				}
				r.found.Accounts = append(r.found.Accounts, a)
			}
		}
	}
}

func (r *reader) caddyCertificate(at string, policies []caddyPolicy) {
	c := Certificate{Source: at + ".crt", End: "tls %[1]s/fullchain.pem %[1]s/privkey.pem"}
	var about caddyCertificate
	if err := readJSON(at+".json", &about); err != nil {
		c.Lost = append(c.Lost, filepath.Base(at+".json"))
	}
	var err error
	if c.Chain, err = readFile(at + ".crt"); err != nil {
		c.Err = err
	}
	if c.Key, err = readFile(at + ".key"); err != nil {
		c.Err = err
	}
	c.Names, c.Server, c.Account = about.SANs, about.Issuer.CA, about.Issuer.Account
	c.Host = hostOf(about.Issuer.URL)
	for i := range r.found.Accounts { // whose folders have no URL of a directory
		if a := &r.found.Accounts[i]; a.Server == "" && c.Server != "" && a.Host == hostOf(c.Server) {
			a.Server = c.Server
		}
	}
	for _, p := range policies {
		if matches(p.Subjects, c.Names) {
			r.caddyPolicy(&c, p)
			break
		}
	}
	r.found.Certificates = append(r.found.Certificates, c)
}

// matches reports whether a policy is for a certificate; one without subjects is for all.
func matches(subjects, of []string) bool {
	return len(subjects) == 0 || slices.ContainsFunc(of, func(name string) bool { return slices.Contains(subjects, name) })
}

func (r *reader) caddyPolicy(c *Certificate, p caddyPolicy) {
	c.KeyType, c.ReuseKey = p.KeyType, p.ReuseKeys
	if p.Ratio != 0 {
		c.Lost = append(c.Lost, "renewal_window_ratio")
	}
	for _, issuer := range p.Issuers {
		if ca := issuer.text("ca"); ca == "" || ca == c.Server {
			r.caddyIssuer(c, issuer)
		}
	}
}

// caddyIssuer takes what an issuer says, the DNS service first of all.
func (r *reader) caddyIssuer(c *Certificate, issuer caddyIssuer) {
	c.Profile = issuer.text("profile")
	dns, provider := issuer.dns()
	c.Lost = append(c.Lost, unknownKeys("", issuer, "module", "ca", "email", "profile", "challenges")...)
	c.Lost = append(c.Lost, unknownKeys("dns.", dns, "provider")...)
	name, _ := provider["name"].(string)
	service, ok := caddyServices()[name]
	switch {
	case name == "":
		c.Proof = "http-01, tls-alpn-01"
		return
	case !ok:
		c.Proof = "dns.providers." + name
		return
	}
	c.Service = &Service{Spec: service.spec, Values: map[string]settings.Secret{}}
	known := []string{"name"}
	for _, variable := range service.variables {
		known = append(known, variable[0])
		text, _ := provider[variable[0]].(string)
		if value := r.caddyValue(text); value != "" {
			c.Service.Values[variable[1]] = settings.NewSecret(value)
		} else if text != "" {
			c.Lost = append(c.Lost, text)
		}
	}
	c.Lost = append(c.Lost, unknownKeys("dns.provider.", provider, known...)...)
	c.Service.complete()
}

// unknownKeys are the keys of a part of a configuration but those that are read.
func unknownKeys[V any](before string, of map[string]V, known ...string) (lost []string) {
	for _, key := range slices.Sorted(maps.Keys(of)) {
		if !slices.Contains(known, key) {
			lost = append(lost, before+key)
		}
	}
	return lost
}

// placeholder is a value that Caddy takes from its environment.
var placeholder = regexp.MustCompile(`^\{\$?(?:env\.)?(\w+)\}$`)

// caddyValue is a value of the configuration, or that which the unit gives in its environment.
func (r *reader) caddyValue(text string) string {
	m := placeholder.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	for _, job := range r.trusted(jobsOf(r.Machine, r.base, []string{"caddy"})) {
		if value := job.Values[m[1]]; value != "" {
			return value
		}
	}
	return ""
}

// caddyServices are the modules dns.providers.NAME whose fields are known to mean what ours mean (libdns).
func caddyServices() map[string]shellService {
	return map[string]shellService{
		"cloudflare":   named("lego:cloudflare", "api_token=CF_DNS_API_TOKEN"),
		"digitalocean": named("lego:digitalocean", "auth_token=DO_AUTH_TOKEN"),
		"duckdns":      named("lego:duckdns", "api_token=DUCKDNS_TOKEN"),
		"gandi":        named("lego:gandiv5", "bearer_token=GANDIV5_PERSONAL_ACCESS_TOKEN"),
		"hetzner":      named("lego:hetzner", "auth_api_token=HETZNER_API_KEY"),
		"linode":       named("lego:linode", "api_token=LINODE_TOKEN"),
		"vultr":        named("lego:vultr", "api_token=VULTR_API_KEY"),
		"desec":        named("lego:desec", "token=DESEC_TOKEN"),
		"bunny":        named("lego:bunny", "access_key=BUNNY_API_KEY"),
		"route53": named("lego:route53",
			"access_key_id=AWS_ACCESS_KEY_ID secret_access_key=AWS_SECRET_ACCESS_KEY region=AWS_REGION"),
		"ovh": named("lego:ovh", "endpoint=OVH_ENDPOINT application_key=OVH_APPLICATION_KEY "+
			"application_secret=OVH_APPLICATION_SECRET consumer_key=OVH_CONSUMER_KEY"),
		"porkbun": named("lego:porkbun", "api_key=PORKBUN_API_KEY api_secret_key=PORKBUN_SECRET_API_KEY"),
		"rfc2136": named("rfc2136", "key_name=RFC2136_TSIG_KEY key_alg=RFC2136_TSIG_ALGORITHM "+
			"key=RFC2136_TSIG_SECRET server=RFC2136_NAMESERVER"),
		"powerdns": named("lego:pdns", "server_url=PDNS_API_URL api_token=PDNS_API_KEY"),
	}
}
