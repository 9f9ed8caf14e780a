package acmedns

import (
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"wildcard/internal/settings"
	"wildcard/providers"
	"wildcard/providers/httpclient"
)

const (
	apiBase     = "ACME_DNS_API_BASE"
	storagePath = "ACME_DNS_STORAGE_PATH"
	allowList   = "ACME_DNS_ALLOWLIST"
	username    = "ACMEDNS_USERNAME"
	password    = "ACMEDNS_PASSWORD"
	subdomain   = "ACMEDNS_SUBDOMAIN"
	fulldomain  = "ACMEDNS_FULLDOMAIN"
	httpTimeout = "ACMEDNS_HTTP_TIMEOUT"
	propagation = "ACMEDNS_PROPAGATION_TIMEOUT"
)

// Families returns the variables of an account, all of them: those that are optional have a default or an alternative.
func Families() []settings.Family {
	return []settings.Family{{
		Account: "acmedns", Name: "ACME_DNS_*", Check: missing,
		Variables: []settings.Variable{
			{Name: apiBase, Peer: true, Aliases: []string{"ACMEDNS_BASE_URL", "ACMEDNS_URL"},
				Help: "URL of the acme-dns server"},
			{Name: storagePath, Optional: true, Help: "JSON file with the accounts (CONFIG_DIR/acmedns/accounts.json); new ones are added"},
			{Name: allowList, Optional: true, Help: "networks that may use new accounts, separated by commas (any)"},
			{Name: username, Optional: true, Help: "one account in place of the file: user name"},
			{Name: password, Optional: true, Secret: true, Help: "its password"},
			{Name: subdomain, Optional: true, Help: "its subdomain"},
			{Name: fulldomain, Optional: true, Help: "the name that the CNAMEs lead to (SUBDOMAIN.HOST of the server)"},
			{Name: httpTimeout, Optional: true, Help: "how long to wait for one answer, in seconds (30)"},
			{Name: propagation, Optional: true, Help: "how long to wait until all name servers publish the records, in seconds (900)"},
		},
	}}
}

// missing names what is missing of an account that stands in variables.
func missing(get func(string) string) []string {
	var names []string
	for _, name := range []string{username, password, subdomain} {
		if get(name) == "" {
			names = append(names, name)
		}
	}
	if len(names) == 3 && get(fulldomain) == "" {
		return nil // the accounts are in the file
	}
	return names
}

// account is one account's settings, checked.
type account struct {
	base  string // URL of the server, without a slash at its end
	path  string // of the file with the registrations; "" with only
	only  *registration
	allow []string
	// stated says that the file's accounts must name the server: the environment alone does, and it did not name the file.
	stated bool

	timeout     time.Duration
	longestWait time.Duration // for publication; 0: not set
	origin      string        // where the settings are from
}

func newAccount(set settings.Set, configDir string) (account, error) {
	a := account{origin: set.Family + " from " + set.Source}
	u, err := httpclient.ParseURL(strings.TrimSpace(set.Get(apiBase)))
	if err != nil {
		return account{}, badSetting(apiBase, "%w", err)
	}
	a.base = strings.TrimSuffix(u.String(), "/")
	for _, text := range strings.FieldsFunc(set.Get(allowList), func(r rune) bool { return r == ',' || r == ' ' }) {
		if _, err := netip.ParsePrefix(text); err != nil {
			return account{}, badSetting(allowList, "%s is not a network such as 192.0.2.0/24", providers.Excerpt(text))
		}
		a.allow = append(a.allow, text)
	}
	r := &settings.Reader{Set: set, Service: "acmedns"}
	a.timeout = r.Duration(30*time.Second, httpTimeout)
	a.longestWait = r.Duration(0, propagation)
	if r.Err != nil {
		return account{}, r.Err
	}
	if set.Get(username) == "" {
		a.stated = set.Source == settings.Environment && set.Get(storagePath) == ""
		a.path, err = pathOf(set.Get(storagePath), configDir)
		return a, err
	}
	if set.Get(storagePath) != "" {
		return account{}, badSetting(storagePath, "%s is set too: an account in variables takes the place of the file; remove one", username)
	}
	only := registration{subdomain: set.Get(subdomain), username: set.Get(username), password: set.Secret(password)}
	full := set.Get(fulldomain)
	if full == "" {
		full = only.subdomain + "." + u.Hostname()
	}
	if only.name, err = providers.ParseZone(full); err != nil {
		return account{}, badSetting(fulldomain, "%w", err)
	}
	if err := only.check(); err != nil {
		return account{}, badSetting(username+", "+password+", "+subdomain, "%w", err)
	}
	a.only = &only
	return a, nil
}

func pathOf(path, configDir string) (string, error) {
	switch {
	case path == "" && configDir == "":
		return "", badSetting(storagePath, "it is not set, and there is no configuration directory for its default")
	case path == "":
		return filepath.Join(configDir, "acmedns", "accounts.json"), nil
	case !filepath.IsAbs(path):
		return "", badSetting(storagePath, "%s is not an absolute path", settings.Shown(path))
	}
	return filepath.Clean(path), nil
}

func badSetting(name, format string, args ...any) error {
	return providers.Errorf(providers.CodeBadSettings, providers.Misconfigured, "acmedns: "+name+": "+format, args...)
}

// fingerprint tells accounts apart: see [providers.Account].
func (a account) fingerprint() string {
	if a.only != nil {
		return "acmedns " + a.base + " " + a.only.username
	}
	return "acmedns " + a.base + " " + a.path
}

func (a account) label() string { return "acmedns (" + a.base + ", " + a.origin + ")" }
