package rfc2136

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"wildcard/internal/settings"
	"wildcard/providers"
)

const (
	nameserver  = "RFC2136_NAMESERVER"
	tsigKey     = "RFC2136_TSIG_KEY"
	tsigSecret  = "RFC2136_TSIG_SECRET"
	algorithm   = "RFC2136_TSIG_ALGORITHM"
	tsigFile    = "RFC2136_TSIG_FILE"
	zoneList    = "RFC2136_ZONE"
	ttl         = "RFC2136_TTL"
	dnsTimeout  = "RFC2136_DNS_TIMEOUT"
	propagation = "RFC2136_PROPAGATION_TIMEOUT"
)

// aliases are lego's newer names of a variable.
func aliases(name string) []string {
	newer := "DNSUPDATE_" + strings.TrimPrefix(name, "RFC2136_")
	if name == zoneList {
		return []string{"RFC2136_ZONES", newer, "DNSUPDATE_ZONES"}
	}
	return []string{newer}
}

// names are all names of a variable.
func names(name string) []string { return append([]string{name}, aliases(name)...) }

// Families returns the variables of an account, all of them: those that are optional have a default or an alternative.
func Families() []settings.Family {
	variables := []settings.Variable{
		{Name: nameserver, Peer: true, Help: "the zone's primary name server: host or host:port (port 53)"},
		{Name: tsigKey, Optional: true, Help: "name of the TSIG key; required without RFC2136_TSIG_FILE"},
		{Name: tsigSecret, Optional: true, Secret: true,
			Help: "secret of the TSIG key, base64; required without RFC2136_TSIG_FILE"},
		{Name: algorithm, Optional: true, Help: "hmac-sha256 (default), hmac-sha512, hmac-sha384, hmac-sha224 or hmac-sha1"},
		{Name: tsigFile, Optional: true, Help: "path of a key file as tsig-keygen prints it, in place of name, algorithm and secret"},
		{Name: zoneList, Optional: true, Help: "zones to write in, separated by commas; not needed with a spec ZONE=rfc2136"},
		{Name: ttl, Optional: true, Help: "TTL of the TXT records in seconds (1)"},
		{Name: dnsTimeout, Optional: true, Help: "how long to wait for one answer of the server, in seconds (10)"},
		{Name: propagation, Optional: true, Help: "how long to wait until all name servers publish the records, in seconds (900)"},
	}
	for i, v := range variables {
		variables[i].Aliases = aliases(v.Name)
	}
	return []settings.Family{{Account: "rfc2136", Name: "RFC2136_*", Variables: variables, Check: missing}}
}

// missing names what is missing of the key.
func missing(get func(string) string) []string {
	switch {
	case get(tsigFile) != "", get(tsigKey) != "" && get(tsigSecret) != "":
		return nil
	case get(tsigKey) != "":
		return []string{tsigSecret}
	case get(tsigSecret) != "":
		return []string{tsigKey}
	}
	return []string{tsigKey + " with " + tsigSecret, "or " + tsigFile}
}

// account is one account's settings, checked.
type account struct {
	address string // host:port
	key     key
	zones   []string // canonical; none if the account cannot tell

	ttl         uint32 // seconds
	timeout     time.Duration
	longestWait time.Duration // for publication; 0: not set

	source string // where the credentials are from
	origin string // the same with the names of the variables
}

// newAccount makes an account of a complete set of credentials.
func newAccount(set settings.Set, src settings.Sources) (account, error) {
	a := account{source: set.Source, origin: set.Family + " from " + set.Source}
	var err error
	if a.address, err = parseAddress(set.Get(nameserver)); err != nil {
		return account{}, err
	}
	if a.key, err = readKey(set, src); err != nil {
		return account{}, err
	}
	for _, text := range strings.FieldsFunc(set.Get(zoneList),
		func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		zone, err := providers.ParseZone(text)
		if err != nil {
			return account{}, badSetting(zoneList, "%w", err)
		}
		if !slices.Contains(a.zones, zone) {
			a.zones = append(a.zones, zone)
		}
	}
	r := &settings.Reader{Set: set, Service: "rfc2136"}
	a.ttl = uint32(r.Seconds(1, 1, names(ttl)...)) // so that the resolvers of CAs keep nothing for long
	a.timeout = r.Duration(10*time.Second, names(dnsTimeout)...)
	a.longestWait = r.Duration(0, names(propagation)...)
	return a, r.Err
}

// parseAddress reads host, host:port, an IPv6 address or [IPv6]:port.
func parseAddress(s string) (string, error) {
	host, port := s, "53"
	if h, p, err := net.SplitHostPort(s); err == nil {
		host, port = h, p
	} else if inner, ok := strings.CutPrefix(s, "["); ok {
		host = strings.TrimSuffix(inner, "]")
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return "", badSetting(nameserver, "%s is no port", providers.Excerpt(port))
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(addr, uint16(number)).String(), nil
	}
	host = strings.TrimSuffix(providers.CanonicalName(host), ".")
	if !hostForm.MatchString(host) || len(host) > 253 {
		return "", badSetting(nameserver, "%s is neither an IP address nor a host name, with or without :port",
			providers.Excerpt(s))
	}
	return net.JoinHostPort(host, strconv.FormatUint(number, 10)), nil
}

// readKey takes the key from the variables or from the file that they name.
func readKey(set settings.Set, src settings.Sources) (key, error) {
	path := set.Get(tsigFile)
	if path == "" {
		k, err := newKey(set.Get(tsigKey), cmp.Or(set.Get(algorithm), "hmac-sha256"), set.Secret(tsigSecret))
		if err != nil {
			return key{}, providers.Errorf(providers.CodeBadSettings, providers.Misconfigured, "rfc2136: %w", err)
		}
		return k, nil
	}
	for _, name := range []string{tsigKey, tsigSecret, algorithm} {
		if set.Get(name) != "" {
			return key{}, badSetting(tsigFile, "%s is set too; remove one", name)
		}
	}
	text, err := src.ReadSecretFile(path)
	if err != nil {
		return key{}, providers.Errorf(providers.CodeOf(err), providers.ClassOf(err), "rfc2136: %s: %w", tsigFile, err)
	}
	k, err := parseKeyFile(text.Reveal())
	if err != nil {
		return key{}, badSetting(tsigFile, "%s: %w", settings.Shown(path), err)
	}
	return k, nil
}

func badSetting(name, format string, args ...any) error {
	return providers.Errorf(providers.CodeBadSettings, providers.Misconfigured, "rfc2136: "+name+": "+format, args...)
}

// fingerprint tells accounts apart: see [providers.Account].
func (a account) fingerprint() string { return "rfc2136 " + a.address + " " + a.key.name }

func (a account) label() string {
	return "rfc2136 (" + a.address + ", key " + a.key.name + ", " + a.origin + ")"
}
