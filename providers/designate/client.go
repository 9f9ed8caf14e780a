package designate

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/gophercloud/gophercloud"
	"github.com/gophercloud/gophercloud/openstack"
	"github.com/gophercloud/gophercloud/openstack/identity/v3/tokens"

	"wildcard/internal/system/wait"
	"wildcard/providers"
	"wildcard/providers/httpclient"
)

const (
	mostBody = 8 << 20
	tries    = 4 // of what may be repeated without harm
)

// session calls OpenStack with one account. gophercloud knows the requests; it neither logs in nor repeats by itself here:
// its clients keep the context of their making, and its errors quote whole bodies.
type session struct {
	account   account
	transport http.RoundTripper
	agent     string
	mask      *httpclient.Mask
	pause     time.Duration // before the first repetition; doubles with each
	log       *slog.Logger

	loggingIn wait.Mutex // guards now
	now       pass
}

// pass is what a login yields.
type pass struct {
	token  string
	dnsURL string
}

// refusedError is a reply with a status that is no success.
type refusedError struct {
	status int
	text   string // masked and shortened
}

func (e *refusedError) Error() string {
	return strconv.Itoa(e.status) + " " + cmp.Or(e.text, http.StatusText(e.status))
}

func statusOf(err error) int {
	if e, ok := errors.AsType[*refusedError](err); ok {
		return e.status
	}
	return 0
}

// call makes requests of the DNS service. A token that is not accepted buys one login and one repetition: the service has
// done nothing yet then.
func (s *session) call(ctx context.Context, what string, requests func(*gophercloud.ServiceClient) error) error {
	p, err := s.login(ctx, pass{})
	if err != nil {
		return err
	}
	err = s.exchange(ctx, what, p, requests)
	if statusOf(err) != http.StatusUnauthorized {
		return err
	}
	if p, err = s.login(ctx, p); err != nil {
		return err
	}
	return s.exchange(ctx, what, p, requests)
}

// persist makes requests that may be repeated without harm.
func (s *session) persist(ctx context.Context, what string, requests func(*gophercloud.ServiceClient) error) error {
	pause := s.pause
	for try := 1; ; try++ {
		err := s.call(ctx, what, requests)
		if err == nil || providers.CodeOf(err) != providers.CodeUnavailable || try == tries || !sleep(ctx, pause) {
			return err
		}
		pause *= 2
	}
}

// sleep waits for about d, and returns false if ctx ends before.
func sleep(ctx context.Context, d time.Duration) bool {
	return wait.For(ctx, d/2+rand.N(d/2+1)) == nil
}

func (s *session) exchange(ctx context.Context, what string, p pass, requests func(*gophercloud.ServiceClient) error) error {
	w := &wire{RoundTripper: s.transport}
	client := s.client(ctx, w, p.dnsURL)
	client.ResourceBase = p.dnsURL
	client.Type = "dns"
	client.SetToken(p.token)
	begin := time.Now()
	err := requests(client)
	s.log.Debug("designate: "+what, "status", w.status, "took", time.Since(begin))
	return s.judge(ctx, w, err)
}

func (s *session) client(ctx context.Context, w *wire, base string) *gophercloud.ServiceClient {
	provider := &gophercloud.ProviderClient{
		HTTPClient: http.Client{Transport: w, CheckRedirect: httpclient.Stay, Timeout: s.account.timeout},
		Context:    ctx,
	}
	if s.agent != "" {
		provider.UserAgent.Prepend(s.agent)
	}
	return &gophercloud.ServiceClient{ProviderClient: provider, Endpoint: base}
}

// get decodes a reply that has to have a list in it: a reply of something else, such as {}, must not pass for an empty list.
// gophercloud's own listing would follow links.
func get[T any](c *gophercloud.ServiceClient, url string, list **[]T, reply any) error {
	*list = nil
	if _, err := c.Get(url, reply, nil); err != nil { //nolint:bodyclose // gophercloud closes it
		return err
	}
	if *list == nil {
		return errors.New("a reply without its list")
	}
	return nil
}

// judge makes an error of what came over the wire, and of what gophercloud made of that.
func (s *session) judge(ctx context.Context, w *wire, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return unavailable(ctx.Err())
	case errors.Is(w.err, httpclient.ErrTooLarge):
		return providers.Errorf(providers.CodeService, providers.Failed, "%w", w.err)
	case w.err != nil && os.IsTimeout(w.err):
		return unavailable(errors.New("no reply within " + s.account.timeout.String()))
	case w.err != nil:
		return unavailable(errors.New(s.mask.Shown(w.err.Error())))
	case w.status == 0:
		return providers.Errorf(providers.CodeService, providers.Internal, "the request could not be made: %s", s.mask.Shown(err.Error()))
	case w.status < 300:
		return providers.Errorf(providers.CodeService, providers.Failed, "%d with a reply that is not of this API", w.status)
	}
	refused := &refusedError{w.status, s.mask.Shown(httpclient.ErrorText(w.body))}
	code, class := providers.CodeService, providers.Failed
	switch {
	case w.status < 400:
		refused.text = "redirect, which is not followed"
	case w.status == http.StatusUnauthorized, w.status == http.StatusForbidden:
		code, class = providers.CodeCredentials, providers.Refused
	case w.status == http.StatusRequestEntityTooLarge:
		class = providers.Misconfigured // over_quota
	case w.status == http.StatusRequestTimeout, w.status == http.StatusTooManyRequests, w.status >= 500:
		code, class = providers.CodeUnavailable, providers.Temporary
	}
	return providers.Errorf(code, class, "%w", refused)
}

func unavailable(err error) error {
	return providers.Errorf(providers.CodeUnavailable, providers.Temporary, "%w", err)
}

// login returns the token of this process, or a new one in place of old. It tries once: what begins with a look, as all
// does, tries again.
func (s *session) login(ctx context.Context, old pass) (pass, error) {
	if err := s.loggingIn.Lock(ctx); err != nil {
		return pass{}, unavailable(err)
	}
	defer s.loggingIn.Unlock()
	if s.now.token != "" && s.now != old {
		return s.now, nil
	}
	p, err := s.authenticate(ctx)
	if err != nil {
		return pass{}, providers.Errorf(providers.CodeOf(err), providers.ClassOf(err), "log in to %s with %s: %w", s.account.identityURL, s.account.origin, err)
	}
	s.now = p
	return p, nil
}

func (s *session) authenticate(ctx context.Context) (pass, error) {
	w := &wire{RoundTripper: s.transport}
	result := tokens.Create(s.client(ctx, w, s.account.identityURL), s.account.options())
	token := result.Header.Get("X-Subject-Token")
	s.mask.Add(token)
	if err := s.judge(ctx, w, result.Err); err != nil {
		switch {
		case w.status == http.StatusNotFound && bytes.Contains(w.body, []byte("Application Credential")): // what else is not found is no Keystone
			return pass{}, providers.Errorf(providers.CodeCredentials, providers.Refused, "%w", err)
		case w.status == http.StatusBadRequest, w.status == http.StatusNotFound:
			return pass{}, providers.Errorf(providers.CodeBadSettings, providers.Misconfigured, "%w", err)
		}
		return pass{}, err
	}
	catalogue, err := result.ExtractServiceCatalog()
	if err != nil || token == "" {
		return pass{}, providers.Errorf(providers.CodeService, providers.Failed, "%d without a token and a catalogue", w.status)
	}
	p := pass{token, s.account.dnsURL}
	if p.dnsURL != "" {
		return p, nil
	}
	found, err := openstack.V3EndpointURL(catalogue, gophercloud.EndpointOpts{
		Type: "dns", Region: s.account.Region, Availability: gophercloud.Availability(s.account.Interface),
	})
	if err != nil {
		return pass{}, providers.Errorf(providers.CodeBadSettings, providers.Misconfigured,
			"this cloud has no service dns with a %s endpoint%s; %s and %s choose, %s names it", s.account.Interface, inRegion(s.account.Region), region, side, endpoint)
	}
	p.dnsURL, err = dnsURL("endpoint of the service dns", found)
	return p, err
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
		return &tokens.AuthOptions{ApplicationCredentialID: a.Auth.CredentialID, ApplicationCredentialSecret: a.Auth.CredentialSecret.Reveal()}
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

// wire keeps what came over the wire last, so that nothing has to be read out of gophercloud's errors.
type wire struct {
	http.RoundTripper

	status int
	body   []byte
	err    error
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.status, w.body = 0, nil
	resp, err := httpclient.Capped{RoundTripper: w.RoundTripper, Most: mostBody}.RoundTrip(r)
	if err != nil {
		w.err = plain(err)
		return nil, err
	}
	defer resp.Body.Close()
	if w.body, w.err = io.ReadAll(resp.Body); w.err != nil {
		return nil, w.err
	}
	w.status = resp.StatusCode
	resp.Body = io.NopCloser(bytes.NewReader(w.body))
	return resp, nil
}

// plain is an error without the URL that HTTP clients put before it.
func plain(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
