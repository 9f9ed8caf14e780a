package issuance

// Codes of this package's errors.
const (
	CodeDirectory       = "acme.directory"           // what answers is no ACME server, or not a whole one
	CodeUnreachable     = "acme.unreachable"         // the CA cannot be reached, or does not answer
	CodeTLS             = "acme.tls"                 // the CA's own certificate or TLS version is not accepted
	CodeReply           = "acme.bad-reply"           // the CA's answer breaks the protocol
	CodeUnavailable     = "acme.unavailable"         // the CA answers that it cannot answer now (5xx)
	CodeRateLimited     = "acme.rate-limited"        // the CA asks to come back later
	CodePaused          = "acme.paused"              // the CA waits for a person to do something on its web site
	CodeEnded           = "acme.ended"               // the CA, or this server of it, issues no more
	CodeRefused         = "acme.refused"             // the CA refuses the request for a reason without a code of its own
	CodeUnauthorized    = "acme.unauthorized"        // the account may not do this
	CodeAccountUnknown  = "acme.account-unknown"     // the CA does not know the account
	CodeTerms           = "acme.terms"               // terms of service have to be agreed to
	CodeExternalAccount = "acme.external-account"    // an external account binding is missing or wrong
	CodeContact         = "acme.contact"             // the CA does not accept the e-mail address
	CodeName            = "acme.rejected-name"       // the CA does not issue for a name
	CodeTooMany         = "acme.too-many-names"      // more names than the CA takes on one certificate
	CodeNoWildcard      = "acme.no-wildcard"         // the CA issues no wildcard certificates
	CodeCovered         = "acme.covered-name"        // a name that a wildcard beside it covers, which the CA refuses
	CodeCAA             = "acme.caa"                 // a CAA record forbids the CA to issue
	CodeProfile         = "acme.profile"             // the CA has no such profile
	CodeCSR             = "acme.csr"                 // the CA does not accept the certificate signing request
	CodeNoChallenge     = "acme.no-dns-challenge"    // the CA offers no DNS-01 for a name
	CodePersist         = "persist.missing"          // no persistent record lets the account prove a name
	CodeValidation      = "acme.validation-failed"   // the CA looked and did not find what it should
	CodeOrder           = "acme.order-invalid"       // the CA gave the order up
	CodeCertificate     = "acme.bad-certificate"     // what the CA delivered is not the certificate that was asked for
	CodeReason          = "acme.revocation-reason"   // the CA does not take the reason for a revocation
	CodeRevoked         = "acme.already-revoked"     // the certificate is revoked already
	CodeDeadline        = "acme.deadline"            // the run took longer than it may
	CodeCleanUp         = "cleanup.pending"          // a TXT record of ours is still there
	CodeRenewalInfo     = "acme.renewal-information" // the CA's renewal information cannot be used
	CodeInternal        = "internal"                 // a defect of ours
)
