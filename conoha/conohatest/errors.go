package conohatest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
)

// refusal is why a call is refused.
type refusal struct {
	status int
	kind   string // the type of Ver.2.0 (§3.7); "" for a body without one
	member string // of the request's body, if one is at fault
	text   string
}

// bad refuses a body that fails the schema (A10, B10).
func (e *endpoint) bad(member, format string, args ...any) *refusal {
	return &refusal{cmp.Or(e.Service.switches.InvalidStatus, http.StatusBadRequest), "invalid_object", member,
		fmt.Sprintf(format, args...)}
}

// misplaced refuses a name where the record cannot be (A11, B10).
func (e *endpoint) misplaced(format string, args ...any) *refusal {
	status := cmp.Or(e.Service.switches.LocationStatus, http.StatusBadRequest)
	return &refusal{status, "invalid_recordset_location", "name", fmt.Sprintf(format, args...)}
}

func badRequest(format string, args ...any) *refusal {
	return &refusal{http.StatusBadRequest, "bad_request", "", fmt.Sprintf(format, args...)}
}

func (e *endpoint) unauthorized(format string, args ...any) *refusal {
	status := cmp.Or(e.Service.switches.UnauthorizedStatus, http.StatusUnauthorized)
	return &refusal{status, "unauthorized", "", fmt.Sprintf(format, args...)}
}

// refuse makes the reply of a refusal in the words of its generation.
func (e *endpoint) refuse(r *refusal) reply {
	answer := reply{status: r.status, refused: r.text, header: http.Header{"Content-Type": {"application/json"}}}
	switch {
	case e.service == ServiceDNS && r.kind == "unauthorized":
		e.refuseToken(&answer, r)
	case e.version == 3:
		answer.body = e.version3Error(r.status, r.text)
	case e.service == ServiceIdentity:
		answer.body = wrapped(r.status, r.text)
	default:
		answer.body = e.version2Error(r)
	}
	return answer
}

// refuseToken is A16 and B15.
func (e *endpoint) refuseToken(answer *reply, r *refusal) {
	form := e.Service.switches.UnauthorizedBody
	if form == BodyUsual {
		form = map[int]UnauthorizedBody{2: BodyText, 3: BodyJSON}[e.version]
	}
	if e.version == 2 {
		answer.header.Set("WWW-Authenticate", "Keystone uri='"+e.Service.endpoint(ServiceIdentity, 2).url+"'")
	}
	switch {
	case form == BodyText:
		answer.header.Set("Content-Type", "text/plain; charset=utf-8")
		answer.body = []byte("Authentication required")
	case form == BodyEmpty:
		answer.header.Del("Content-Type")
	case e.version == 3:
		answer.body = e.version3Error(r.status, r.text)
	default:
		answer.body = keystoneError(r.status, "The request you have made requires authentication.")
	}
}

// version2Error is a body of Designate v1 (§3.7).
func (e *endpoint) version2Error(r *refusal) []byte {
	body := map[string]any{"code": r.status}
	if r.kind != "" {
		body["type"] = r.kind
		body["request_id"] = "req-" + e.Service.unique()
	}
	switch r.kind {
	case "invalid_object":
		path := []string{}
		if r.member != "" {
			path = append(path, r.member)
		}
		body["errors"] = map[string]any{"errors": []any{map[string]any{"path": path, "message": r.text}}}
	case "invalid_recordset_location", "invalid_recordset_name", "bad_request":
		body["message"] = r.text
	}
	return encode(body)
}

func (e *endpoint) version3Error(status int, text string) []byte {
	switch e.Service.switches.V3Errors {
	case ErrorObject:
		return keystoneError(status, text)
	case ErrorWrapped:
		return wrapped(status, text)
	}
	return encode(map[string]any{"code": status, "error": text})
}

func keystoneError(status int, text string) []byte {
	return encode(map[string]any{"error": map[string]any{"code": status, "message": text,
		"title": http.StatusText(status)}})
}

// wrapped is a body with one member, named after the status.
func wrapped(status int, text string) []byte {
	name := map[int]string{
		400: "badRequest", 401: "unauthorized", 403: "forbidden", 404: "itemNotFound", 405: "badMethod",
		409: "conflictingRequest", 413: "overLimit", 415: "badMediaType", 429: "overLimit", 503: "serviceUnavailable",
	}[status]
	return encode(map[string]any{cmp.Or(name, "computeFault"): map[string]any{"message": text, "code": status}})
}

// trouble is the body of an error of the service itself (A18, B17), for faults that name only a status.
func (e *endpoint) trouble(status int) []byte {
	if e.version == 3 || e.service == ServiceIdentity {
		return e.refuse(&refusal{status: status, text: http.StatusText(status)}).body
	}
	kind := map[int]string{409: "duplicate_record", 413: "over_quota", 429: "over_limit", 504: "timeout"}[status]
	return e.version2Error(&refusal{status: status, kind: cmp.Or(kind, "unknown")})
}

// encode is json.Marshal of values that cannot fail.
func encode(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return body
}

// jsonReply is a reply with a JSON body.
func jsonReply(status int, v any) reply {
	return reply{status: status, header: http.Header{"Content-Type": {"application/json"}}, body: encode(v)}
}
