package plugin_test

import (
	"os"
	"testing"

	"wildcard/providers"
)

// TestCertbotHook_Arguments: report O28. Hooks of certbot with arguments and shell words, and an auth hook alone, do what they do
// when certbot gives their lines to a shell.
func TestCertbotHook_Arguments(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ hooks, said string }{
		"arguments":               {"BIN/au.sh aliyun add,BIN/au.sh aliyun clean", "[aliyun][add]auth\n[aliyun][clean]cleanup\n"},
		"quotes":                  {"BIN/au.sh 'a b' \"c,/d\",BIN/au.sh ''", "[a b][c,/d]auth\n[]cleanup\n"},
		"a comma":                 {"BIN/au.sh a,b,BIN/au.sh c", "[a,b]auth\n[c]cleanup\n"},
		"a variable of certbot's": {"BIN/au.sh $CERTBOT_DOMAIN,BIN/au.sh \"$CERTBOT_AUTH_OUTPUT\"", "[example.com]auth\n[made]cleanup\n"},
		"two commands":            {"BIN/au.sh 1 && BIN/au.sh 2,BIN/au.sh 3", "[1]auth\n[2]auth\n[3]cleanup\n"},
		"auth alone, arguments":   {"BIN/au.sh aliyun add", "[aliyun][add]auth\n"},
		"auth alone":              {"BIN/au.sh", "auth\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.write(w.env, "STORE='"+w.store+"'\n", 0o600)
			w.program("au.sh", `#!/bin/sh
{ for word; do printf '[%s]' "$word"; done
  if [ -n "${CERTBOT_AUTH_OUTPUT+x}" ]; then echo cleanup; else echo auth; fi; } >>"$STORE/.words"
echo made
`)
			spec := "example.com=certbot-hook:" + test.hooks + "@ENV"
			h, err := w.must(spec).Present(t.Context(), challenge("1"))
			if err != nil {
				t.Fatal(err)
			}
			if err := w.must(spec).CleanUp(t.Context(), challenge("1"), h); err != nil {
				t.Fatal(err)
			}
			if said := w.read(".words"); said != test.said {
				t.Errorf("%q, want %q", said, test.said)
			}
		})
	}
}

// TestCertbotHook_NotTrusted: the program of a line with arguments must be as safe as one without, and its failure is the call's.
func TestCertbotHook_NotTrusted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(w.env, "STORE='"+w.store+"'\n", 0o600)
	w.program("fails.sh", "#!/bin/sh\necho sorry, $1 >&2\nexit 3\n")
	_, err := w.must("example.com=certbot-hook:BIN/fails.sh add,BIN/fails.sh@ENV").Present(t.Context(), challenge("1"))
	w.fails(err, providers.CodeService, providers.Failed, "sorry, add")
	_, err = w.open("example.com=certbot-hook:BIN/none.sh add@ENV")
	w.fails(err, providers.CodeUnsafeFile, providers.Misconfigured, "none.sh")
	_, err = w.open("example.com=certbot-hook:au.sh add@ENV")
	w.fails(err, providers.CodeBadSpec, providers.Usage, "arguments")
	if err := os.Chmod(w.bin+"/fails.sh", 0o777); err != nil {
		t.Fatal(err)
	}
	_, err = w.open("example.com=certbot-hook:BIN/auth,BIN/fails.sh x@ENV")
	w.fails(err, providers.CodeUnsafeFile, providers.Misconfigured, "fails.sh")
}
