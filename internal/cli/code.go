package cli

// Codes of errors that this program makes itself.
const (
	codeClock     = "clock.wrong"        // this machine's clock cannot be right
	codeStaging   = "lineage.staging"    // a certificate for tries would replace a real one
	codeCSR       = "csr.invalid"        // a certificate signing request cannot be used
	codeNotOurs   = "release.impossible" // certbot has no options for how the lineage is renewed
	codeOutput    = "output.unwritable"  // a file that was asked for cannot be written
	codeConfirm   = "confirm"            // something that cannot be undone needs --yes
	codeLeftovers = "cleanup.pending"    // records of ours are still there
)
