package conohatest

import "net/http"

// tokenReply2 is the reply of §2.1.
func (e *endpoint) tokenReply2(a *Account) reply {
	value, issued, expires := e.issue(a.Tenant)
	tok := map[string]any{
		"issued_at": issued.Format("2006-01-02T15:04:05.000000"),
		"expires":   expires.Format("2006-01-02T15:04:05Z"),
		"id":        value,
		"audit_ids": []string{e.auditID()},
	}
	if a.Tenant != "" {
		tok["tenant"] = map[string]any{
			"id": a.Tenant, "name": a.TenantName, "domain_id": "gnc", "description": "", "enabled": true,
			a.Region + "_image_size": "550GB",
		}
	}
	service := func(kind, name, url string) map[string]any {
		return map[string]any{"type": kind, "name": name, "endpoints_links": []any{},
			"endpoints": []any{map[string]any{"region": a.Region, "publicURL": url}}}
	}
	return jsonReply(http.StatusOK, map[string]any{"access": map[string]any{
		"token": tok,
		"serviceCatalog": []any{
			service("identity", "Identity Service", e.Service.IdentityURL(2)),
			service("dns", "DNS Service", e.Service.DNSURL(2)),
		},
		"user": map[string]any{
			"id": a.UserID, "name": a.User, "username": a.User,
			"roles": []any{map[string]any{"name": "_member_"}}, "roles_links": []any{},
		},
		"metadata": map[string]any{"is_admin": 0, "roles": []string{invent("role", 0)}},
	}})
}

// tokenReply3 is the reply of §2.2: the token is in a header only.
func (e *endpoint) tokenReply3(a *Account) reply {
	value, issued, expires := e.issue(a.Tenant)
	const layout = "2006-01-02T15:04:05.000000Z"
	gnc := map[string]any{"id": "gnc", "name": "gnc"}
	tok := map[string]any{
		"methods":    []string{"password"},
		"user":       map[string]any{"domain": gnc, "id": a.UserID, "name": a.User, "password_expires_at": nil},
		"audit_ids":  []string{e.auditID()},
		"expires_at": expires.Format(layout),
		"issued_at":  issued.Format(layout),
	}
	if a.Tenant != "" {
		service := func(id, kind, name, url string) map[string]any {
			return map[string]any{"id": id, "type": kind, "name": name, "endpoints": []any{map[string]any{
				"id": id + "01", "interface": "public", "region_id": a.Region, "region": a.Region, "url": url,
			}}}
		}
		tok["project"] = map[string]any{"domain": gnc, "id": a.Tenant, "name": a.TenantName}
		tok["is_domain"] = false
		tok["roles"] = []any{map[string]any{"id": invent("role", 0), "name": "tenant-admin"}}
		tok["catalog"] = []any{
			service("aa", "dns", "designate", e.Service.DNSURL(3)),
			service("bb", "identity", "keystone", e.Service.IdentityURL(3)),
		}
	}
	answer := jsonReply(http.StatusCreated, map[string]any{"token": tok})
	answer.header["x-subject-token"] = []string{value} // lower case on the wire, as the real one
	return answer
}

// auditID is a value that looks like an audit id.
func (e *endpoint) auditID() string { return invent("audit", len(e.Service.tokens))[:22] }
