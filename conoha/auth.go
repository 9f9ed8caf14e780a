package conoha

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"time"

	"github.com/gophercloud/gophercloud"
	tokens2 "github.com/gophercloud/gophercloud/openstack/identity/v2/tokens"
	tokens3 "github.com/gophercloud/gophercloud/openstack/identity/v3/tokens"

	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// domain is where Ver.3.0 looks for a user name (§2.2); a user id needs none.
const domain = "gnc"

// loginTries is how often a login is tried while the service is out of order. A refusal is final.
const loginTries = 3

// token is what a login yields.
type token struct {
	value string
	until time.Time // when to stop using it: a little before it expires
}

const (
	mostBody  = 8 << 20 // a list of some ten thousand zones
	mostToken = 1 << 20 // a token with its service catalogue
)

var tokenForm = regexp.MustCompile(`^[!-~]+$`)

// identity logs in to Keystone (§2), through gophercloud's two packages of token calls. Nothing else of gophercloud is
// used: its AuthenticateV2 and V3 fail on a service catalogue that they cannot parse, of which nothing is needed here;
// its error texts carry whole bodies; its client keeps the context of the login.
type identity struct {
	account   account
	transport http.RoundTripper
	agent     string
	mask      *httpclient.Mask
	patience
	now func() time.Time
}

// login gets a new token.
func (i *identity) login(ctx context.Context) (token, error) {
	t, err := i.try(ctx)
	if err != nil {
		err = providers.Errorf(providers.CodeOf(err), providers.ClassOf(err), "log in to %s with %s: %w", i.account.identityURL, i.account.origin, err)
	}
	return t, err
}

func (i *identity) try(ctx context.Context) (token, error) {
	for try := 0; ; try++ {
		t, header, err := i.once(ctx)
		if err == nil || providers.ClassOf(err) != providers.Temporary || ctx.Err() != nil {
			return t, err
		}
		if try+1 == loginTries || !i.wait(ctx, try, header) {
			if ctx.Err() != nil {
				err = ended(ctx)
			}
			return token{}, err
		}
	}
}

func (i *identity) once(ctx context.Context) (token, http.Header, error) {
	callCtx, cancel := context.WithTimeout(ctx, i.call)
	defer cancel()
	wire := &loginWire{RoundTripper: httpclient.Capped{RoundTripper: i.transport, Most: mostToken}, version: i.account.version}
	service := &gophercloud.ServiceClient{
		ProviderClient: &gophercloud.ProviderClient{
			HTTPClient: http.Client{Transport: wire, CheckRedirect: httpclient.Stay},
			Context:    callCtx,
		},
		Endpoint: i.account.identityURL + "/",
	}
	if i.agent != "" {
		service.UserAgent.Prepend(i.agent)
	}
	var (
		value, expires string
		err            error
	)
	if i.account.version == 3 {
		value, expires, err = i.version3(service)
	} else {
		value, expires, err = i.version2(service)
	}
	i.mask.Add(value)
	switch {
	case ctx.Err() != nil:
		return token{}, nil, ended(ctx)
	case wire.err != nil && errors.Is(wire.err, httpclient.ErrTooLarge):
		return token{}, nil, providers.Errorf(providers.CodeService, providers.Failed, "%w", wire.err)
	case wire.err != nil:
		return token{}, nil, i.noReply(ctx, callCtx, wire.err, i.mask)
	case wire.status == 0:
		return token{}, nil, providers.Errorf(providers.CodeService, providers.Internal, "the request could not be made")
	case !wire.success():
		return token{}, wire.header, i.refusal(wire)
	case err != nil || !tokenForm.MatchString(value):
		return token{}, nil, providers.Errorf(providers.CodeService, providers.Failed, "%d without a token", wire.status)
	}
	t, err := i.live(value, expires, wire.header)
	return t, nil, err
}

// version2 is A1 of §7.A: the token is in the body.
func (i *identity) version2(service *gophercloud.ServiceClient) (value, expires string, err error) {
	var reply struct {
		Access struct {
			Token struct{ ID, Expires string }
		}
	}
	err = tokens2.Create(service, tokens2.AuthOptions{
		Username: i.account.user,
		Password: i.account.password.Reveal(),
		TenantID: i.account.tenant,
	}).ExtractInto(&reply)
	return reply.Access.Token.ID, reply.Access.Token.Expires, err
}

// version3 is B1 of §7.B: the token is in a header.
func (i *identity) version3(service *gophercloud.ServiceClient) (value, expires string, err error) {
	options := &tokens3.AuthOptions{
		Password: i.account.password.Reveal(),
		Scope:    tokens3.Scope{ProjectID: i.account.tenant},
	}
	if i.account.userIsID {
		options.UserID = i.account.user
	} else {
		options.Username, options.DomainID = i.account.user, domain
	}
	var reply struct {
		Token struct {
			ExpiresAt string `json:"expires_at"`
		}
	}
	result := tokens3.Create(service, options)
	err = result.Result.ExtractInto(&reply)
	return result.Header.Get("X-Subject-Token"), reply.Token.ExpiresAt, err
}

// live reckons how long a token is good for. Both sides of the subtraction are the service's clock, so that ours may be
// wrong; only a service that sends no date is taken to agree with us.
func (i *identity) live(value, expires string, header http.Header) (token, error) {
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		now = i.now()
	}
	end, err := parseTime(expires)
	if err != nil {
		end = now.Add(10 * time.Minute) // an early login more is all that an unreadable date costs
	}
	life := end.Sub(now)
	if life <= 0 {
		return token{}, providers.Errorf(providers.CodeService, providers.Failed, "a token that expired at %s, before it was issued",
			end.UTC().Format(time.RFC3339))
	}
	return token{value: value, until: i.now().Add(life - min(life/10, 5*time.Minute))}, nil
}

// parseTime reads the dates of both generations, some of which lack a zone and are UTC then (§2.1).
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05", s)
	}
	return t, err
}

// refusal makes an error of a reply without success. In Ver.3.0 credentials are refused by 400 as well as by 401 (§2.2),
// so every 4xx but those that ask for patience counts as one.
func (i *identity) refusal(wire *loginWire) error {
	err := &refusedError{status: wire.status, text: i.mask.Shown(httpclient.ErrorText(wire.body))}
	switch {
	case passingStatus(wire.status):
		return unavailable(err)
	case wire.status >= 400:
		return providers.Errorf(providers.CodeCredentials, providers.Refused, "%w", err)
	case wire.status >= 300:
		err.text = "redirect, which is not followed"
	}
	return providers.Errorf(providers.CodeService, providers.Failed, "%w", err)
}

// loginWire keeps what came over the wire during one login, so that nothing has to be read out of gophercloud's errors.
type loginWire struct {
	http.RoundTripper
	version int

	status int
	header http.Header
	body   []byte
	err    error
}

func (w *loginWire) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.RoundTripper.RoundTrip(r)
	if err != nil {
		w.err = err
		return nil, err
	}
	defer resp.Body.Close()
	if w.body, w.err = io.ReadAll(resp.Body); w.err != nil {
		return nil, w.err
	}
	w.status, w.header = resp.StatusCode, resp.Header
	resp.Body = io.NopCloser(bytes.NewReader(w.body))
	if w.version == 3 && w.status == http.StatusOK {
		resp.StatusCode = http.StatusCreated // gophercloud knows only this one
	}
	return resp, nil
}

// success is rule §7.C.1.
func (w *loginWire) success() bool {
	if w.version == 3 {
		return w.status == http.StatusOK || w.status == http.StatusCreated
	}
	return w.status == http.StatusOK || w.status == http.StatusNonAuthoritativeInfo
}
