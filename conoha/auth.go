package conoha

import (
	"context"
	"net/http"
	"regexp"
	"slices"
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

// maxTokenBody is the most that a token with its service catalogue takes, in bytes.
const maxTokenBody = 1 << 20

var tokenForm = regexp.MustCompile(`^[!-~]+$`)

// identity logs in to Keystone (§2), through gophercloud's two packages of token calls. Nothing else of gophercloud is
// used: its AuthenticateV2 and V3 fail on a service catalogue that they cannot parse, of which nothing is needed here;
// its error texts carry whole bodies; its client keeps the context of the login.
type identity struct {
	account account
	http    *httpclient.Client
	now     func() time.Time
}

// login gets a new token.
func (i *identity) login(ctx context.Context) (t token, err error) {
	for try := 1; ; try++ {
		t, err = i.try(ctx)
		if err == nil || providers.ClassOf(err) != providers.Temporary || ctx.Err() != nil || try == loginTries ||
			!i.http.Wait(ctx, try, err) {
			break
		}
	}
	if err != nil && ctx.Err() != nil {
		err = httpclient.Unavailable(ctx.Err())
	}
	if i.account.other != "" && providers.CodeOf(err) == providers.CodeCredentials {
		err = providers.Errorf(providers.CodeCredentials, providers.Refused, "%w (tried as %s because %s; %s)", err,
			i.account.generation.name, i.account.because, i.account.other)
	}
	if err != nil {
		err = providers.Errorf(providers.CodeOf(err), providers.ClassOf(err), "log in to %s with %s: %w",
			i.account.identityURL, i.account.origin, err)
	}
	return t, err
}

func (i *identity) try(ctx context.Context) (token, error) {
	e := &exchange{i.http.Exchange(), i.account.generation.loggedIn}
	service := &gophercloud.ServiceClient{
		ProviderClient: &gophercloud.ProviderClient{HTTPClient: e.HTTPClient(), Context: ctx},
		Endpoint:       i.account.identityURL + "/",
		MoreHeaders:    map[string]string{"Connection": "close"}, // no other call goes there for as long as the token lives
	}
	service.HTTPClient.Transport = e
	value, expires, err := i.account.generation.login(i, service)
	i.http.Mask.Add(value)
	if err := e.NoReply(ctx, err); err != nil {
		return token{}, err
	}
	switch {
	case !e.success():
		return token{}, i.refusal(e.Reply)
	case err != nil || !tokenForm.MatchString(value):
		return token{}, failedService("%d without a token", e.Status)
	}
	return i.live(value, expires, e.Header)
}

// logIn is how a generation gives a token, and until when, as it says it.
type logIn func(*identity, *gophercloud.ServiceClient) (value, expires string, err error)

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
		return token{}, failedService("a token that expired at %s, before it was issued", end.UTC().Format(time.RFC3339))
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

// refusal makes an error of a reply without success. In Ver.3.0 credentials are refused by 400 as well as by 401 (§2.2), so every 4xx
// but those that ask to come back later counts as one.
func (i *identity) refusal(r httpclient.Reply) error {
	err := i.http.Refusal(r)
	if r.Status >= 400 && !httpclient.Transient(r.Status) {
		return providers.Errorf(providers.CodeCredentials, providers.Refused, "%w", err)
	}
	return err
}

// exchange is what came over the wire during one login.
type exchange struct {
	*httpclient.Exchange

	loggedIn []int // statuses
}

func (e *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := e.Exchange.RoundTrip(r)
	if err == nil && slices.Contains(e.loggedIn, http.StatusCreated) && resp.StatusCode == http.StatusOK {
		resp.StatusCode = http.StatusCreated // gophercloud knows only this one
	}
	return resp, err
}

func (e *exchange) success() bool { return slices.Contains(e.loggedIn, e.Status) }
