package foreign

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"wildcard/internal/lineage"
	"wildcard/internal/settings"
)

// shellService is a DNS service of acme.sh's: ours, and its variables with the names that ours has for them.
type shellService struct {
	spec      string
	variables [][2]string
	noted     []string // variables that acme.sh keeps and that are no setting, or that ours finds by itself
}

// named is a service with its variables, each "THEIRS=OURS", and those that are no setting.
func named(spec, variables string, noted ...string) shellService {
	s := shellService{spec: spec, noted: noted}
	for _, pair := range strings.Fields(variables) {
		theirs, ours, _ := strings.Cut(pair, "=")
		s.variables = append(s.variables, [2]string{theirs, ours})
	}
	return s
}

// acmeShServices are those of acme.sh's dnsapi whose variables are known to mean what ours mean (acme.sh 3.1.4, dnsapi/dns_*.sh;
// lego's providers/dns/*).
func acmeShServices() map[string]shellService {
	return map[string]shellService{
		"dns_conoha": named("conoha", "CONOHA_Username=CONOHA_API_USERNAME CONOHA_Password=CONOHA_API_PASSWORD "+
			"CONOHA_TenantId=CONOHA_TENANT_ID CONOHA_IdentityServiceApi=CONOHA_IDENTITY_URL",
			"conoha_accesstoken", "conoha_tokenvalidto", "conoha_dns_ep"),
		"dns_cf": named("lego:cloudflare", "CF_Token=CF_DNS_API_TOKEN CF_Key=CF_API_KEY CF_Email=CF_API_EMAIL",
			"CF_Account_ID", "CF_Zone_ID"),
		"dns_aws": named("lego:route53",
			"AWS_ACCESS_KEY_ID=AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY=AWS_SECRET_ACCESS_KEY"),
		"dns_ovh": named("lego:ovh", "OVH_AK=OVH_APPLICATION_KEY OVH_AS=OVH_APPLICATION_SECRET "+
			"OVH_CK=OVH_CONSUMER_KEY OVH_END_POINT=OVH_ENDPOINT"),
		"dns_nsupdate": named("rfc2136", "NSUPDATE_SERVER=RFC2136_NAMESERVER NSUPDATE_KEY=RFC2136_TSIG_FILE",
			"NSUPDATE_SERVER_PORT", "NSUPDATE_ZONE", "NSUPDATE_OPT"),
		"dns_dgon": named("lego:digitalocean", "DO_API_KEY=DO_AUTH_TOKEN"),
		"dns_gd":   named("lego:godaddy", "GD_Key=GODADDY_API_KEY GD_Secret=GODADDY_API_SECRET"),
		"dns_gandi_livedns": named("lego:gandiv5",
			"GANDI_LIVEDNS_TOKEN=GANDIV5_PERSONAL_ACCESS_TOKEN GANDI_LIVEDNS_KEY=GANDIV5_API_KEY"),
		"dns_hetzner":      named("lego:hetzner", "HETZNER_Token=HETZNER_API_KEY"),
		"dns_hetznercloud": named("lego:hetzner", "HETZNER_TOKEN=HETZNER_API_TOKEN"),
		"dns_linode_v4":    named("lego:linode", "LINODE_V4_API_KEY=LINODE_TOKEN"),
		"dns_vultr":        named("lego:vultr", "VULTR_API_KEY=VULTR_API_KEY"),
		"dns_desec":        named("lego:desec", "DEDYN_TOKEN=DESEC_TOKEN"),
		"dns_duckdns":      named("lego:duckdns", "DuckDNS_Token=DUCKDNS_TOKEN"),
		"dns_namecheap": named("lego:namecheap",
			"NAMECHEAP_USERNAME=NAMECHEAP_API_USER NAMECHEAP_API_KEY=NAMECHEAP_API_KEY", "NAMECHEAP_SOURCEIP"),
		"dns_bunny": named("lego:bunny", "BUNNY_API_KEY=BUNNY_API_KEY"),
		"dns_porkbun": named("lego:porkbun",
			"PORKBUN_API_KEY=PORKBUN_API_KEY PORKBUN_SECRET_API_KEY=PORKBUN_SECRET_API_KEY"),
		"dns_inwx": named("lego:inwx",
			"INWX_User=INWX_USERNAME INWX_Password=INWX_PASSWORD INWX_Shared_Secret=INWX_SHARED_SECRET"),
		"dns_netcup": named("lego:netcup",
			"NC_CID=NETCUP_CUSTOMER_NUMBER NC_Apikey=NETCUP_API_KEY NC_Apipw=NETCUP_API_PASSWORD"),
		"dns_dnsimple": named("lego:dnsimple", "DNSimple_OAUTH_TOKEN=DNSIMPLE_OAUTH_TOKEN"),
		"dns_ali":      named("lego:alidns", "Ali_Key=ALICLOUD_ACCESS_KEY Ali_Secret=ALICLOUD_SECRET_KEY"),
		"dns_pdns": named("lego:pdns",
			"PDNS_Url=PDNS_API_URL PDNS_Token=PDNS_API_KEY PDNS_ServerId=PDNS_SERVER_NAME"),
	}
}

// ofLego is a service that lego has under a name: ours where there is one.
func ofLego(name string, values map[string]settings.Secret) *Service {
	s := &Service{Spec: "lego:" + name, Values: values}
	switch name {
	case "conoha", "conohav3":
		s.Spec = "conoha"
	case "rfc2136", "designate", "manual":
		s.Spec = name
	}
	s.complete()
	return s
}

// provenByLego takes the service that lego has under a name. A program is none: ours wants to be told its zone, which
// nothing of lego's says.
func (c *Certificate) provenByLego(name string, values map[string]settings.Secret) {
	if name == "exec" {
		c.Proof = strings.TrimSpace("dns exec " + shown(values["EXEC_PATH"].Reveal()))
		return
	}
	c.Service = ofLego(name, values)
}

// region is that of ConoHa's identity service's host.
var region = regexp.MustCompile(`^https://identity\.([a-z]+\d+)\.conoha\.io(/|$)`)

// complete adds what a service wants to know and its values say already, and leaves out what stands beside a better one.
func (s *Service) complete() {
	if s.Spec == "conoha" && s.Values["CONOHA_REGION"].IsZero() {
		if m := region.FindStringSubmatch(s.Values["CONOHA_IDENTITY_URL"].Reveal()); m != nil {
			s.Values["CONOHA_REGION"] = settings.NewSecret(m[1])
		}
	}
	if !s.Values["CF_DNS_API_TOKEN"].IsZero() { // lego takes one way to log in
		delete(s.Values, "CF_API_KEY")
		delete(s.Values, "CF_API_EMAIL")
	}
}

// variablesOf are the values of a file of variables that a DNS service may read: all but those that are no service's.
func (r *reader) variablesOf(path string) (map[string]settings.Secret, error) {
	file, err := r.readShell(path, nil, true)
	if err != nil {
		return nil, err
	}
	return secretsOf(file.values), nil
}

func secretsOf(values map[string]string) map[string]settings.Secret {
	secrets := map[string]settings.Secret{}
	for name, value := range values {
		none := []string{"PATH", "HOME", "SHELL", "MAILTO", "LANG", "USER", "LOGNAME", "PWD", "TZ"}
		clients := strings.HasPrefix(name, "LEGO_") || strings.HasPrefix(name, "TRAEFIK_")
		if value != "" && !clients && !slices.Contains(none, name) {
			secrets[name] = settings.NewSecret(value)
		}
	}
	return secrets
}

// environmentOf are the variables that a job's command has: of its unit or table, of what the line assigns, and of the files that it sources.
func (r *reader) environmentOf(job lineage.Job) map[string]settings.Secret {
	all := secretsOf(job.Values)
	for _, words := range job.Commands {
		for i, word := range words {
			if (word == "." || word == "source") && i+1 < len(words) {
				if more, err := r.variablesOf(r.locate(words[i+1])); err == nil {
					maps.Copy(all, more)
				}
			}
			if name, value, ok := strings.Cut(word, "="); ok && plainName.MatchString(word) && value != "" {
				maps.Copy(all, secretsOf(map[string]string{name: value}))
			}
		}
	}
	return all
}
