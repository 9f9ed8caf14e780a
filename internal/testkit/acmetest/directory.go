package acmetest

import (
	"maps"
	"net/http"
)

// directory is made anew each time, with a key that no client knows, so that clients learn to pass over such (boulder#1780).
func (s *Server) directory() *Reply {
	d := map[string]any{}
	for name, e := range map[string]Endpoint{
		"newNonce": NewNonce, "newAccount": NewAccount, "newOrder": NewOrder, "revokeCert": RevokeCert,
		"keyChange": KeyChange,
	} {
		d[name] = s.origin() + path(e)
	}
	if !s.options.NoRenewalInfo {
		d["renewalInfo"] = s.origin() + path(RenewalInfo)
		if s.options.RenewalInfoOrigin != "" {
			d["renewalInfo"] = s.options.RenewalInfoOrigin + path(RenewalInfo)
		}
	}
	if !s.options.Deviations.PlainLists {
		d[randomText(8)] = "https://community.letsencrypt.org/t/adding-random-entries-to-the-directory/33417"
	}
	meta := maps.Clone(s.meta())
	if s.options.EABKeys != nil {
		meta["externalAccountRequired"] = true
	}
	if s.persist == PersistHashed {
		meta["accountHashPrefix"], meta["issuerDomainNames"] = s.hashPrefix(), []string{identity}
	}
	if len(meta) > 0 {
		d["meta"] = meta
	}
	return JSON(http.StatusOK, d)
}

// meta is the directory's.
func (s *Server) meta() map[string]any {
	if s.options.Meta != nil {
		return s.options.Meta
	}
	described := map[string]any{}
	for _, p := range profiles() {
		described[p.Name] = p.Description
	}
	return map[string]any{
		"termsOfService": "https://letsencrypt.org/documents/LE-SA-v1.6-August-18-2025.pdf", "website": "https://letsencrypt.org",
		"caaIdentities": []any{identity}, "profiles": described,
	}
}
