package acmeserver

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"sync"
	"time"
)

const (
	nonceLife = time.Hour
	mostUsed  = 200_000 // nonces that are remembered as used; with more, those that are left are given up earlier
)

// nonces are good once, for an hour (RFC 8555 §6.5). None is kept before it is used.
type nonces struct {
	key [32]byte

	mu    sync.Mutex
	used  map[string]int64 // to when they were made
	floor int64            // older ones are no good
}

func newNonces() *nonces {
	n := &nonces{used: map[string]int64{}}
	_, _ = rand.Read(n.key[:]) // which never fails
	return n
}

func (n *nonces) sign(text []byte) []byte {
	mac := hmac.New(sha256.New, n.key[:])
	mac.Write(text)
	return mac.Sum(nil)[:16]
}

// fresh makes one.
func (n *nonces) fresh(now time.Time) string {
	text := make([]byte, 16, 32)
	_, _ = rand.Read(text[:8])
	binary.BigEndian.PutUint64(text[8:], uint64(now.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(text, n.sign(text)...))
}

// redeem reports whether a nonce is one of ours, in time, and used for the first time.
func (n *nonces) redeem(nonce string, now time.Time) bool {
	text, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(text) != 32 || !hmac.Equal(n.sign(text[:16]), text[16:]) {
		return false
	}
	made := int64(binary.BigEndian.Uint64(text[8:16]))
	n.mu.Lock()
	defer n.mu.Unlock()
	canonical := string(text[:16]) // one nonce may be written in several ways
	if _, used := n.used[canonical]; used || made < n.floor || now.Unix()-made > int64(nonceLife.Seconds()) {
		return false
	}
	if len(n.used) >= mostUsed {
		n.forget(now.Unix() - int64(nonceLife.Seconds()))
	}
	n.used[canonical] = made
	return true
}

// forget drops the used ones that are too old, or half of the time if that is not enough.
func (n *nonces) forget(floor int64) {
	for {
		for nonce, made := range n.used {
			if made < floor {
				delete(n.used, nonce)
			}
		}
		n.floor = max(n.floor, floor)
		if len(n.used) < mostUsed {
			return
		}
		newest := floor
		for _, made := range n.used {
			newest = max(newest, made)
		}
		floor += max(1, (newest-floor)/2)
	}
}
