package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// Entry is one record that may be there. It holds no secret: a key authorization is none, since other challenges publish it
// (RFC 8555 §8.3), and fingerprints and handles have none by their own rules.
type Entry struct {
	ID          string           `json:"id"`          // given by [Journal.Add]
	Spec        string           `json:"spec"`        // the provider spec, as [providers.ParseSpec] reads it
	Fingerprint string           `json:"fingerprint"` // [providers.Account.Fingerprint]
	Zone        string           `json:"zone"`        // canonical; "" if the account cannot list zones
	Domain      string           `json:"domain"`
	FQDN        string           `json:"fqdn"`
	Value       string           `json:"value"`
	KeyAuth     string           `json:"key_authorization,omitempty"` // [providers.Challenge.KeyAuth], if we are the ACME client
	Handle      providers.Handle `json:"handle,omitempty"`            // once the record is known to be there
	Owner       Process          `json:"owner"`
	Created     time.Time        `json:"created"`         // given by [Journal.Add]
	Order       string           `json:"order,omitempty"` // ACME order URL, if we are the ACME client

	// Answered is when the CA was told to look at the record, if we are the ACME client; zero if it was not.
	Answered time.Time `json:"answered,omitzero"`

	CleaningUp bool `json:"cleaning_up,omitempty"` // the record's deletion has begun

	// Stays says that the record is there and is meant to, although its owner has ended: no run sweeps it.
	Stays bool `json:"stays,omitempty"`

	// Of hooks only: which round of certbot's calls it was made in (see [Journal.Round]).
	Round     string `json:"round,omitempty"`
	Remaining int    `json:"remaining,omitempty"` // CERTBOT_REMAINING_CHALLENGES of the call
	Sequence  int    `json:"sequence,omitempty"`  // order of the owner's calls; given by [Journal.Add]
}

// Challenge is the entry as a provider wants it for a cleanup.
func (e Entry) Challenge() providers.Challenge {
	token, _, _ := strings.Cut(e.KeyAuth, ".")
	return providers.Challenge{Domain: e.Domain, FQDN: e.FQDN, Zone: e.Zone, Value: e.Value, Token: token,
		KeyAuth: e.KeyAuth}
}

// Stands reports whether the record is meant to be there now: not that of one whose deletion has begun.
func (e Entry) Stands() bool { return e.Stays && !e.CleaningUp }

// version is that of the form on disk, and staying that of records that stay, which a program that does not know them must not sweep. An
// entry of a later version is damage to us: it may say what we do not understand.
const (
	version = 1
	staying = 2
)

type file struct {
	Version int `json:"version"`
	Entry
}

// encode returns a file's contents: the entry in one line, then the line's checksum.
func encode(e Entry) ([]byte, error) {
	form := version
	if e.Stays {
		form = staying
	}
	line, err := json.Marshal(file{form, e})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(line)
	return append(line, "\n"+hex.EncodeToString(sum[:])+"\n"...), nil
}

// decode reads a file's contents and believes nothing that an entry of ours could not say.
func decode(text []byte) (Entry, error) {
	line, sum, ok := bytes.Cut(text, []byte("\n"))
	want := sha256.Sum256(line)
	if !ok || string(sum) != hex.EncodeToString(want[:])+"\n" {
		return Entry{}, errors.New("its checksum does not match")
	}
	var f file
	if err := json.Unmarshal(line, &f); err != nil {
		return Entry{}, errors.New("it is not an entry")
	}
	if f.Version != version && f.Version != staying {
		return Entry{}, fmt.Errorf("it is of version %d, not %d", f.Version, version)
	}
	if f.Stays != (f.Version == staying) {
		return Entry{}, errors.New("its version is not that of what it says")
	}
	f.Created, f.Answered = f.Created.UTC(), f.Answered.UTC()
	return f.Entry, f.check()
}

var (
	idForm      = regexp.MustCompile(`^[0-9a-f]{32}$`)
	ownerForm   = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)+$`)
	handleForm  = regexp.MustCompile(`^[!-~]*$`)
	keyAuthForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}\.[A-Za-z0-9_-]{1,128}$`)
)

// mostNumber bounds counts and process numbers, which fit 32 bits everywhere.
const mostNumber = 1<<31 - 1

// check returns an error if the entry could not have been made by us.
func (e Entry) check() error {
	bad := func(what, value string) error { return fmt.Errorf("its %s is %s", what, fault.Excerpt(value)) }
	printable := func(s string) bool {
		return len(s) <= 2048 && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
	}
	_, specErr := providers.ParseSpec(e.Spec)
	valueErr := e.checkValue()
	domain, domainErr := providers.ParseDomain(e.Domain)
	switch {
	case !idForm.MatchString(e.ID):
		return bad("id", e.ID)
	case specErr != nil:
		return bad("spec", e.Spec)
	case valueErr != nil:
		return bad("value", e.Value)
	case domainErr != nil || domain != e.Domain:
		return bad("domain", e.Domain)
	case len(e.FQDN) > 254 || !ownerForm.MatchString(e.FQDN):
		return bad("FQDN", e.FQDN)
	case e.Zone != "" && (!ownerForm.MatchString(e.Zone) || !providers.InZone(e.FQDN, e.Zone)):
		return bad("zone", e.Zone)
	case e.KeyAuth != "" && !e.keyAuthFits():
		return bad("key authorization", e.KeyAuth)
	case len(e.Handle) > 512 || !handleForm.MatchString(string(e.Handle)):
		return bad("handle", string(e.Handle))
	case !printable(e.Fingerprint) || e.Fingerprint == "":
		return bad("fingerprint", e.Fingerprint)
	case !printable(e.Order):
		return bad("order", e.Order)
	case !printable(e.Round):
		return bad("round", e.Round)
	case e.Owner.PID < 0 || e.Owner.PID > mostNumber || !printable(e.Owner.PIDNamespace) || !printable(e.Owner.BootID):
		return bad("owner", fmt.Sprint(e.Owner))
	case e.Remaining < 0 || e.Remaining > mostNumber || e.Sequence < 0 || e.Sequence > mostNumber:
		return bad("place in its round", fmt.Sprint(e.Remaining, e.Sequence))
	}
	return nil
}

// checkValue refuses a value that is neither a challenge's nor that of a record that stays, where such records are.
func (e Entry) checkValue() error {
	_, err := providers.ParseValue(e.Value)
	if err == nil || e.Domain == "" || !strings.HasPrefix(e.FQDN, providers.PersistLabel+".") && !e.Stays {
		return err
	}
	_, err = providers.ParseRecord(e.Challenge())
	return err
}

// keyAuthFits reports whether the value is the key authorization's (RFC 8555 §8.4).
func (e Entry) keyAuthFits() bool {
	digest := sha256.Sum256([]byte(e.KeyAuth))
	return keyAuthForm.MatchString(e.KeyAuth) && base64.RawURLEncoding.EncodeToString(digest[:]) == e.Value
}
