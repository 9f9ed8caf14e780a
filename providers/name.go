package providers

import (
	"crypto/sha256"
	"encoding/base32"
	"net/netip"
	"regexp"
	"strings"
)

// ChallengeLabel is the label under which DNS-01 records stand (RFC 8555 §8.4).
const ChallengeLabel = "_acme-challenge"

// PersistLabel is the label under which records of dns-persist-01 stand, which are set once and stay (draft-ietf-acme-dns-persist).
const PersistLabel = "_validation-persist"

// ChallengeName is the name at which a CA looks for the record of a domain's challenge, with a trailing dot; a CNAME may stand
// there. The domain is without "*.".
func ChallengeName(domain string) string { return ChallengeLabel + "." + domain + "." }

// OfChallenges reports whether a name is one of challenges alone: at ChallengeLabel or, as those of accounts are, below such a name.
func OfChallenges(name string) bool { return strings.Contains("."+name, "."+ChallengeLabel+".") }

// AccountChallengeName is that name where the challenge is one of an account alone (dns-account-01,
// draft-ietf-acme-dns-account-label-02 §3.2), which the account's URL says: so several systems can prove a domain, each for itself.
func AccountChallengeName(account, domain string) string {
	digest := sha256.Sum256([]byte(account))
	return "_" + lower(base32.StdEncoding.EncodeToString(digest[:10])) + "." + ChallengeName(domain)
}

// CanonicalName returns a DNS name as this program compares names: lower case, one trailing dot. Only ASCII letters have
// case in DNS (RFC 4343 §3), so that U+212A, the Kelvin sign, does not become a "k".
func CanonicalName(name string) string {
	return lower(strings.TrimSuffix(name, ".")) + "."
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c - 'A' + 'a'
		}
	}
	return string(b)
}

// InZone reports whether name is zone itself or lies below it, at a label boundary: notexample.com. is not in
// example.com. Case and trailing dots do not matter.
func InZone(name, zone string) bool {
	name, zone = CanonicalName(name), CanonicalName(zone)
	return name == zone || zone == "." || strings.HasSuffix(name, "."+zone)
}

// LongestZone returns the longest of zones that holds name, in canonical form, or "". Zones below arpa., which hosts list
// beside the others, are passed over unless name lies there too.
func LongestZone(name string, zones []string) string {
	longest := ""
	for _, zone := range zones {
		zone = CanonicalName(zone)
		if InZone(name, zone) && len(zone) > len(longest) && zone != "." {
			longest = zone
		}
	}
	return longest
}

var ldhLabel = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// ParseDomain checks a host name as it appears on a certificate, without "*.", and returns it in lower case without the
// trailing dot: letters, digits and inner hyphens in labels of at most 63 octets, at least two labels, and short enough
// that "_acme-challenge." still fits before it within the 253 octets of RFC 1035 §2.3.4. IP addresses, empty labels and
// anything not ASCII are refused: an internationalized name must come as A-labels (xn--…, RFC 5890).
func ParseDomain(s string) (string, error) {
	name, why := parseName(s, false)
	if why != "" {
		return "", Errorf(CodeBadChallenge, Usage, "%s is not a domain name: %s", Excerpt(s), why)
	}
	return name, nil
}

// ParseZone checks the name of a zone and returns it in canonical form. It is as strict as [ParseDomain], but labels other
// than the last may begin with one underscore: many delegate _acme-challenge.example.com as a zone of its own.
func ParseZone(s string) (string, error) {
	name, why := parseName(s, true)
	if why != "" {
		return "", Errorf(CodeBadSettings, Misconfigured, "%s is not the name of a zone: %s", Excerpt(s), why)
	}
	return CanonicalName(name), nil
}

// parseName returns the name, or why it is none. With underscores, labels may begin with one.
func parseName(s string, underscores bool) (name, why string) {
	name = lower(strings.TrimSuffix(s, "."))
	most := 253 - len(ChallengeLabel+".")
	if underscores && strings.HasPrefix(name, ChallengeLabel+".") {
		most = 253
	}
	switch {
	case name == "":
		return "", "it is empty"
	case len(name) > most:
		return "", "it is too long for " + ChallengeLabel + " before it"
	case !isASCII(name):
		return "", "it is not ASCII; give the xn-- form"
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return "", "it is an IP address, which DNS-01 cannot prove (RFC 8738 §7)"
	}
	labels := strings.Split(name, ".")
	last := labels[len(labels)-1]
	for i, label := range labels {
		bare := label
		if underscores && i < len(labels)-1 {
			bare = strings.TrimPrefix(label, "_")
		}
		if !ldhLabel.MatchString(bare) || len(label) > 63 {
			return "", "label " + Excerpt(label) + " is empty, too long or has a character that host names do not"
		}
	}
	switch {
	case len(labels) < 2:
		return "", "it has a single label"
	case strings.Trim(last, "0123456789") == "":
		return "", "its last label is a number"
	}
	return name, ""
}

var challengeValue = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// ParseValue checks the contents of a challenge's TXT record: the base64url form of a SHA-256 digest without padding, 43
// characters (RFC 8555 §8.4).
func ParseValue(s string) (string, error) {
	if !challengeValue.MatchString(s) {
		return "", Errorf(CodeBadChallenge, Usage, "%s is not a DNS-01 value: want 43 characters of A-Z a-z 0-9 _ - (RFC 8555 §8.4)", Excerpt(s))
	}
	return s, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
