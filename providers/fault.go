package providers

import "wildcard/internal/fault"

// Error is a failure that a user can meet: a stable code, a class, and the error that says what happened.
type Error = fault.Error

// Class says what can be done about an error.
type Class = fault.Class

// The classes of errors.
const (
	Failed        = fault.Failed        // the request was understood and did not succeed
	Usage         = fault.Usage         // wrong usage or hostile input; nothing was sent anywhere
	Internal      = fault.Internal      // a defect of ours
	Temporary     = fault.Temporary     // the same call may succeed later: locked, rate-limited, network down, not yet published
	Refused       = fault.Refused       // credentials or terms were refused
	Misconfigured = fault.Misconfigured // settings, files or zones are not as they must be; the user has to change something
)

// Codes that services give their errors; package fault has what each means.
const (
	CodeNoZone             = fault.CodeNoZone             // no configured account lists a zone that holds the name
	CodeNoCNAME            = fault.CodeNoCNAME            // the CNAME that leads from the challenge's name to a service's is not set
	CodeAmbiguous          = fault.CodeAmbiguous          // two accounts could take the name
	CodeDelegatedElsewhere = fault.CodeDelegatedElsewhere // the zone is in the account, but delegated to other name servers
	CodeBadSpec            = fault.CodeBadSpec            // a provider spec cannot be parsed
	CodeUnknownProvider    = fault.CodeUnknownProvider    // a spec names a provider that this program does not have
	CodeNotInstalled       = fault.CodeNotInstalled       // lego's services are a program of their own, which is not there
	CodeBadChallenge       = fault.CodeBadChallenge       // a name or value is not what RFC 8555 and RFC 1035 allow
	CodeCNAME              = fault.CodeCNAME              // a CNAME at the challenge name cannot be followed
	CodeNoAnswer           = fault.CodeNoAnswer           // resolvers or name servers did not answer
	CodeTooManyValues      = fault.CodeTooManyValues      // so many values stand at the name that no further one can be added, or none be seen
	CodeMissing            = fault.CodeMissing            // settings are missing; all of them are named
	CodeBadSettings        = fault.CodeBadSettings        // a setting cannot be used as it is
	CodeUnsafeFile         = fault.CodeUnsafeFile         // a file with secrets is open to others or not ours
	CodeCredentials        = fault.CodeCredentials        // the service refused the credentials
	CodeService            = fault.CodeService            // the service answered with an error
	CodeUnavailable        = fault.CodeUnavailable        // the service could not be reached, or asked to come back later
)

// Errorf returns an [Error] whose text is made as by [fmt.Errorf], %w included.
func Errorf(code string, class Class, format string, args ...any) *Error {
	return fault.Errorf(code, class, format, args...)
}

// CodeOf returns the code of the outermost [Error] in err's chain, or "".
func CodeOf(err error) string { return fault.CodeOf(err) }

// ClassOf returns the class of the outermost [Error] in err's chain, or Failed if there is none.
func ClassOf(err error) Class { return fault.ClassOf(err) }

// Excerpt quotes text that came from outside, for use in an error message or a log line: short, of one line, escaped.
func Excerpt(s string) string { return fault.Excerpt(s) }

// Foreign is an error with the words of a peer, for use with %w.
func Foreign(text string) error { return &fault.Foreign{Text: text} }

// Text is English that users read in their own language. A constant of a service that is shown needs its translation.
type Text = fault.Text
