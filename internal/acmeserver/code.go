package acmeserver

// Codes of this package's errors.
const (
	CodePolicy = "serve.policy" // the file of a client cannot be used
	CodeClient = "serve.client" // there is no such client, or there is one already
	CodeListen = "serve.listen" // the server cannot listen where it is to
)
