package issuance

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

// MayOrder finds out whether the CA can be asked for a certificate with these names and this profile ("" is its default), by
// its directory and the table of CAs, and sends nothing. Notes are what a person should know of it. Errors are those of
// [CA.Objections], joined.
func (ca *CA) MayOrder(names []string, profile string) (notes []messages.Message, err error) {
	return ca.facts.Notes(names, profile), errors.Join(ca.Objections(names, profile)...)
}

// Objections are the reasons for which the CA would refuse an order: CodeProfile, CodeTooMany, CodeNoWildcard and CodeCovered,
// all of class Usage.
func (ca *CA) Objections(names []string, profile string) []error {
	all := ca.facts.Objections(names, profile)
	profiles := ca.Directory().Profiles
	if _, offered := profiles[profile]; profile != "" && !offered {
		all = append(all, fault.Errorf(CodeProfile, fault.Usage, "acme: order: profile %s: %s offers %s",
			printable(profile, 100), ca.server,
			cmp.Or(strings.Join(slices.Sorted(maps.Keys(profiles)), " "), "none")))
	}
	return all
}

// Objections are those of [CA.Objections] that need no directory.
func (f CAFacts) Objections(names []string, profile string) []error {
	var all []error
	object := func(code, format string, args ...any) {
		all = append(all, fault.Errorf(code, fault.Usage, "acme: order: "+format, args...))
	}
	if most := f.MostNames(profile); most > 0 && len(names) > most && !f.NamesUnsure {
		object(CodeTooMany, "%d names, and %s takes at most %d on one certificate%s", len(names), f.Company, most,
			ofProfile(profile))
	}
	if stars := wildcardsOf(names); f.Wildcards == NotOffered && len(stars) > 0 {
		object(CodeNoWildcard, "%s: %s issues no wildcard certificates by ACME", listed(stars), f.Company)
	}
	if _, covered := f.WithoutCovered(names); len(covered) > 0 {
		object(CodeCovered, "%s: a wildcard beside it covers it, and %s refuses both on one certificate", listed(covered), f.Company)
	}
	return all
}

// Notes are what may be in the way, but is not sure or only costs money.
func (f CAFacts) Notes(names []string, profile string) []messages.Message {
	var all []messages.Message
	if most := f.MostNames(profile); most > 0 && len(names) > most && f.NamesUnsure {
		all = append(all, messages.New("%d names: %s is said to take at most %d on one certificate", len(names), f.Company,
			most))
	}
	if stars := wildcardsOf(names); f.Wildcards == Paid && len(stars) > 0 {
		all = append(all, messages.New("%s: %s issues wildcard certificates to paid accounts only", listed(stars), f.Company))
	}
	plain := slices.DeleteFunc(slices.Clone(names),
		func(name string) bool { return isWWW(name, names) || Base(name) != name })
	if n := len(plain); f.Free > 0 && n > f.Free {
		all = append(all, messages.New("%d names: at %s a certificate without charge has %d, and www. before it", n, f.Company, f.Free))
	}
	if i := slices.IndexFunc(names, func(name string) bool { return strings.Contains("."+name, ".xn--") }); i >= 0 &&
		f.NoIDN {
		all = append(all, messages.New("%s: %s is said to refuse names in other scripts", names[i], f.Company))
	}
	return all
}

func ofProfile(profile string) string {
	if profile == "" {
		return ""
	}
	return " of profile " + printable(profile, 100)
}

func wildcardsOf(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return Base(name) == name })
}

// isWWW reports whether a name is "www." before another of the list.
func isWWW(name string, names []string) bool {
	base, www := strings.CutPrefix(name, "www.")
	return www && slices.Contains(names, base)
}

// Covers reports whether a wildcard among some names covers a name: it stands for one label (RFC 6125 §6.4.3).
func Covers(names []string, name string) bool {
	label, parent, found := strings.Cut(name, ".")
	return found && label != "*" && slices.Contains(names, "*."+parent)
}

// WithoutCovered leaves out names that a wildcard of the same list covers, at a CA that refuses both in one order; elsewhere
// all stay.
func (f CAFacts) WithoutCovered(names []string) (kept, covered []string) {
	for _, name := range names {
		if f.CoveredRefused && Covers(names, name) {
			covered = append(covered, name)
		} else {
			kept = append(kept, name)
		}
	}
	return kept, covered
}

// MayAsk is the error of a CA that issues no more: CodeEnded, Misconfigured.
func (f CAFacts) MayAsk(server string) error {
	if f.Ended == nil {
		return nil
	}
	instead := "others are " + strings.Join(ServerNames(), " ")
	if f.Ended.Instead != "" {
		instead = "it is " + f.Ended.Instead + " now"
	}
	return fault.Errorf(CodeEnded, fault.Misconfigured, "acme: %s: %s: %s; %s", server, f.Company, f.Ended.When, instead)
}
