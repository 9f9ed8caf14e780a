package designate

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"github.com/gophercloud/gophercloud"
	"github.com/gophercloud/gophercloud/openstack"
	"github.com/gophercloud/gophercloud/openstack/identity/v3/tokens"

	"wildcard/internal/system/wait"
	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// session calls OpenStack with one account. gophercloud knows the requests; it neither logs in nor repeats by itself here:
// its clients keep the context of their making, and its errors quote whole bodies.
type session struct {
	account account
	http    *httpclient.Client

	loggingIn wait.Mutex // guards current
	current   access
}

// access is what a login yields.
type access struct {
	token  string
	dnsURL string
}

// change makes requests of the DNS service that are not to be repeated. A token that is not accepted buys one login and one
// repetition: the service has done nothing yet then.
func (s *session) change(ctx context.Context, requests func(*gophercloud.ServiceClient) error) error {
	a, err := s.login(ctx, access{})
	if err != nil {
		return err
	}
	err = s.exchange(ctx, a, requests)
	if httpclient.StatusOf(err) != http.StatusUnauthorized {
		return err
	}
	if a, err = s.login(ctx, a); err != nil {
		return err
	}
	return s.exchange(ctx, a, requests)
}

// look makes requests that may be repeated without harm.
func (s *session) look(ctx context.Context, requests func(*gophercloud.ServiceClient) error) error {
	return s.http.Repeat(ctx, func() error { return s.change(ctx, requests) })
}

func (s *session) exchange(ctx context.Context, a access, requests func(*gophercloud.ServiceClient) error) error {
	e := s.http.Exchange()
	client := serviceClient(ctx, e, a.dnsURL)
	client.ResourceBase = a.dnsURL
	client.Type = "dns"
	client.SetToken(a.token)
	return s.failure(ctx, e, requests(client))
}

func serviceClient(ctx context.Context, e *httpclient.Exchange, base string) *gophercloud.ServiceClient {
	return &gophercloud.ServiceClient{ProviderClient: &gophercloud.ProviderClient{HTTPClient: e.HTTPClient(),
		Context: ctx}, Endpoint: base}
}

// get decodes a reply that has to have a list in it: a reply of something else, such as {}, must not pass for an empty list.
// gophercloud's own listing would follow links.
func get[T any](c *gophercloud.ServiceClient, url string, list *httpclient.List[T], reply any) (size int, err error) {
	*list = httpclient.List[T]{}
	response, err := c.Get(url, reply, nil) //nolint:bodyclose // gophercloud closes it
	switch {
	case err != nil:
		return 0, err
	case !list.There:
		return 0, errors.New("a reply without its list")
	}
	return int(response.ContentLength), nil
}

// failure makes an error of what came over the wire, and of what gophercloud made of that.
func (s *session) failure(ctx context.Context, e *httpclient.Exchange, err error) error {
	if err == nil {
		return nil
	}
	if err := e.NoReply(ctx, err); err != nil {
		return err
	}
	if providers.CodeOf(err) != "" { // a list that is too long
		return err
	}
	if e.Status < 300 {
		return providers.Errorf(providers.CodeService, providers.Failed, "%d with a reply that is not of this API", e.Status)
	}
	return s.http.Refusal(e.Reply)
}

// login returns the token of this process, or a new one in place of old. It tries once: what begins with a look, as all
// does, tries again.
func (s *session) login(ctx context.Context, old access) (access, error) {
	if err := s.loggingIn.Lock(ctx); err != nil {
		return access{}, httpclient.Unavailable(err)
	}
	defer s.loggingIn.Unlock()
	if s.current.token != "" && s.current != old {
		return s.current, nil
	}
	a, err := s.authenticate(ctx)
	if err != nil {
		return access{}, providers.Errorf(providers.CodeOf(err), providers.ClassOf(err), "log in to %s with %s: %w",
			s.account.identityURL, s.account.origin, err)
	}
	s.current = a
	return a, nil
}

func (s *session) authenticate(ctx context.Context) (access, error) {
	e := s.http.Exchange()
	result := tokens.Create(serviceClient(ctx, e, s.account.identityURL), s.account.options())
	token := result.Header.Get("X-Subject-Token")
	s.http.Mask.Add(token)
	if err := s.failure(ctx, e, result.Err); err != nil {
		switch {
		case e.Status == http.StatusNotFound && bytes.Contains(e.Body, []byte("Application Credential")): // what else is not found is no Keystone
			return access{}, providers.Errorf(providers.CodeCredentials, providers.Refused, "%w", err)
		case e.Status == http.StatusBadRequest, e.Status == http.StatusNotFound:
			return access{}, providers.Errorf(providers.CodeBadSettings, providers.Misconfigured, "%w", err)
		}
		return access{}, err
	}
	catalogue, err := result.ExtractServiceCatalog()
	if err != nil || token == "" {
		return access{}, providers.Errorf(providers.CodeService, providers.Failed, "%d without a token and a catalogue",
			e.Status)
	}
	a := access{token, s.account.dnsURL}
	if a.dnsURL != "" {
		return a, nil
	}
	found, err := openstack.V3EndpointURL(catalogue, gophercloud.EndpointOpts{
		Type: "dns", Region: s.account.Region, Availability: gophercloud.Availability(s.account.Interface),
	})
	if err != nil {
		return access{}, providers.Errorf(providers.CodeBadSettings, providers.Misconfigured,
			"this cloud has no service dns with a %s endpoint%s; %s and %s choose, %s names it", s.account.Interface, inRegion(s.account.Region), region, side, endpoint)
	}
	a.dnsURL, err = dnsURL("endpoint of the service dns", found)
	return a, err
}

func inRegion(name string) string {
	if name == "" {
		return ""
	}
	return " in region " + providers.Excerpt(name)
}

// options are what Keystone is told.
func (a *account) options() *tokens.AuthOptions {
	if a.Auth.CredentialID != "" {
		return &tokens.AuthOptions{ApplicationCredentialID: a.Auth.CredentialID,
			ApplicationCredentialSecret: a.Auth.CredentialSecret.Reveal()}
	}
	o := &tokens.AuthOptions{UserID: a.Auth.UserID, Password: a.Auth.Password.Reveal()}
	domainID, domainName := a.Auth.UserDomainID, a.Auth.UserDomainName
	if domainID == "" && domainName == "" {
		domainID = "default" // Keystone's own first domain
	}
	if domainID != "" {
		domainName = ""
	}
	if o.UserID == "" {
		o.Username, o.DomainID, o.DomainName = a.Auth.Username, domainID, domainName
	}
	if a.Auth.ProjectID != "" {
		o.Scope.ProjectID = a.Auth.ProjectID
		return o
	}
	o.Scope.ProjectName = a.Auth.ProjectName
	switch {
	case a.Auth.ProjectDomainID != "":
		o.Scope.DomainID = a.Auth.ProjectDomainID
	case a.Auth.ProjectDomainName != "":
		o.Scope.DomainName = a.Auth.ProjectDomainName
	default:
		o.Scope.DomainID, o.Scope.DomainName = domainID, domainName
	}
	return o
}
