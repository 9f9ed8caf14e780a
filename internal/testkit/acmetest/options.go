package acmetest

import (
	"crypto/tls"
	"time"
)

// Options are how the CA is from the start. The zero value is Let's Encrypt's production, as far as the package comment says.
type Options struct {
	// Look returns the values of the TXT records at a name, as the CA finds them; nil finds what it looks for. There are no CAA
	// records.
	Look func(fqdn string) []string
	// LookTTL is the TTL of what Look finds, or does not find, for which it is remembered; 0 is for a resolver that remembers
	// nothing.
	LookTTL time.Duration
	// Resolver is asked in place of Look, once per perspective, and what it says is remembered as long as the CA's resolvers do.
	Resolver Resolver
	// Meta is the directory's "meta"; nil has Boulder's, an empty one none.
	Meta map[string]any
	// NoRenewalInfo leaves renewal information out of the directory.
	NoRenewalInfo bool
	// EABKeys are the HMAC keys that accounts must be bound with, by key identifier; nil wants no binding.
	EABKeys map[string][]byte
	// TLS replaces the configuration of the listener; nil has a certificate for 127.0.0.1, see [Server.RootPEM].
	TLS *tls.Config
	// HTTP1 speaks HTTP/1.1 only. Scripts that send raw bytes ([Reply.Raw], [Reply.Write]) need it.
	HTTP1 bool
	// Origin is what the CA's URLs begin with, as in "https://ca.example:443"; "" is https:// and the listener's address.
	Origin string
	// RenewalInfoOrigin is the same for renewal information alone; "" is Origin.
	RenewalInfoOrigin string
	// Validity of certificates; 0 is what their profile says: 90 days, if none was asked for.
	Validity time.Duration

	// Now is the CA's clock, also in the Date of its replies; nil is time.Now.
	Now func() time.Time
	// RealTimer makes validations, the resolvers' memory and the load balancer go by the real time, whatever Now says: for
	// clocks that stand still. Without Now they do so anyway; else a validation goes on when the next request comes, or
	// with [Server.Validate].
	RealTimer bool
	// ValidationTime is how long a validation takes; nil is a time between 2 s and 7 s.
	ValidationTime func(name string) time.Duration

	// Staging is Let's Encrypt's staging: finalize is asynchronous, limits are wide, the load balancer is narrow.
	Staging bool
	// Persist is how dns-persist-01 is offered; [Server.OfferPersist] changes it. In staging [NoPersist] is PersistPlain.
	Persist Persist
	// DNSAccount offers dns-account-01 beside dns-01, as Google, Pebble and Boulder's test/config-next do.
	DNSAccount bool
	// BadNonces is that one POST in so many is refused with badNonce; 0 is none.
	BadNonces int
	// Outages is that one request in so many is answered with the CA's own 500 and not carried out; 0 is none.
	Outages int
	// StaleReads is that one look at an order or authorization in so many shows how it was a second ago, as from a replica
	// that lags; finalize looks, too. 0 is none.
	StaleReads int

	// Deviations are the habits of other CAs.
	Deviations Deviations
}
