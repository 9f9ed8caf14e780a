package acmetest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"slices"
)

// nonceWindow is how many redemptions behind the newest a nonce is still good (boulder nonce/nonce.go).
const nonceWindow = 65536

// nonces is one instance of Boulder's nonce service: a nonce is a number under its seal. How old it is does not count, only
// how many were redeemed since.
type nonces struct {
	prefix   string // of the instance, 8 characters
	length   int
	latest   int64
	earliest int64
	values   map[string]int64 // handed out and not used
	used     []int64          // sorted, at most nonceWindow
}

func newNonces(length int) *nonces {
	if length == 0 {
		length = 51
	}
	return &nonces{prefix: randomText(8), length: length, values: map[string]int64{}}
}

// randomText is n characters of base64url.
func randomText(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails
	return base64.RawURLEncoding.EncodeToString(raw)[:n]
}

func (n *nonces) next() string {
	n.latest++
	number := binary.BigEndian.AppendUint64(nil, uint64(n.latest))
	value := n.prefix + randomText(n.length-len(n.prefix)-11) + base64.RawURLEncoding.EncodeToString(number)
	n.values[value] = n.latest
	return value
}

// redeem reports whether a nonce was good, which it is once.
func (n *nonces) redeem(value string) bool {
	number, known := n.values[value]
	delete(n.values, value)
	if !known || number <= n.earliest {
		return false
	}
	i, _ := slices.BinarySearch(n.used, number)
	n.used = slices.Insert(n.used, i, number)
	if len(n.used) > nonceWindow {
		n.earliest, n.used = n.used[0], n.used[1:]
	}
	return true
}

// Nonce gives a reply that a script made a nonce, as every reply of a CA has one.
func (s *Server) Nonce(r *Reply) *Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nonce(r)
}

func (s *Server) nonce(r *Reply) *Reply { return r.With("Replay-Nonce", s.nonces.next()) }

// Restart restarts the nonce service: all nonces that the client has are bad from now on.
func (s *Server) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nonces = newNonces(s.options.Deviations.NonceLength)
}
