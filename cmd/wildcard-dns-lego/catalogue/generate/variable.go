package main

import (
	"regexp"
	"slices"
	"strings"
)

var (
	defaultForm = regexp.MustCompile(`\s*\(Default: ([^()]*)\)\.?$`)
	wordForm    = regexp.MustCompile(`^[A-Za-z0-9_]+$`)
)

// splitHelp takes the default out of a help text, where lego's have it at the end, and makes one line of the rest.
func splitHelp(text string) (help, value string) {
	text = strings.Join(strings.Fields(text), " ")
	if m := defaultForm.FindStringSubmatchIndex(text); m != nil {
		return text[:m[0]], text[m[2]:m[3]]
	}
	return text, ""
}

// offered reports whether a name in lego's source is that of a variable of the service. Some are remarks; and proxies are
// handed to all plugins alike. (Of NAME and NAME_FILE in lego's list, only NAME_FILE is offered: the file has more than a
// line, and any other NAME may come as NAME_FILE before it gets here.)
func offered(name string) bool {
	return wordForm.MatchString(name) &&
		!slices.Contains([]string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "REQUEST_METHOD"}, name)
}

// secret tells from its name whether a variable's value is one. lego's metadata do not say it. What is called a secret
// though it is none, such as the name of a key, is merely not shown.
func secret(name string) bool {
	words := strings.Split(name, "_")
	switch words[len(words)-1] {
	case "FILE", "PATH", "URL", "ENDPOINT", "TIMEOUT", "INTERVAL", "TTL", "ALGORITHM":
		return false
	}
	return slices.ContainsFunc(words, func(word string) bool {
		return slices.ContainsFunc([]string{"KEY", "TOKEN", "PASS", "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "HMAC",
			"CREDENTIAL", "AUTH", "OTP", "SIGNATURE"},
			func(telling string) bool {
				return strings.HasSuffix(strings.TrimSuffix(word, "S"), strings.TrimSuffix(telling, "S"))
			})
	})
}
