package acmeserver

import "net/http"

// The resources (RFC 8555 §7.1).
const (
	pathDirectory     = "/directory"
	pathNewNonce      = "/acme/new-nonce"
	pathNewAccount    = "/acme/new-account"
	pathNewOrder      = "/acme/new-order"
	pathRevoke        = "/acme/revoke-cert"
	pathKeyChange     = "/acme/key-change"
	pathRenewalInfo   = "/acme/renewal-info"
	pathAccount       = "/acme/account/"
	pathOrder         = "/acme/order/"
	pathFinalize      = "/acme/finalize/"
	pathAuthorization = "/acme/authz/"
	pathChallenge     = "/acme/chall/"
	pathCertificate   = "/acme/cert/"
)

func (s *Server) directory(*call) (*reply, *Problem) {
	meta := map[string]any{"externalAccountRequired": true}
	if profiles := s.options.Upstream.Profiles(); len(profiles) > 0 {
		meta["profiles"] = profiles
	}
	return document(http.StatusOK, map[string]any{
		"newNonce": s.url(pathNewNonce), "newAccount": s.url(pathNewAccount), "newOrder": s.url(pathNewOrder),
		"revokeCert": s.url(pathRevoke), "keyChange": s.url(pathKeyChange), "renewalInfo": s.url(pathRenewalInfo),
		"meta": meta,
	}), nil
}

func (s *Server) newNonce(c *call) (*reply, *Problem) {
	if c.request.Method == http.MethodHead {
		return &reply{status: http.StatusOK}, nil
	}
	return &reply{status: http.StatusNoContent}, nil
}
