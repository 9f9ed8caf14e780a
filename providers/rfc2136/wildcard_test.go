package rfc2136

import "testing"

// P10: a wildcard's CNAME answers for the name, and is no reason not to write there: an update sees what stands at the name.
func TestPresent_WildcardCNAME(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"www.example.com.", "example.com.", "cdn.elsewhere.example."} {
		w := newWorld(t)
		w.put("*.example.com. 300 IN CNAME " + target)
		p := w.open()
		for _, name := range []string{"example.com", "a.b.example.com"} {
			c := challenge(name, 1)
			h := w.present(p, c)
			w.holds(c.FQDN, c.Value)
			w.cleanUp(p, c, h)
			w.cleanUp(p, c, "") // once more, and the wildcard answers again
			w.holds(c.FQDN)
		}
	}
}
