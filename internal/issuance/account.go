package issuance

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/go-acme/lego/v4/acme"

	"wildcard/internal/fault"
)

// Account is an account at a CA (RFC 8555 §7.1.2).
type Account struct {
	URI string
	Key crypto.Signer
}

// Registration is what a CA wants to know for a new account.
type Registration struct {
	Emails       []string
	AgreeToTerms bool // to the Directory's TermsOfService
	EABKeyID     string
	EABKey       string // HMAC key in base64, either alphabet, with or without padding and white space; a secret
}

// AccountInfo is what the CA knows of an account.
type AccountInfo struct {
	Status  string // "valid", "deactivated" or "revoked"
	Contact []string
}

// Register makes an account (RFC 8555 §7.3), or finds the one that the key has already. A nil key means a new one, EC
// P-256. Terms that are not agreed to are CodeTerms (Refused), and nothing is sent; a binding that is wanted and not
// given is CodeExternalAccount.
func (ca *CA) Register(ctx context.Context, key crypto.Signer, r Registration) (Account, error) {
	if err := ca.MayRegister(r); err != nil {
		return Account{}, err
	}
	if key == nil {
		var err error
		if key, err = newAccountKey(); err != nil {
			return Account{}, err
		}
	}
	request := acme.Account{TermsOfServiceAgreed: r.AgreeToTerms}
	for _, email := range r.Emails {
		request.Contact = append(request.Contact, "mailto:"+email)
	}
	return ca.newAccount(ctx, key, "register", request, r)
}

// MayRegister finds out whether [CA.Register] has all it needs, and sends nothing. Errors are those of Register.
func (ca *CA) MayRegister(r Registration) error {
	d := ca.Directory()
	if d.TermsOfService != "" && !r.AgreeToTerms {
		return fault.Errorf(CodeTerms, fault.Refused, "acme: register at %s: the terms of service must be agreed to (--agree-tos): %s", ca.server.Host, d.TermsOfService)
	}
	wanted := d.ExternalAccountRequired || ca.facts.Binding == BindingUnsaid
	if wanted && (r.EABKeyID == "" || r.EABKey == "") {
		return fault.Errorf(CodeExternalAccount, fault.Misconfigured,
			"acme: register at %s: it takes only accounts that are bound to one made on its web site: give --eab-kid and --eab-hmac-key", ca.server.Host)
	}
	if ca.facts.EmailWanted && len(r.Emails) == 0 {
		return fault.Errorf(CodeContact, fault.Usage, "acme: register at %s: %s issues nothing to an account without an e-mail address: give --email", ca.server.Host, ca.facts.Company)
	}
	if r.EABKey == "" {
		return nil
	}
	key, err := bindingKey(r.EABKey)
	switch {
	case err != nil:
		return fault.Errorf(CodeExternalAccount, fault.Misconfigured, "acme: register at %s: --eab-hmac-key is not base64",
			ca.server.Host)
	case len(key) < minBindingKey:
		return fault.Errorf(CodeExternalAccount, fault.Misconfigured,
			"acme: register at %s: --eab-hmac-key has %d bytes, and HS256 needs %d: it was not copied whole, or the CA gave out one that is too short", ca.server.Host, len(key), minBindingKey)
	}
	return nil
}

const minBindingKey = 32 // bytes, RFC 7518 §3.2

// bindingKey decodes the key of an external account binding. RFC 8555 §7.3.4 wants base64url; some CAs' web sites show it
// in ordinary base64, and what is copied may have lost its padding or gained line breaks.
func bindingKey(text string) ([]byte, error) {
	text = strings.NewReplacer("+", "-", "/", "_", " ", "", "\n", "", "\r", "", "\t", "").Replace(text)
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
}

// encodedTwice reports whether a key is itself base64 of a key: so gcloud prints it (acme.sh#4082). What is random is not.
func encodedTwice(key []byte) bool {
	inner, err := bindingKey(string(key))
	return err == nil && len(inner) >= minBindingKey
}

// FindAccount returns the account that a key has at the CA (RFC 8555 §7.3.1); CodeAccountUnknown if it has none.
func (ca *CA) FindAccount(ctx context.Context, key crypto.Signer) (Account, error) {
	return ca.newAccount(ctx, key, "find account", acme.Account{OnlyReturnExisting: true}, Registration{})
}

func (ca *CA) newAccount(ctx context.Context, key crypto.Signer, what string, request acme.Account,
	r Registration) (Account, error) {
	s, err := ca.session(ctx, key, "")
	if err != nil {
		return Account{}, err
	}
	var made acme.ExtendedAccount
	key64 := ""
	if r.EABKeyID != "" && r.EABKey != "" {
		decoded, err := bindingKey(r.EABKey)
		if err != nil {
			return Account{}, fault.Errorf(CodeExternalAccount, fault.Misconfigured,
				"acme: %s at %s: --eab-hmac-key is not base64", what, ca.server.Host)
		}
		key64 = base64.RawURLEncoding.EncodeToString(decoded)
	}
	err = s.attempt(what+" at "+ca.server.Host, always, func() (err error) {
		if key64 != "" {
			made, err = s.core.Accounts.NewEAB(request, strings.TrimSpace(r.EABKeyID), key64)
		} else {
			made, err = s.core.Accounts.New(request)
		}
		return err
	})
	if problem, refused := asProblem(err); refused && key64 != "" {
		err = problem.ofBinding(err, r.EABKey)
	}
	switch {
	case err != nil:
		return Account{}, err
	case made.Location == "":
		return Account{}, fault.Errorf(CodeReply, fault.Failed, "acme: %s at %s: the reply names no account", what,
			ca.server.Host)
	case made.Status != "" && made.Status != acme.StatusValid:
		return Account{}, fault.Errorf(CodeUnauthorized, fault.Refused, "acme: %s at %s: the account is %s", what,
			ca.server.Host, printable(made.Status, 40))
	}
	return Account{URI: made.Location, Key: key}, nil
}

// ofBinding is the error of a binding that the CA may have refused, with what is probably wrong.
func (p *Problem) ofBinding(err error, key string) error {
	decoded, _ := bindingKey(key)
	switch {
	case fault.ClassOf(err) == fault.Temporary:
		return err
	case encodedTwice(decoded):
		return fault.Errorf(CodeExternalAccount, fault.Misconfigured,
			"%w (--eab-hmac-key is base64 of base64, as gcloud prints b64MacKey: give what base64 -d makes of it)", err)
	case p.Type == "unauthorized":
		return fault.Errorf(CodeExternalAccount, fault.Misconfigured, "%w", err)
	}
	return err
}

// AccountInfo asks the CA what it knows of an account.
func (ca *CA) AccountInfo(ctx context.Context, a Account) (AccountInfo, error) {
	s, err := ca.session(ctx, a.Key, a.URI)
	if err != nil {
		return AccountInfo{}, err
	}
	var found acme.Account
	err = s.attempt("account "+a.URI, always, func() (err error) {
		found, err = s.core.Accounts.Get(a.URI)
		return err
	})
	info := AccountInfo{Status: printable(found.Status, 40)}
	for _, contact := range found.Contact {
		info.Contact = append(info.Contact, printable(contact, 200))
	}
	return info, err
}

// Deactivate ends an account for good (RFC 8555 §7.3.6).
func (ca *CA) Deactivate(ctx context.Context, a Account) error {
	s, err := ca.session(ctx, a.Key, a.URI)
	if err != nil {
		return err
	}
	return s.attempt("deactivate account "+a.URI, always, func() error { return s.core.Accounts.Deactivate(a.URI) })
}

// Revoke revokes a certificate (RFC 8555 §7.6) in the name of the account that it was issued to, or of the certificate's
// own key if a has only that. reason is a CRLReason of RFC 5280 §5.3.1; 0 is unspecified. One that the CA is known not to
// take is CodeReason (Usage), and nothing is sent.
func (ca *CA) Revoke(ctx context.Context, a Account, leaf *x509.Certificate, reason uint) error {
	if err := ca.facts.mayRevoke(reason); err != nil {
		return err
	}
	if ca.directory.RevokeCertURL == "" {
		return fault.Errorf(CodeDirectory, fault.Failed, "acme: revoke: %s has no revokeCert", ca.server.Host)
	}
	s, err := ca.session(ctx, a.Key, a.URI)
	if err != nil {
		return err
	}
	message := acme.RevokeCertMessage{Certificate: base64.RawURLEncoding.EncodeToString(leaf.Raw), Reason: &reason}
	lost := false
	err = s.attempt("revoke", always, func() error {
		err := s.core.Certificates.Revoke(message)
		if problem, refused := asProblem(err); isNetwork(err) && !refused || refused && problem.Status >= 500 {
			lost = true // it may have happened
		}
		return err
	})
	if problem, refused := asProblem(err); refused && problem.Type == "alreadyRevoked" && lost {
		return nil // by ourselves, a moment ago
	}
	return err
}

// mayRevoke refuses a reason that the CA is known not to take.
func (f CAFacts) mayRevoke(reason uint) error {
	if f.Reasons == nil || slices.Contains(f.Reasons, reason) {
		return nil
	}
	var taken []string
	for _, r := range f.Reasons {
		taken = append(taken, reasonNames()[r])
	}
	return fault.Errorf(CodeReason, fault.Usage, "acme: revoke: %s takes no %s as a reason, only %s", f.Company,
		reasonNames()[reason], strings.Join(taken, ", "))
}

// reasonNames are the reasons that subscribers may give (RFC 5280 §5.3.1), under certbot's names.
func reasonNames() map[uint]string {
	return map[uint]string{0: "unspecified", 1: "keycompromise", 3: "affiliationchanged", 4: "superseded",
		5: "cessationofoperation"}
}
