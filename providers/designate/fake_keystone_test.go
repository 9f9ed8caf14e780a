package designate

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// login is what Keystone does.
func (f *fake) login(w http.ResponseWriter, r *http.Request) {
	type named struct{ ID, Name string }
	var request struct {
		Auth struct {
			Identity struct {
				Methods  []string
				Password struct {
					User struct {
						ID, Name, Password string
						Domain             named
					}
				}
				Credential struct{ ID, Secret string } `json:"application_credential"`
			}
			Scope *struct {
				Project struct {
					ID, Name string
					Domain   named
				}
			}
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"error": map[string]any{"message": "Malformed request", "code": 400}})
		return
	}
	id, user := request.Auth.Identity, request.Auth.Identity.Password.User
	ok := slices.Equal(id.Methods, []string{"application_credential"}) && id.Credential.ID == testCred && id.Credential.Secret == testSecret && request.Auth.Scope == nil
	if slices.Equal(id.Methods, []string{"password"}) && request.Auth.Scope != nil {
		project := request.Auth.Scope.Project
		ok = user.Name == testUser && user.Domain.ID == "default" && user.Password == testPassword &&
			(project.ID == "p1" || project.Name == "demo" && project.Domain.ID == "default")
	}
	if id.Credential.ID != "" && id.Credential.ID != testCred {
		answer(w, http.StatusNotFound, map[string]any{"error": map[string]any{
			"message": "Could not find Application Credential: " + id.Credential.ID + ".", "code": 404, "title": "Not Found",
		}})
		return
	}
	if !ok {
		answer(w, http.StatusUnauthorized, map[string]any{"error": map[string]any{
			"message": "The request you have made requires authentication: " + user.Name + " " + user.Password, "code": 401, "title": "Unauthorized",
		}})
		return
	}
	token := newID()
	f.tokens[token] = true
	w.Header().Set("X-Subject-Token", token)
	endpoint := func(region, kind, url string) map[string]any {
		return map[string]any{"id": newID(), "interface": kind, "region": region, "region_id": region, "url": url}
	}
	answer(w, http.StatusCreated, map[string]any{"token": map[string]any{
		"methods": id.Methods, "expires_at": time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05.000000Z"),
		"catalog": []any{
			map[string]any{"type": "identity", "name": "keystone", "id": newID(), "endpoints": []any{endpoint("RegionOne", "public", f.url+"/identity")}},
			map[string]any{"type": "dns", "name": "designate", "id": newID(), "endpoints": []any{
				endpoint("RegionOne", "internal", "http://127.0.0.1:1/"), endpoint("RegionTwo", "public", "http://127.0.0.1:1/"), endpoint("RegionOne", "public", f.catalog),
			}},
		},
	}})
}
