package state

import "wildcard/internal/fault"

// Codes of this package's errors, beside [fault.CodeState]. Those of the ledger are Temporary and name the instant from
// which they no longer hold, but for the last one.
const (
	CodeValidations = "ledger.validations"  // validations of a name failed too often within an hour
	CodeRateLimited = "ledger.rate-limited" // the CA asked to come back later, and it is not later yet
	CodeBackOff     = "ledger.back-off"     // the last attempts failed, and the next is not to be made yet
	CodeHeld        = "ledger.held"         // a certificate was issued and refused; Failed, and holds until a person decides
)

func failed(format string, args ...any) error {
	return fault.Errorf(fault.CodeState, fault.Misconfigured, "state: "+format, args...)
}
