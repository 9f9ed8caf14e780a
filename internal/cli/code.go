package cli

// Codes of errors that this program makes itself.
const (
	codeOutput    = "output.unwritable" // a file that was asked for cannot be written
	codeConfirm   = "confirm"           // what takes something away needs a yes
	codeLeftovers = "cleanup.pending"   // records of ours are still there
)
