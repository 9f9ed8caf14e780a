package manual

import (
	"context"
	"strings"
	"sync"
	"time"

	"wildcard/providers"
)

// CodeNoTerminal says that a person is needed and there is no terminal.
const CodeNoTerminal = "manual.nobody"

// gathering is how long a list waits for further records.
const gathering = 250 * time.Millisecond

// longestWait is the longest there is: a person has to find the right form first.
const longestWait = 50 * time.Minute

// Record is a TXT record to set or to remove.
type Record struct {
	FQDN  string // owner, CNAMEs followed, trailing dot
	Value string // exact contents, without quotes
}

// Task is what a person is asked to do: to set all of these records, beside others of the same names, or, with Remove, to
// remove them, which can wait.
type Task struct {
	Remove  bool
	Records []Record
}

// Options is what a provider may know of the run.
type Options struct {
	// Tell shows a task to the person who has to do it; one at a time, and in order. nil means that there is no terminal.
	Tell func(Task)
	// Certbot says that certbot is the ACME client.
	Certbot bool
}

// Provider asks a person.
type Provider struct {
	spec        providers.Spec
	set, remove *gatherer
}

var (
	_ providers.Provider    = (*Provider)(nil)
	_ providers.LongestWait = (*Provider)(nil)
	_ providers.Gatherer    = (*Provider)(nil)
)

// Gathers is [providers.Gatherer].
func (p *Provider) Gathers() bool { return true }

// Open returns the provider. Errors: CodeBadSpec for specs with something to set, and for certbot; [CodeNoTerminal].
func Open(spec providers.Spec, o Options) ([]providers.Account, error) {
	switch {
	case spec.Arg != "" || spec.EnvFile != "":
		return nil, providers.Errorf(providers.CodeBadSpec, providers.Usage,
			"provider %s: manual has no settings: write manual or ZONE=manual", spec)
	case o.Certbot:
		return nil, providers.Errorf(providers.CodeBadSpec, providers.Usage,
			"provider %s: what certbot's hooks print is not shown while they wait: use \"wildcard issue --provider %s\" at a terminal, or certbot --manual without hooks", spec, spec)
	case o.Tell == nil:
		return nil, providers.Errorf(CodeNoTerminal, providers.Misconfigured,
			"provider %s: a person has to set the records, and there is no terminal to show them at: run the command at a terminal, or use a provider that needs no person (\"acmedns\" does with one CNAME, set once)", spec)
	}
	return []providers.Account{{
		Provider: newProvider(spec, o.Tell, gathering), Spec: spec,
		Fingerprint: strings.TrimSpace("manual " + spec.Zone), Label: spec.String() + " (by hand)",
	}}, nil
}

func newProvider(spec providers.Spec, tell func(Task), pause time.Duration) *Provider {
	var telling sync.Mutex
	one := func(t Task) {
		telling.Lock()
		defer telling.Unlock()
		tell(t)
	}
	return &Provider{
		spec:   spec,
		set:    &gatherer{pause: pause, tell: func(records []Record) { one(Task{Records: records}) }},
		remove: &gatherer{pause: pause, tell: func(records []Record) { one(Task{Remove: true, Records: records}) }},
	}
}

// Present asks for the record, and returns when the person has been told.
func (p *Provider) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	record, err := p.check("set", c)
	if err != nil {
		return "", err
	}
	return "", p.set.add(ctx, record)
}

// CleanUp says that the record may be removed.
func (p *Provider) CleanUp(ctx context.Context, c providers.Challenge, _ providers.Handle) error {
	record, err := p.check("remove", c)
	if err != nil {
		return err
	}
	return p.remove.add(ctx, record)
}

// LongestWait is how long the person has.
func (p *Provider) LongestWait() time.Duration { return longestWait }

// check refuses what no person should be asked for.
func (p *Provider) check(verb string, c providers.Challenge) (Record, error) {
	fqdn := providers.CanonicalName(c.FQDN)
	if _, err := providers.ParseZone(fqdn); err != nil {
		return Record{}, providers.Errorf(providers.CodeBadChallenge, providers.Usage, "manual: %s TXT: %w", verb, err)
	}
	if _, err := providers.ParseValue(c.Value); err != nil {
		return Record{}, providers.Errorf(providers.CodeBadChallenge, providers.Usage, "manual: %s TXT %s: %w", verb, fqdn,
			err)
	}
	if p.spec.Zone != "" && !providers.InZone(fqdn, p.spec.Zone) {
		return Record{}, providers.Errorf(providers.CodeNoZone, providers.Misconfigured,
			"manual: %s TXT %s: it does not lie in %s, the zone of the spec", verb, fqdn, p.spec.Zone)
	}
	return Record{FQDN: fqdn, Value: c.Value}, nil
}
