package certificates

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"strings"
	"sync"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
)

// CA says which CA a use case about accounts is for.
type CA struct {
	Server string // URL of its directory
	Bundle string // file with further roots for its TLS, or ""
}

// Account is an account at a CA, and what the CA knows of it.
type Account struct {
	lineage.Account
	Info issuance.AccountInfo
	Err  error // why the CA could not be asked
}

// AccountsAt are the accounts at a CA.
type AccountsAt struct {
	Server string // URL
	Facts  issuance.CAFacts
	All    []Account
}

// Accounts are those that this machine has at CAs.
type Accounts struct {
	store    *lineage.Store
	services *Services
	register sync.Mutex // one new account at a time
}

// Register makes an account, unless there is one: existed.
func (a *Accounts) Register(ctx context.Context, at CA,
	r issuance.Registration) (_ lineage.Account, existed bool, err error) {
	ca, err := a.services.CA(ctx, at.Server, at.Bundle)
	if err != nil {
		return lineage.Account{}, false, err
	}
	there, err := a.store.Accounts(ca.Server())
	if err != nil {
		return lineage.Account{}, false, err
	}
	if len(there) > 0 {
		return there[0], true, nil
	}
	made, err := a.choose(ctx, ca, "", r, true)
	return made, false, err
}

// At asks the CA for the accounts whose ID begins so.
func (a *Accounts) At(ctx context.Context, at CA, prefix string) (AccountsAt, error) {
	ca, err := a.services.CA(ctx, at.Server, at.Bundle)
	if err != nil {
		return AccountsAt{}, err
	}
	found := AccountsAt{Server: ca.Server(), Facts: ca.Facts()}
	stored, err := a.store.Accounts(ca.Server())
	for _, one := range stored {
		if strings.HasPrefix(one.ID, prefix) {
			info, err := ca.AccountInfo(ctx, issuance.Account{URI: one.URI, Key: one.Key})
			found.All = append(found.All, Account{one, info, err})
		}
	}
	return found, err
}

// Deactivate ends an account for good, by its ID or how that begins, and removes its files. confirm is asked before.
func (a *Accounts) Deactivate(ctx context.Context, at CA, id string,
	confirm func(lineage.Account) error) (lineage.Account, error) {
	ca, err := a.services.CA(ctx, at.Server, at.Bundle)
	if err != nil {
		return lineage.Account{}, err
	}
	ended, err := a.store.Account(ca.Server(), id)
	if err != nil {
		return ended, err
	}
	if err := confirm(ended); err != nil {
		return ended, err
	}
	err = ca.Deactivate(ctx, issuance.Account{URI: ended.URI, Key: ended.Key})
	if err != nil && fault.CodeOf(err) != issuance.CodeAccountUnknown {
		return ended, err
	}
	return ended, a.store.RemoveAccount(ctx, ended)
}

// Import takes over the account that the CA has for a key.
func (a *Accounts) Import(ctx context.Context, at CA, key crypto.Signer) (lineage.Account, error) {
	ca, err := a.services.CA(ctx, at.Server, at.Bundle)
	if err != nil {
		return lineage.Account{}, err
	}
	found, err := ca.FindAccount(ctx, key)
	if err != nil {
		return lineage.Account{}, err
	}
	return a.store.AddAccount(ctx, lineage.Account{Server: ca.Server(), URI: found.URI, Key: found.Key})
}

// choose is the ACME account that a lineage uses: the one that is there for the server, else a new one if mayRegister.
func (a *Accounts) choose(ctx context.Context, ca *issuance.CA, id string, r issuance.Registration,
	mayRegister bool) (lineage.Account, error) {
	a.register.Lock()
	defer a.register.Unlock()
	stored, err := a.store.Account(ca.Server(), id)
	if fault.CodeOf(err) != lineage.CodeNotFound || id != "" {
		return stored, err
	}
	if !mayRegister {
		return stored, fault.Errorf(lineage.CodeNotFound, fault.Misconfigured,
			"%w: wildcard account register --agree-tos --server %s makes one", err, ca.Server())
	}
	if err := a.store.PreflightAccount(ca.Server()); err != nil {
		return stored, err
	}
	made, err := ca.Register(ctx, nil, r)
	if err != nil {
		return stored, err
	}
	return a.add(ctx, ca, lineage.Account{Server: ca.Server(), URI: made.URI, Key: made.Key})
}

// add stores an account that was made just now. Where that cannot be, against all that was tried before, the account is ended: without
// its key it is of no use, and the next run would make one more. One that is there although something failed after it is kept.
func (a *Accounts) add(ctx context.Context, ca *issuance.CA, made lineage.Account) (lineage.Account, error) {
	stored, err := a.store.AddAccount(ctx, made)
	if err == nil {
		return stored, nil
	}
	if stored.ID != "" {
		if _, missing := a.store.Account(ca.Server(), stored.ID); missing == nil {
			return stored, err
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endingLimit)
	defer cancel()
	return stored, errors.Join(err, ca.Deactivate(ctx, issuance.Account{URI: made.URI, Key: made.Key}))
}

// endingLimit is what the end of an account may take.
const endingLimit = 10 * time.Second

// registerAgain gives the key of an account that the CA has forgotten a new account.
func (a *Accounts) registerAgain(ctx context.Context, ca *issuance.CA, old lineage.Account) (lineage.Account, error) {
	a.register.Lock()
	defer a.register.Unlock()
	if err := a.store.PreflightAccount(ca.Server()); err != nil {
		return old, err
	}
	made, err := ca.Register(ctx, old.Key, issuance.Registration{AgreeToTerms: true})
	if err != nil {
		return old, err
	}
	if made.URI == old.URI { // the CA knows it after all: it may be certbot's, too
		return old, nil
	}
	if err := a.store.RemoveAccount(ctx, old); err != nil {
		return old, err
	}
	old.URI = made.URI
	return a.add(ctx, ca, old)
}

// Revoke has the CA declare a certificate invalid that is in no lineage, in the name of the account that it was issued to, by its ID or
// how that begins.
func (a *Accounts) Revoke(ctx context.Context, at CA, id string, leaf *x509.Certificate, reason Reason) error {
	ca, err := a.services.CA(ctx, at.Server, at.Bundle)
	if err != nil {
		return err
	}
	account, err := a.store.Account(ca.Server(), id)
	if err != nil {
		return err
	}
	return ca.Revoke(ctx, issuance.Account{URI: account.URI, Key: account.Key}, leaf, uint(reason))
}
