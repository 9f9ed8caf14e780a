package timeline

import (
	"encoding/json"
	"time"
)

// Kind is what a span is about.
type Kind string

// The kinds.
const (
	Step    Kind = "step"    // of an issuance; its name is one of [wildcard/issuance.Step]
	Server  Kind = "server"  // a name server that is waited for
	Request Kind = "request" // a call of a service; its name is the service's
	Work    Kind = "work"    // what this machine does: waiting before the start, storing, hooks
)

// State is how a span ended.
type State string

// The states.
const (
	Done       State = "done"
	Failed     State = "failed"
	Unfinished State = "unfinished" // at the end of the run
)

// Document is a run. Times within it are seconds since it began.
type Document struct {
	Version int       `json:"version"` // 1
	Program string    `json:"program"` // "wildcard/1.2.3"
	Command string    `json:"command"` // "issue"
	Began   time.Time `json:"began"`
	Seconds float64   `json:"seconds"`
	State   State     `json:"state"`
	Code    string    `json:"code,omitempty"` // of the error
	Error   string    `json:"error,omitempty"`
	Spans   []*Span   `json:"spans"`
	Notes   []Note    `json:"notes"`
}

// Span is something that took time.
type Span struct {
	Lineage string  `json:"lineage,omitempty"` // "" if it is the whole run's
	Kind    Kind    `json:"kind"`
	Name    string  `json:"name"`
	Detail  string  `json:"detail,omitempty"`
	Start   float64 `json:"start"`
	End     float64 `json:"end"`
	State   State   `json:"state"`
	Marks   []Mark  `json:"marks,omitempty"`
}

// Mark is an instant within a span: a name that is done, a record that a server has.
type Mark struct {
	At   float64 `json:"at"`
	Text string  `json:"text"`
	Bad  bool    `json:"bad,omitempty"`
}

// Note is something a person should know.
type Note struct {
	At      float64 `json:"at"`
	Lineage string  `json:"lineage,omitempty"`
	Text    string  `json:"text"`
}

// JSON is the document, indented.
func (d Document) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(d, "", "  ")
	return append(text, '\n'), err
}
