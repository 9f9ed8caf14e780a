package acmetest

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/idna"
)

// Persist is how a CA offers dns-persist-01.
type Persist int

// The ways of offering it.
const (
	NoPersist     Persist = iota // Let's Encrypt's production until now
	PersistPlain                 // draft -01: Let's Encrypt's staging, Google
	PersistHashed                // draft -02, which no CA has yet: as the draft says
)

const persistKind = "dns-persist-01"

// identity is how the CA is called in records.
const identity = "letsencrypt.org"

// OfferPersist changes how dns-persist-01 is offered.
func (s *Server) OfferPersist(p Persist) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.persist = p
}

// persistent is the challenge dns-persist-01, which has no token (boulder core/objects.go; draft -02 §3).
func (s *Server) persistent(a *authorization, n int, status string) map[string]any {
	c := s.challenge(a, n, persistKind, status)
	delete(c, "token")
	if s.persist == PersistHashed {
		c["issuerDomainNames"] = []string{identity}
	} else {
		c["issuer-domain-names"], c["accounturi"] = []string{identity}, a.account.url
	}
	return c
}

// justInTime validates an authorization as soon as there is an order for it (draft -02 §5), if its record is there.
func (s *Server) justInTime(a *authorization) {
	s.mu.Unlock()
	found := s.lookPersist(&validation{authz: a, kind: persistKind}, 0)
	s.mu.Lock()
	if found == nil {
		a.tried, a.attempted = persistKind, true
		s.setStatus(a, "valid")
	}
}

func (s *Server) hashPrefix() string { return s.origin() + "/acme/account-hash/" }

// accountURIs are the values of accounturi that stand for an account at a name.
func (s *Server) accountURIs(by *account, domain string) []string {
	if s.persist != PersistHashed {
		return []string{by.url}
	}
	thumbprint, err := by.key.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil // no key that has signed lacks one
	}
	var all []string
	for _, name := range []string{domain, "*"} {
		sum := sha256.Sum256(append([]byte{byte(len(name))}, name+base64.RawURLEncoding.EncodeToString(thumbprint)+by.url...))
		all = append(all, s.hashPrefix()+"sha-256/"+base64.RawURLEncoding.EncodeToString(sum[:]))
	}
	return all
}

// errNotOurs is a record that is passed over.
var errNotOurs = errors.New("it is another CA's")

// MismatchError is a record of the CA that does not let an account prove a name; any other error is a malformed one.
type MismatchError struct{ Detail string }

func (e *MismatchError) Error() string { return e.Detail }

// JudgePersist judges a record of dns-persist-01 as Boulder does (letsencrypt/boulder 2d00c8e27, va/dns_persist.go).
func JudgePersist(record, ours string, accounts []string, wildcard bool, now time.Time) error {
	parts := strings.Split(record, ";")
	name, err := idna.Lookup.ToASCII(strings.ToLower(strings.Trim(parts[0], " \t")))
	if err != nil || strings.TrimSuffix(name, ".") != ours {
		return errNotOurs
	}
	uri, policy, until := "", "", time.Time{}
	seen := map[string]bool{}
	for _, param := range parts[1:] {
		param = strings.Trim(param, " \t")
		tag, value, pair := strings.Cut(param, "=")
		tag, value = strings.ToLower(strings.Trim(tag, " \t")), strings.Trim(value, " \t")
		switch {
		case param == "":
			return errors.New("empty parameter or trailing semicolon provided")
		case !pair || tag == "":
			return fmt.Errorf("malformed parameter %q should be tag=value pair", param)
		case strings.ContainsFunc(value, func(r rune) bool { return r < 0x21 || r > 0x7E || r == ';' }):
			return fmt.Errorf("malformed value %q for tag %q", value, tag)
		case slices.Contains([]string{"accounturi", "policy", "persistuntil"}, tag) && seen[tag]:
			return fmt.Errorf("duplicate parameter %q", tag)
		}
		seen[tag] = true
		switch tag {
		case "accounturi":
			uri = value
		case "policy":
			policy = value
		case "persistuntil":
			seconds, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return fmt.Errorf("malformed persistUntil timestamp %q", value)
			}
			until = time.Unix(seconds, 0).UTC()
		}
	}
	switch {
	case uri == "":
		return errors.New("missing mandatory accounturi parameter")
	case !slices.Contains(accounts, uri):
		return &MismatchError{fmt.Sprintf("accounturi mismatch: expected %q, got %q", strings.Join(accounts, " "), uri)}
	case wildcard && !strings.EqualFold(policy, "wildcard"):
		return &MismatchError{fmt.Sprintf("policy mismatch: expected \"wildcard\", got %q", policy)}
	case !until.IsZero() && now.After(until):
		return &MismatchError{"validation time " + now.Format(time.RFC3339) + " is after persistUntil " +
			until.Format(time.RFC3339)}
	}
	return nil
}

// lookPersist looks for a record that lets the account prove the name, from one perspective.
func (s *Server) lookPersist(v *validation, perspective int) map[string]any {
	if s.resolver == nil {
		return nil
	}
	name := "_validation-persist." + v.authz.Name
	answer := s.resolve(perspective, name, dns.TypeTXT)
	if text := answer.problem(name, dns.TypeTXT); text != "" {
		return problem(http.StatusBadRequest, "dns", "Retrieving TXT records for DNS-PERSIST-01 challenge: "+text)
	}
	if len(answer.Records) == 0 {
		return problem(http.StatusForbidden, "unauthorized", "No TXT record found for DNS-PERSIST-01 challenge")
	}
	s.mu.Lock()
	accounts, hashed := s.accountURIs(v.authz.account, v.authz.Name), s.persist == PersistHashed
	s.mu.Unlock()
	var malformed, mismatched []string
	for _, rr := range answer.Records {
		txt, is := rr.(*dns.TXT)
		if !is {
			continue
		}
		record := strings.Join(txt.Txt, "")
		err := JudgePersist(record, identity, accounts, v.authz.Wildcard, s.options.Now())
		mismatch, is := errors.AsType[*MismatchError](err)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errNotOurs):
		case is && (!hashed || strings.Contains(record, s.hashPrefix())):
			mismatched = append(mismatched, mismatch.Detail)
		default:
			malformed = append(malformed, err.Error())
		}
	}
	of := "DNS-PERSIST-01 challenge TXT record with issuer-domain-name \"" + identity + "\": "
	switch {
	case len(malformed) > 0:
		return problem(http.StatusBadRequest, "malformed", "Parsing "+of+strings.Join(malformed, "; "))
	case len(mismatched) > 0:
		return problem(http.StatusForbidden, "unauthorized", "Checking "+of+strings.Join(mismatched, "; "))
	}
	return problem(http.StatusForbidden, "unauthorized", "No valid TXT record found for DNS-PERSIST-01 challenge")
}
