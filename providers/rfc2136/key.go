package rfc2136

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/miekg/dns"

	"wildcard/internal/settings"
	"wildcard/providers"
)

// key is a TSIG key.
type key struct {
	name      string // canonical
	algorithm string // canonical, as it stands in messages
	secret    settings.Secret
}

var (
	hostForm    = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$`)
	keyNameForm = regexp.MustCompile(`^[a-z0-9_+-]{1,63}(\.[a-z0-9_+-]{1,63})*\.$`)
)

// newKey checks a key. No error shows a secret; a name or an algorithm that is none may be one in the wrong place.
func newKey(name, algorithm string, secret settings.Secret) (key, error) {
	k := key{name: providers.CanonicalName(strings.TrimSpace(name)),
		algorithm: providers.CanonicalName(strings.TrimSpace(algorithm))}
	if !keyNameForm.MatchString(k.name) || len(k.name) > 254 {
		return key{}, errors.New(tsigKey + ": the key's name is not a name of letters, digits, - _ + and dots")
	}
	switch k.algorithm {
	case dns.HmacSHA1, dns.HmacSHA224, dns.HmacSHA256, dns.HmacSHA384, dns.HmacSHA512:
	case dns.HmacMD5, "hmac-md5.":
		return key{}, errors.New(algorithmIs + "HMAC-MD5 is not supported; make a new key: tsig-keygen -a hmac-sha256")
	default:
		return key{}, errors.New(algorithmIs + "it is none of hmac-sha256, hmac-sha512, hmac-sha384, hmac-sha224, hmac-sha1")
	}
	text := strings.Join(strings.Fields(secret.Reveal()), "")
	if raw, err := base64.StdEncoding.DecodeString(text); err != nil || len(raw) == 0 {
		return key{}, errors.New(tsigSecret + ": it is not base64")
	}
	k.secret = settings.NewSecret(text)
	return k, nil
}

const algorithmIs = algorithm + ": "

// String names the key to a person.
func (k key) String() string {
	return fmt.Sprintf("key %s (%s)", k.name, strings.TrimSuffix(k.algorithm, "."))
}
