package plugin

import (
	"bytes"
	"encoding/base64"
	"path/filepath"
	"strings"

	"wildcard/internal/system/subprocess"
	"wildcard/providers"
)

// hookLine is the command line of a hook of certbot's, with the program that it begins with.
type hookLine struct{ line, program string }

// command is what runs it. certbot gives the line to a shell (certbot/compat/misc.py, execute_command_status); a program alone needs
// none.
func (h hookLine) command() call {
	if h.line == h.program {
		return call{program: h.program, argv: []string{h.program}}
	}
	return call{program: h.program, argv: []string{"/bin/sh", "-c", h.line}}
}

func parseHookLine(line string) (hookLine, bool) {
	words := subprocess.Words(line)
	if len(words) == 0 || !filepath.IsAbs(words[0]) {
		return hookLine{}, false
	}
	return hookLine{strings.TrimSpace(line), words[0]}, true
}

// hookLines are the command lines of a spec, AUTH,CLEANUP or AUTH alone: the clean-up hook begins behind the first comma outside
// quotes that a slash follows.
func hookLines(arg string) (auth, cleanup string) {
	quoted := byte(0)
	for i := range len(arg) {
		switch c := arg[i]; {
		case c == quoted:
			quoted = 0
		case quoted == 0 && (c == '\'' || c == '"'):
			quoted = c
		case quoted == 0 && strings.HasPrefix(arg[i:], ",/"):
			return arg[:i], arg[i+1:]
		}
	}
	return arg, ""
}

// OpenCertbotHook opens certbot-hook:AUTH[,CLEANUP].
func OpenCertbotHook(spec providers.Spec, o Options) ([]providers.Account, error) {
	authLine, cleanupLine := hookLines(spec.Arg)
	auth, ok := parseHookLine(authLine)
	cleanup, paired := parseHookLine(cleanupLine)
	if !ok || !paired && cleanupLine != "" {
		return nil, providers.Errorf(providers.CodeBadSpec, providers.Usage,
			"provider %s: want certbot-hook:/AUTH/HOOK,/CLEANUP/HOOK, or /AUTH/HOOK alone, each with its arguments", spec)
	}
	paths := []string{auth.program}
	if paired {
		paths = append(paths, cleanup.program)
	}
	return openScript(spec, o, &script{
		dialect: func(op, fqdn string, c providers.Challenge, h providers.Handle) (call, error) {
			domain, ok := strings.CutPrefix(strings.TrimSuffix(fqdn, "."), providers.ChallengeLabel+".")
			if !ok {
				return call{}, providers.Errorf(providers.CodeCNAME, providers.Misconfigured,
					"the record is to be at %s, and hooks of certbot know only names that begin with %s", fqdn, providers.ChallengeLabel)
			}
			out := auth.command()
			out.environ = []string{
				"CERTBOT_DOMAIN=" + domain, "CERTBOT_ALL_DOMAINS=" + domain, "CERTBOT_VALIDATION=" + c.Value,
				"CERTBOT_REMAINING_CHALLENGES=0",
			}
			if op == "cleanup" {
				output, err := base64.RawURLEncoding.DecodeString(string(h))
				if err != nil {
					output = nil
				}
				environ := out.environ
				out = call{} // without a clean-up hook nothing is run, as in certbot
				if paired {
					out = cleanup.command()
				}
				out.environ = append(environ,
					"CERTBOT_AUTH_OUTPUT="+strings.ToValidUTF8(strings.ReplaceAll(string(output), "\x00", ""), ""))
			}
			return out, nil
		},
		// What the auth hook printed is what the cleanup hook may go by, so it is the handle, as far as one can be that long.
		handle: func(output []byte) providers.Handle {
			text := bytes.TrimSpace(output)
			if base64.RawURLEncoding.EncodedLen(len(text)) > 512 {
				return ""
			}
			return providers.Handle(base64.RawURLEncoding.EncodeToString(text))
		},
	}, paths...)
}
