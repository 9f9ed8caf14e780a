package fault

import "strconv"

// Excerpt quotes text that came from outside, for use in an error message or a log line: at most 80 bytes of it, control
// characters, quotes and everything not ASCII escaped, and at most 160 characters with these escapes, so that it can neither forge
// lines nor flood them.
func Excerpt(s string) string {
	const most, mostQuoted = 80, 160
	part := s[:min(len(s), most)]
	quoted := strconv.QuoteToASCII(part)
	for len(quoted) > mostQuoted+len(`""`) {
		part = part[:len(part)-1]
		quoted = strconv.QuoteToASCII(part)
	}
	if len(part) < len(s) {
		return quoted + "…"
	}
	return quoted
}
