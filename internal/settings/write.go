package settings

import (
	"maps"
	"slices"
	"strings"

	"wildcard/internal/fault"
)

// EnvText is the text of an env file with these values, sorted by name, which a shell reads as we do. A value that no line can have is an
// error that names its variable.
func EnvText(values map[string]Secret) (string, error) {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value, line := values[name].Reveal(), ""
		for _, quote := range []string{"'", `"`} {
			try := name + "=" + quote + value + quote
			if a, err := parseLine(try); err == nil && a.name == name && a.value == value {
				line = try
				break
			}
		}
		if line == "" {
			return "", fault.Errorf(fault.CodeBadSettings, fault.Misconfigured,
				"%s cannot be written into an env file; put its value into a file and name that in %s", shortName(name),
				shortName(name)+"_FILE")
		}
		text.WriteString(line + "\n")
	}
	return text.String(), nil
}
