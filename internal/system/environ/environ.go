// Package environ reads an environment as [os.Environ] has it. Of several entries with one name the first counts, as in getenv(3)
// and [os.Getenv].
package environ

import "strings"

// Map returns the variables by name.
func Map(environ []string) map[string]string {
	variables := make(map[string]string, len(environ))
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if _, dup := variables[name]; !dup {
			variables[name] = value
		}
	}
	return variables
}

// Get returns the value of one variable; "" if it is not set.
func Get(environ []string, name string) string {
	for _, entry := range environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}
