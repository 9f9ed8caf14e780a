package conohatest

import (
	"cmp"
	"crypto/subtle"
	"net/http"
	"strings"
)

// identity answers a call to the identity service (§2).
func (e *endpoint) identity(c call) (reply, *refusal) {
	path := c.URL.EscapedPath()
	tokens := map[int]string{2: "/v2.0/tokens", 3: "/v3/auth/tokens"}[e.version]
	switch {
	case path == "/" && c.Method == http.MethodGet:
		return e.versions(), nil
	case path != tokens:
		return reply{}, &refusal{status: http.StatusNotFound, text: "no such path"}
	case c.Method != http.MethodPost:
		return reply{}, notAllowed(c)
	case len(c.body) > mostBody:
		return reply{}, &refusal{status: http.StatusRequestEntityTooLarge, text: "the body is too long"}
	case e.version == 2:
		return e.login2(c) // whatever the content type (§2.1)
	case !isJSON(c.Header.Get("Content-Type")):
		return reply{}, &refusal{status: http.StatusUnsupportedMediaType, text: "the content type is not application/json"}
	}
	return e.login3(c)
}

// versions is the page that version discovery hits (§1).
func (e *endpoint) versions() reply {
	id := map[int]string{2: "v2.0", 3: "v3"}[e.version]
	return jsonReply(http.StatusMultipleChoices, map[string]any{"versions": map[string]any{"values": []any{map[string]any{
		"id": id, "status": "stable", "updated": "2013-03-06T00:00:00Z",
		"links": []any{map[string]any{"rel": "self", "href": e.url + "/" + id + "/"}},
	}}}})
}

// login2 is A1 to A4.
func (e *endpoint) login2(c call) (reply, *refusal) {
	malformed := func(err error) (reply, *refusal) {
		return reply{}, &refusal{status: http.StatusBadRequest, text: "malformed login: " + err.Error()}
	}
	top, err := members(c.body, "auth")
	if err != nil {
		return malformed(err)
	}
	auth, err := members(top["auth"], "passwordCredentials", "tenantId", "tenantName")
	if err != nil {
		return malformed(err)
	}
	credentials, err := members(auth["passwordCredentials"], "username", "password")
	if err != nil {
		return malformed(err)
	}
	user, isUser := text(credentials["username"])
	password, isPassword := text(credentials["password"])
	tenantID, isID := text(auth["tenantId"])
	tenantName, isName := text(auth["tenantName"])
	switch {
	case !isUser || !isPassword,
		!isID && auth["tenantId"] != nil,
		!isName && auth["tenantName"] != nil,
		isID && isName:
		return reply{}, &refusal{status: http.StatusBadRequest, text: "malformed login"}
	}
	status := cmp.Or(e.Service.switches.V2LoginStatus, http.StatusUnauthorized)
	account := e.find(func(a *Account) bool { return a.User == user })
	switch {
	case account == nil:
		return reply{}, &refusal{status: http.StatusUnauthorized, text: "Invalid user: " + user}
	case !samePassword(password, account.Password):
		return reply{}, &refusal{status: status, text: "Invalid username or password"}
	case isID && tenantID != account.Tenant, isName && tenantName != account.TenantName:
		return reply{}, &refusal{status: status, text: "User is not a member of the tenant"}
	case !isID && !isName:
		account = &Account{User: account.User, UserID: account.UserID, Region: account.Region} // an unscoped token
	}
	return e.tokenReply2(account), nil
}

// login3 is B1 to B4.
func (e *endpoint) login3(c call) (reply, *refusal) {
	l, err := parseLogin3(c.body)
	if err != nil {
		return reply{}, &refusal{status: http.StatusBadRequest, text: "malformed login: " + err.Error()}
	}
	account := e.find(func(a *Account) bool {
		if l.user.id != "" {
			return a.UserID == l.user.id
		}
		return a.User == l.user.name
	})
	login := cmp.Or(e.Service.switches.V3LoginStatus, http.StatusUnauthorized)
	project := cmp.Or(e.Service.switches.V3ProjectStatus, http.StatusUnauthorized)
	switch {
	case account == nil:
		return reply{}, &refusal{status: http.StatusBadRequest, text: "user does not exist"}
	case e.Service.switches.V3CheckDomain &&
		(l.user.domain != "" && l.user.domain != "gnc" || l.project.domain != "" && l.project.domain != "gnc"):
		return reply{}, &refusal{status: login, text: "domain does not exist"}
	case !samePassword(l.password, account.Password):
		return reply{}, &refusal{status: login, text: "wrong password"}
	case !l.scoped:
		account = &Account{User: account.User, UserID: account.UserID, Region: account.Region}
	case l.project.id != "" && l.project.id != account.Tenant, l.project.id == "" && l.project.name != account.TenantName:
		return reply{}, &refusal{status: project, text: "project does not exist"}
	}
	return e.tokenReply3(account), nil
}

// find returns an account of the endpoint's generation, or nil.
func (e *endpoint) find(match func(*Account) bool) *Account {
	for _, a := range e.Service.accounts {
		if a.Version == e.version && match(a) {
			return a
		}
	}
	return nil
}

func samePassword(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// isJSON reports whether a content type is that of JSON.
func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(media), "application/json")
}
