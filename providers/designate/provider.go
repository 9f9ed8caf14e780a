package designate

import (
	"cmp"
	"context"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"wildcard/providers"
	"wildcard/providers/lock"
	"wildcard/providers/settings"
	"wildcard/providers/web"
)

// Options is what a provider may know of the run.
type Options struct {
	RunDir    string // where processes keep from each other; "" if there is only one
	UserAgent string
	Log       *slog.Logger // gets a line per call at debug level; nil is silent
}

// Provider publishes challenges in the zones of one project. It implements [providers.Zones], [providers.Patience] and
// [providers.Closer] besides [providers.Provider].
type Provider struct {
	session *session
	bound   string // the ZONE= of the spec, canonical; "" without one
	locks   *lock.Locks
	idle    func()

	listing chan struct{} // held by who lists zones
	zones   []zone
}

var (
	_ providers.Provider = (*Provider)(nil)
	_ providers.Zones    = (*Provider)(nil)
	_ providers.Patience = (*Provider)(nil)
	_ providers.Closer   = (*Provider)(nil)
)

// Open reads an account's settings and returns its provider. It sends nothing. Errors are those of
// [settings.Sources.Credentials], and CodeBadSettings for a setting that cannot be used as it is.
func Open(spec providers.Spec, src settings.Sources, o Options) ([]providers.Account, error) {
	if spec.Arg != "" {
		return nil, providers.Errorf(providers.CodeBadSpec, providers.Usage, "provider %s: designate takes nothing after a colon", spec)
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
		opened = append(opened, providers.Account{Provider: newProvider(a, spec, o), Spec: spec, Fingerprint: a.fingerprint(), Label: a.label()})
	}
	return opened, nil
}

func newProvider(a account, spec providers.Spec, o Options) *Provider {
	hidden := &web.Mask{}
	hidden.Add(cmp.Or(a.Auth.CredentialSecret, a.Auth.Password))
	hidden.Add(a.Auth.Password)
	transport := web.NewTransport(a.timeout)
	transport.TLSClientConfig.RootCAs = a.roots
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Provider{
		session: &session{
			account: a, transport: transport, agent: o.UserAgent, mask: hidden, pause: 200 * time.Millisecond,
			log: log, turn: make(chan struct{}, 1),
		},
		bound:   spec.Zone,
		locks:   lock.New(o.RunDir, "designate"),
		idle:    transport.CloseIdleConnections,
		listing: make(chan struct{}, 1),
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
	var z zone
	err = p.locked(ctx, fqdn, func() (err error) {
		if z, err = p.zoneOf(ctx, fqdn); err != nil {
			return err
		}
		return p.change(ctx, z, fqdn, c.Value, true)
	})
	if err != nil {
		return "", failed(err, "create TXT %s", fqdn)
	}
	return providers.Handle(z.id + "|" + c.Value), nil
}

var idForm = regexp.MustCompile(`^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$`)

// CleanUp takes the challenge's value out of the record set. What is gone already is taken out.
func (p *Provider) CleanUp(ctx context.Context, c providers.Challenge, h providers.Handle) error {
	fqdn, err := p.check("delete", c)
	if err != nil {
		return err
	}
	err = p.locked(ctx, fqdn, func() error {
		if id, value, _ := strings.Cut(string(h), "|"); value == c.Value && idForm.MatchString(id) {
			z := zone{id: id}
			set, err := p.look(ctx, z, fqdn)
			switch {
			case err == nil && holds(set, c.Value):
				return p.change(ctx, z, fqdn, c.Value, false)
			case err != nil && statusOf(err) == 0:
				return err
			}
			// Gone, or the zone has been made anew since: the list of zones tells.
		}
		z, err := p.zoneOf(ctx, fqdn)
		if err != nil {
			return err
		}
		return p.change(ctx, z, fqdn, c.Value, false)
	})
	return failed(err, "delete TXT %s", fqdn)
}

func (p *Provider) locked(ctx context.Context, fqdn string, work func() error) error {
	unlock, err := p.locks.Lock(ctx, p.session.account.fingerprint()+" "+fqdn)
	if err != nil {
		return err
	}
	defer unlock()
	return work()
}

// Close ends idle connections.
func (p *Provider) Close() error {
	p.idle()
	return nil
}

var nameForm = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+$`)

// check refuses challenges that could match other records than their own, and names that this account may not write.
func (p *Provider) check(verb string, c providers.Challenge) (fqdn string, err error) {
	fqdn = providers.CanonicalName(c.FQDN)
	if !nameForm.MatchString(fqdn) || len(fqdn) > 254 || c.Value == "" || len(c.Value) > 255 ||
		strings.ContainsFunc(c.Value, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
		return "", providers.Errorf(providers.CodeBadChallenge, providers.Usage, "designate: %s TXT %s: not a challenge's name and value",
			verb, providers.Excerpt(c.FQDN))
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
	return providers.Errorf(providers.CodeOf(err), providers.ClassOf(err), "designate: "+format+": %w", append(args, err)...)
}
