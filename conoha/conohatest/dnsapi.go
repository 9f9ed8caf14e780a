package conohatest

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// dns answers a call to the DNS service (§3): its token is checked first, then its path and method, then its headers.
func (e *endpoint) dns(c call) (reply, *refusal) {
	tenant, refused := e.tenant(c)
	if refused != nil {
		return reply{}, refused
	}
	path := strings.Split(strings.TrimPrefix(c.URL.EscapedPath(), "/"), "/")
	if e.version == 2 && len(path) > 1 && path[len(path)-1] == "" {
		path = path[:len(path)-1] // upstream strips one slash at the end (§3.1)
	}
	for i := range path {
		path[i], _ = url.PathUnescape(path[i])
	}
	if len(path) < 2 || len(path) > 5 || path[0] != "v1" || path[1] != "domains" || len(path) > 3 && path[3] != "records" {
		return reply{}, &refusal{status: http.StatusNotFound, text: "no such path"}
	}
	if !methodFits(c.Method, len(path)) {
		return reply{}, notAllowed(c)
	}
	if refused := checkHeaders(c); refused != nil {
		return reply{}, refused
	}
	if len(path) == 2 {
		if c.Method == http.MethodPost {
			return e.createDomain(c, tenant)
		}
		return e.listDomains(c, tenant)
	}
	z, refused := e.ownZone(path[2], tenant)
	if refused != nil {
		return reply{}, refused
	}
	switch {
	case len(path) == 3:
		return jsonReply(http.StatusOK, e.domainJSON(z)), nil
	case len(path) == 4 && c.Method == http.MethodPost:
		return e.createRecord(c, z)
	case len(path) == 4:
		return e.listRecords(c, z)
	case !uuidForm.MatchString(path[4]):
		return reply{}, e.malformedID(path[4])
	}
	switch c.Method {
	case http.MethodPut:
		return e.updateRecord(c, z, path[4])
	case http.MethodDelete:
		return e.deleteRecord(z, path[4])
	}
	return e.getRecord(z, path[4])
}

// methodFits reports whether a path with that many parts has the method (§3.1).
func methodFits(method string, parts int) bool {
	switch method {
	case http.MethodGet:
		return true
	case http.MethodPost:
		return parts == 2 || parts == 4
	case http.MethodPut, http.MethodDelete:
		return parts == 5
	}
	return false
}

// checkHeaders is upstream's 406, 415 (§3.1), and 413.
func checkHeaders(c call) *refusal {
	if accept := strings.Join(c.Header.Values("Accept"), ","); accept != "" && !acceptsJSON(accept) {
		return &refusal{http.StatusNotAcceptable, "unsupported_accept", "", "Accept excludes application/json"}
	}
	if c.Method != http.MethodPost && c.Method != http.MethodPut {
		return nil
	}
	if !isJSON(c.Header.Get("Content-Type")) {
		return &refusal{http.StatusUnsupportedMediaType, "unsupported_content_type", "",
			"the content type is not application/json"}
	}
	if len(c.body) > mostBody {
		return &refusal{http.StatusRequestEntityTooLarge, "bad_request", "", "the body is too long"}
	}
	return nil
}

// acceptsJSON reads an Accept header (RFC 9110 §12.5.1): the most specific range counts.
func acceptsJSON(accept string) bool {
	best, weight := 0, 0.0
	for part := range strings.SplitSeq(accept, ",") {
		media, parameters, _ := strings.Cut(part, ";")
		rank := map[string]int{"*/*": 1, "application/*": 2, "application/json": 3}[strings.ToLower(strings.TrimSpace(media))]
		if rank <= best {
			continue
		}
		best, weight = rank, 1
		for p := range strings.SplitSeq(parameters, ";") {
			if q, is := strings.CutPrefix(strings.TrimSpace(p), "q="); is {
				weight, _ = strconv.ParseFloat(q, 64)
			}
		}
	}
	return weight > 0
}

// ownZone finds a zone by the id in a path.
func (e *endpoint) ownZone(id, tenant string) (*zone, *refusal) {
	if !uuidForm.MatchString(id) {
		return nil, e.malformedID(id)
	}
	foreign := false
	for _, z := range e.Service.zones {
		if z.id == id && z.version == e.version {
			if z.tenant == tenant {
				return z, nil
			}
			foreign = true
		}
	}
	r := &refusal{status: e.Service.switches.missingZone(foreign), kind: "domain_not_found", text: "no such domain"}
	switch {
	case foreign && r.status == http.StatusUnauthorized:
		return nil, e.unauthorized("the domain is another tenant's")
	case foreign:
		r.text = "the domain is another tenant's"
	}
	return nil, r
}

func (e *endpoint) malformedID(id string) *refusal {
	status := cmp.Or(e.Service.switches.MalformedIDStatus, http.StatusNotFound)
	return &refusal{status: status, text: "malformed id " + strconv.Quote(id)}
}
