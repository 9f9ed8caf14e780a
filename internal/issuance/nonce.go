package issuance

import (
	"strings"
	"sync"
	"time"
)

const (
	// nonceAge is how long a nonce is used. CAs forget them by number, not by time (Boulder: 65,536 newer ones), and on their
	// own restarts. One that has lain too long costs no more than asking for another: its refusal brings a fresh one.
	nonceAge  = 15 * time.Minute
	maxNonces = 64
)

// nonces are the Replay-Nonce values that the CA sent and that were not used (RFC 8555 §6.5), newest last.
type nonces struct {
	now func() time.Time

	mu   sync.Mutex
	list []nonce
}

type nonce struct {
	value string
	at    time.Time
}

// put keeps a nonce; anything but base64url is passed over (RFC 8555 §6.5.1).
func (n *nonces) put(value string) {
	if !isNonce(value) {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, nonce{value, n.now()})
	if len(n.list) > maxNonces {
		n.list = n.list[1:]
	}
}

// take returns the newest nonce, which is the one most likely to be good.
func (n *nonces) take() (string, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.list) == 0 {
		return "", false
	}
	last := n.list[len(n.list)-1]
	n.list = n.list[:len(n.list)-1]
	if age := n.now().Sub(last.at); age > nonceAge || age < 0 {
		n.list = nil // the others are older
		return "", false
	}
	return last.value, true
}

func isNonce(s string) bool {
	return s != "" && len(s) <= 512 &&
		strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}
