package acmedns

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// maxBody is the most that is read of a reply, in bytes.
const maxBody = 64 << 10

// client calls one acme-dns server.
type client struct {
	base  string
	allow []string
	http  *httpclient.Client
}

func newClient(a account, o Options, log *slog.Logger) *client {
	c := &client{base: a.base, allow: a.allow, http: httpclient.New("acmedns", o.UserAgent, a.timeout, o.Dial, log)}
	c.http.MaxBody = maxBody
	return c
}

// ambiguousError is a failure that leaves open whether the server has done what was asked for.
type ambiguousError struct{ error }

func (e *ambiguousError) Unwrap() error { return e.error }

// register makes an account.
func (c *client) register(ctx context.Context) (entry, error) {
	request := struct {
		AllowFrom []string `json:"allowfrom"`
	}{c.allow}
	if request.AllowFrom == nil {
		request.AllowFrom = []string{}
	}
	reply, err := c.post(ctx, "register", request, nil)
	if err == nil && reply.Status != http.StatusCreated && reply.Status != http.StatusOK {
		err = c.refusal(reply, "it takes no registrations (disable_registration): ask who runs it for an account and put it into the file")
	}
	var e entry
	if err == nil && json.Unmarshal(reply.Body, &e) != nil {
		err = providers.Errorf(providers.CodeService, providers.Failed, "%d with a reply that is not of this API",
			reply.Status)
	}
	if err != nil {
		return entry{}, failed(err, "register at %s", c.base)
	}
	c.http.Mask.Add(e.Password)
	return e, nil
}

// update makes a value the newer one of a registration's two. Of an error that is no [ambiguousError], nothing has come.
func (c *client) update(ctx context.Context, r registration, value string) error {
	c.http.Mask.Add(r.password.Reveal())
	request := struct {
		Subdomain string `json:"subdomain"`
		TXT       string `json:"txt"`
	}{r.subdomain, value}
	reply, err := c.post(ctx, "update", request, http.Header{
		"X-Api-User": {r.username}, "X-Api-Key": {r.password.Reveal()},
	})
	var made struct {
		TXT string `json:"txt"`
	}
	switch {
	case err != nil:
		return err
	case reply.Status != http.StatusOK:
		return c.refusal(reply, "there is no acme-dns at this URL ("+apiBase+")")
	case json.Unmarshal(reply.Body, &made) != nil || made.TXT != value:
		return &ambiguousError{providers.Errorf(providers.CodeService, providers.Failed,
			"%d with a reply that is not of this API", reply.Status)}
	}
	return nil
}

// post makes one request.
func (c *client) post(ctx context.Context, path string, payload any, header http.Header) (httpclient.Reply, error) {
	reply, err := c.http.Do(ctx, http.MethodPost, c.base+"/"+path, header, payload)
	if err == nil {
		err = reply.Cut
	}
	if lost, ok := errors.AsType[*httpclient.LostError](err); ok && lost.Sent {
		err = &ambiguousError{err}
	}
	return reply, err
}

// refusal is the error for a status that is no success; absent is what 404 means.
func (c *client) refusal(r httpclient.Reply, absent string) error {
	err := c.http.Refusal(r)
	switch {
	case r.Status >= 300 && r.Status < 400:
		return providers.Errorf(providers.CodeBadSettings, providers.Misconfigured, "%w: set "+apiBase+" to where it leads",
			err)
	case r.Status == http.StatusUnauthorized, r.Status == http.StatusForbidden:
		return providers.Errorf(providers.CodeCredentials, providers.Refused,
			"%w: the server does not know the account, or not from this machine's address (allowfrom)", err)
	case r.Status == http.StatusNotFound, r.Status == http.StatusMethodNotAllowed:
		return providers.Errorf(providers.CodeBadSettings, providers.Misconfigured, "%w: %s", err, absent)
	case r.Status == http.StatusBadGateway, r.Status == http.StatusGatewayTimeout, r.Status == http.StatusRequestTimeout: // a proxy's
		return &ambiguousError{err}
	}
	return err
}
