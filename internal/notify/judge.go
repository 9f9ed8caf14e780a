package notify

import (
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/messages"
	"wildcard/internal/state"
)

// patience is how long a failure that mends itself may last before people hear of it.
const patience = 24 * time.Hour

// excerpt is an error on one line that can be read, and kept from one run to the next.
func excerpt(err error) string {
	const most = 1000
	text := []rune(messages.OneLine(err.Error()))
	if len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(text)
}

// Kind is what an event says.
type Kind string

// The kinds.
const (
	Failing   Kind = "failing"   // renewals have begun to fail
	Critical  Kind = "critical"  // they fail, and the end is near
	Revoked   Kind = "revoked"   // it is revoked, and no renewal has replaced it
	Recovered Kind = "recovered" // all is well again
	Test      Kind = "test"      // the operator tries the channels
)

// Condition is how it stands with a lineage after a run.
type Condition struct {
	Lineage  string
	Names    []string
	Due      time.Time // when it was to be renewed
	NotAfter time.Time // the end of the certificate that is live; zero if there is none
	Err      error     // what went wrong; nil if it is well
	Revoked  bool      // what is live is revoked, which is more than a failure
}

// Event is one thing to say, about one lineage.
type Event struct {
	Kind     Kind      `json:"kind"`
	Lineage  string    `json:"lineage,omitempty"`
	Names    []string  `json:"names,omitempty"`
	Since    time.Time `json:"since,omitzero"`     // the first failure
	NotAfter time.Time `json:"not_after,omitzero"` // the certificate's end
	Code     string    `json:"code,omitempty"`     // of the error
	Error    string    `json:"error,omitempty"`
}

// Judge says what there is to say about a lineage, given what is remembered of it (nil is nothing). heard is what to
// remember if the event was delivered, untold if it was not; nil is nothing. An event without a kind says nothing.
func Judge(c Condition, past *state.Complaint, now time.Time) (e Event, told, untold *state.Complaint) {
	now = now.UTC().Truncate(time.Second)
	if c.Err == nil {
		if past == nil || past.Told.IsZero() {
			return Event{}, nil, nil
		}
		still := *past
		still.Well = true
		return Event{Kind: Recovered, Lineage: c.Lineage, Names: c.Names, Since: past.Since, NotAfter: c.NotAfter.UTC()},
			nil, &still
	}
	complaint := state.Complaint{Since: now}
	if past != nil {
		complaint = *past
		if complaint.Since.After(now) { // the clock was wrong then, or is now
			complaint.Since = now
		}
	}
	complaint.Well, complaint.Temporary = false, fault.ClassOf(c.Err) == fault.Temporary
	complaint.Code, complaint.Text = fault.CodeOf(c.Err), excerpt(c.Err)
	before := complaint
	stage := stageAt(c.Due, c.NotAfter, now)
	overdue := !c.NotAfter.IsZero() && !now.Before(issuance.OverdueAt(c.Due, c.NotAfter))
	begins := complaint.Told.IsZero() &&
		(!complaint.Temporary || now.Sub(complaint.Since) >= patience || overdue || stage > 0)
	begins = begins || c.Revoked && !complaint.Revoked
	if !begins && (complaint.Told.IsZero() || stage <= complaint.Stage) {
		return Event{}, &before, &before
	}
	complaint.Told, complaint.Stage, complaint.Revoked = now, stage, c.Revoked
	e = Event{
		Kind: Failing, Lineage: c.Lineage, Names: c.Names, Since: complaint.Since, NotAfter: c.NotAfter.UTC(),
		Code: complaint.Code, Error: complaint.Text,
	}
	if stage > 0 {
		e.Kind = Critical
	}
	if c.Revoked {
		e.Kind = Revoked
	}
	return e, &complaint, &before
}
