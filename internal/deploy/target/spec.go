package target

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"wildcard/internal/fault"
)

// Spec is how a user names a target: KIND:WHERE[@ENVFILE], such as "exec:/usr/local/sbin/push@/etc/wildcard/push.env". It holds no
// secret and is stored with lineages.
type Spec struct {
	Kind    string
	Where   string
	EnvFile string // absolute path of the only file its credentials may come from; "" for the usual places
}

// String is the target as it is typed.
func (s Spec) String() string {
	text := s.Kind + ":" + s.Where
	if s.EnvFile != "" {
		text += "@" + s.EnvFile
	}
	return text
}

// ParseSpec reads one. ENVFILE begins at the last "@/". Errors are CodeUsage.
func ParseSpec(text string) (Spec, error) {
	refuse := func(format string, arg any) error {
		return fault.Errorf(fault.CodeUsage, fault.Usage, "target %s: "+format, fault.Excerpt(text), arg)
	}
	bad := func(why fault.Text) error { return refuse("%w", message(why)) }
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unprintable) {
		return Spec{}, bad("it has white space or characters that cannot be printed")
	}
	var s Spec
	var ok bool
	if s.Kind, s.Where, ok = strings.Cut(text, ":"); !ok {
		return Spec{}, bad("want KIND:WHERE[@ENVFILE]")
	}
	if i := strings.LastIndex(s.Where, "@/"); i >= 0 {
		s.Where, s.EnvFile = s.Where[:i], s.Where[i+1:]
	}
	known, ok := kinds()[s.Kind]
	if !ok {
		return Spec{}, refuse("the kind is one of %s", strings.Join(Kinds(), " "))
	}
	if why := known.wrong(s.Where); why != "" {
		return Spec{}, bad(why)
	}
	return s, nil
}

func unprintable(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }

// ParseSpecs reads several, each once.
func ParseSpecs(texts []string) (all []Spec, err error) {
	for _, text := range texts {
		s, err := ParseSpec(text)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all, nil
}

// Kept reads a target as it is kept with a lineage, where its line may have been edited. Errors are CodeBadSettings.
func Kept(text string) (Spec, error) {
	s, err := ParseSpec(text)
	if err != nil {
		return s, fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "targets: %w", err)
	}
	return s, nil
}
