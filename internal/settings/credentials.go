package settings

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// Credentials returns the complete sets of the first source that has one: one per account. spec.EnvFile, when set, is the
// only source. Errors, all of class Misconfigured: CodeMissing names every variable that is missing, at once, and where it
// was looked for; CodeUnsafeFile and CodeBadSettings are those of [ReadEnvFile].
func (s Sources) Credentials(spec providers.Spec, families []Family) ([]Set, error) {
	sets, err := s.credentials(spec, families)
	if err != nil {
		return nil, within("settings", err)
	}
	return sets, nil
}

func (s Sources) credentials(spec providers.Spec, families []Family) ([]Set, error) {
	var (
		nearest = &shortfall{}
		looked  []string
	)
	if len(families) > 0 { // who has set nothing is told of the first
		nearest.missing = families[0].missing(nil)
	}
	for _, c := range s.candidates(spec) {
		from, why, err := s.open(c)
		if err != nil {
			return nil, err
		}
		looked = append(looked, c.String()+why)
		if from == nil {
			continue
		}
		sets, short, err := from.sets(families)
		switch {
		case err != nil:
			return nil, err
		case len(sets) > 0 && short == nil:
			return sets, s.belong(sets, families)
		}
		if short != nil && (nearest.source == "" || len(sets) > 0 || c.explicit ||
			len(short.missing) < len(nearest.missing)) {
			nearest = short
		}
		if len(sets) > 0 || c.explicit {
			break
		}
	}
	return nil, nearest.err(spec, looked)
}

// belong gives the sets the environment for their ordinary settings, and refuses what there would lead their secrets elsewhere.
func (s Sources) belong(sets []Set, families []Family) error {
	environ := lookup(s.Environ)
	for i := range sets {
		sets[i].environ = environ
		for _, family := range families {
			if family.Account != sets[i].Account || family.Name != sets[i].Family {
				continue
			}
			if err := sets[i].misplacedPeer(family); err != nil {
				return err
			}
		}
	}
	return nil
}

// shortfall is a family that is not complete.
type shortfall struct {
	source  string // "" if nothing of it was found anywhere
	missing []string
}

func (s *shortfall) err(spec providers.Spec, looked []string) error {
	missing, places := strings.Join(s.missing, ", "), strings.Join(looked, ", ")
	if s.source == "" {
		return fault.Errorf(fault.CodeMissing, fault.Misconfigured, "%s: %s must be set; looked in %s", spec.Name, missing,
			places)
	}
	return fault.Errorf(fault.CodeMissing, fault.Misconfigured, "%s: %s lacks %s; looked in %s", spec.Name, s.source,
		missing, places)
}

// sets returns what a source holds: the first complete family of each account, and the begun account that is nearest to
// being complete, if there is one.
func (from source) sets(families []Family) (sets []Set, nearest *shortfall, err error) {
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
			sets = append(sets, Set{Account: family.Account, Family: family.Name, Source: cmp.Or(from.path, Environment),
				values: values, source: from.values})
		} else if old := begun[family.Account]; family.begun(values) && (old == nil || len(missing) < len(old.missing)) {
			begun[family.Account] = &shortfall{source: from.String(), missing: missing}
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
func (from source) read(family Family) (variables, error) {
	values := variables{}
	for _, v := range family.Variables {
		first := ""
		for _, name := range slices.Concat([]string{v.Name}, v.Aliases) {
			value, err := from.value(name)
			switch {
			case err != nil:
				return nil, err
			case value.IsZero():
			case first == "":
				first, values[v.Name] = name, value
			case value != values[v.Name]:
				return nil, bad(from.String(), first+" and "+name+" are both set, to different values")
			}
		}
	}
	return values, nil
}

// value returns one variable's value, which may stand in the file that NAME_FILE names.
func (from source) value(name string) (Secret, error) {
	value, path := from.values[name], from.values.get(name+"_FILE")
	switch {
	case path == "":
		return value, nil
	case !value.IsZero():
		return Secret{}, bad(from.String(), name+" and "+name+"_FILE are both set; remove one")
	case !filepath.IsAbs(path): // not shown: people put the value itself there
		return Secret{}, bad(from.String(), name+"_FILE is not an absolute path")
	}
	text, err := from.readValue(path)
	if err != nil {
		return Secret{}, within(name+"_FILE", err)
	}
	return NewSecret(text), nil
}

// readValue reads a file that holds one value: a line, with or without a line end.
func (from source) readValue(path string) (string, error) {
	text, err := readFile(path, trustOf(path, from.credentialsDir))
	if err != nil {
		return "", err
	}
	text = strings.TrimPrefix(text, byteOrderMark)
	if line, ok := strings.CutSuffix(text, "\n"); ok {
		text = strings.TrimSuffix(line, "\r")
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, isControl) {
		return "", bad(Shown(path), "it holds more than one line of text, the value alone")
	}
	return text, nil
}

// trustOf is what a file's place allows: systemd's rules hold in $CREDENTIALS_DIRECTORY.
func trustOf(path, credentialsDir string) trust {
	if filepath.IsAbs(credentialsDir) && filepath.Dir(path) == filepath.Clean(credentialsDir) {
		return service
	}
	return private
}

// ReadSecretFile returns the contents of a file that is secret as a whole and is no env file, such as a key file of BIND.
// The rules for files with secrets (package comment) and the errors, but those of its syntax, are [ReadEnvFile]'s.
func (s Sources) ReadSecretFile(path string) (Secret, error) {
	text, err := readFile(path, trustOf(path, s.CredentialsDir))
	if err != nil {
		return Secret{}, within("settings", err)
	}
	return NewSecret(text), nil
}
