package designate

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"strings"

	"wildcard/internal/settings"
	"wildcard/internal/system/filelock"
	"wildcard/internal/system/wait"
	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// Options is what a provider may know of the run.
type Options struct {
	RunDir    string // where processes keep from each other; "" if there is only one
	UserAgent string
	Log       *slog.Logger    // gets a line per call at debug level; nil is silent
	Dial      httpclient.Dial // makes the connections; nil makes every one
}

// Provider publishes challenges in the zones of one project. It implements [providers.Zones], [providers.LongestWait] and
// [providers.Closer] besides [providers.Provider].
type Provider struct {
	session *session
	bound   string // the ZONE= of the spec, canonical; "" without one
	locks   *filelock.Locks

	listing wait.Mutex // guards zones
	zones   []zone
}

var (
	_ providers.Provider    = (*Provider)(nil)
	_ providers.Zones       = (*Provider)(nil)
	_ providers.LongestWait = (*Provider)(nil)
	_ providers.Closer      = (*Provider)(nil)
)

// Open reads an account's settings and returns its provider. It sends nothing. Errors are those of
// [settings.Sources.Credentials], and CodeBadSettings for a setting that cannot be used as it is.
func Open(spec providers.Spec, src settings.Sources, o Options) ([]providers.Account, error) {
	if spec.Arg != "" {
		return nil, providers.Errorf(providers.CodeBadSpec, providers.Usage,
			"provider %s: designate takes nothing after a colon", spec)
	}
	sets, err := src.Credentials(spec, Families())
	if err != nil {
		return nil, err
	}
	var opened []providers.Account
	for _, set := range sets {
		a, err := newAccount(set, src)
		if err != nil {
			return nil, err
		}
		opened = append(opened, providers.Account{
			Provider: newProvider(a, spec, o), Spec: spec, Fingerprint: a.fingerprint(), Label: a.label(), Source: a.source,
		})
	}
	return opened, nil
}

func newProvider(a account, spec providers.Spec, o Options) *Provider {
	transport := httpclient.NewTransport(a.timeout, o.Dial)
	transport.TLSClientConfig.RootCAs = a.roots
	calls := httpclient.New("designate", o.UserAgent, a.timeout, o.Dial, o.Log)
	calls.Transport = transport
	calls.Mask.Add(a.Auth.CredentialSecret.Reveal())
	calls.Mask.Add(a.Auth.Password.Reveal())
	return &Provider{
		session: &session{account: a, http: calls, loggingIn: wait.NewMutex()},
		bound:   spec.Zone,
		locks:   filelock.New(o.RunDir, "designate"),
		listing: wait.NewMutex(),
	}
}

// Zones returns the names of the project's zones that can be written in.
func (p *Provider) Zones(ctx context.Context, fresh bool) ([]string, error) {
	all, err := p.list(ctx, fresh)
	if err != nil {
		return nil, failed(err, "list zones")
	}
	return names(all), nil
}

// Present makes the challenge's value one of the record set's and returns "ZONE-ID|VALUE".
func (p *Provider) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	fqdn, err := p.check("create", c)
	if err != nil {
		return "", err
	}
	var id string
	sent := false
	err = p.locked(ctx, fqdn, func() error {
		return p.inZone(ctx, fqdn, c.Zone, func(z zone) error {
			id = z.id
			changed, err := p.change(ctx, z, fqdn, quoted(c.Value), true)
			sent = sent || changed
			return err
		})
	})
	if err != nil && !sent {
		return "", providers.Unmade(failed(err, "create TXT %s", fqdn))
	}
	if err != nil {
		return "", failed(err, "create TXT %s", fqdn)
	}
	return providers.Handle(id + "|" + c.Value), nil
}

var idForm = regexp.MustCompile(`^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$`)

// CleanUp takes the challenge's value out of the record set. What is not there any more is taken out.
func (p *Provider) CleanUp(ctx context.Context, c providers.Challenge, h providers.Handle) error {
	fqdn, err := p.check("delete", c)
	if err != nil {
		return err
	}
	err = p.locked(ctx, fqdn, func() error {
		if id, value, _ := strings.Cut(string(h), "|"); value == c.Value && idForm.MatchString(id) {
			changed, err := p.change(ctx, zone{id: id}, fqdn, quoted(c.Value), false)
			if changed || err != nil && httpclient.StatusOf(err) != http.StatusNotFound {
				return err
			}
			// Deleted, or the zone has been made anew since: the list of zones tells.
		}
		return p.inZone(ctx, fqdn, c.Zone, func(z zone) error {
			_, err := p.change(ctx, z, fqdn, quoted(c.Value), false)
			return err
		})
	})
	return failed(err, "delete TXT %s", fqdn)
}

func (p *Provider) locked(ctx context.Context, fqdn string, work func() error) error {
	unlock, err := p.locks.Lock(ctx, fqdn) // by name alone: a user and an application credential, say, may both lead to its zone
	if err != nil {
		return err
	}
	defer unlock()
	return work()
}

// Close ends idle connections.
func (p *Provider) Close() error {
	return p.session.http.Close()
}

// check refuses what is no challenge's record, and names that this account may not write.
func (p *Provider) check(verb string, c providers.Challenge) (fqdn string, err error) {
	if fqdn, err = providers.ParseRecord(c); err != nil {
		return "", failed(err, "%s TXT", verb)
	}
	if p.bound != "" && !providers.InZone(fqdn, p.bound) {
		return "", failed(providers.Errorf(providers.CodeNoZone, providers.Misconfigured, "it does not lie in %s, the zone of the spec", p.bound), "%s TXT %s", verb, fqdn)
	}
	return fqdn, nil
}

// failed says what could not be done; err keeps its code and class. A nil err stays nil.
func failed(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return providers.Errorf(providers.CodeOf(err), providers.ClassOf(err), "designate: "+format+": %w",
		append(args, err)...)
}
