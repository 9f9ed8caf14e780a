package pebbletest

import (
	"fmt"
	"log/slog"
	"net/netip"
	"time"
)

// DefaultValidity is how long certificates are valid unless [Options.Validity] says otherwise: Let's Encrypt's 90 days.
const DefaultValidity = 90 * 24 * time.Hour

// Options is how the CA behaves. Only Resolver has to be given.
type Options struct {
	// Resolver is the ip:port, reached over TCP, that Pebble's validator asks for TXT records. It is required, because Pebble
	// falls back to the system's resolver and tests must not talk to the Internet.
	Resolver string

	// Strict makes Pebble announce only what clients should not depend on the absence of: its -strict flag.
	Strict bool

	// Plain leaves out what makes Pebble answer as Let's Encrypt does: see the package comment.
	Plain bool

	// AuthzRetryAfter and OrderRetryAfter are sent as Retry-After (RFC 8555 §7.5.1) with authorizations that are being validated
	// and orders that are being finalized, in whole seconds, as a number or as a date at random. Under a second there is no such
	// header: Let's Encrypt never sends it with authorizations and challenges. With OrderRetryAfter finalize is answered before
	// the certificate is there, as by Let's Encrypt's staging environment, which says 3 seconds.
	AuthzRetryAfter, OrderRetryAfter time.Duration

	// ExternalAccounts maps key identifiers to MAC keys (base64url without padding). If it is not empty, every new account
	// must be bound to one of them (RFC 8555 §7.3.4).
	ExternalAccounts map[string]string

	// Validity is the lifetime of issued certificates, in whole seconds; 0 is [DefaultValidity].
	Validity time.Duration

	// TLSPort is where names are looked for by tls-alpn-01 (RFC 8737); 0 is nowhere.
	TLSPort int

	// Blocked are names, with everything below them, that are refused with rejectedIdentifier.
	Blocked []string

	// CAAIdentities are announced in the directory; empty: "ca.example.test". Pebble does not check CAA.
	CAAIdentities []string

	// NonceReject and AuthzReuse are percentages, 0 to 100: of good nonces answered with badNonce, and of orders that take over
	// a valid authorization of the same account. See the package comment for AuthzReuse 0.
	NonceReject, AuthzReuse int

	// ValidationDelay makes each of the three look-ups of a validation wait a random time of whole seconds below this many (so 1 s
	// is none): validations take time at real CAs, 2-7 s and more at Let's Encrypt.
	ValidationDelay time.Duration

	// Intermediates is how many certificates stand between leaf and root; 0 is 1.
	Intermediates int

	// AlternateRoots is how many alternate chains are offered (RFC 8555 §7.4.2).
	AlternateRoots int

	// Log gets Pebble's own log lines, at debug level. Nil is silent.
	Log *slog.Logger
}

func (o Options) check() error {
	if _, err := netip.ParseAddrPort(o.Resolver); err != nil {
		return fmt.Errorf("pebbletest: resolver %q: want ip:port", o.Resolver)
	}
	for _, p := range []struct {
		name  string
		value int
	}{{"nonce reject", o.NonceReject}, {"authorization reuse", o.AuthzReuse}} {
		if p.value < 0 || p.value > 100 {
			return fmt.Errorf("pebbletest: %s of %d %%: want 0 to 100", p.name, p.value)
		}
	}
	if o.Validity < 0 || o.Validity > 0 && o.Validity < time.Second {
		return fmt.Errorf("pebbletest: validity %s: want at least a second", o.Validity)
	}
	return nil
}

// seconds is d as Pebble takes durations.
func seconds(d time.Duration) int { return int(d / time.Second) }
