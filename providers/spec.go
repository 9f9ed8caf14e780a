package providers

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Spec is how a user names a provider: [ZONE=]NAME[:ARG][@ENVFILE], such as "conoha", "example.org=lego:cloudflare" or
// "example.net=conoha@/etc/letsencrypt/conoha/v3.env". It holds no secret and is stored in journals and lineages.
type Spec struct {
	Zone    string // the only zone the provider is used for, canonical; "" for any
	Name    string // the kind of provider: "conoha", "rfc2136", "plugin", …
	Arg     string // what stands after the colon: a plugin's name, a path
	EnvFile string // absolute path of the only file its credentials may come from; "" for the usual sources
}

// HookSpec is the kind of provider whose ARG are command lines, so that it may have blanks.
const HookSpec = "certbot-hook"

var specName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// ParseSpec parses one spec. ENVFILE begins at the last "@" and must be an absolute path; ZONE ends at the first "=" and
// must be the name of a zone ([ParseZone]), so an "=" within ARG or ENVFILE needs no escape. Only the ARG of [HookSpec] may have blanks.
func ParseSpec(s string) (Spec, error) {
	bad := func(why string) (Spec, error) {
		return Spec{}, Errorf(CodeBadSpec, Usage, "provider spec %s: %s (want [ZONE=]NAME[:ARG][@/ENVFILE])", Excerpt(s), why)
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return bad("it has white space or characters that cannot be printed")
	}
	var spec Spec
	rest := s
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		rest, spec.EnvFile = rest[:i], rest[i+1:]
		if !strings.HasPrefix(spec.EnvFile, "/") {
			return bad("the file after @ must be an absolute path")
		}
	}
	// Only an "=" before the first ":" ends a zone: exec:/path=x has none.
	if i := strings.IndexAny(rest, "=:"); i >= 0 && rest[i] == '=' {
		zone, err := ParseZone(rest[:i])
		if err != nil {
			return bad("the zone before = is not a domain name")
		}
		spec.Zone, rest = zone, rest[i+1:]
	}
	name, arg, hasArg := strings.Cut(rest, ":")
	if strings.Contains(name+spec.EnvFile, " ") || strings.Contains(arg, " ") && name != HookSpec {
		return bad("it has white space or characters that cannot be printed")
	}
	if small := strings.ToLower(name); !specName.MatchString(name) && specName.MatchString(small) {
		return bad("the provider's name is written in small letters, " + small)
	}
	if !specName.MatchString(name) {
		return bad("there is no provider name")
	}
	if hasArg && arg == "" {
		return bad("nothing stands after the colon")
	}
	spec.Name, spec.Arg = name, arg
	return spec, nil
}

// ParseSpecs parses specs separated by white space, the form of WILDCARD_PROVIDER: none may have blanks.
func ParseSpecs(s string) ([]Spec, error) {
	var specs []Spec
	for _, field := range strings.Fields(s) {
		spec, err := ParseSpec(field)
		if err != nil {
			return nil, err
		}
		specs = append(specs, spec)
	}
	return specs, nil
}

// String returns the spec in the form that [ParseSpec] reads.
func (s Spec) String() string {
	var b strings.Builder
	if s.Zone != "" {
		b.WriteString(strings.TrimSuffix(s.Zone, ".") + "=")
	}
	b.WriteString(s.Name)
	if s.Arg != "" {
		b.WriteString(":" + s.Arg)
	}
	if s.EnvFile != "" {
		b.WriteString("@" + s.EnvFile)
	}
	return b.String()
}
