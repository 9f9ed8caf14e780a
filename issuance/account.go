package issuance

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"strings"

	"github.com/go-acme/lego/v4/acme"

	"wildcard/providers"
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
	EABKey       string // HMAC key, base64url with or without padding; a secret
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
		return providers.Errorf(CodeTerms, providers.Refused, "acme: register at %s: the terms of service must be agreed to (--agree-tos): %s", ca.server.Host, d.TermsOfService)
	}
	if d.ExternalAccountRequired && (r.EABKeyID == "" || r.EABKey == "") {
		return providers.Errorf(CodeExternalAccount, providers.Misconfigured,
			"acme: register at %s: it takes only accounts that are bound to one made on its web site: give --eab-kid and --eab-hmac-key", ca.server.Host)
	}
	if r.EABKey != "" {
		key, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(r.EABKey, "="))
		switch {
		case err != nil:
			return providers.Errorf(CodeExternalAccount, providers.Misconfigured, "acme: register at %s: --eab-hmac-key is not base64url", ca.server.Host)
		case len(key) < 32: // RFC 7518 §3.2
			return providers.Errorf(CodeExternalAccount, providers.Misconfigured,
				"acme: register at %s: --eab-hmac-key has %d bytes, and HS256 needs 32: it was not copied whole", ca.server.Host, len(key))
		}
	}
	return nil
}

// FindAccount returns the account that a key has at the CA (RFC 8555 §7.3.1); CodeAccountUnknown if it has none.
func (ca *CA) FindAccount(ctx context.Context, key crypto.Signer) (Account, error) {
	return ca.newAccount(ctx, key, "find account", acme.Account{OnlyReturnExisting: true}, Registration{})
}

func (ca *CA) newAccount(ctx context.Context, key crypto.Signer, what string, request acme.Account, r Registration) (Account, error) {
	s, err := ca.session(ctx, key, "")
	if err != nil {
		return Account{}, err
	}
	var made acme.ExtendedAccount
	err = s.attempt(what+" at "+ca.server.Host, always, func() (err error) {
		if r.EABKeyID != "" && r.EABKey != "" {
			made, err = s.core.Accounts.NewEAB(request, r.EABKeyID, strings.TrimRight(r.EABKey, "="))
		} else {
			made, err = s.core.Accounts.New(request)
		}
		return err
	})
	switch {
	case err != nil:
		return Account{}, err
	case made.Location == "":
		return Account{}, providers.Errorf(CodeReply, providers.Failed, "acme: %s at %s: the reply names no account", what, ca.server.Host)
	case made.Status != "" && made.Status != acme.StatusValid:
		return Account{}, providers.Errorf(CodeUnauthorized, providers.Refused, "acme: %s at %s: the account is %s", what, ca.server.Host, printable(made.Status, 40))
	}
	return Account{URI: made.Location, Key: key}, nil
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
// own key if a has only that. reason is a CRLReason of RFC 5280 §5.3.1; 0 is unspecified.
func (ca *CA) Revoke(ctx context.Context, a Account, leaf *x509.Certificate, reason uint) error {
	if ca.directory.RevokeCertURL == "" {
		return providers.Errorf(CodeDirectory, providers.Failed, "acme: revoke: %s has no revokeCert", ca.server.Host)
	}
	s, err := ca.session(ctx, a.Key, a.URI)
	if err != nil {
		return err
	}
	message := acme.RevokeCertMessage{Certificate: base64.RawURLEncoding.EncodeToString(leaf.Raw), Reason: &reason}
	return s.attempt("revoke", always, func() error { return s.core.Certificates.Revoke(message) })
}
