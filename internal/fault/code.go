package fault

// Codes of errors that do not belong to one provider. A code is stable: people search for it, scripts compare it.
const (
	CodeNoZone             = "zone.not-found"         // no configured account lists a zone that holds the name
	CodeNoCNAME            = "cname.missing"          // the CNAME that leads from the challenge's name to a service's is not set
	CodeAmbiguous          = "zone.ambiguous"         // two accounts could take the name
	CodeDelegatedElsewhere = "zone.delegated"         // the zone is in the account, but delegated to other name servers
	CodeUnknownZone        = "dns.unknown-zone"       // the resolvers know no zone at or above the name
	CodeBadSpec            = "provider.spec"          // a provider spec cannot be parsed
	CodeUnknownProvider    = "provider.unknown"       // a spec names a provider that this program does not have
	CodeNotInstalled       = "provider.not-installed" // lego's services are a program of their own, which is not there
	CodeBadChallenge       = "challenge.invalid"      // a name or value is not what RFC 8555 and RFC 1035 allow
	CodeCNAME              = "cname.refused"          // a CNAME at the challenge name cannot be followed
	CodeNoAnswer           = "dns.no-answer"          // resolvers or name servers did not answer
	CodeTooManyValues      = "dns.too-many-values"    // so many values stand at the name that no further one can be added, or none be seen
	CodeOtherServers       = "dns.other-servers"      // the server written to has the record, and those awaited are none of its zone's
	CodeIntercepted        = "dns.intercepted"        // something else answers on port 53 in the place of the name servers
	CodeNotPublished       = "dns.not-published"      // the wait for publication ended before the values were everywhere
	CodeMissing            = "settings.missing"       // settings are missing; all of them are named
	CodeBadSettings        = "settings.invalid"       // a setting cannot be used as it is
	CodeUnsafeFile         = "settings.unsafe-file"   // a file with secrets is open to others or not ours
	CodeCredentials        = "credentials.refused"    // the service refused the credentials
	CodeService            = "service.failed"         // the service answered with an error
	CodeUnavailable        = "service.unavailable"    // the service could not be reached, or asked to come back later
	CodeState              = "state.unusable"         // the state or run directory cannot be used
	CodeUsage              = "usage"                  // wrong flags or arguments
)
