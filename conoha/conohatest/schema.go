package conohatest

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

var labelForm = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)

// hostName reads a member that is an absolute name, whose first label may be an asterisk (§3.5).
func (e *endpoint) hostName(body map[string]json.RawMessage, member string) (string, *refusal) {
	name, ok := text(body[member])
	if !ok {
		return "", e.bad(member, "no name")
	}
	if !strings.HasSuffix(name, ".") {
		return "", e.bad(member, "%q does not end with a dot", name)
	}
	if len(name) > 254 {
		return "", &refusal{http.StatusBadRequest, "invalid_recordset_name", member, "the name is too long"}
	}
	if !isName(strings.TrimPrefix(name, "*.")) {
		return "", e.bad(member, "%q is not a name", name)
	}
	return name, nil
}

// isName reports whether a text is an absolute name of plain labels.
func isName(name string) bool {
	if !strings.HasSuffix(name, ".") || len(name) > 254 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if !labelForm.MatchString(label) {
			return false
		}
	}
	return true
}

// fields reads all members but name and type into a record whose name and type are known. Those not sent stay as they are.
func (e *endpoint) fields(body map[string]json.RawMessage, r *record) *refusal {
	types := []string{"A", "AAAA", "CNAME", "MX", "NS", "SRV", "TXT"}
	if e.version == 2 {
		types = append(types, "PTR")
	}
	switch {
	case r.kind == "SOA" && e.version == 2:
		return badRequest("a SOA cannot be created")
	case !slices.Contains(types, r.kind):
		return e.bad("type", "%q is not a type that can be created", r.kind)
	}
	var ok bool
	if r.data, ok = text(body["data"]); !ok {
		return e.bad("data", "no data")
	}
	if _, sent := body["ttl"]; sent {
		ttl, refused := e.ttl(body)
		if refused != nil {
			return refused
		}
		r.ttl = ttl
	}
	numbers := map[string]**int{"priority": &r.priority}
	if e.version == 3 {
		numbers["weight"], numbers["port"] = &r.weight, &r.port
	}
	for name, field := range numbers {
		raw, sent := body[name]
		switch n, isInteger := integer(raw); {
		case !sent:
		case isNull(raw):
			*field = nil
		case !isInteger || n < 0 || n > 65535:
			return e.bad(name, "not an integer from 0 to 65535")
		default:
			*field = &n
		}
	}
	if raw := body["description"]; !isNull(raw) {
		description, isText := text(raw)
		if !isText || utf8.RuneCountInString(description) > 160 {
			return e.bad("description", "not a text of at most 160 characters")
		}
		if e.version == 2 {
			r.description = &description
		}
	}
	return e.data(r)
}

// data checks the data of a record by its type. TXT data is printable ASCII, of upstream's length (§3.5).
func (e *endpoint) data(r *record) *refusal {
	fits := false
	switch r.kind {
	case "A":
		a, err := netip.ParseAddr(r.data)
		fits = err == nil && a.Is4()
	case "AAAA":
		a, err := netip.ParseAddr(r.data)
		fits = err == nil && a.Is6() && a.Zone() == ""
	case "TXT":
		fits = len(r.data) >= 1 && len(r.data) <= 255 &&
			strings.IndexFunc(r.data, func(c rune) bool { return c < ' ' || c > '~' }) < 0
	case "SRV":
		fits = isName(r.data)
		if e.version == 2 {
			part := strings.Split(r.data, " ")
			fits = len(part) == 3 && isNumber(part[0]) && isNumber(part[1]) && isName(part[2])
		}
	default:
		fits = isName(r.data)
	}
	if !fits {
		return e.bad("data", "the data does not fit the type %s", r.kind)
	}
	switch {
	case (r.kind == "MX" || r.kind == "SRV") != (r.priority != nil):
		return e.bad("priority", "a priority is for MX and SRV, and necessary there")
	case (e.version == 3 && r.kind == "SRV") != (r.weight != nil), (r.weight != nil) != (r.port != nil):
		return e.bad("weight", "a weight and a port are for SRV, and necessary there")
	}
	return nil
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}
