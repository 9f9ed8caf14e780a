package dns01

import (
	"time"

	"wildcard/internal/dns01/memory"
	"wildcard/internal/dns01/propagation"
)

// Step is one part of a record's way to the CA.
type Step string

// The steps that [Solver.Observe] is told of.
const (
	Records     Step = "records"     // the record is made, or that of an earlier run taken over
	Publication Step = "publication" // name servers are waited for
	ExtraWait   Step = "extra-wait"  // servers are waited for that cannot be asked from here; only with [Solver.ExtraWait]
	Memory      Step = "memory"      // what the CA's resolvers remember is waited for; only if they do
)

// State is what happened in a step.
type State string

// The states of an event.
const (
	Started   State = "started"
	Progress  State = "progress"
	Finished  State = "finished"
	Failed    State = "failed"
	TakenOver State = "taken over" // of Records: an earlier run's record is there
	Hidden    State = "hidden"     // of Records: name servers still show what an earlier run deleted, which is waited for
)

// Event is one thing that happened. Those of Records come from several goroutines if the calls of [Solver.Present] do.
type Event struct {
	Step  Step
	State State
	Err   error // of Failed

	Record      *Record             // of Records
	Publication *propagation.Event  // of Progress in Publication
	Report      *propagation.Report // of Finished in Publication
	Left        time.Duration       // of ExtraWait and Memory: what is still to be waited, at most
	Pause       memory.Pause        // of Memory
}

// step tells of the start and the end of a step.
func (s *Solver) step(start Event, end func() (Event, error)) error {
	start.State = Started
	s.tell(start)
	e, err := end()
	e.Step, e.State, e.Err = start.Step, Finished, err
	if err != nil {
		e.State = Failed
	}
	s.tell(e)
	return err
}
