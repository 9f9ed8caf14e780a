package conoha

import (
	"strings"
	"testing"

	"wildcard/providers"
)

// TestLogin_OtherGeneration: report O26. A login that is refused says of which generation it was tried and why, and what to set for
// the other one, unless the settings said plainly which one it is. No password is in it.
func TestLogin_OtherGeneration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	for environ, want := range map[string]string{
		"CNH_TENANTID=" + hexMore + " CNH_PASS=canary CNH_NAME=" + hexUser:                                "tried as Ver.3.0 because CNH_NAME is a user ID, 32 hexadecimal digits; for Ver.2.0 set CNH_REGION=tyo1",
		"CNH_TENANT_ID=" + hexMore + " CNH_PASSWORD=canary CNH_USERNAME=gncu1":                            "tried as Ver.2.0 because CNH_USERNAME is no user ID and CNH_REGION is not set; for Ver.3.0 set CNH_REGION=c3j1",
		"CONOHA_TENANT_ID=t CONOHA_API_PASSWORD=canary CONOHA_API_USER_ID=" + hexUser:                     "tried as Ver.3.0 because CONOHA_API_USER_ID is set; for Ver.2.0 set CONOHA_REGION=tyo1",
		"CNH_REGION=tyo2 CNH_TENANT_ID=t CNH_PASSWORD=canary CNH_USERNAME=" + hexUser:                     "CNH_USERNAME is a user ID: for Ver.3.0 set CNH_REGION=c3j1",
		"CONOHA_REGION=c3j1 CONOHA_TENANT_ID=t CONOHA_API_PASSWORD=canary CONOHA_API_USERNAME=" + hexUser: "",
		"CONOHA_REGION=tyo1 CONOHA_TENANT_ID=t CONOHA_API_PASSWORD=canary CONOHA_API_USERNAME=gncu1":      "",
		"CONOHAV3_TENANT_ID=t CONOHAV3_API_USER_ID=i CONOHAV3_API_PASSWORD=canary":                        "",
	} {
		p := w.openWith(strings.Fields(environ), "")
		// The same account at the fake's address, which would say the generation plainly if it were in the settings.
		p.identity.account.identityURL = w.IdentityURL(p.account.generation.version)
		_, err := p.Zones(t.Context(), true)
		w.fails(err, providers.CodeCredentials, providers.Refused)
		if text := err.Error(); want == "" && strings.Contains(text, "tried as") || !strings.Contains(text, want) || strings.Contains(text, "canary") {
			t.Errorf("%s:\n%s", environ, text)
		}
	}
}
