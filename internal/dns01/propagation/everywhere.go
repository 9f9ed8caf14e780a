package propagation

import (
	"context"
	"sync"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
)

// Answer is what one address of a name server says of a name, now.
type Answer struct {
	Server Address
	Texts  []string // the values of its TXT records
	// Err is of [fault.CodeNoAnswer] (Temporary) if no answer came, or none with authority.
	Err error
	// NotServed says that the server answered, and that the zone is none of its business.
	NotServed bool
}

// Everywhere asks every address of a delegation, side by side and each once, for the TXT records at fqdn. Addresses to which
// this machine has no way at all, as with IPv6 on a machine without, are left out. The error is the cause of ctx's end, or
// says what is wrong with the name or the settings.
func (r *Resolver) Everywhere(ctx context.Context, d Delegation, fqdn string) ([]Answer, error) {
	name, err := checkName(fqdn)
	if err != nil {
		return nil, err
	}
	seen := make([]observation, len(d.Addrs))
	var group sync.WaitGroup
	for i, server := range d.Addrs {
		group.Go(func() {
			msg, err := r.direct().ask(ctx, server.Addr, question{name: name, qtype: dns.TypeTXT})
			seen[i] = observe(msg, err, d.Zone, name)
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var answers []Answer
	for i, o := range seen {
		server := d.Addrs[i]
		switch {
		case o.noIPv6(server.Addr):
		case o.state == Pending:
			answers = append(answers, Answer{Server: server, Texts: o.texts})
		default:
			err := fault.Errorf(fault.CodeNoAnswer, fault.Temporary, "propagation: TXT at %s: %s: %s", name, server, o.detail)
			answers = append(answers, Answer{Server: server, Err: err, NotServed: o.notServed})
		}
	}
	return answers, nil
}
