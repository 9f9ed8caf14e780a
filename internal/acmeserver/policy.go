package acmeserver

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/providers"
)

// Policy is what one client may have. What it does not say is denied.
type Policy struct {
	// Names are exact ("a.example.com"), wildcards ("*.a.example.com"), every name below one (".example.com") or every wildcard below
	// one ("*..example.com").
	Names []string
	From  []netip.Prefix // addresses that the client may come from; none is any
	Quota int            // new orders in an hour; 0 is [defaultQuota]
}

const defaultQuota = 60

// ParseAllowed checks what a client is to be allowed, and returns it as policies have it.
func ParseAllowed(texts []string) ([]string, error) {
	if len(texts) == 0 {
		return nil, fault.Errorf(fault.CodeUsage, fault.Usage, "no name given: name what the client may have")
	}
	var names []string
	for _, text := range texts {
		rest, wild := strings.CutPrefix(text, "*.")
		below, under := strings.CutPrefix(rest, ".")
		parsed, err := issuance.ParseNames([]string{below})
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(below, "*") || strings.HasSuffix(below, ".") {
			return nil, fault.Errorf(fault.CodeUsage, fault.Usage,
				"%s: give a name, *.NAME, .NAME (all names below it) or *..NAME (all wildcards below it)", fault.Excerpt(text))
		}
		name := parsed[0]
		if under {
			name = "." + name
		}
		if wild {
			name = "*." + name
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// Verdict is what the policy says of a name.
type Verdict struct {
	Name    string `json:"name"`
	Allowed bool   `json:"allowed"`
	By      string `json:"by,omitempty"`   // the line that allows it
	Near    string `json:"near,omitempty"` // a line that does not, though one might think so
}

// Explain judges a name as people write it.
func (p Policy) Explain(text string) (Verdict, error) {
	names, err := issuance.ParseNames([]string{text})
	if err != nil {
		return Verdict{}, err
	}
	return p.Judge(names[0]), nil
}

// Judge says whether a name, as [wantedName] returns it, is allowed.
func (p Policy) Judge(name string) Verdict {
	v := Verdict{Name: name}
	base, wild := strings.CutPrefix(name, "*.")
	for _, line := range p.Names {
		rest, lineWild := strings.CutPrefix(line, "*.")
		suffix, under := strings.CutPrefix(rest, ".")
		fits := base == rest
		if under {
			fits = strings.HasSuffix(base, "."+suffix) // the labels below it, never the name itself
		}
		if fits && wild == lineWild {
			v.Allowed, v.By = true, line
			return v
		}
		if fits || base == suffix || strings.HasSuffix(base, "."+suffix) {
			v.Near = line
		}
	}
	return v
}

// wantedName checks a name of an order: a host name in A-labels, with at most one "*." in front (RFC 8555 §7.1.4), in lower case.
func wantedName(value string) (string, *Problem) {
	if len(value) > 255 || value == "" || strings.HasSuffix(value, ".") || strings.IndexFunc(value, notPrintable) >= 0 {
		return "", malformed("%s is not a name in the form of RFC 8555: A-labels, without a dot at the end", fault.Excerpt(value))
	}
	base, wild := strings.CutPrefix(value, "*.")
	name, err := providers.ParseDomain(base)
	if err != nil {
		return "", malformed("%s is not a name for a certificate", fault.Excerpt(value))
	}
	if wild {
		name = "*." + name
	}
	return name, nil
}

func notPrintable(r rune) bool { return r <= ' ' || r >= 0x7f }

// mayComeFrom reports whether a client may come from an address.
func (p Policy) mayComeFrom(address netip.Addr) bool {
	return len(p.From) == 0 || slices.ContainsFunc(p.From, func(net netip.Prefix) bool { return net.Contains(address) })
}

var clientForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// ParseClient checks the name of a client, which becomes that of its file.
func ParseClient(name string) (string, error) {
	if !clientForm.MatchString(name) {
		return "", fault.Errorf(fault.CodeUsage, fault.Usage,
			"%s is no name for a client: want 1 to 63 of a-z 0-9 _ -, no hyphen first", fault.Excerpt(name))
	}
	return name, nil
}

// text is the policy as its file has it.
func (p Policy) text() []byte {
	var b strings.Builder
	b.WriteString("# What this client of \"wildcard serve\" may have: names, *.NAME, .NAME (all names below it),\n" +
		"# *..NAME (all wildcards below it). A change counts at once.\n")
	fmt.Fprintf(&b, "names = %s\n", strings.Join(p.Names, " "))
	if len(p.From) > 0 {
		var nets []string
		for _, net := range p.From {
			nets = append(nets, net.String())
		}
		fmt.Fprintf(&b, "from = %s\n", strings.Join(nets, " "))
	}
	if p.Quota > 0 {
		fmt.Fprintf(&b, "orders_per_hour = %d\n", p.Quota)
	}
	return []byte(b.String())
}

// parsePolicy reads a policy. What it does not know is an error: half of a policy is none.
func parsePolicy(text string) (p Policy, err error) {
	bad := func(format string, args ...any) (Policy, error) {
		return Policy{}, fault.Errorf(CodePolicy, fault.Misconfigured, format, args...)
	}
	seen := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		key = strings.TrimSpace(key)
		if !ok || seen[key] {
			return bad("line %d: want each of names, from, orders_per_hour once, with = behind it", i+1)
		}
		seen[key] = true
		switch key {
		case "names":
			p.Names, err = ParseAllowed(strings.Fields(value))
		case "from":
			p.From, err = ParseNetworks(strings.Fields(value))
		case "orders_per_hour":
			if p.Quota, err = strconv.Atoi(strings.TrimSpace(value)); err == nil && (p.Quota < 1 || p.Quota > 100_000) {
				return bad("line %d: orders_per_hour is from 1 to 100000", i+1)
			}
		default:
			return bad("line %d: %s is not known", i+1, fault.Excerpt(key))
		}
		if err != nil {
			return bad("line %d: %w", i+1, err)
		}
	}
	if len(p.Names) == 0 {
		return bad("it allows no names")
	}
	return p, nil
}

// ParseNetworks reads networks and addresses.
func ParseNetworks(texts []string) (nets []netip.Prefix, err error) {
	for _, text := range texts {
		net, err := netip.ParsePrefix(text)
		if err != nil {
			address, addressErr := netip.ParseAddr(text)
			if addressErr != nil || address.Zone() != "" {
				return nil, fault.Errorf(fault.CodeUsage, fault.Usage, "%s is no network: want 192.0.2.0/24 or an address",
					fault.Excerpt(text))
			}
			net = netip.PrefixFrom(address, address.BitLen())
		}
		nets = append(nets, net.Masked())
	}
	return nets, nil
}
