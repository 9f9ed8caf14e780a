package settings

import (
	"slices"
	"strings"
	"syscall"

	"wildcard/providers"
)

// errNotDir is what looking for a file below something that is no folder yields: there is none.
const errNotDir = syscall.ENOTDIR

// Credentials returns the complete sets of the first source that has one: one per account. spec.EnvFile, when set, is the
// only source. Errors, all of class Misconfigured: CodeMissing names every variable that is missing, at once, and where it
// was looked for; CodeUnsafeFile and CodeBadSettings are those of [ReadEnvFile].
func (s Sources) Credentials(spec providers.Spec, families []Family) ([]Set, error) {
	var (
		nearest *shortfall
		looked  []string
	)
	for _, c := range s.candidates(spec) {
		from, err := s.open(c)
		if err != nil {
			return nil, err
		}
		if from == nil {
			looked = append(looked, c.path)
			continue
		}
		looked = append(looked, from.name)
		sets, short, err := from.sets(families, lookup(s.Environ))
		switch {
		case err != nil:
			return nil, err
		case len(sets) > 0 && short == nil:
			return sets, nil
		case len(sets) > 0 || c.explicit && short != nil:
			return nil, short.err(spec, nil)
		case c.explicit:
			return nil, nothing(families).err(spec, looked)
		}
		if short != nil && (nearest == nil || len(short.missing) < len(nearest.missing)) {
			nearest = short
		}
	}
	if nearest == nil {
		nearest = nothing(families)
	}
	return nil, nearest.err(spec, looked)
}

// shortfall is a family that is not complete.
type shortfall struct {
	source  string // "" if nothing of it was found anywhere
	missing []string
}

// nothing is the shortfall of a user who has set nothing: all of the first family.
func nothing(families []Family) *shortfall {
	if len(families) == 0 {
		return &shortfall{}
	}
	return &shortfall{missing: families[0].missing(nil)}
}

func (s *shortfall) err(spec providers.Spec, looked []string) error {
	what := strings.Join(s.missing, ", ")
	if s.source != "" {
		return providers.Errorf(providers.CodeMissing, providers.Misconfigured, "settings: %s: %s lacks %s", spec.Name, s.source, what)
	}
	return providers.Errorf(providers.CodeMissing, providers.Misconfigured, "settings: %s: %s must be set; looked in %s",
		spec.Name, what, strings.Join(looked, ", "))
}

// sets returns what a source holds: the first complete family of each account, and the begun account that is nearest to
// being complete, if there is one.
func (from source) sets(families []Family, environ map[string]string) (sets []Set, nearest *shortfall, err error) {
	complete := map[string]bool{}
	begun := map[string]*shortfall{}
	for _, family := range families {
		if complete[family.Account] {
			continue
		}
		values, err := from.read(family)
		if err != nil {
			return nil, nil, err
		}
		missing := family.missing(values)
		if len(missing) == 0 {
			complete[family.Account] = true
			sets = append(sets, Set{Account: family.Account, Family: family.Name, Source: from.name, values: values, source: from, environ: environ})
		} else if old := begun[family.Account]; family.begun(values) && (old == nil || len(missing) < len(old.missing)) {
			begun[family.Account] = &shortfall{source: from.name, missing: missing}
		}
	}
	for _, family := range families {
		short := begun[family.Account]
		if short != nil && !complete[family.Account] && (nearest == nil || len(short.missing) < len(nearest.missing)) {
			nearest = short
		}
	}
	return sets, nearest, nil
}

// read returns the values of a family's variables, aliases and NAME_FILE resolved.
func (from source) read(family Family) (map[string]string, error) {
	values := map[string]string{}
	for _, v := range family.Variables {
		for _, name := range slices.Concat([]string{v.Name}, v.Aliases) {
			value, err := from.value(name)
			if err != nil {
				return nil, err
			}
			if value == "" {
				continue
			}
			if old := values[v.Name]; old != "" && old != value {
				return nil, bad(from.name, v.Name+" and "+name+" are both set, to different values")
			}
			values[v.Name] = value
		}
	}
	return values, nil
}

// value returns one variable's value, which may stand in the file that NAME_FILE names.
func (from source) value(name string) (string, error) {
	value, path := from.values[name], from.values[name+"_FILE"]
	switch {
	case path == "":
		return value, nil
	case value != "":
		return "", bad(from.name, name+" and "+name+"_FILE are both set; remove one")
	}
	text, err := readFile(path, service)
	if err != nil {
		return "", err
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	if strings.ContainsAny(text, "\n\r\x00") {
		return "", bad(path, "it holds more than one line; "+name+"_FILE wants the value alone")
	}
	return text, nil
}
