package plugin

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"regexp"
	"sync"
	"time"

	"wildcard/internal/settings"
	"wildcard/internal/system/wait"
	"wildcard/providers"
)

// callLimit is what one call of a program may take. The longest wait that a script of others may have in it, for DNS to
// follow, should fit.
const callLimit = 5 * time.Minute

// Options is what a provider may know of the run.
type Options struct {
	Environ []string  // of our own process
	Stderr  io.Writer // what programs say beside their answers, line by line; nil drops it
	Log     *slog.Logger
	Limit   time.Duration // for one call; 0 is 5 min
	// Certbot says that certbot is the ACME client, which does not tell the key authorization.
	Certbot bool
}

func (o Options) stderr() io.Writer {
	if o.Stderr == nil {
		return io.Discard
	}
	return o.Stderr
}

func (o Options) limit() time.Duration {
	if o.Limit == 0 {
		return callLimit
	}
	return o.Limit
}

// Provider is a plugin as a provider. It runs from the first call to Close.
type Provider struct {
	spec        providers.Spec
	name        string // for people
	path        string
	service     string
	environ     []string
	description Description
	options     Options
	asking      wait.Mutex // one request at a time; nil if the plugin takes several

	mu      sync.Mutex
	session *session
	closed  bool
}

// zoned is a plugin that lists zones.
type zoned struct{ *Provider }

var (
	_ providers.Provider      = (*Provider)(nil)
	_ providers.Closer        = (*Provider)(nil)
	_ providers.ValueComputer = (*Provider)(nil)
	_ providers.Zones         = zoned{}
)

// Open opens plugin:NAME, or with name "lego" the service NAME of lego:NAME. The plugin is run to describe itself; it is sent no
// credentials.
func Open(spec providers.Spec, src settings.Sources, o Options) ([]providers.Account, error) {
	name, service := spec.Arg, ""
	if spec.Name == "lego" {
		name, service = "lego", spec.Arg
	}
	if !nameForm.MatchString(spec.Arg) {
		return nil, providers.Errorf(providers.CodeBadSpec, providers.Usage, "provider %s: want %s:NAME", spec, spec.Name)
	}
	if spec.Name == "lego" && o.Certbot {
		return nil, keyAuthorizationMissing(spec)
	}
	ctx, cancel := context.WithTimeout(context.Background(), describeLimit)
	defer cancel()
	d, path, err := describe(ctx, name, service, o)
	if err != nil {
		return nil, err
	}
	if d.KeyAuthorization && o.Certbot {
		return nil, keyAuthorizationMissing(spec)
	}
	if spec.Zone == "" && !d.Zoned {
		return nil, needsZone(spec)
	}
	environ := environment(o.Environ)
	source := "no settings"
	if len(d.Variables) > 0 {
		sets, err := src.Credentials(spec, []settings.Family{d.Family(spec.Name + ":" + spec.Arg)})
		if err != nil {
			return nil, err
		}
		for _, v := range d.Variables {
			value := sets[0].Secret(v.Name).Reveal()
			if value == "" && !v.Secret {
				value = sets[0].Ordinary(v.Name)
			}
			if value != "" {
				environ = append(environ, v.Name+"="+value)
			}
		}
		source = sets[0].Source
	}
	p := &Provider{spec: spec, name: spec.Name + ":" + spec.Arg, path: path, service: service, environ: environ,
		description: d, options: o}
	if !d.Concurrent {
		p.asking = wait.NewMutex()
	}
	account := providers.Account{
		Provider: p, Spec: spec,
		Fingerprint: "plugin " + path + " " + spec.Name + ":" + spec.Arg + " " + spec.EnvFile,
		Label:       spec.Name + ":" + spec.Arg + " (" + path + ", " + source + ")",
	}
	if d.Zoned {
		account.Provider = zoned{p}
	}
	return []providers.Account{account}, nil
}

func keyAuthorizationMissing(spec providers.Spec) error {
	return providers.Errorf(providers.CodeBadSpec, providers.Usage,
		"provider %s: it computes the record itself, from what certbot tells no hook: use \"wildcard issue --provider %s\" instead of certbot", spec, spec)
}

func needsZone(spec providers.Spec) error {
	return providers.Errorf(providers.CodeBadSpec, providers.Usage,
		"provider %s: it cannot list its zones, so write the zone before it: example.com=%s", spec, spec)
}

// Present has the plugin add the record.
func (p *Provider) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	reply, err := p.call(ctx, "present", c, "")
	if err != nil {
		return "", err
	}
	if !handleForm.MatchString(reply.Handle) {
		return "", nil // name, type and value are a handle too
	}
	return providers.Handle(reply.Handle), nil
}

// CleanUp has the plugin remove the record.
func (p *Provider) CleanUp(ctx context.Context, c providers.Challenge, h providers.Handle) error {
	if !handleForm.MatchString(string(h)) {
		h = ""
	}
	_, err := p.call(ctx, "cleanup", c, h)
	return err
}

// NeedsKeyAuth reports whether the plugin works out values itself.
func (p *Provider) NeedsKeyAuth() bool { return p.description.KeyAuthorization }

// Zones has the plugin list its zones.
func (z zoned) Zones(ctx context.Context, _ bool) ([]string, error) {
	reply, err := z.request(ctx, Request{Op: "zones"})
	if err != nil {
		return nil, z.failed("list zones", err)
	}
	var zones []string
	for _, text := range reply.Zones {
		zone, err := providers.ParseZone(text)
		if err != nil {
			return nil, z.failed("list zones", err)
		}
		zones = append(zones, zone)
	}
	return zones, nil
}

func (p *Provider) call(ctx context.Context, op string, c providers.Challenge, h providers.Handle) (Reply, error) {
	fqdn, err := checkChallenge(c)
	if err != nil {
		return Reply{}, err
	}
	if p.spec.Zone != "" {
		if err := inZone(p.spec, fqdn); err != nil {
			return Reply{}, p.failed(op, err)
		}
	}
	if p.description.KeyAuthorization {
		if err := computable(c, fqdn); err != nil {
			return Reply{}, p.failed(op+" "+fqdn, err)
		}
	}
	reply, err := p.request(ctx, Request{
		Op: op, Zone: cmp.Or(c.Zone, p.spec.Zone), Domain: c.Domain, FQDN: fqdn, Value: c.Value, Token: c.Token,
		KeyAuthorization: c.KeyAuth, Handle: string(h),
	})
	if err != nil {
		return Reply{}, p.failed(op+" "+fqdn, err)
	}
	return reply, nil
}

// deniedForm is how programs say that they may not read a file.
var deniedForm = regexp.MustCompile(`(?i)open '?/\S+: permission denied|: /\S+: permission denied|permission denied: '/`)

func (p *Provider) failed(what string, err error) error {
	code := providers.CodeOf(err)
	if code == "" {
		return err // the run was ended
	}
	if deniedForm.MatchString(err.Error()) {
		return providers.Errorf(code, providers.ClassOf(err),
			"%s: %s: %w (a plugin can use only the files that its variables name)", p.name, what, err)
	}
	return providers.Errorf(code, providers.ClassOf(err), "%s: %s: %w", p.name, what, err)
}

// request makes one request, of a plugin that runs already or is started for it. One that dies over it gets it once more: all
// requests may be repeated.
func (p *Provider) request(ctx context.Context, r Request) (Reply, error) {
	if p.asking != nil {
		if err := p.asking.Lock(ctx); err != nil {
			return Reply{}, err
		}
		defer p.asking.Unlock()
	}
	r.Service = p.service
	for attempt := 1; ; attempt++ {
		s, err := p.running()
		if err != nil {
			return Reply{}, err
		}
		reply, err := s.ask(ctx, r, p.options.limit(), p.description.Concurrent)
		if died, ok := errors.AsType[*lostError](err); !ok || died.late || attempt == 2 || ctx.Err() != nil {
			return reply, err
		}
	}
}

func (p *Provider) running() (*session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, providers.Errorf(providers.CodeService, providers.Failed, "it was closed")
	}
	if p.session != nil && p.session.usable() {
		return p.session, nil
	}
	if p.session != nil {
		p.session.close()
	}
	begin := confined
	if p.spec.Name == "lego" && p.service == "exec" {
		begin = unconfined
	}
	s, err := start(p.path, p.environ, p.options.stderr(), p.name+": ", begin)
	if err != nil {
		p.session = nil
		return nil, err
	}
	p.session = s
	return s, nil
}

// Close ends the plugin.
func (p *Provider) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.session != nil {
		p.session.close()
		p.session = nil
	}
	return nil
}
