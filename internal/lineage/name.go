package lineage

import (
	"fmt"
	"regexp"
	"strings"

	"wildcard/internal/fault"
)

var nameForm = regexp.MustCompile(`^[a-z0-9_][a-z0-9._-]{0,127}$`)

// ParseName checks the name of a lineage, which becomes part of paths: 1 to 128 of a-z 0-9 . _ -, not beginning with a dot or
// a hyphen, not ending with a dot. certbot itself refuses only path separators (certbot/_internal/client.py); names that it
// allows and this form does not are errors of class Usage, also when they are read back from a file.
func ParseName(s string) (string, error) {
	if !nameForm.MatchString(s) || strings.HasSuffix(s, ".") {
		return "", fault.Errorf(CodeName, fault.Usage,
			"lineage: %s is no certificate name: want 1 to 128 of a-z 0-9 . _ -, no dot or hyphen first, no dot last",
			fault.Excerpt(s))
	}
	return s, nil
}

// checkFileName checks a name that is only read: it is one component of a path. certbot takes any such name as that of a lineage if it does
// not begin with a dot (storage.py, renewal_conf_files).
func checkFileName(name string) error {
	if name == "" || len(name) > 250 || name[0] == '.' || strings.ContainsAny(name, "/\x00") {
		_, err := ParseName(name)
		return err
	}
	return nil
}

// NameFor returns the name that certbot gives to a certificate for these domains: the first one without "*."
// (certbot/_internal/client.py, _choose_lineagename).
func NameFor(domains []string) (string, error) {
	if len(domains) == 0 {
		return ParseName("")
	}
	return ParseName(strings.TrimPrefix(strings.ToLower(domains[0]), "*."))
}

// numbered returns the n-th name that certbot tries for one that is taken: NAME, NAME-0001, NAME-0002, …
// (certbot/util.py, unique_lineage_name).
func numbered(name string, n int) (string, error) {
	if n == 0 {
		return name, nil
	}
	return ParseName(fmt.Sprintf("%s-%04d", name, n))
}
