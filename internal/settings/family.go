package settings

import (
	"slices"
	"strconv"
	"strings"

	"wildcard/internal/fault"
)

// Variable is one variable of a family.
type Variable struct {
	Name     string
	Aliases  []string // other names of the same value; two that disagree are an error
	Secret   bool
	Optional bool
	// Peer says that the variable decides where the secrets go or who is trusted to be there: a URL, a server, a CA's certificate.
	Peer bool
	Help fault.Text // one line, for people who look for what to set
}

// Family is one family of variable names that make one credential.
type Family struct {
	// Account is what the credential opens. Families of the same Account are alternatives, of which the first complete one
	// is taken; families of different Accounts may both be found in one source.
	Account string
	// Name is how people call the family, such as "CONOHA_*".
	Name      string
	Variables []Variable
	// Check names what is still missing when all plainly required variables are there, such as "one of these two". It may be
	// nil. get returns "" for what is not set.
	Check func(get func(name string) string) []string
}

// Needs returns what has to be set for the family to be complete: names of variables, and in words where there is a choice.
func (f Family) Needs() []string { return f.missing(nil) }

// missing returns the names without which the family is not complete.
func (f Family) missing(values variables) []string {
	var names []string
	for _, v := range f.Variables {
		if !v.Optional && values.get(v.Name) == "" {
			names = append(names, v.Name)
		}
	}
	if f.Check != nil {
		names = append(names, f.Check(values.get)...)
	}
	return names
}

// begun reports whether some of what the family requires is there. A region alone, say, begins nothing.
func (f Family) begun(values variables) bool {
	for _, v := range f.Variables {
		if !v.Optional && values.get(v.Name) != "" {
			return true
		}
	}
	return len(f.missing(values)) < len(f.missing(nil)) // something that Check asks for
}

// Set is one complete credential: all of it comes from one source and one family.
type Set struct {
	Account string
	Family  string
	Source  string // [Environment], or the path of a file

	values  variables // the family's variables
	source  variables
	environ variables
}

// Get returns the value of one of the family's variables; "" for an optional one that is not set.
func (s Set) Get(name string) string { return s.values.get(name) }

// Secret is [Set.Get] for what must not be printed.
func (s Set) Secret(name string) Secret { return s.values[name] }

// number returns an ordinary setting, such as a time-out, without blanks around it: from the process environment, else from the set's
// own source. ok is false if it is not set or empty.
func (s Set) number(name string) (value string, ok bool) {
	value = strings.TrimSpace(s.environ.get(name))
	if value == "" {
		value = strings.TrimSpace(s.source.get(name))
	}
	return value, value != ""
}

// Ordinary returns a variable that is no secret as another program is to get it: from the set's own source; a plain number, such as a
// TTL, else from the process environment. It is "" if it is not set.
func (s Set) Ordinary(name string) string {
	value := strings.TrimSpace(s.source.get(name))
	if value != "" {
		return value
	}
	value, _ = s.number(name)
	if _, err := strconv.Atoi(value); err != nil {
		return ""
	}
	return value
}

// misplacedPeer refuses a variable in the environment that would lead the secrets of a file elsewhere, where the file does not say where
// they go: it is not used, and who set it must not believe that it is. An environment with a complete account of its own may have it.
func (s Set) misplacedPeer(family Family) error {
	own := variables{} // what the environment has, itself or in a file
	for _, v := range family.Variables {
		for _, name := range slices.Concat([]string{v.Name}, v.Aliases) {
			if value := s.environ.get(name); value != "" {
				own[v.Name] = NewSecret(value)
			} else if s.environ.get(name+"_FILE") != "" {
				own[v.Name] = NewSecret("in a file")
			}
		}
	}
	if s.Source == Environment || len(family.missing(own)) == 0 {
		return nil
	}
	for _, v := range family.Variables {
		if !v.Peer || s.Get(v.Name) != "" {
			continue
		}
		for _, name := range slices.Concat([]string{v.Name}, v.Aliases) {
			if s.environ.get(name) != "" {
				return fault.Errorf(fault.CodeBadSettings, fault.Misconfigured,
					"%s is set in the environment, but the account is from %s: it says where the password goes, so write it there", name,
					Shown(s.Source))
			}
		}
	}
	return nil
}
