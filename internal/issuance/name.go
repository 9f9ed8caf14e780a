package issuance

import (
	"strings"

	"golang.org/x/net/idna"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// maxNames bounds one request; CAs allow far fewer (Let's Encrypt: 100).
const maxNames = 1000

// ParseNames checks the names of a certificate, all of them before anything is done with one: host names as
// [providers.ParseDomain] takes them, in lower case and without a trailing dot, each with at most one "*." in front (RFC
// 6125 §6.4.3). Names in other scripts are turned into A-labels (RFC 5891). A name that is given twice counts once; the
// order stays. Errors are CodeUsage and say which name.
func ParseNames(names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, fault.Errorf(fault.CodeUsage, fault.Usage, "no name given: name what the certificate is for, such as '*.example.com'")
	}
	if len(names) > maxNames {
		return nil, fault.Errorf(fault.CodeUsage, fault.Usage, "%d names are too many for one certificate", len(names))
	}
	seen := map[string]bool{}
	var parsed []string
	for _, given := range names {
		name, err := parseName(given)
		if err != nil {
			return nil, err
		}
		if !seen[name] {
			seen[name] = true
			parsed = append(parsed, name)
		}
	}
	return parsed, nil
}

func parseName(given string) (string, error) {
	refuse := func(why string) (string, error) {
		return "", fault.Errorf(fault.CodeUsage, fault.Usage, "name %s: %s", fault.Excerpt(given), why)
	}
	if len(given) > 1024 {
		return refuse("too long")
	}
	base, wild := strings.CutPrefix(given, "*.")
	if strings.Contains(base, "*") {
		return refuse("a star may only stand for the whole first label, as in *.example.com")
	}
	if strings.IndexFunc(base, func(r rune) bool { return r >= 0x80 }) >= 0 {
		ascii, err := idna.Lookup.ToASCII(base)
		if err != nil {
			return refuse("not a domain name: " + printable(err.Error(), 100))
		}
		base = ascii
	}
	domain, err := providers.ParseDomain(base)
	if err != nil {
		return "", fault.Errorf(fault.CodeUsage, fault.Usage, "name %w", err)
	}
	if wild {
		return "*." + domain, nil
	}
	return domain, nil
}

// Base is a name without "*.".
func Base(name string) string { return strings.TrimPrefix(name, "*.") }
