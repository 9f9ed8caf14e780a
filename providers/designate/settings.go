package designate

import (
	"cmp"
	"crypto/x509"
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"wildcard/internal/settings"
	"wildcard/providers"
	"wildcard/providers/httpclient"
)

const (
	cloudName   = "OS_CLOUD"
	cloudsFile  = "OS_CLIENT_CONFIG_FILE"
	authURL     = "OS_AUTH_URL"
	credID      = "OS_APPLICATION_CREDENTIAL_ID"
	credSecret  = "OS_APPLICATION_CREDENTIAL_SECRET"
	username    = "OS_USERNAME"
	userID      = "OS_USER_ID"
	password    = "OS_PASSWORD"
	projectName = "OS_PROJECT_NAME"
	projectID   = "OS_PROJECT_ID"
	userDomain  = "OS_USER_DOMAIN_NAME"
	userDomID   = "OS_USER_DOMAIN_ID"
	projDomain  = "OS_PROJECT_DOMAIN_NAME"
	projDomID   = "OS_PROJECT_DOMAIN_ID"
	region      = "OS_REGION_NAME"
	side        = "OS_INTERFACE"
	caFile      = "OS_CACERT"
	insecure    = "OS_INSECURE"
	endpoint    = "OS_DNS_ENDPOINT_OVERRIDE"
	ttl         = "DESIGNATE_TTL"
	httpTimeout = "DESIGNATE_HTTP_TIMEOUT"
	propagation = "DESIGNATE_PROPAGATION_TIMEOUT"
)

// Families returns the variables of an account: three ways to name it, of which the first complete one is taken. Where
// little is set, what is missing is said of the one that is nearest.
func Families() []settings.Family {
	return []settings.Family{cloudFamily(), userFamily(), credentialFamily()}
}

func optional(name string, help providers.Text, aliases ...string) settings.Variable {
	return settings.Variable{Name: name, Optional: true, Help: help, Aliases: aliases}
}

// with are variables of one family and those that all have.
func with(own ...settings.Variable) []settings.Variable {
	own = append(own,
		optional(region, "region, if the catalogue has several"),
		optional(side, "public (default), internal or admin", "OS_ENDPOINT_TYPE"),
	)
	return append(append(own, peers()...),
		optional(ttl, "TTL of the TXT records in seconds (60)"),
		optional(httpTimeout, "how long to wait for one answer, in seconds (30)"),
		optional(propagation, "how long to wait until all name servers publish the records, in seconds (900)"),
	)
}

// peers are what decides who gets the secrets.
func peers() []settings.Variable {
	return []settings.Variable{
		{Name: caFile, Optional: true, Peer: true, Help: "file with the CA of a private cloud, PEM"},
		{Name: endpoint, Optional: true, Peer: true, Help: "URL of Designate, in place of the catalogue's"},
	}
}

// cloudFamily is a cloud of clouds.yaml.
func cloudFamily() settings.Family {
	return settings.Family{
		Account: "designate", Name: "OS_CLOUD",
		Variables: with(
			optional(cloudName, "name of the cloud in clouds.yaml; or one of the other two sets"),
			optional(cloudsFile, "clouds.yaml; else CONFIG_DIR/designate, ~/.config/openstack or /etc/openstack"),
		),
		Check: func(get func(string) string) []string {
			if get(cloudName) != "" {
				return nil
			}
			return []string{
				cloudName + ", or " + authURL + " with " + credID + " and " + credSecret +
					", or " + authURL + " with " + username + ", " + password + " and " + projectName,
			}
		},
	}
}

// userFamily is a user with a password.
func userFamily() settings.Family {
	return settings.Family{
		Account: "designate", Name: "OS_USERNAME, OS_PASSWORD",
		Variables: with(
			settings.Variable{Name: authURL, Peer: true, Help: "URL of Keystone, such as https://keystone.example.com/v3"},
			optional(username, "user name; or OS_USER_ID"),
			optional(userID, "user ID"),
			settings.Variable{Name: password, Secret: true, Help: "password"},
			optional(projectName, "project; or OS_PROJECT_ID", "OS_TENANT_NAME"),
			optional(projectID, "project ID", "OS_TENANT_ID"),
			optional(userDomain, "domain of the user (Default)"),
			optional(userDomID, "ID of the user's domain"),
			optional(projDomain, "domain of the project (the user's)"),
			optional(projDomID, "ID of the project's domain"),
		),
		Check: func(get func(string) string) []string {
			var missing []string
			if get(username) == "" && get(userID) == "" {
				missing = append(missing, username+" or "+userID)
			}
			if get(projectName) == "" && get(projectID) == "" {
				missing = append(missing, projectName+" or "+projectID)
			}
			return missing
		},
	}
}

// credentialFamily is an application credential.
func credentialFamily() settings.Family {
	return settings.Family{
		Account: "designate", Name: "OS_APPLICATION_CREDENTIAL_*",
		Variables: with(
			settings.Variable{Name: authURL, Peer: true, Help: "URL of Keystone, such as https://keystone.example.com/v3"},
			settings.Variable{Name: credID, Help: "ID of the application credential"},
			settings.Variable{Name: credSecret, Secret: true, Help: "its secret"},
		),
	}
}

// account is one account's settings, checked.
type account struct {
	cloud
	identityURL string // with /v3/
	dnsURL      string // with /v2/; "" leaves it to the catalogue
	roots       *x509.CertPool

	ttl         int // seconds
	timeout     time.Duration
	longestWait time.Duration // for publication; 0: not set

	source string // where the credentials are from
	origin string // the same with the names of the variables, or of the cloud
}

func newAccount(set settings.Set, src settings.Sources) (account, error) {
	a := account{source: set.Source, origin: set.Family + " from " + set.Source}
	if name := set.Get(cloudName); name != "" {
		c, from, err := readCloud(set, src)
		if err != nil {
			return account{}, err
		}
		for own, other := range map[string]string{caFile: "cacert", endpoint: "dns_endpoint_override"} {
			if set.Get(own) != "" {
				return account{}, badSetting(own, "the password is in %s, and so is where it goes: write %s there",
					settings.Shown(from), other)
			}
		}
		a.cloud, a.source, a.origin = c, from, "cloud "+name+" of "+from
	} else {
		a.cloud = cloud{Auth: auth{
			URL: set.Get(authURL), CredentialID: set.Get(credID), CredentialSecret: set.Secret(credSecret),
			Username: set.Get(username), UserID: set.Get(userID), Password: set.Secret(password),
			ProjectName: set.Get(projectName), ProjectID: set.Get(projectID),
			UserDomainName: set.Get(userDomain), UserDomainID: set.Get(userDomID),
			ProjectDomainName: set.Get(projDomain), ProjectDomainID: set.Get(projDomID),
		}}
	}
	r := &settings.Reader{Set: set, Service: "designate"}
	get := func(name string) string { return strings.TrimSpace(set.Get(name)) }
	a.Region = cmp.Or(get(region), a.Region)
	a.Interface = cmp.Or(strings.TrimSuffix(cmp.Or(get(side), a.Interface), "URL"), "public")
	a.CACert = cmp.Or(get(caFile), a.CACert)
	a.Endpoint = cmp.Or(get(endpoint), a.Endpoint)
	a.ttl = int(r.Duration(time.Minute, ttl) / time.Second)
	a.timeout = r.Duration(30*time.Second, httpTimeout)
	a.longestWait = r.Duration(0, propagation)
	if yes, err := strconv.ParseBool(set.Ordinary(insecure)); err == nil && yes || a.Verify != nil && !*a.Verify {
		return account{}, badSetting(insecure, "connections are always verified; name the cloud's CA in %s", caFile)
	}
	switch a.Interface {
	case "public", "internal", "admin":
	default:
		return account{}, badSetting(side, "%s is neither public nor internal nor admin", providers.Excerpt(a.Interface))
	}
	if a.ttl == 0 {
		r.Bad(ttl, "it is less than a second")
	}
	if r.Err != nil {
		return account{}, r.Err
	}
	return a, a.finish()
}

// finish checks what a cloud says of itself.
func (a *account) finish() error {
	identity, err := parseURL(authURL, a.Auth.URL)
	if err != nil {
		return err
	}
	switch path.Base(identity.Path) {
	case "v2.0":
		return badSetting(authURL, "Keystone's API v2.0 is gone: let the URL end in /v3")
	case "v3":
	default:
		identity = identity.JoinPath("v3")
	}
	a.identityURL = strings.TrimSuffix(identity.String(), "/") + "/"
	if a.Endpoint != "" {
		if a.dnsURL, err = dnsURL(endpoint, a.Endpoint); err != nil {
			return err
		}
	}
	if a.CACert != "" {
		if !filepath.IsAbs(a.CACert) { // others may choose the working directory, and with it who is trusted
			return badSetting(caFile, "%s is not an absolute path", settings.Shown(a.CACert))
		}
		if a.roots, err = settings.Roots(a.CACert); err != nil {
			return providers.Errorf(providers.CodeOf(err), providers.Misconfigured, "designate: %s: %w", caFile, err)
		}
	}
	return nil
}

// dnsURL is the URL below which the calls of the API v2 are.
func dnsURL(name, text string) (string, error) {
	u, err := parseURL(name, text)
	if err != nil {
		return "", err
	}
	if path.Base(u.Path) != "v2" {
		u = u.JoinPath("v2")
	}
	return strings.TrimSuffix(u.String(), "/") + "/", nil
}

// parseURL reads a URL to which secrets are sent. It is not quoted, since people put passwords into URLs.
func parseURL(name, text string) (*url.URL, error) {
	u, err := httpclient.ParseURL(text)
	if err != nil {
		return nil, badSetting(name, "%w", err)
	}
	return u, nil
}

// fingerprint tells accounts apart: see [providers.Account].
func (a *account) fingerprint() string {
	who := []string{a.Auth.CredentialID, a.Auth.UserID, a.Auth.UserDomainID, a.Auth.UserDomainName, a.Auth.Username,
		a.Auth.ProjectID, a.Auth.ProjectDomainID, a.Auth.ProjectDomainName, a.Auth.ProjectName}
	for i, part := range who {
		who[i] = url.PathEscape(part)
	}
	return "designate " + a.identityURL + " " + url.PathEscape(a.Region) + " " + strings.Join(who, "/")
}

func (a *account) label() string {
	return "designate (" + a.identityURL + ", " + a.origin + ")"
}

func badSetting(name, format string, args ...any) error {
	return providers.Errorf(providers.CodeBadSettings, providers.Misconfigured, "designate: "+name+": "+format, args...)
}
