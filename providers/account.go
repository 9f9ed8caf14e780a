package providers

import "log/slog"

// Account is an opened credential: a provider bound to the account it acts for.
type Account struct {
	Provider

	// Spec is the spec the account was opened for.
	Spec Spec

	// Fingerprint tells accounts apart: identity URL, tenant and user, or what the service has in their place. It is one
	// line of printable ASCII, holds no secret, and stays the same when the password changes. The journal binds records to
	// it: only an account with an entry's fingerprint may delete that record or say that it is deleted.
	Fingerprint string

	// Label names the account to a person, such as "conoha Ver.2.0 (tyo1, tenant 0123…, /etc/letsencrypt/conoha/.env)".
	Label string

	// Source is where the credential was found: the path of a file, or "the environment"; "" if there is none to find.
	Source string
}

// Close ends what the account's provider holds, after the last call of it. A failure is logged alone, as nothing is asked of the
// provider any more; a log of nil is silent.
func (a Account) Close(log *slog.Logger) {
	closer, ok := a.Provider.(Closer)
	if !ok {
		return
	}
	if err := closer.Close(); err != nil && log != nil {
		log.Debug("closing a provider", "account", a.Label, "error", err)
	}
}
