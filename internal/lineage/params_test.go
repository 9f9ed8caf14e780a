package lineage

import "testing"

// TestParams_Server: report O24. A .conf that names no server is renewed at Let's Encrypt, as certbot does it; so is one that names
// the server of the first protocol, which has ended. Another server is what it says.
func TestParams_Server(t *testing.T) {
	t.Parallel()
	const production, staging = "https://acme-v02.api.letsencrypt.org/directory", "https://acme-staging-v02.api.letsencrypt.org/directory"
	for line, want := range map[string]string{
		"":                production,
		"server = None\n": production,
		"server = ''\n":   production,
		"server = https://acme-v01.api.letsencrypt.org/directory\n":               production,
		"server = https://acme-staging.api.letsencrypt.org/directory\n":           staging,
		"server = https://acme-staging-v02.api.letsencrypt.org/directory  # 試験\n": staging,
		"server = https://ca.example/dir\n":                                       "https://ca.example/dir",
	} {
		c := mustConf(t, "[renewalparams]\nauthenticator = manual\n"+line)
		if got := c.Params().Server; got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// TestParams_CommentBehindValue: a comment behind a value is none of it, in the forms in which people write them, and stays when the
// value changes.
func TestParams_CommentBehindValue(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"manual_auth_hook = /root/dns/au.sh        # 絶対パス":          "/root/dns/au.sh",
		"manual_auth_hook = /root/dns/au.sh add\t#comment":          "/root/dns/au.sh add",
		`manual_auth_hook = "/root/dns/au.sh '#1'"   # with quotes`: "/root/dns/au.sh '#1'",
		"manual_auth_hook = '/root/dns/au#.sh' # x # y":             "/root/dns/au#.sh",
	} {
		c := mustConf(t, "[renewalparams]\n"+line+"\n")
		p := c.Params()
		if p.AuthHook != want {
			t.Errorf("%s: %q, want %q", line, p.AuthHook, want)
		}
		p.AuthHook = "/usr/bin/wildcard-auth-hook"
		if err := c.SetParams(p); err != nil || c.Params().AuthHook != p.AuthHook {
			t.Errorf("%s: then %q, %v", line, c.Params().AuthHook, err)
		}
		if i, _ := c.find(params, "manual_auth_hook"); i.comment == "" {
			t.Errorf("%s: its comment is lost:\n%s", line, c.text)
		}
	}
}
