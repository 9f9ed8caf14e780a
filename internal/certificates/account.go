package certificates

import (
	"context"
	"crypto"
	"strings"

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

// Accounts are those at a CA.
type Accounts struct {
	Server string // URL
	Facts  issuance.CAFacts
	All    []Account
}

// Register makes an account, unless there is one: existed.
func (m *Manager) Register(ctx context.Context, at CA, r issuance.Registration) (a lineage.Account, existed bool, err error) {
	ca, err := m.Services.CA(ctx, at.Server, at.Bundle)
	if err != nil {
		return a, false, err
	}
	there, err := m.Store.Accounts(ca.Server())
	if err != nil {
		return a, false, err
	}
	if len(there) > 0 {
		return there[0], true, nil
	}
	a, err = m.account(ctx, ca, "", r, true)
	return a, false, err
}

// Accounts asks the CA for the accounts whose ID begins so.
func (m *Manager) Accounts(ctx context.Context, at CA, prefix string) (Accounts, error) {
	ca, err := m.Services.CA(ctx, at.Server, at.Bundle)
	if err != nil {
		return Accounts{}, err
	}
	found := Accounts{Server: ca.Server(), Facts: ca.Facts()}
	stored, err := m.Store.Accounts(ca.Server())
	for _, a := range stored {
		if strings.HasPrefix(a.ID, prefix) {
			info, err := ca.AccountInfo(ctx, issuance.Account{URI: a.URI, Key: a.Key})
			found.All = append(found.All, Account{a, info, err})
		}
	}
	return found, err
}

// Deactivate ends an account for good, by its ID or how that begins, and removes its files. confirm is asked before.
func (m *Manager) Deactivate(ctx context.Context, at CA, id string, confirm func(lineage.Account) error) (lineage.Account, error) {
	ca, err := m.Services.CA(ctx, at.Server, at.Bundle)
	if err != nil {
		return lineage.Account{}, err
	}
	a, err := m.Store.Account(ca.Server(), id)
	if err != nil {
		return a, err
	}
	if err := confirm(a); err != nil {
		return a, err
	}
	err = ca.Deactivate(ctx, issuance.Account{URI: a.URI, Key: a.Key})
	if err != nil && fault.CodeOf(err) != issuance.CodeAccountUnknown {
		return a, err
	}
	return a, m.Store.RemoveAccount(ctx, a)
}

// ImportAccount takes over the account that the CA has for a key.
func (m *Manager) ImportAccount(ctx context.Context, at CA, key crypto.Signer) (lineage.Account, error) {
	ca, err := m.Services.CA(ctx, at.Server, at.Bundle)
	if err != nil {
		return lineage.Account{}, err
	}
	found, err := ca.FindAccount(ctx, key)
	if err != nil {
		return lineage.Account{}, err
	}
	return m.Store.AddAccount(ctx, lineage.Account{Server: ca.Server(), URI: found.URI, Key: found.Key})
}

// account is the ACME account that a lineage uses: the one that is there for the server, else a new one if mayRegister.
func (m *Manager) account(ctx context.Context, ca *issuance.CA, id string, r issuance.Registration, mayRegister bool) (lineage.Account, error) {
	m.register.Lock()
	defer m.register.Unlock()
	stored, err := m.Store.Account(ca.Server(), id)
	if fault.CodeOf(err) != lineage.CodeNotFound || id != "" {
		return stored, err
	}
	if !mayRegister {
		return stored, fault.Errorf(lineage.CodeNotFound, fault.Misconfigured, "%w: wildcard account register --server %s makes one", err, ca.Server())
	}
	made, err := ca.Register(ctx, nil, r)
	if err != nil {
		return stored, err
	}
	return m.Store.AddAccount(ctx, lineage.Account{Server: ca.Server(), URI: made.URI, Key: made.Key})
}

// registerAgain gives the key of an account that the CA has forgotten a new account.
func (m *Manager) registerAgain(ctx context.Context, ca *issuance.CA, old lineage.Account) (lineage.Account, error) {
	m.register.Lock()
	defer m.register.Unlock()
	made, err := ca.Register(ctx, old.Key, issuance.Registration{AgreeToTerms: true})
	if err != nil {
		return old, err
	}
	if err := m.Store.RemoveAccount(ctx, old); err != nil {
		return old, err
	}
	old.URI = made.URI
	return m.Store.AddAccount(ctx, old)
}
