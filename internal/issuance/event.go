package issuance

import (
	"time"

	"wildcard/internal/dns01/propagation"
	"wildcard/internal/messages"
)

// Step is one part of a run, in the order in which they come.
type Step string

// The steps of [Issuer.Obtain]. Cleanup runs beside StepFinalize and StepDownload.
const (
	StepDirectory     Step = "directory"     // the CA's directory is read
	StepZones         Step = "zones"         // account, zone and record name of every challenge are found
	StepOrder         Step = "order"         // newOrder, or an earlier order taken up again
	StepAuthorization Step = "authorization" // authorizations are fetched
	StepRecords       Step = "records"       // TXT records are created
	StepPublication   Step = "publication"   // name servers are waited for
	StepExtraWait     Step = "extra-wait"    // servers are waited for that cannot be asked from here; only with [Issuer.ExtraWait]
	StepMemory        Step = "memory"        // what the CA's resolvers remember is waited for; only if they do
	StepValidation    Step = "validation"    // challenges are answered and polled
	StepFinalize      Step = "finalize"      // the CSR is sent and the order polled
	StepDownload      Step = "download"      // the certificate is fetched and checked
	StepCleanup       Step = "cleanup"       // TXT records are deleted
)

// State is what happened in a step.
type State string

// The states of an event.
const (
	Started  State = "started"
	Progress State = "progress" // one of the step's names is done (Done of Total), or a name server's view changed
	Finished State = "finished"
	Failed   State = "failed"
	Noted    State = "noted" // something a person should know, which changes nothing
)

// Event is one thing that happened in a run. Events come one at a time, in order.
type Event struct {
	Step    Step
	State   State
	Domain  string           // name on the certificate that it is about, "*." included; "" if it is about the run
	FQDN    string           // TXT record that it is about; "" if none
	Text    messages.Message // what is to be said beyond step, state and name; may be empty
	Err     error            // of Failed
	Done    int              // names of the step that are done
	Total   int              // names of the step
	Elapsed time.Duration    // since [Issuer.Obtain] was called

	Left   time.Duration // of StepExtraWait and StepMemory: what is still to be waited, at most
	Others bool          // of StepMemory: it waits for another run's record of the name, so that the CA sees both

	// Publication is one name server's change of mind, of Progress in StepPublication; nil otherwise.
	Publication *propagation.Event
}
