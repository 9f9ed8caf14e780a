package hooks

import (
	"fmt"
	"strings"

	"wildcard/internal/messages"
)

// screen is the width that help is written for.
const screen = 80

// help is what --help prints: no more than a screen of 24 lines and 80 columns.
func help(l messages.Language, program string, duty messages.Message) string {
	var b strings.Builder
	line := func(format messages.Text, args ...any) {
		for _, part := range messages.Wrap(l.Sprintf(format, args...), screen) {
			fmt.Fprintln(&b, part)
		}
	}
	line("usage: %s [options]", program)
	line("certbot runs this program: it %s.", duty)
	fmt.Fprint(&b, `
  certbot certonly --manual --preferred-challenges dns \
    --manual-auth-hook wildcard-auth-hook --manual-cleanup-hook \
    wildcard-cleanup-hook -d example.com -d '*.example.com'
  certbot renew --dry-run

`)
	flag := func(name string, format messages.Text) { fmt.Fprintf(&b, "  %-20s %s\n", name, l.Translate(format)) }
	flag("--provider SPEC", "DNS service, [ZONE=]NAME[:ARG][@ENVFILE]; may be repeated")
	flag("--env-file FILE", "credentials (default: /etc/letsencrypt/conoha/.env)")
	flag("--config-dir DIR", "certbot's directory (default: /etc/letsencrypt)")
	flag("--state-dir DIR", "where the journal is kept (default: /var/lib/wildcard)")
	flag("--resolver LIST", "resolvers, IP[:PORT] or https://URL,... (the system's)")
	flag("--nameserver LIST", "ask these for publication, not the delegated ones")
	flag("--extra-wait SECONDS", "wait longer, for servers that cannot be asked (0)")
	flag("--ca-cache SECONDS", "how long the CA's resolvers keep an answer (60)")
	flag("--lang LANG", "language, such as en or ja (default: that of the locale)")
	flag("-v", "say on standard error what is done")
	line("")
	line("Variables of the same meaning: %s.", "WILDCARD_PROVIDER, WILDCARD_ENV_FILE, "+
		"WILDCARD_CONFIG_DIR, WILDCARD_STATE_DIR, WILDCARD_RESOLVERS, WILDCARD_NAMESERVERS, WILDCARD_EXTRA_WAIT, "+
		"WILDCARD_CA_CACHE")
	return b.String()
}
