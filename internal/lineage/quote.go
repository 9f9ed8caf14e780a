package lineage

import (
	"errors"
	"regexp"
	"strings"
)

// interpolated finds what ConfigObj would replace when certbot reads a value (ConfigParserInterpolation._KEYCRE).
var interpolated = regexp.MustCompile(`%\([^)]*\)s`)

var errQuotes = errors.New("it has both kinds of quotes, which cannot be written here")

// quoteValue gives values the form in which ConfigObj writes them (ConfigObj._quote with multiline for a single value).
func quoteValue(values []string, list bool) (string, error) {
	if !list {
		return quote(values[0], true)
	}
	parts := make([]string, len(values))
	for i, v := range values {
		var err error
		if parts[i], err = quote(v, false); err != nil {
			return "", err
		}
	}
	if len(parts) == 1 {
		return parts[0] + ",", nil
	}
	return strings.Join(parts, ", "), nil
}

// ConfLine is the line of a .conf with a key and its value, which a person may put there; an error says why certbot would read another one.
func ConfLine(key, value string) (string, error) {
	c := &Conf{nl: "\n"}
	if err := c.Set("", key, value); err != nil {
		return "", err
	}
	return strings.TrimSpace(c.text), nil
}

func quote(s string, single bool) (string, error) {
	const edges = " \r\n\v\t'\"" // wspace_plus
	one, two := strings.Contains(s, "'"), strings.Contains(s, `"`)
	switch {
	case s == "":
		return `""`, nil
	case single && one && two && strings.Contains(s, `"""`):
		return `"""` + s + `"""`, nil // as ConfigObj does, though it cannot be read back: the caller finds out
	case single && one && two:
		return `'''` + s + `'''`, nil
	case !strings.ContainsAny(s[:1], edges) && !strings.ContainsAny(s[len(s)-1:], edges) && !strings.ContainsAny(s, ",#"):
		return s, nil
	case one && two:
		return "", errQuotes
	case two:
		return "'" + s + "'", nil
	default:
		return `"` + s + `"`, nil
	}
}
