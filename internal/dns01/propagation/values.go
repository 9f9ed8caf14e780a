package propagation

import (
	"fmt"
	"slices"

	"wildcard/internal/fault"
)

// tooManyValues returns an error of [fault.CodeTooManyValues] (Misconfigured) if at some name every server that can be sent
// to has more values than UDP carries, and refuses TCP. Callers hold mu.
func (b *publication) tooManyValues() error {
	for _, z := range b.zones {
		for i, c := range z.servers[0].checks {
			var servers []string
			var seen []string
			all := true
			for _, server := range z.servers {
				at := server.checks[i]
				if at.latest.noIPv6(at.Addr) {
					continue
				}
				all = all && at.asked && at.latest.tooLarge
				servers = append(servers, server.String())
				if len(at.latest.texts) > len(seen) {
					seen = at.latest.texts
				}
			}
			if all && len(servers) > 0 {
				for j := range c.values {
					seen = slices.DeleteFunc(slices.Clone(seen), func(text string) bool { return text == c.values[j].text })
				}
				return tooManyValues(c.fqdn, len(seen), servers)
			}
		}
	}
	return nil
}

// tooManyValues is the error for a name at which others stand, as many as are known of.
func tooManyValues(fqdn string, others int, servers []string) error {
	count := "so many other values"
	if others > 0 {
		count = fmt.Sprintf("%d other values", others)
	}
	return fault.Errorf(fault.CodeTooManyValues, fault.Misconfigured,
		"propagation: TXT %s: there are %s, so that the answer needs TCP, which %s refuses (connection refused); the CA will see nothing either: delete the old values",
		fqdn, count, listed(servers, 4))
}
