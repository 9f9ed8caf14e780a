package propagation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wildcard/internal/fault"
)

// failure says what is missing when the time is up, in one line of bounded length; without a limit it is not up, and nothing more is
// to be expected.
func (b *publication) failure(limit time.Duration, s *session) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	code := fault.CodeNoAnswer
	var names []string
	for _, z := range b.zones {
		for i, c := range z.servers[0].checks {
			var servers []string
			for _, st := range z.servers {
				check := st.checks[i]
				if check.complete && z.cutOff == "" {
					continue
				}
				if (check.latest.state == Pending || check.latest.denies) && check.asked {
					code = fault.CodeNotPublished
				}
				who := st.String()
				if by := z.delegation.By(st.Host); by != "" {
					who += " (" + by + ")"
				}
				servers = append(servers, who+" "+check.detail())
			}
			if len(servers) > 0 {
				names = append(names, fmt.Sprintf("TXT %s: %s", c.fqdn, listed(servers, 4)))
			}
		}
	}
	advice := ""
	if slices.ContainsFunc(b.zones, func(z *zone) bool { return z.cutOff != "" && !z.authority }) {
		code, advice = fault.CodeIntercepted, "; "+cutOffWords(Intercepted)
	}
	if b.cutOff != "" && !b.authority {
		if b.cutOff == Intercepted {
			code = fault.CodeIntercepted
		}
		advice = "; " + cutOffWords(b.cutOff) + b.atResolvers() + s.wayOut()
	}
	what := strings.Join(names[:min(len(names), 3)], "; ") + more(len(names)-3) + advice
	if limit == 0 {
		return fault.Errorf(code, fault.Temporary, "propagation: not to be seen: %s", what)
	}
	return fault.Errorf(code, fault.Temporary, "propagation: not published everywhere within %v: %s", limit, what)
}

// atResolvers says what the resolvers have told that stand in for the name servers.
func (b *publication) atResolvers() string {
	if len(b.told) == 0 {
		return ""
	}
	return "; " + listed(b.told, 4) + " does not show all values either"
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf("; and %d more names", n)
}

// report sums up.
func (b *publication) report(unverified bool) Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := Report{Elapsed: time.Since(b.start), Path: PathDirect, Unverified: unverified, CutOff: b.cutOff,
		TTLs: map[string]time.Duration{}}
	if unverified {
		r.Path = strings.Join(b.told, " ")
	}
	var without []string
	for _, z := range b.zones {
		if z.delegation.ResolversBehind() {
			r.Behind = append(r.Behind, z.delegation)
		}
		for _, st := range z.servers {
			server := ServerReport{Name: st.Host, Addr: st.Addr.String(), Zone: z.name, State: Published}
			for _, c := range st.checks {
				if c.complete {
					r.TTLs[c.fqdn] = max(r.TTLs[c.fqdn], c.latest.ttl)
				}
				server.Elapsed = max(server.Elapsed, c.changed.Sub(b.start))
				switch {
				case c.complete:
				case c.stepped && c.latest.noIPv6(c.Addr):
					server.State = Unreachable
				case c.stepped:
					server.State = SteppedOver
				case server.State == Published || c.latest.state == Pending || c.latest.state == "":
					server.State = c.state()
				}
			}
			if server.State == SteppedOver {
				i := slices.IndexFunc(st.checks, func(c *check) bool { return c.stepped })
				without = append(without, st.String()+": "+st.checks[i].detail())
			}
			r.Servers = append(r.Servers, server)
		}
		for _, host := range z.unresolved {
			r.Servers = append(r.Servers, ServerReport{Name: host, Zone: z.name, State: Unreachable})
			without = append(without, host+": has no address")
		}
	}
	for _, server := range without { // one that serves no zone of many is named once
		if !slices.Contains(r.SteppedOver, server) {
			r.SteppedOver = append(r.SteppedOver, server)
		}
	}
	return r
}
