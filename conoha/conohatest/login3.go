package conohatest

import (
	"encoding/json"
	"errors"
	"fmt"
)

// login3 is the body of a login of Ver.3.0, in either of its documented forms (§2.2).
type login3 struct {
	user, project named
	password      string
	scoped        bool
}

// named is how a body names a user or project: by id or by name, and in a domain, which ConoHa does not need.
type named struct{ id, name, domain string }

func parseLogin3(body []byte) (l login3, err error) {
	top, err := members(body, "auth")
	if err != nil {
		return l, err
	}
	auth, err := members(top["auth"], "identity", "scope")
	if err != nil {
		return l, err
	}
	identity, err := members(auth["identity"], "methods", "password")
	if err != nil {
		return l, err
	}
	var methods []string
	if json.Unmarshal(identity["methods"], &methods) != nil || len(methods) != 1 || methods[0] != "password" {
		return l, errors.New(`methods is not ["password"]`)
	}
	password, err := members(identity["password"], "user")
	if err != nil {
		return l, err
	}
	user, err := members(password["user"], "id", "name", "domain", "password")
	if err != nil {
		return l, err
	}
	var ok bool
	if l.password, ok = text(user["password"]); !ok {
		return l, errors.New("no password")
	}
	if l.user, err = parseNamed(user); err != nil {
		return l, fmt.Errorf("user: %w", err)
	}
	if auth["scope"] == nil {
		return l, nil
	}
	scope, err := members(auth["scope"], "project")
	if err != nil {
		return l, err
	}
	project, err := members(scope["project"], "id", "name", "domain")
	if err != nil {
		return l, err
	}
	l.scoped = true
	if l.project, err = parseNamed(project); err != nil {
		return l, fmt.Errorf("project: %w", err)
	}
	return l, nil
}

func parseNamed(object map[string]json.RawMessage) (n named, err error) {
	var isID, isName bool
	n.id, isID = text(object["id"])
	n.name, isName = text(object["name"])
	if isID == isName || n.id+n.name == "" {
		return n, errors.New("neither an id nor a name, or both")
	}
	if object["domain"] == nil {
		return n, nil
	}
	domain, err := members(object["domain"], "id", "name")
	if err != nil {
		return n, err
	}
	if n.domain, isID = text(domain["id"]); !isID {
		if n.domain, isName = text(domain["name"]); !isName {
			return n, errors.New("a domain without id and name")
		}
	}
	return n, nil
}
