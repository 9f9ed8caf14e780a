package providers

import (
	"errors"
	"fmt"
)

// Class says what can be done about an error. Every class has one exit code, which scripts and systemd units rely on.
type Class int

const (
	Failed        Class = iota // the request was understood and did not succeed
	Usage                      // wrong usage or hostile input; nothing was sent anywhere
	Internal                   // a defect of ours
	Temporary                  // the same call may succeed later: locked, rate-limited, network down, not yet published
	Refused                    // credentials or terms were refused
	Misconfigured              // settings, files or zones are not as they must be; somebody has to change something
)

// ExitCode is the exit status of a program that ends because of an error of this class.
func (c Class) ExitCode() int {
	switch c {
	case Usage:
		return 2
	case Internal:
		return 70
	case Temporary:
		return 75 // EX_TEMPFAIL of sysexits.h
	case Refused:
		return 77 // EX_NOPERM
	case Misconfigured:
		return 78 // EX_CONFIG
	default:
		return 1
	}
}

// Codes of errors that do not belong to one provider. A code is stable: people search for it, scripts compare it.
const (
	CodeNoZone             = "zone.not-found"       // no configured account lists a zone that holds the name
	CodeNoCNAME            = "cname.missing"        // the CNAME that leads from the challenge's name to a service's is not set
	CodeAmbiguous          = "zone.ambiguous"       // two accounts could take the name
	CodeDelegatedElsewhere = "zone.delegated"       // the zone is in the account, but delegated to other name servers
	CodeBadSpec            = "provider.spec"        // a provider spec cannot be parsed
	CodeUnknownProvider    = "provider.unknown"     // a spec names a provider that this program does not have
	CodeBadChallenge       = "challenge.invalid"    // a name or value is not what RFC 8555 and RFC 1035 allow
	CodeCNAME              = "cname.refused"        // a CNAME at the challenge name cannot be followed
	CodeNoAnswer           = "dns.no-answer"        // resolvers or name servers did not answer
	CodeTooManyValues      = "dns.too-many-values"  // so many values stand at the name that no further one can be added, or none be seen
	CodeOtherServers       = "dns.other-servers"    // the server written to has the record, and those awaited are none of its zone's
	CodeIntercepted        = "dns.intercepted"      // something else answers on port 53 in the place of the name servers
	CodeNotPublished       = "dns.not-published"    // the wait for publication ended before the values were everywhere
	CodeMissing            = "settings.missing"     // settings are missing; all of them are named
	CodeBadSettings        = "settings.invalid"     // a setting cannot be used as it is
	CodeUnsafeFile         = "settings.unsafe-file" // a file with secrets is open to others or not ours
	CodeCredentials        = "credentials.refused"  // the service refused the credentials
	CodeService            = "service.failed"       // the service answered with an error
	CodeUnavailable        = "service.unavailable"  // the service could not be reached, or asked to come back later
	CodeState              = "state.unusable"       // the state or run directory cannot be used
	CodeUsage              = "usage"                // wrong flags or arguments
)

// Error is a failure that a user can meet: a stable code, a class, and the error that says what happened. Text comes from
// Err alone, in the form "conoha: create TXT _acme-challenge.example.com. in example.com.: 409 duplicate_record".
type Error struct {
	Code  string
	Class Class
	Err   error
}

// Errorf returns an [Error] whose text is made as by [fmt.Errorf], %w included.
func Errorf(code string, class Class, format string, args ...any) *Error {
	return &Error{Code: code, Class: class, Err: fmt.Errorf(format, args...)}
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of the outermost [Error] in err's chain, or Failed if there is none.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Failed
}

// CodeOf returns the code of the outermost [Error] in err's chain, or "".
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}
