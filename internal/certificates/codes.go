package certificates

// Codes of errors that this package makes.
const (
	CodeClock         = "clock.wrong"        // this machine's clock cannot be right
	CodeStaging       = "lineage.staging"    // a certificate for tries would replace a real one
	CodeCSR           = "csr.invalid"        // a certificate signing request cannot be used
	CodeAdopt         = "adopt.impossible"   // certbot does something for a lineage that is not done here
	CodeNotOurs       = "release.impossible" // certbot has no options for how the lineage is renewed
	CodeImport        = "import.impossible"  // something of another client cannot be taken over
	CodePersistByHand = "persist.by-hand"    // the DNS service writes no records that stay
)
