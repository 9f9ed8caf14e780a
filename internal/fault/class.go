package fault

// Class says what can be done about an error. Every class has one exit code, which scripts and systemd units rely on.
type Class int

const (
	Failed        Class = iota // the request was understood and did not succeed
	Usage                      // wrong usage or hostile input; nothing was sent anywhere
	Internal                   // a defect of ours
	Temporary                  // the same call may succeed later: locked, rate-limited, network down, not yet published
	Refused                    // credentials or terms were refused
	Misconfigured              // settings, files or zones are not as they must be; a person has to change something
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
