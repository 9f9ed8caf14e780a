package acmetest

// Deviations are the habits in which other CAs differ from Boulder, Let's Encrypt's CA. The zero value is Boulder.
type Deviations struct {
	WhileValidating WhileValidating
	SecondAnswer    SecondAnswer
	AfterValid      AfterValid
	AfterInvalid    AfterInvalid
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
	// AnswersInvalid is 200 with the challenge.
	AnswersInvalid
)
