package acmetest

import "time"

// Deviations are the habits in which other CAs differ from Boulder, Let's Encrypt's CA. The zero value is Boulder. Where a
// name stands in brackets, it has that habit; the sources are in the package comment.
type Deviations struct {
	WhileValidating WhileValidating
	SecondAnswer    SecondAnswer
	AfterValid      AfterValid
	AfterInvalid    AfterInvalid
	Reasons         Reasons
	Expired         Expired

	// The Retry-After of replies of 200, as it is sent: to the answer of a challenge, with an authorization, with an order
	// that is processing. "" is none, and "3" for orders. [ZeroSSL: 10, 86400, 15; acme2certifier: -, -, 600]
	ChallengeRetryAfter, AuthorizationRetryAfter, OrderRetryAfter string

	// FinalizeTime is how long an order is processing after finalize; 0 is not at all, but a second in staging.
	// [ZeroSSL: seconds to minutes; Pebble: some seconds]
	FinalizeTime time.Duration

	TakesCoveredNames    bool // a name beside the wildcard that covers it is taken [Pebble]
	NoOrderReuse         bool // each newOrder is a new one [Pebble, step-ca]
	NoAuthorizationReuse bool // each name is proven anew [Actalis, step-ca]
	NoWildcardMember     bool // the authorization of a wildcard lacks the member "wildcard" [acme2certifier#76]

	CacheTime    time.Duration // how long resolvers remember at most; 0 is 60 s, negative is not at all
	Perspectives int           // that look beside the primary one; 0 is 4, negative is none [Pebble]
	NoCAA        bool          // CAA records are not looked at [Pebble]

	JustInTime bool // with a record of dns-persist-01 the authorization is valid from its start

	PlainLists bool // identifiers as asked for, one challenge per authorization, no unknown members [step-ca]
	GoogleWays bool // dates of 1970, fractions of seconds, a profile not asked for, problems without status [Google]

	TermsAreAsked       bool          // newAccount without agreement is 403 userActionRequired, as RFC 8555 §7.3 has it [Pebble]
	ShowsContact        bool          // of accounts [Pebble, ZeroSSL]
	ShowsDeactivated    bool          // newAccount with the key of a deactivated account is 200 with that status
	BindingsAreUsedOnce bool          // an external account binding is good for one account [Google]
	BindingsEnd         time.Duration // after the start; 0 is never [Google: 7 days]
	NoNonceOnErrors     bool          // [HARICA]
	NonceLength         int           // 0 is 51 [Google: about 130]
	ShortChain          bool          // the certificate and its issuer, no alternates
	ChainOfOne          bool          // the certificate alone, which the root has signed [private CAs]
	RootIncluded        bool          // the chain ends with the root
	TextBeforePEM       bool          // "subject=…" before each certificate [EJBCA]
	IgnoresReplaces     bool          // any "replaces" is taken
	RenewalInfoAfter    string        // Retry-After of renewal information; "" is 6 h ± 20 % [acme2certifier: 86400]
	NoLimits            bool          // rate limits
	NoBalancer          bool          // the load balancer's limits
	BalancerSpeaksHTML  bool          // its refusals are 429 with HTML [ZeroSSL: nginx]

	// AddsNames are the names that the certificate has for those of the order; nil is the same. [SSL.com, Actalis: www.]
	AddsNames func(names []string) []string
}

// WhileValidating is what is seen of a challenge that was answered, until its validation has ended.
type WhileValidating int

const (
	// StaysPending is Boulder's way: challenge and authorization stay pending (boulder#9032), without a Retry-After.
	StaysPending WhileValidating = iota
	// TurnsProcessing is RFC 8555's: the challenge is processing, the authorization pending. Google, ZeroSSL, Pebble.
	TurnsProcessing
	// InThePost answers the POST when the validation has ended, whatever its outcome is. acme2certifier, when it is quick.
	InThePost
	// MissStaysPending validates inside the POST; a failure leaves the challenge pending, with an error, and a further
	// POST tries again. step-ca (smallstep/certificates#1365).
	MissStaysPending
	// MissIsRefused validates inside the POST; a failure is an error reply to it, the challenge stays pending, and a
	// further POST tries again. SSL.com (acme.sh#6660).
	MissIsRefused
)

func (w WhileValidating) inThePost() bool { return w >= InThePost }

// SecondAnswer is what a POST to a challenge does whose validation is under way.
type SecondAnswer int

const (
	// StartsAnother is Boulder's way: a parallel validation. The first result holds, each failure counts.
	StartsAnother SecondAnswer = iota
	// IsConflict refuses it with 409: Boulder with the feature SetAuthzProcessing.
	IsConflict
	// IsRefused refuses it with 400 malformed: Pebble.
	IsRefused
	// IsIgnored answers with the challenge and does nothing: Dogtag.
	IsIgnored
	// StartsAnew gives the validation under way up and begins it again: ZeroSSL.
	StartsAnew
)

// AfterValid is what a POST to a valid challenge does.
type AfterValid int

const (
	// AnswersValid is Boulder's way: 200 with the challenge.
	AnswersValid AfterValid = iota
	// RefusesValid is 400 malformed: SSL.com (acme.sh#3600).
	RefusesValid
)

// AfterInvalid is what a POST to an invalid challenge does.
type AfterInvalid int

const (
	// RefusesInvalid is Boulder's way: 400 malformed.
	RefusesInvalid AfterInvalid = iota
	// ValidatesInvalid begins anew: acme2certifier.
	ValidatesInvalid
)

// Reasons is where a CA says why a validation failed.
type Reasons int

const (
	// InTheChallenge is Boulder's way.
	InTheChallenge Reasons = iota
	// Empty is an error without members: ZeroSSL (acme.sh#4991).
	Empty
	// Absent is no error at all.
	Absent
	// InTheOrder has it there and not in the challenge.
	InTheOrder
)

// Expired is what is seen of an order or authorization whose time is over.
type Expired int

const (
	// NotFound is Boulder's way: 404 malformed.
	NotFound Expired = iota
	// SaysExpired has the status expired, as RFC 8555 §7.1.6 has it for authorizations; the order is invalid.
	SaysExpired
	// SaysInvalid has the status invalid for both.
	SaysInvalid
)
