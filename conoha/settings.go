package conoha

import (
	"cmp"
	"regexp"
	"strings"
	"time"

	"wildcard/internal/settings"
	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// family is one family of variable names. Other settings of its account begin with prefix.
type family struct {
	account, name, prefix                    string
	tenant, user, userID, password, regional string // userID "" if the family has none
}

func families() []family {
	return []family{
		{
			account: "conoha", name: "CONOHA_*", prefix: "CONOHA_",
			tenant: "CONOHA_TENANT_ID", user: "CONOHA_API_USERNAME", userID: "CONOHA_API_USER_ID",
			password: "CONOHA_API_PASSWORD", regional: "CONOHA_REGION",
		},
		{
			account: "conoha", name: "CNH_*", prefix: "CONOHA_",
			tenant: "CNH_TENANT_ID", user: "CNH_USERNAME", password: "CNH_PASSWORD", regional: "CNH_REGION",
		},
		{
			account: "conoha", name: "CNH_NAME, CNH_PASS, CNH_TENANTID", prefix: "CONOHA_",
			tenant: "CNH_TENANTID", user: "CNH_NAME", password: "CNH_PASS", regional: "CNH_REGION",
		},
		{
			account: "conohav3", name: "CONOHAV3_*", prefix: "CONOHAV3_",
			tenant: "CONOHAV3_TENANT_ID", user: "CONOHAV3_API_USERNAME", userID: "CONOHAV3_API_USER_ID",
			password: "CONOHAV3_API_PASSWORD", regional: "CONOHAV3_REGION",
		},
	}
}

// Families returns the names under which a ConoHa account can be given: CONOHA_* or those of the shell scripts for one
// account, and lego's CONOHAV3_* for a second one of Ver.3.0.
func Families() []settings.Family {
	var out []settings.Family
	for _, f := range families() {
		variables := []settings.Variable{
			{Name: f.tenant, Help: "tenant ID from the control panel's API page (Ver.3.0: the project's)"},
			{Name: f.user, Optional: f.userID != "", Help: "API user name, gncu...; what Ver.2.0 logs in with"},
		}
		if f.userID != "" {
			variables = append(variables,
				settings.Variable{Name: f.userID, Optional: true,
					Help: "API user ID, 32 hexadecimal digits; what Ver.3.0 logs in with"})
		}
		variables = append(variables,
			settings.Variable{Name: f.password, Secret: true, Help: "API password"},
			settings.Variable{Name: f.regional, Optional: true, Help: "tyo1, tyo2, ... (Ver.2.0) or c3j1 (Ver.3.0)"},
			settings.Variable{Name: f.prefix + "IDENTITY_URL", Optional: true, Peer: true,
				Help: "base URL of the identity service, with /v2.0 or /v3 (the region's)"},
			settings.Variable{Name: f.prefix + "DNS_URL", Optional: true, Peer: true,
				Help: "base URL of the DNS service, without /v1 (the region's)"},
		)
		out = append(out, settings.Family{Account: f.account, Name: f.name, Variables: variables, Check: f.missing})
	}
	return out
}

// Settings returns what may be set besides, from the environment or beside the credentials. A second account of Ver.3.0 takes it from
// here unless it is set with its prefix.
func Settings() []settings.Variable {
	return []settings.Variable{
		{Name: "CONOHA_TTL", Optional: true, Help: "TTL of the TXT records in seconds (60)"},
		{Name: "CONOHA_PROPAGATION_TIMEOUT", Optional: true, Help: "how long to wait until all name servers publish the records, in seconds (900)"},
		{Name: "CONOHA_HTTP_TIMEOUT", Optional: true, Help: "how long to wait for one answer of the API, in seconds (30)"},
	}
}

// missing names what is missing beyond the plainly required: one of the two ways to name the user.
func (f family) missing(get func(string) string) []string {
	switch {
	case f.userID == "" || get(f.user) != "" || get(f.userID) != "":
		return nil
	case f.account == "conohav3" || ofRegion(get(f.regional)).byUserID:
		return []string{f.userID}
	case get(f.regional) != "":
		return []string{f.user}
	}
	return []string{f.user + " or " + f.userID}
}

// account is one account's settings, checked.
type account struct {
	generation generation
	region     string
	tenant     string
	user       string
	userIsID   bool
	password   settings.Secret

	identityURL string // with /v2.0 or /v3, no trailing slash
	dnsURL      string // without /v1, no trailing slash

	ttl         int // seconds
	timeout     time.Duration
	longestWait time.Duration // for publication; 0: not set

	because string // why it is of this generation
	other   string // what to set if it is of the other one; "" where that was said plainly

	source string // where the credentials are from
	origin string // the same with the names of the variables
}

var (
	regionForm = regexp.MustCompile(`^[a-z0-9-]{2,16}$`)
	wordForm   = regexp.MustCompile(`^[!-~]{1,128}$`)
	hexForm    = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)
)

// newAccount makes an account of a complete set of credentials.
func newAccount(set settings.Set) (account, error) {
	var f family
	for _, known := range families() {
		if known.account == set.Account && known.name == set.Family {
			f = known
		}
	}
	a := account{
		tenant:   set.Get(f.tenant),
		user:     set.Get(f.user),
		password: set.Secret(f.password),
		region:   set.Get(f.regional),
		source:   set.Source,
		origin:   f.name + " from " + set.Source,
	}
	r := &settings.Reader{Set: set, Service: "conoha"}
	a.identityURL = baseURL(r, f.prefix+"IDENTITY_URL")
	a.dnsURL = strings.TrimSuffix(baseURL(r, f.prefix+"DNS_URL"), "/v1")
	// These are set once for both accounts, unless the second one has a value of its own.
	a.ttl = r.Seconds(60, 60, f.prefix+"TTL", "CONOHA_TTL")
	a.timeout = r.Duration(30*time.Second, f.prefix+"HTTP_TIMEOUT", "CONOHA_HTTP_TIMEOUT")
	a.longestWait = r.Duration(0, f.prefix+"PROPAGATION_TIMEOUT", "CONOHA_PROPAGATION_TIMEOUT")
	if r.Err != nil {
		return account{}, r.Err
	}
	if a.region != "" && !regionForm.MatchString(a.region) {
		return account{}, badSetting(f.regional, "%s is not the name of a region, such as tyo1 or c3j1",
			providers.Excerpt(a.region))
	}
	var id string
	if f.userID != "" {
		id = set.Get(f.userID)
	}
	if err := a.decide(f, id); err != nil {
		return account{}, err
	}
	const unfit = "%s has characters that are not printable ASCII, or is too long"
	switch {
	case !wordForm.MatchString(a.tenant):
		return account{}, badSetting(f.tenant, unfit, providers.Excerpt(a.tenant))
	case !wordForm.MatchString(a.user):
		return account{}, badSetting(f.user, unfit, providers.Excerpt(a.user))
	}
	return a, nil
}

// baseURL reads a base URL and returns it without trailing slashes.
func baseURL(r *settings.Reader, name string) string {
	text := strings.TrimSpace(r.Get(name))
	if text == "" {
		return ""
	}
	u, err := httpclient.ParseURL(text)
	if err != nil {
		r.Bad(name, "%w", err)
		return ""
	}
	return strings.TrimRight(u.Scheme+"://"+u.Host+u.EscapedPath(), "/")
}

func badSetting(name, format string, args ...any) error {
	return providers.Errorf(providers.CodeBadSettings, providers.Misconfigured, "conoha: "+name+": "+format, args...)
}

// decide decides the generation, and with it what to log in with and where.
func (a *account) decide(f family, id string) error {
	identity, known := ofIdentity(a.identityURL)
	if a.identityURL != "" && !known {
		return badSetting(f.prefix+"IDENTITY_URL", "it must end in /v2.0 or /v3")
	}
	a.guess(f, id)
	g := a.generation
	switch {
	case known && f.account == "conohav3" && identity.version == 2:
		return badSetting(f.prefix+"IDENTITY_URL", "/v2.0 is Ver.2.0, whose settings are CONOHA_*")
	case known && g.version == 3 && identity.version == 2:
		return badSetting(f.prefix+"IDENTITY_URL", "%s does not go with %s=%s, which is %s",
			identity.identityPath, f.regional, a.region, g.name)
	case f.account == "conohav3" && g.version == 2:
		return badSetting(f.regional, "%s is a region of Ver.2.0, whose settings are CONOHA_*", a.region)
	case !g.byUserID && a.user == "":
		return providers.Errorf(providers.CodeMissing, providers.Misconfigured,
			"conoha: %s is not set: %s logs in with a user name, not with %s", f.user, g.name, f.userID)
	}
	if g.byUserID {
		// Scripts that moved from Ver.2.0 keep the id in the variable of the name.
		a.userIsID = id != "" || hexForm.MatchString(a.user)
		a.user = cmp.Or(id, a.user)
	}
	a.region = cmp.Or(a.region, g.home)
	identityURL, dnsURL := g.urls(a.region)
	a.identityURL, a.dnsURL = cmp.Or(a.identityURL, identityURL), cmp.Or(a.dnsURL, dnsURL)
	return nil
}

// guess finds out the generation, and why. Names of users begin with gncu, so a user of 32 hexadecimal digits is an ID, which Ver.3.0
// alone takes: forks of the scripts for Ver.3.0 have it in the variable of the name, without a region.
func (a *account) guess(f family, id string) {
	isID := hexForm.MatchString(a.user)
	set2, set3 := "for Ver.2.0 set "+f.regional+"=tyo1", "for Ver.3.0 set "+f.regional+"=c3j1"
	inRegion, region := ofRegion(a.region), a.region != ""
	identity, url := ofIdentity(a.identityURL)
	switch {
	case region && inRegion.regions != "":
		a.generation, a.because = inRegion, f.regional+" begins with "+inRegion.regions
	case url && identity.version == 3:
		a.generation, a.because = identity, f.prefix+"IDENTITY_URL ends in "+identity.identityPath
	case region:
		a.generation, a.because = inRegion, f.regional+" does not begin with c3"
		if isID {
			a.other = f.user + " is a user ID: " + set3
		}
	case url:
		a.generation, a.because = identity, f.prefix+"IDENTITY_URL ends in "+identity.identityPath
		if isID {
			a.other = f.user + " is a user ID, and Ver.3.0's URL ends in /v3"
		}
	case f.account == "conohav3":
		a.generation, a.because = ver3(), "it is CONOHAV3_*"
	case id != "":
		a.generation, a.because, a.other = ver3(), f.userID+" is set", set2
	case isID:
		a.generation, a.because, a.other = ver3(), f.user+" is a user ID, 32 hexadecimal digits", set2
	default:
		a.generation, a.because, a.other = ver2(), f.user+" is no user ID and "+f.regional+" is not set", set3
	}
}

// fingerprint tells accounts apart: see [providers.Account].
func (a account) fingerprint() string {
	return "conoha " + a.identityURL + " " + a.tenant + " " + a.user
}

func (a account) label() string {
	tenant := a.tenant
	if len(tenant) > 8 {
		tenant = tenant[:8] + "…"
	}
	name := a.generation.name
	return "conoha " + name + " (" + a.region + ", tenant " + tenant + ", " + a.origin + "; " + name +
		" because " + a.because + ")"
}
