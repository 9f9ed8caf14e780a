package httpclient

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Mask hides an account's secrets in text that comes from the service: replies echo user names (§2.1), and nothing keeps
// them from echoing more.
type Mask struct {
	mu    sync.Mutex
	words []string
}

// Add makes word, and the forms it takes in JSON, URLs, HTML and base64, unprintable from now on.
func (m *Mask) Add(word string) {
	if word == "" {
		return
	}
	inJSON, _ := json.Marshal(word)
	forms := []string{
		word,
		strings.Trim(string(inJSON), `"`),
		strings.Trim(strconv.Quote(word), `"`),
		url.QueryEscape(word),
		url.PathEscape(word),
		html.EscapeString(word),
		base64.RawStdEncoding.EncodeToString([]byte(word)),
		base64.RawURLEncoding.EncodeToString([]byte(word)),
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.words = append(m.words, forms...)
	// Long before short, or a form that contains another would keep its ends.
	slices.SortFunc(m.words, func(a, b string) int { return len(b) - len(a) })
	m.words = slices.Compact(m.words)
}

// apply returns s with every secret replaced by ***, whatever the case of its letters.
func (m *Mask) apply(s string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, word := range m.words {
		s = replaceFold(s, word, "***")
	}
	return s
}

// replaceFold is [strings.ReplaceAll] without regard to the case of ASCII letters.
func replaceFold(s, old, with string) string {
	folded, old := lowerASCII(s), lowerASCII(old)
	if !strings.Contains(folded, old) {
		return s
	}
	var b strings.Builder
	for {
		i := strings.Index(folded, old)
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		b.WriteString(with)
		s, folded = s[i+len(old):], folded[i+len(old):]
	}
}

// lowerASCII keeps the length, which [strings.ToLower] does not for all of Unicode.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// mostShown is how much text of the service an error message shows, in bytes.
const mostShown = 200

// Shown makes text of the service fit for an error message: secrets masked, one line, printable ASCII, short.
func (m *Mask) Shown(s string) string {
	s = strings.Join(strings.Fields(m.apply(s)), " ")
	plain := !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
	if len(s) > mostShown {
		s = s[:mostShown] + "..."
	}
	if plain {
		return s
	}
	quoted := strconv.QuoteToASCII(s)
	if len(quoted) > mostShown {
		quoted = quoted[:mostShown] + "..."
	}
	return quoted
}

// ErrorText finds what an error body says. Neither generation has one form for it (§2.2, §3.7): the word of Designate's
// "type", a string or an object under "error", a "message", or that of the only member.
func ErrorText(body []byte) string {
	const most = 64 << 10 // an error's text is at its beginning, or nowhere
	body = body[:min(len(body), most)]
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return normalized(body)
	}
	text := func(raw json.RawMessage) string {
		var s string
		var o struct{ Message string }
		if json.Unmarshal(raw, &s) == nil {
			return s
		}
		if json.Unmarshal(raw, &o) == nil {
			return o.Message
		}
		return ""
	}
	var parts []string
	for _, name := range []string{"type", "error", "message"} {
		if s := text(members[name]); s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 && len(members) == 1 {
		for _, only := range members {
			parts = append(parts, text(only))
		}
	}
	if s := strings.Join(parts, ": "); s != "" {
		return s
	}
	return normalized(body)
}

// normalized undoes needless escapes in JSON, which could hide a secret from the mask. Other text stays as it is.
func normalized(body []byte) string {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return string(body)
	}
	b, _ := json.Marshal(value)
	return string(b)
}
