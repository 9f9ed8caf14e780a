package providers

import "strconv"

// Excerpt quotes text that came from outside, for use in an error message or a log line: at most 80 bytes of it, control
// characters, quotes and everything not ASCII escaped, so that it can neither forge lines nor flood them.
func Excerpt(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "…"
	}
	return strconv.QuoteToASCII(s)
}
