//go:build boulder

package boulder

import (
	"bytes"
	"testing"
)

// A key that was revoked as compromised is refused for ever; a lineage that keeps its key gets a new one then, and keeps that.
func TestRenew_CompromisedKey(t *testing.T) {
	everywhere(t, func(w *world) {
		w.issue(1, "--reuse-key")
		first := w.certificate(1)
		w.wildcard("revoke", "--yes", "--reason", "keycompromise", w.zone)
		w.wildcard("renew", "--no-jitter")
		second := w.certificate(1)
		w.wildcard("renew", "--force", "--cert-name", w.zone)
		third := w.certificate(1)
		if bytes.Equal(first.RawSubjectPublicKeyInfo, second.RawSubjectPublicKeyInfo) || !bytes.Equal(second.RawSubjectPublicKeyInfo, third.RawSubjectPublicKeyInfo) {
			w.t.Error("the key was not replaced once")
		}
		w.answeredOnce(1)
		w.nothingLeft()
	})
}
