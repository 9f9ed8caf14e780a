package hooks

import (
	"strings"

	"wildcard/providers"
)

// receipt is what an auth hook tells the cleanup hook of the same challenge: the record it made, or that it left none.
type receipt struct {
	Created bool
	FQDN    string           // owner of the record, CNAMEs followed
	Handle  providers.Handle // may be empty
}

// receiptPrefix names the format and its version. A later version that says more must use another number.
const receiptPrefix = "wildcard/1 "

// String is one line of printable ASCII.
func (r receipt) String() string {
	if !r.Created {
		return receiptPrefix + "nothing"
	}
	return strings.TrimSpace(receiptPrefix + "created " + r.FQDN + " " + string(r.Handle))
}

// parseReceipt finds the receipt in an auth hook's output. A wrapper script may have printed more around it: the last line
// that is a receipt counts. Anything else, or more than 64 KiB, is as no receipt at all.
func parseReceipt(output string) (receipt, bool) {
	if len(output) > 64<<10 {
		return receipt{}, false
	}
	lines := strings.Split(output, "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		text, ok := strings.CutPrefix(strings.TrimSpace(lines[i]), receiptPrefix)
		if !ok {
			continue
		}
		fields := strings.Fields(text)
		switch {
		case len(fields) == 1 && fields[0] == "nothing":
			return receipt{}, true
		case (len(fields) == 2 || len(fields) == 3) && fields[0] == "created" && plausibleOwner(fields[1]):
			r := receipt{Created: true, FQDN: providers.CanonicalName(fields[1])}
			if len(fields) == 3 {
				r.Handle = providers.Handle(fields[2])
			}
			return r, true
		}
	}
	return receipt{}, false
}

// plausibleOwner reports whether s can own a TXT record: labels of letters, digits, hyphens and underscores.
func plausibleOwner(s string) bool {
	if len(strings.TrimSuffix(s, ".")) > 253 || strings.Contains(s, "..") || strings.HasPrefix(s, ".") {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
	}) < 0
}
