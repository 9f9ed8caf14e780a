package acmetest

import (
	"encoding/json"
	"maps"
	"net/http"
)

// JSON is a reply with a document.
func JSON(status int, document any) *Reply {
	body, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		panic(err) // a test's own document
	}
	return &Reply{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
}

// Text is a reply of any type.
func Text(status int, contentType, body string) *Reply {
	return &Reply{Status: status, Header: http.Header{"Content-Type": {contentType}}, Body: []byte(body)}
}

// Problem is a refusal (RFC 8555 §6.7); kind is its type without the namespace.
func Problem(status int, kind, detail string) *Reply {
	r := JSON(status, problem(status, kind, detail))
	r.Header.Set("Content-Type", "application/problem+json")
	return r
}

// namespace is what types of problems begin with (RFC 8555 §6.7).
const namespace = "urn:ietf:params:acme:error:"

// problem is the document of a refusal, or of the reason why a validation failed.
func problem(status int, kind, detail string) map[string]any {
	return map[string]any{"type": namespace + kind, "detail": detail, "status": status}
}

// With returns the reply with a header.
func (r *Reply) With(name, value string) *Reply {
	r.Header.Set(name, value)
	return r
}

// Edit changes the members of a reply's JSON document.
func (r *Reply) Edit(change func(document map[string]any)) *Reply {
	document := map[string]any{}
	if err := json.Unmarshal(r.Body, &document); err != nil {
		panic(err) // a script edits what the server made
	}
	change(document)
	kind := r.Header.Get("Content-Type")
	edited := JSON(r.Status, document)
	maps.Copy(r.Header, edited.Header)
	if r.Body = edited.Body; kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	return r
}

// Once answers the first requests with the given replies, in turn, and carries the others out.
func Once(replies ...func(r *Request) *Reply) Script {
	return func(r *Request) *Reply {
		if r.Count <= len(replies) {
			return replies[r.Count-1](r)
		}
		return r.Next()
	}
}

// Is answers with a reply that does not depend on the request, and carries nothing out.
func Is(reply func() *Reply) func(*Request) *Reply { return func(*Request) *Reply { return reply() } }

// Lost carries a request out and loses the answer.
func Lost(r *Request) *Reply {
	r.Next()
	return &Reply{Drop: true}
}
