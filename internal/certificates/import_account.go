package certificates

import (
	"context"
	"slices"
	"strings"

	"wildcard/internal/foreign"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
)

// accounts finds out what becomes of each account. The CA is asked for those of which the client does not know the URL.
func (i *importing) accounts(ctx context.Context) {
	for _, from := range i.found.Accounts {
		a := ImportedAccount{Source: from.Source, URI: from.URI, Server: from.Server, Outcome: ImportNot, from: from}
		if a.Err = i.lookAtAccount(ctx, &a); a.Err == nil && a.Outcome != ImportThere {
			a.Outcome = ImportDone
		}
		i.got.Accounts = append(i.got.Accounts, a)
	}
}

func (i *importing) lookAtAccount(ctx context.Context, a *ImportedAccount) (err error) {
	from := a.from
	if from.Err != nil {
		return cannotImport("%w", from.Err)
	}
	key, err := issuance.ParseKey(from.Key)
	if err != nil {
		return cannotImport("%w", err)
	}
	if a.ID, err = lineage.AccountID(key); err != nil {
		return err
	}
	if from.Server == "" && from.Host == "" { // then its certificates may say it
		from.Server = i.serverOfUsers(from)
	}
	if a.Server, err = i.server(from.Server, from.Host, nil); err != nil {
		return err
	}
	if there, err := i.m.Store.Account(a.Server, a.ID); err == nil {
		a.account, a.URI, a.Outcome = there, there.URI, ImportThere
		return nil
	}
	if a.URI == "" {
		ctx, cancel := context.WithTimeout(ctx, planLimit)
		defer cancel()
		ca, err := i.m.Services.CA(ctx, a.Server, i.r.CABundle.Value)
		if err != nil {
			return err
		}
		known, err := ca.FindAccount(ctx, key)
		if err != nil {
			return err
		}
		a.URI = known.URI
	}
	a.account = lineage.Account{ID: a.ID, Server: a.Server, URI: a.URI, Key: key}
	return nil
}

// serverOfUsers is the CA of the certificates that say that they go by an account; "" if none says both.
func (i *importing) serverOfUsers(from foreign.Account) string {
	for _, c := range i.found.Certificates {
		if c.Account != from.Source {
			continue
		}
		if p, err := setOf(c, i.pool); err == nil {
			if server, err := i.server(c.Server, c.Host, p.leaf); err == nil {
				return server
			}
		}
	}
	return ""
}

// account picks the account that a certificate is renewed with: that which the client says, else the only one at its CA.
func (i *importing) account(c foreign.Certificate, got *ImportedCertificate) {
	var fits, said []ImportedAccount
	for _, a := range i.got.Accounts {
		if a.Outcome == ImportNot || a.Server != got.Server {
			continue
		}
		fits = append(fits, a)
		if c.Account != "" && slices.Contains([]string{a.Source, a.URI, a.from.Contact}, c.Account) {
			said = append(said, a)
		}
	}
	if near := i.near(c, said); len(near) > 0 {
		said = near
	}
	if near := i.near(c, fits); len(near) > 0 {
		fits = near
	}
	switch {
	case len(said) > 0:
		fits = said[:1]
	case len(fits) == 0:
		got.Notes = append(got.Notes,
			messages.New("no account came with it: wildcard account register --agree-tos --server %s makes one", got.Server))
		return
	case len(fits) > 1:
		var ids []string
		for _, a := range fits {
			ids = append(ids, a.ID)
		}
		got.Notes = append(got.Notes, messages.New(
			"which of several accounts it has is not said: %s; the first is used; to change that: wildcard issue --account ID NAME...",
			strings.Join(ids, ", ")))
	}
	got.Account, got.params.Account = fits[0].URI, fits[0].ID
}

// near are those accounts that stand in the tree of a certificate.
func (i *importing) near(c foreign.Certificate, all []ImportedAccount) (near []ImportedAccount) {
	for _, path := range i.found.Paths {
		for _, a := range all {
			if strings.HasPrefix(c.Source, path) && strings.HasPrefix(a.Source, path) {
				near = append(near, a)
			}
		}
	}
	return near
}
