package doctor

import (
	"context"
	"slices"
	"strings"
	"time"

	"wildcard/internal/deploy"
	"wildcard/internal/fault"
	"wildcard/internal/lineage"
)

func endpointKinds() []Kind {
	return []Kind{
		{
			Code: FoundEndpoint, Severity: Warning,
			What: "no TLS connection to %s: %s",
			Why:  "What it serves is not known.",
			Fix:  fault.Verbatim("%s"),
		},
		{
			Code: FoundEndpointOther, Severity: Error, Class: fault.Failed,
			What: "%s serves the certificate %s, valid until %s; the live one is %s, valid until %s",
			Why:  "The server was not reloaded after the renewal, or reads other files.",
			Fix:  "reload the server, and have that done each time: wildcard issue --deploy-hook 'systemctl reload SERVER' %s",
		},
		{
			Code: FoundEndpointChain, Severity: Error, Class: fault.Failed,
			What: "%s sends %s",
			Why:  "Many clients cannot verify it then.",
			Fix:  "have the server use %s",
		},
		{
			Code: FoundEndpointUnknown, Severity: Error, Class: fault.Usage,
			What: "%s belongs to no certificate that is looked at",
			Why:  "There is nothing to compare it with.",
			Fix:  fault.Verbatim("wildcard doctor --endpoint CERTIFICATE=%s"),
		},
	}
}

// Endpoint is an address that is to serve a certificate of the store.
type Endpoint struct {
	deploy.Endpoint
	Certificate string // name of the lineage; "" is the one that covers the host
}

// ParseEndpoint reads [CERTIFICATE=]HOST[:PORT][,PROTOCOL], as [deploy.ParseEndpoint] does. Errors are CodeUsage.
func ParseEndpoint(text string) (Endpoint, error) {
	name, address, ok := strings.Cut(text, "=")
	if !ok {
		name, address = "", text
	}
	at, err := deploy.ParseEndpoint(address)
	if err == nil && ok && name == "" {
		err = fault.Errorf(fault.CodeUsage, fault.Usage, "endpoint %s: want [CERTIFICATE=]HOST[:PORT][,PROTOCOL]",
			fault.Excerpt(text))
	}
	return Endpoint{at, name}, err
}

// endpoints are those that are given, and those that the certificates are proved at after each renewal.
func (d *Doctor) endpoints(cases []Case) []Endpoint {
	all := slices.Clone(d.Endpoints)
	for _, c := range cases {
		if !c.ours() || c.Lineage.Unsafe() != nil {
			continue
		}
		for _, text := range c.Settings.Verify {
			e, err := deploy.ParseEndpoint(text)
			own := Endpoint{e, c.Lineage.Name}
			if err != nil { // the line was edited
				own.Host = text
			}
			if !slices.Contains(all, own) && !slices.Contains(all, Endpoint{Endpoint: e}) {
				all = append(all, own)
			}
		}
	}
	return all
}

// of finds the certificate that an endpoint is to serve: the one it names, else the one whose names cover its host, else the
// only one.
func (e Endpoint) of(cases []Case) (Case, bool) {
	var stored []Case
	for _, c := range cases {
		if c.Lineage != nil && c.Lineage.Leaf != nil && len(c.Lineage.Leaf.DNSNames) > 0 {
			stored = append(stored, c)
		}
	}
	for _, c := range stored {
		if e.Certificate == c.Lineage.Name || e.Certificate == "" && c.Lineage.Leaf.VerifyHostname(e.Host) == nil {
			return c, true
		}
	}
	if e.Certificate == "" && len(stored) == 1 {
		return stored[0], true
	}
	return Case{}, false
}

// endpoint compares what each address of a server serves with the live certificate.
func (v *visit) endpoint(ctx context.Context, e Endpoint, cases []Case) {
	c, ok := e.of(cases)
	if !ok {
		v.find(FoundEndpointUnknown, e.String(), []any{e.String()}, e.String())
		return
	}
	if _, err := deploy.ParseEndpoint(e.String()); err != nil {
		v.find(FoundEndpoint, e.Host, []any{e.Host, err}, "wildcard show "+c.Lineage.Name)
		return
	}
	leaf, good := c.Lineage.Leaf, true
	for _, look := range v.Prover.Look(ctx, e.Endpoint, leaf) {
		switch {
		case look.Err != nil && ctx.Err() != nil:
			return
		case look.Err != nil:
			v.find(FoundEndpoint, e.String(), []any{look.Where(), look.Err}, e.Command(leaf))
		case !look.Serves(leaf):
			v.find(FoundEndpointOther, e.String(), []any{look.Where(), deploy.Serial(look.Served[0]),
				day(look.Served[0].NotAfter), deploy.Serial(leaf), day(leaf.NotAfter)}, quoted(leaf.DNSNames))
		default:
			if why := deploy.Broken(look.Served); why != nil {
				v.find(FoundEndpointChain, e.String(), []any{look.Where(), why}, c.Lineage.Path("fullchain"))
				break
			}
			continue
		}
		good = false
	}
	if good {
		v.good(e.String(), "it serves the live certificate of %s, with its issuers", c.Lineage.Name)
	}
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// quoted are names as they are given to "wildcard issue" in a shell.
func quoted(names []string) string {
	var all []string
	for _, name := range names {
		all = append(all, lineage.Quote(name))
	}
	return strings.Join(all, " ")
}
